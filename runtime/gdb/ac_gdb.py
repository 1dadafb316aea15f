# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""gdb commands for programs with a libac loop: ac loops, ac tasks, ac bt TASK.
They read memory alone, by a table that is in the library (core/layout.c): so
they need no debug information, call nothing in the program, and work on a core
file as they do on a process. Part of the library, in .debug_gdb_scripts."""

import struct
import time

import gdb


class Absent(gdb.GdbError):
    pass


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(address):
    size = gdb.lookup_type("long").sizeof
    return struct.unpack("=Q" if size == 8 else "=L", memory(address, size))[0]


def number(address, size):
    letter = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
    return struct.unpack("=" + letter, memory(address, size))[0]


def text(address, limit=200):
    """A string; "?" where there is none."""
    result = b""
    try:
        while len(result) < limit:
            byte = memory(address + len(result), 1)
            if byte == b"\0":
                break
            result += byte
    except gdb.MemoryError:
        return "?"
    return result.decode(errors="replace")


def address_of(symbol):
    try:
        return int(gdb.parse_and_eval("(unsigned long)&" + symbol))
    except gdb.error:
        raise Absent("no libac in this program, or its symbols are stripped")


def is_process():
    """It runs on this machine: no core file, and not behind gdbserver."""
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return connection is not None and connection.type == "native"


class Layout:
    """The library's table of offsets and constants, by name."""

    def __init__(self):
        at = address_of("aci_layout")
        self.values = {}
        while True:
            name = text(at, 28)
            if not name:
                break
            self.values[name] = number(at + 28, 4)
            at += 32

    def __getattr__(self, name):
        return self.values[name]


class Task:
    def __init__(self, loop, address, index):
        self.loop, self.address, self.index = loop, address, index
        layout = loop.layout
        self.flags = number(address + layout.task_flags, 4)
        self.about = word(address + layout.task_about)
        self.wait = self.flags >> layout.WAIT_SHIFT & 7

    def has(self, flag):
        return bool(self.flags & getattr(self.loop.layout, flag))

    def is_task(self):
        layout = self.loop.layout
        return self.flags & layout.KIND == layout.TASK

    def name(self):
        layout = self.loop.layout
        first = word(self.address + layout.task_waiters)
        if not first:
            return ""
        kind = number(first + layout.node_flags, 4) & layout.KIND
        if kind != layout.EXTRA:
            return ""
        name = word(first + layout.extra_name)
        return text(name) if name else ""

    def is_running(self):
        return self.address == self.loop.running() or (
            self.wait == 0 and self.has("BELOW"))

    def frames(self):
        """(address, function, file, line), the innermost first; while the task
        runs they are those that its step began with."""
        layout = self.loop.layout
        if self.has("NEW"):
            thunk = word(self.address + layout.task_ret)
            yield 0, text(word(thunk + layout.thunk_name)), "", 0
            return
        if self.has("BARE") or self.is_running():
            return
        frame = word(self.address + layout.task_parent)
        while frame:
            desc = word(frame + layout.frame_desc)
            state = number(frame + layout.frame_state, 4)
            file = word(desc + layout.desc_file)
            points = word(desc + layout.desc_points)
            known = file and points and (
                0 < state <= number(desc + layout.desc_point_count, 4))
            yield (frame, text(word(desc + layout.desc_name)),
                   text(file) if known else "",
                   number(points + 4 * (state - 1), 4) if known else 0)
            frame = word(frame + layout.frame_parent)

    def label(self):
        name = self.name()
        return f"task {self.index}" + (f" '{name}'" if name else "")

    def place(self):
        """Where the program awaits: the innermost place that has a line."""
        last = ""
        for _, function, file, line in self.frames():
            if line:
                return f"{function} {file}:{line}"
            last = function
        return last

    def holder(self, operation, what):
        """Who holds what a waiter (sync.h) is queued for."""
        layout = self.loop.layout
        lot = word(operation + layout.waiter_lot)
        if what in ("waits to read", "waits to write"):
            held = lot - layout.rwlock_waiters + layout.rwlock_task
        else:
            return ""
        return self.held_by(held)

    def held_by(self, place):
        task = self.loop.tasks_by_address().get(word(place))
        return f", held by {task.label()}" if task else ""

    def state_in_line(self):
        """Waiting as its own node: in the low bits stands for what."""
        layout = self.loop.layout
        kind = self.about & layout.LINE_KIND
        if kind == layout.LINE_EVENT:
            return "waits for an event"
        if kind not in (layout.LINE_LOCK, layout.LINE_LOCK_AGAIN):
            return "waits for a condition"
        lock = (self.about & ~layout.LINE_KIND) - layout.lock_waiters
        notified = ", notified of a condition" * (
            kind == layout.LINE_LOCK_AGAIN)
        return ("waits for a lock" + notified
                + self.held_by(lock + layout.lock_task))

    def state(self):
        return self.wait_reason() + self.since()

    def since(self):
        """How long it has waited, in words; nothing for what has just begun."""
        layout = self.loop.layout
        if self.wait == layout.WAIT_NONE or self.is_running():
            return ""
        if self.has("BARE"):
            begun = number(self.address + layout.task_bare_since, 4)
        else:
            frame = word(self.address + layout.task_parent)
            begun = number(frame + layout.frame_since, 4)
        lasted = (self.loop.moment() - begun) & 0xffffffff
        seconds = (lasted << layout.MOMENT_SHIFT) / 1e9
        return f", since {seconds:.1f} s" if seconds >= 0.1 else ""

    def wait_reason(self):
        layout = self.loop.layout
        if self.is_running():
            return "running"
        if self.wait == layout.WAIT_NONE:
            return "not begun" if self.has("NEW") else "ready"
        if self.wait == layout.WAIT_TIMER:
            return "sleeps"
        if self.wait in (layout.WAIT_FUTURE, layout.WAIT_SHIELDED):
            awaited = self.loop.tasks_by_address().get(self.about)
            return "awaits " + (awaited.label() if awaited else "a future")
        if self.wait == layout.WAIT_FD:
            fd = self.about & 0xffffffff
            side = "readable" if self.has("READER") else "writable"
            return f"waits for descriptor {fd} to be {side}"
        if self.wait == layout.WAIT_GROUP:
            pending = word(self.about + layout.group_pending)
            count = word(self.about + layout.group_count)
            return f"waits for {pending} of {count} tasks"
        if self.wait == layout.WAIT_LINE:
            return self.state_in_line()
        what = text(word(word(self.about + layout.operation_class)
                         + layout.class_what))
        return what + self.holder(self.about, what)


class Loop:
    def __init__(self, layout, address, index):
        self.layout, self.address, self.index = layout, address, index
        self.found = None

    def word(self, field):
        return word(self.address + getattr(self.layout, "loop_" + field))

    def int(self, field):
        return number(self.address + getattr(self.layout, "loop_" + field), 4)

    def running(self):
        where = self.word("running")
        return word(where) if where else 0

    def moment(self):
        """The loop's clock: as of its last look, which was just now unless it
        sleeps in its poll; of a process on this machine the clock is known."""
        if self.int("blocked") and not self.int("virtual") and is_process():
            return time.clock_gettime_ns(time.CLOCK_MONOTONIC) >> (
                self.layout.MOMENT_SHIFT)
        return self.int("moment")

    def blocks(self):
        """(address, number) of all objects, free ones too, as listings of the
        program itself count them."""
        layout = self.layout
        index = 1
        pool = self.address + layout.loop_objects
        size = gdb.lookup_type("long").sizeof
        for place in range(layout.pool_classes):
            chunk = word(pool + layout.pool_chunks + place * size)
            while chunk:
                at = word(chunk + layout.chunk_begin)
                unused = word(chunk + layout.chunk_unused)
                while at < unused:
                    yield at, index
                    index += 1
                    at += place * 8
                chunk = word(chunk + layout.chunk_next)
        ring = pool + layout.pool_big
        big = word(ring + layout.big_next)
        while big != ring:
            if word(big + layout.big_memory):
                yield big + layout.big_bytes, index
                index += 1
            big = word(big + layout.big_next)

    def tasks_by_address(self):
        if self.found is None:
            self.found = {}
            for address, index in self.blocks():
                task = Task(self, address, index)
                if task.is_task() and not task.has("DONE"):
                    self.found[address] = task
        return self.found

    def tasks(self):
        return sorted(self.tasks_by_address().values(),
                      key=lambda task: task.index)


def loops():
    """The newest first in the program's list; numbered from the oldest."""
    layout = Layout()
    addresses = []
    loop = word(address_of("aci_loops"))
    while loop:
        addresses.append(loop)
        loop = word(loop + layout.loop_next)
    if not addresses:
        raise Absent("no loop is running")
    return [Loop(layout, address, index + 1)
            for index, address in enumerate(reversed(addresses))]


def table(head, rows):
    rows = [head] + rows
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width)
                        for cell, width in zip(row, widths)).rstrip())


class Prefix(gdb.Command):
    """Tasks and loops of acc programs."""

    def __init__(self):
        super().__init__("ac", gdb.COMMAND_STATUS, prefix=True)


class Loops(gdb.Command):
    """The program's loops: thread, how many tasks, what each is doing."""

    def __init__(self):
        super().__init__("ac loops", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        rows = []
        for loop in loops():
            running = loop.tasks_by_address().get(loop.running())
            rows.append([
                str(loop.index), str(loop.int("thread")),
                str(loop.word("live")),
                f"runs {running.label()}" if running
                else "waits in its poll" if loop.int("blocked")
                else "between steps"])
        table(["Loop", "Thread", "Tasks", "State"], rows)


class Tasks(gdb.Command):
    """The tasks of every loop: number, name, what each waits for, and where."""

    def __init__(self):
        super().__init__("ac tasks", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        found = loops()
        rows = []
        for loop in found:
            main = loop.word("main")
            for task in loop.tasks():
                name = task.name()
                if task.address == main:
                    name = (name + " (main)").strip()
                mark = f"{loop.index}." if len(found) > 1 else ""
                rows.append([mark + str(task.index), name, task.state(),
                             task.place()])
        table(["Task", "Name", "State", "Where"], rows)


def frame_members(address, function):
    """What the frame holds, if the program has debug information."""
    try:
        kind = gdb.lookup_type(f"struct {function}__frame")
    except gdb.error:
        return
    value = gdb.Value(address).cast(kind.pointer()).dereference()
    for field in kind.fields():
        if field.name != "ac_head":
            name = f"{field.name} = " if field.name else ""
            yield name + str(value[field])


class Backtrace(gdb.Command):
    """ac bt TASK: the task's chain of awaits, innermost first, each with what
its frame holds. TASK: a number or a name of `ac tasks`."""

    def __init__(self):
        super().__init__("ac bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip()
        if not wanted:
            raise gdb.GdbError("ac bt TASK: a number or a name of 'ac tasks'")
        found = loops()
        for loop in found:
            for task in loop.tasks():
                if wanted in (str(task.index), f"{loop.index}.{task.index}",
                              task.name()):
                    self.show(task)
                    return
        raise gdb.GdbError(f"no task '{wanted}'")

    def show(self, task):
        print(f"{task.label()}: {task.state()}")
        if task.is_running():
            print("its frames are on the C stack of thread "
                  f"{task.loop.int('thread')}, and no chain while it runs")
        for level, (address, function, file, line) in enumerate(task.frames()):
            where = f" at {file}:{line}" if line else ""
            print(f"#{level}  {function}{where}")
            if address and line:
                for member in frame_members(address, function):
                    print("        " + member.replace("\n", "\n        "))


Prefix()
Loops()
Tasks()
Backtrace()
