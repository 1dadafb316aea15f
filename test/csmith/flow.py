#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random async programs of structured control flow, with what they print.

    flow.py seed [-o program.ac]

csmith knows no switch, no defer and no errors, and its programs may not depend
on the order of evaluation. These do: every expression and statement that is
made here carries its own meaning as a Python function, by the rules of the
dialect (operands left of an await are evaluated before it and keep their
values; `lhs op= await e` reads lhs after the await; defers run at the exit of
their scope, whatever the exit), and the expected output is what running those
prints. Where the dialect promises no more than C does, conflicting operands are
not made.

The programs use testing.h, so they can also be cancelled at every suspension:
each scope may hold a counted resource."""

import argparse
import random
import sys

MASK = 0xFFFFFFFF
STEP_LIMIT = 6000

PROLOGUE = r"""#include "testing.h"

struct two {
    unsigned x, y;
};
static unsigned g0, g1, G[4];

static unsigned ev(unsigned id, unsigned x)
{
    say("%u:%u\n", id, x);
    return x;
}
static unsigned sum3(unsigned a, unsigned b, unsigned c)
{
    return a + 3 * b + 5 * c;
}
static void *grab(unsigned id)
{
    say("+%u\n", id);
    return acquire("r");
}
static void drop(void *pointer_to_resource)
{
    say("-\n");
    release_var(pointer_to_resource);
}
async unsigned av(unsigned id, unsigned x)
{
    say("%u!%u\n", id, x);
    return await val_unsigned(x);
}
async unsigned add_to(unsigned *p, unsigned n)
{
    n = await val_unsigned(n);
    return *p += n;
}
async struct two both(unsigned x, unsigned y)
{
    return (struct two){await val_unsigned(x), y};
}
async unsigned raise_if(unsigned c, unsigned code)
{
    if (await val_unsigned(c))
        ac_raise(-(int)code);
    return code;
}
"""


class Raised(Exception):
    def __init__(self, code):
        self.code = code & MASK


class Break(Exception):
    pass


class Continue(Exception):
    pass


class Return(Exception):
    def __init__(self, value):
        self.value = value


class Goto(Exception):
    def __init__(self, label):
        self.label = label


class TooLong(Exception):
    pass


class Machine:
    """What a program prints."""

    def __init__(self):
        self.out = []
        self.steps = 0
        self.cells = {}

    def step(self):
        self.steps += 1
        if self.steps > STEP_LIMIT:
            raise TooLong

    def say(self, text):
        self.step()
        self.out.append(text)


class Expr:
    """Text, meaning, and what it touches: everything (reads, writes), and what
    it may touch before its first await that is sure to run (early_...)."""

    def __init__(self, text, run, reads=(), writes=(), early_reads=None,
                 early_writes=None, awaits=False, is_await=False):
        self.text = text
        self.run = run
        self.reads = frozenset(reads)
        self.writes = frozenset(writes)
        self.early_reads = self.reads if early_reads is None \
            else frozenset(early_reads)
        self.early_writes = self.writes if early_writes is None \
            else frozenset(early_writes)
        self.awaits = awaits      # surely
        self.is_await = is_await  # is nothing but an await


def ordered(left, right):
    """Is the order of these operands the dialect's, or of no matter?"""
    return not (left.writes & (right.early_reads | right.early_writes)
                or left.reads & right.early_writes)


def all_ordered(operands):
    return all(ordered(operands[i], operands[j])
               for j in range(len(operands)) for i in range(j))


def effects(operands, early_stop=True):
    """The effects of operands evaluated from left to right."""
    reads, writes, early_reads, early_writes = set(), set(), set(), set()
    awaited = False
    for e in operands:
        reads |= e.reads
        writes |= e.writes
        if not awaited:
            early_reads |= e.early_reads
            early_writes |= e.early_writes
        awaited = awaited or e.awaits
    return dict(reads=reads, writes=writes, early_reads=early_reads,
                early_writes=early_writes, awaits=awaited)


class Variable:
    def __init__(self, name, key, kind):
        self.name, self.key, self.kind = name, key, kind


BINARY = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "^": lambda a, b: a ^ b, "&": lambda a, b: a & b, "|": lambda a, b: a | b,
    "<": lambda a, b: int(a < b), ">": lambda a, b: int(a > b),
    "==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b),
}
COMPOUND = ["+", "-", "*", "^", "&", "|"]


class FunctionGenerator:
    def __init__(self, rng, index, callees):
        self.rng = rng
        self.index = index
        self.callees = callees  # functions that may be called
        self.count = 0
        self.reads, self.writes = set(), set()  # of globals
        self.scopes = [{}]
        self.loops = 0        # loops around, inside the defer if there is one
        self.breakable = 0
        self.in_defer = False
        self.labels = []      # that may be jumped to from here
        self.statements_left = rng.randint(8, 22)
        for name, kind in (("g0", "int"), ("g1", "int"), ("G", "array")):
            self.scopes[0][name] = Variable(name, "global " + name, kind)

    def fresh(self):
        self.count += 1
        return self.index * 1000 + self.count

    # -- variables ------------------------------------------------------------

    def visible(self, kind):
        seen = {}
        for scope in self.scopes:
            seen.update(scope)
        return [v for v in seen.values() if v.kind == kind]

    def declare(self, kind):
        names = [n for n in "abcdefhijk" if n not in self.scopes[-1]]
        if not names:
            return None
        name = self.rng.choice(names)
        return Variable(name, f"{self.index}.{self.fresh()}", kind)

    def enter_into_scope(self, variable):
        self.scopes[-1][variable.name] = variable

    def touch(self, e):
        self.reads |= {k for k in e.reads if k.startswith("global")}
        self.writes |= {k for k in e.writes
                        if k.startswith("global") or k == "io"}
        return e

    # -- expressions ------------------------------------------------------------

    def constant(self):
        n = self.rng.choice([0, 1, 2, 3, 7, 100, 0xFFFFFFFF])
        return Expr(f"{n}u", lambda m: n)

    def read(self):
        kind = self.rng.choice(["int", "int", "array", "struct", "pointer"])
        choices = self.visible(kind)
        if not choices:
            return self.constant()
        v = self.rng.choice(choices)
        key = v.key
        if kind == "int":
            return Expr(v.name, lambda m: m.cells[key], {key})
        if kind == "array":
            index = self.expression(1)
            e = effects([index])
            e["reads"] = e["reads"] | {key}
            if not index.awaits:
                e["early_reads"] = e["early_reads"] | {key}
            return Expr(f"{v.name}[({index.text}) & 3]",
                        lambda m: m.cells[key][index.run(m) & 3], **e)
        if kind == "struct":
            member = self.rng.choice("xy")
            return Expr(f"{v.name}.{member}", lambda m: m.cells[key][member],
                        {key})
        target = v.target.key
        return Expr(f"*{v.name}", lambda m: m.cells[target], {key, target})

    def place(self):
        """An lvalue: text, operands before it, key, load, store."""
        kind = self.rng.choice(["int", "int", "int", "array", "struct",
                                "pointer"])
        choices = self.visible(kind)
        if not choices:
            kind, choices = "int", self.visible("int")
        v = self.rng.choice(choices)
        key = v.key
        if kind == "array":
            index = self.expression(1)

            def load(m, at):
                return m.cells[key][at & 3]

            def store(m, at, value):
                m.cells[key][at & 3] = value
            return f"{v.name}[({index.text}) & 3]", index, key, load, store
        nothing = Expr("", lambda m: 0)
        if kind == "struct":
            member = self.rng.choice("xy")

            def load(m, at):
                return m.cells[key][member]

            def store(m, at, value):
                m.cells[key][member] = value
            return f"{v.name}.{member}", nothing, key, load, store
        if kind == "pointer":
            text, key = f"*{v.name}", v.target.key
        else:
            text = v.name

        def load(m, at):
            return m.cells[key]

        def store(m, at, value):
            m.cells[key] = value
        return text, nothing, key, load, store

    def assignment(self, depth):
        text, index, key, load, store = self.place()
        value = self.expression(depth - 1)
        if not ordered(index, value):
            return None
        if key in value.writes and not value.is_await:
            return None
        if key in index.writes:
            return None
        e = effects([index, value])
        operator = self.rng.choice([""] * 2 + COMPOUND)
        e["writes"] = e["writes"] | {key}
        if operator:
            e["reads"] = e["reads"] | {key}
        if not e["awaits"]:
            e["early_writes"] = e["early_writes"] | {key}
            e["early_reads"] = e["early_reads"] | e["reads"]

        def run(m):
            at = index.run(m)
            result = value.run(m)
            if operator:
                result = BINARY[operator](load(m, at), result) & MASK
            store(m, at, result)
            return result
        return Expr(f"({text} {operator}= {value.text})", run, **e)

    def increment(self):
        text, index, key, load, store = self.place()
        if key in index.writes:
            return None
        e = effects([index])
        e["reads"] = e["reads"] | {key}
        e["writes"] = e["writes"] | {key}
        if not e["awaits"]:
            e["early_reads"], e["early_writes"] = e["reads"], e["writes"]
        by = self.rng.choice([1, -1])
        sign = "++" if by == 1 else "--"
        post = self.rng.random() < 0.5

        def run(m):
            at = index.run(m)
            old = load(m, at)
            store(m, at, (old + by) & MASK)
            return old if post else (old + by) & MASK
        if text.startswith("*"):
            text = f"({text})"
        return Expr(f"({text}{sign})" if post else f"({sign}{text})", run, **e)

    def binary(self, depth):
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        if not ordered(left, right):
            return None
        operator = self.rng.choice(list(BINARY))
        apply = BINARY[operator]
        # The results of comparisons are ints.
        return Expr(f"({left.text} {operator} {right.text})",
                    lambda m: apply(left.run(m), right.run(m)) & MASK,
                    **effects([left, right]))

    def unary(self, depth):
        e = self.expression(depth - 1)
        operator, apply = self.rng.choice([
            ("!", lambda a: int(a == 0)), ("~", lambda a: ~a & MASK),
            ("-", lambda a: -a & MASK), ("(unsigned char)", lambda a: a & 255)])
        return Expr(f"{operator}({e.text})", lambda m: apply(e.run(m)),
                    **effects([e]))

    def logical(self, depth):
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        operator = self.rng.choice(["&&", "||"])
        e = effects([left, right])
        e["awaits"] = left.awaits

        def run(m):
            if bool(left.run(m)) == (operator == "&&"):
                return int(right.run(m) != 0)
            return int(operator == "||")
        return Expr(f"({left.text} {operator} {right.text})", run, **e)

    def conditional(self, depth):
        test, yes, no = (self.expression(depth - 1) for _ in range(3))
        e = effects([test, yes])
        other = effects([test, no])
        for name in ("reads", "writes", "early_reads", "early_writes"):
            e[name] = e[name] | other[name]
        e["awaits"] = test.awaits or (yes.awaits and no.awaits)
        # Without an await in the test, the first await is that of an arm.
        return Expr(f"({test.text} ? {yes.text} : {no.text})",
                    lambda m: yes.run(m) if test.run(m) else no.run(m), **e)

    def elvis(self, depth):
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        e = effects([left, right])
        e["awaits"] = left.awaits
        return Expr(f"({left.text} ?: {right.text})",
                    lambda m: left.run(m) or right.run(m), **e)

    def comma(self, depth):
        left, right = self.expression(depth - 1), self.expression(depth - 1)

        def run(m):
            left.run(m)
            return right.run(m)
        return Expr(f"((void){left.text}, {right.text})", run,
                    **effects([left, right]))

    def event(self, depth):
        e = self.expression(depth - 1)
        number = self.fresh()
        f = effects([e])
        f["writes"] = f["writes"] | {"io"}
        if not e.awaits:
            f["early_writes"] = f["early_writes"] | {"io"}

        def run(m):
            value = e.run(m)
            m.say(f"{number}:{value}")
            return value
        return Expr(f"ev({number}, {e.text})", run, **f)

    def plain_call(self, depth):
        operands = [self.expression(depth - 1) for _ in range(3)]
        if not all_ordered(operands):
            return None

        def run(m):
            a, b, c = [e.run(m) for e in operands]
            return (a + 3 * b + 5 * c) & MASK
        return Expr("sum3(" + ", ".join(e.text for e in operands) + ")", run,
                    **effects(operands))

    def awaited(self, text, run, operands, reads=(), writes=()):
        e = effects(operands)
        return Expr(f"await {text}", run, e["reads"] | set(reads),
                    e["writes"] | set(writes), e["early_reads"],
                    e["early_writes"], True, True)

    def await_value(self, depth):
        e = self.expression(depth - 1)
        number = self.fresh()

        def run(m):
            value = e.run(m)
            m.say(f"{number}!{value}")
            return value
        return self.awaited(f"av({number}, {e.text})", run, [e], (), {"io"})

    def await_add(self, depth):
        v = self.rng.choice(self.visible("int"))
        e = self.expression(depth - 1)
        key = v.key

        def run(m):
            n = e.run(m)
            m.step()
            m.cells[key] = (m.cells[key] + n) & MASK
            return m.cells[key]
        return self.awaited(f"add_to(&{v.name}, {e.text})", run, [e], {key},
                            {key})

    def await_struct(self, depth):
        operands = [self.expression(depth - 1) for _ in range(2)]
        if not all_ordered(operands):
            return None
        member = self.rng.randrange(2)

        def run(m):
            values = [e.run(m) for e in operands]
            m.step()
            return values[member]
        e = self.awaited("both(" + ", ".join(e.text for e in operands) + ")",
                         run, operands)
        e.text = f"({e.text}).{'xy'[member]}"
        return e

    def await_raise(self, depth):
        e = self.expression(depth - 1)
        code = self.rng.randint(1, 60)

        def run(m):
            m.step()
            if e.run(m):
                raise Raised(-code)
            return code
        return self.awaited(f"raise_if({e.text}, {code}u)", run, [e])

    def await_function(self, depth):
        if not self.callees:
            return None
        f = self.rng.choice(self.callees)
        operands = [self.expression(depth - 1) for _ in range(2)]
        if not all_ordered(operands):
            return None

        def run(m):
            return f.call(m, [e.run(m) for e in operands])
        name = f.pointer if self.rng.random() < 0.3 else f.name
        return self.awaited(
            f"{name}(" + ", ".join(e.text for e in operands) + ")", run,
            operands, f.reads, f.writes | {"io"})

    def attempt(self, depth):
        e = self.expression(depth - 1)
        if "await " not in e.text:
            return None  # acc says that nothing in it can raise
        f = effects([e])
        f["awaits"] = False
        f["early_reads"], f["early_writes"] = f["reads"], f["writes"]

        def run(m):
            try:
                e.run(m)
                return 0
            except Raised as raised:
                return raised.code
        return Expr(f"(unsigned)ac_try({e.text})", run, **f)

    def statement_expression(self, depth):
        if self.statements_left < 3:
            return None
        self.scopes.append({})
        saved = self.loops, self.breakable, self.labels
        self.loops = self.breakable = 0
        self.labels = []
        was_in_defer, self.in_defer = self.in_defer, True  # no way out of it
        statements = [s for s in (self.statement(1)
                                  for _ in range(self.rng.randint(1, 2))) if s]
        value = self.expression(1)
        self.in_defer = was_in_defer
        self.loops, self.breakable, self.labels = saved
        self.scopes.pop()
        block = Block(statements)
        reads = set().union(value.reads, *(s.reads for s in statements))
        writes = set().union(value.writes, *(s.writes for s in statements))

        def run(m):
            return block.run(m, value.run)
        text = "({ " + " ".join(" ".join(s.lines) for s in statements) + \
            f" {value.text}; }})"
        return Expr(text, run, reads, writes)

    def expression(self, depth):
        if depth <= 0 or self.rng.random() < 0.15:
            return self.rng.choice([self.constant, self.read])()
        for _ in range(8):
            make = self.rng.choices(
                [self.binary, self.unary, self.logical, self.conditional,
                 self.elvis, self.comma, self.event, self.plain_call,
                 self.await_value, self.await_add, self.await_struct,
                 self.await_raise, self.await_function, self.attempt,
                 self.assignment, self.statement_expression],
                [9, 3, 5, 4, 2, 3, 5, 3, 12, 5, 4, 1, 6, 2, 6, 1])[0]
            e = make(depth)
            if e is None and self.rng.random() < 0.3:
                e = self.increment()
            if e is not None:
                return e
        return self.constant()

    # -- statements ---------------------------------------------------------------

    def full(self, depth):
        """A full expression, with its globals noted."""
        return self.touch(self.expression(depth))

    def block(self, depth, limit=4):
        self.scopes.append({})
        statements = []
        for _ in range(self.rng.randint(1, limit)):
            s = self.statement(depth)
            if s:
                statements.append(s)
        self.scopes.pop()
        return Block(statements)

    def simple(self, depth):
        e = self.touch((self.rng.random() < 0.5 and self.assignment(3))
                       or self.await_value(3))
        return Statement([f"(void)({e.text});"], lambda m: e.run(m), e)

    def declaration(self, depth):
        kind = self.rng.choice(["int", "int", "array", "struct", "pointer"])
        if kind == "pointer" and not self.visible("int"):
            kind = "int"
        v = self.declare(kind)
        if v is None:
            return None
        key = v.key
        if kind == "pointer":
            v.target = self.rng.choice(self.visible("int"))
            if v.target.name == v.name:  # its own name hides it
                return None
            self.enter_into_scope(v)
            return Statement([f"unsigned *{v.name} = &{v.target.name};"],
                             lambda m: None, Expr("", None))
        if kind == "int":
            if any(s.get(v.name) for s in self.scopes):
                e = self.touch(self.without(v.name, 3))
            else:
                e = self.full(3)
            self.enter_into_scope(v)

            def run(m):
                m.cells[key] = e.run(m)
            return Statement([f"unsigned {v.name} = {e.text};"], run, e)
        n = 4 if kind == "array" else 2
        operands = [self.touch(self.without(v.name, 2)) for _ in range(n)]
        if not all_ordered(operands):
            operands = [self.constant() for _ in range(n)]
        self.enter_into_scope(v)
        list_text = ", ".join(e.text for e in operands)
        e = Expr("", None, **effects(operands))
        if kind == "array":
            def run(m):
                m.cells[key] = [o.run(m) for o in operands]
            return Statement([f"unsigned {v.name}[4] = {{{list_text}}};"], run,
                             e)

        def run(m):
            m.cells[key] = dict(zip("xy", [o.run(m) for o in operands]))
        return Statement([f"struct two {v.name} = {{{list_text}}};"], run, e)

    def without(self, name, depth):
        """An expression that does not name an outer variable about to be
        hidden: in its own initialiser the name is the new one already."""
        hidden = [(s, s.pop(name)) for s in self.scopes if name in s]
        e = self.expression(depth)
        for scope, variable in hidden:
            scope[name] = variable
        return e

    def branch(self, depth):
        test = self.full(3)
        yes = self.block(depth - 1)
        no = self.block(depth - 1) if self.rng.random() < 0.5 else None
        lines = [f"if ({test.text}) {{", *yes.lines]
        lines += ["} else {", *no.lines, "}"] if no else ["}"]

        def run(m):
            if test.run(m):
                yes.run(m)
            elif no:
                no.run(m)
        return Statement(lines, run, test, yes, no)

    def looped(self, m, body):
        """Runs a body once; false when it broke out."""
        m.step()
        try:
            body.run(m)
        except Break:
            return False
        except Continue:
            pass
        return True

    def loop_body(self, depth):
        self.loops += 1
        self.breakable += 1
        body = self.block(depth - 1)
        self.loops -= 1
        self.breakable -= 1
        return body

    def loop(self, depth):
        kind = self.rng.choice(["for", "while", "do"])
        turns = self.rng.randint(1, 3)
        number = self.fresh()
        counter = f"n{number}"
        key = f"{self.index}.{counter}"
        test = self.full(2) if self.rng.random() < 0.4 else None
        more = f" && ({test.text})" if test else ""
        body = self.loop_body(depth)

        def go_on(m):
            return not test or test.run(m)
        if kind == "for":
            step = self.full(2) if self.rng.random() < 0.4 else None
            after = f", (void){step.text}" if step else ""

            def run(m):
                i = 0
                while i < turns and go_on(m):
                    if not self.looped(m, body):
                        break
                    i += 1
                    if step:
                        step.run(m)
            lines = [f"for (unsigned {counter} = 0; {counter} < {turns}u{more};"
                     f" {counter}++{after}) {{", *body.lines, "}"]
            return Statement(lines, run, test, step, body)
        if kind == "while":
            def run(m):
                n = turns
                while n > 0 and go_on(m):
                    n -= 1
                    if not self.looped(m, body):
                        break
            lines = ["{", f"unsigned {counter} = {turns}u;",
                     f"while ({counter} > 0{more}) {{", f"{counter}--;",
                     *body.lines, "}", "}"]
            return Statement(lines, run, test, body)

        def run(m):
            n = turns
            while True:
                if not self.looped(m, body):
                    break
                n -= 1
                if not (n > 0 and go_on(m)):
                    break
        del key
        lines = ["{", f"unsigned {counter} = {turns}u;", "do {", *body.lines,
                 f"}} while (--{counter} > 0{more});", "}"]
        return Statement(lines, run, test, body)

    def switch(self, depth):
        value = self.full(3)
        cases = self.rng.sample(["0", "1", "2", "3", "default"],
                                self.rng.randint(1, 5))
        self.breakable += 1
        bodies = []
        lines = [f"switch (({value.text}) & 3) {{"]
        for case in cases:
            body = self.block(depth - 1, 3)
            breaks = self.rng.random() < 0.6
            bodies.append((case, body, breaks))
            lines.append(f"case {case}: {{" if case != "default"
                         else "default: {")
            lines += [*body.lines, "}"]
            lines += ["break;"] if breaks else ["__attribute__((fallthrough));"]
        if lines[-1] != "break;":
            lines[-1] = "break;"
        self.breakable -= 1
        lines.append("}")

        def run(m):
            chosen = str(value.run(m) & 3)
            names = [case for case, _, _ in bodies]
            if chosen not in names:
                chosen = "default"
            if chosen not in names:
                return
            try:
                for _, body, breaks in bodies[names.index(chosen):]:
                    body.run(m)
                    if breaks:
                        return
            except Break:
                pass
        return Statement(lines, run, value, *(b for _, b, _ in bodies))

    def jump_forward(self, depth):
        label = f"L{self.fresh()}"
        self.labels.append(label)
        body = self.block(depth - 1)
        self.labels.remove(label)
        lines = ["{", *body.lines, "}", f"{label}:;"]

        def run(m):
            try:
                body.run(m)
            except Goto as jump:
                if jump.label != label:
                    raise
        return Statement(lines, run, body)

    def jump_back(self, depth):
        label = f"L{self.fresh()}"
        counter = f"n{self.fresh()}"
        times = self.rng.randint(1, 2)
        body = self.block(depth - 1)
        # The jump leaves a scope of its own, with what is in it.
        number = self.fresh()
        deferred = self.rng.random() < 0.5
        lines = ["{", f"unsigned {counter} = 0;", f"{label}:;", "{"]
        if deferred:
            lines.append(f"defer (void)ev({number}, {counter});")
        lines += [*body.lines, f"if ({counter}++ < {times}u)",
                  f"goto {label};", "}", "}"]

        def run(m):
            n = 0
            while True:
                m.step()
                more = False
                try:
                    body.run(m)
                    more = n < times
                    n += 1
                finally:
                    # After the increment, as the defer reads it.
                    if deferred:
                        m.say(f"{number}:{n}")
                if not more:
                    return
        return Statement(lines, run, body, Expr("", None, (), {"io"}))

    def leave(self, depth):
        ways = []
        if self.loops:
            ways += ["continue;"]
        if self.breakable:
            ways += ["break;"]
        if not self.in_defer:
            ways += ["return"]
        ways += [f"goto {label};" for label in self.labels]
        ways += ["raise"]
        way = self.rng.choice(ways)
        test = self.full(2)
        value = self.full(2) if way == "return" else None
        code = self.rng.randint(61, 99)
        text = way
        if way == "return":
            text = f"return {value.text};"
        elif way == "raise":
            text = f"ac_raise(-{code});"

        def run(m):
            if not test.run(m):
                return
            if way == "break;":
                raise Break
            if way == "continue;":
                raise Continue
            if way == "return":
                raise Return(value.run(m))
            if way == "raise":
                raise Raised(-code)
            raise Goto(way[len("goto "):-1])
        return Statement([f"if ({test.text})", text], run, test, value)

    def defer(self, depth):
        saved = (self.loops, self.breakable, self.labels, self.in_defer)
        self.loops = self.breakable = 0
        self.labels = []
        self.in_defer = True
        body = self.block(depth - 1, 2)
        self.loops, self.breakable, self.labels, self.in_defer = saved
        return Statement(["defer {", *body.lines, "}"], None, body,
                         deferred=body.run)

    def resource(self, depth):
        number = self.fresh()
        name = f"r{number}"
        effect = Expr("", None, (), {"io"})
        if self.rng.random() < 0.5:
            lines = [f"void *{name} = grab({number});", f"defer drop(&{name});"]
        else:
            lines = [f"__attribute__((cleanup(drop))) void *{name} = "
                     f"grab({number});"]
        return Statement(lines, lambda m: m.say(f"+{number}"), effect,
                         deferred=lambda m: m.say("-"))

    def nested(self, depth):
        body = self.block(depth - 1)
        return Statement(["{", *body.lines, "}"], body.run, body)

    def statement(self, depth):
        if self.statements_left <= 0:
            return None
        self.statements_left -= 1
        simple = [self.simple, self.declaration, self.leave, self.resource]
        weights = [6, 6, 3, 1]
        if depth > 0:
            simple += [self.branch, self.loop, self.switch, self.jump_forward,
                       self.jump_back, self.defer, self.nested]
            weights += [4, 5, 3, 1, 1, 2, 1]
        return self.rng.choices(simple, weights)[0](depth)

    def function(self):
        self.scopes.append({})
        parameters = []
        for name in "pq":
            v = Variable(name, f"{self.index}.{name}", "int")
            parameters.append(v.key)
            self.enter_into_scope(v)
        self.scopes.append({})
        body = []
        while self.statements_left > 0:
            s = self.statement(3)
            if s:
                body.append(s)
        result = self.full(3)
        block = Block(body)
        name = f"f{self.index}"
        lines = [f"async unsigned {name}(unsigned p, unsigned q)", "{",
                 *block.lines, f"return {result.text};", "}"]

        def call(m, arguments):
            m.step()
            m.cells.update(zip(parameters, arguments))
            try:
                return block.run(m, result.run)
            except Return as returned:
                return returned.value
        return Function(name, lines, call, self.reads,
                        self.writes | {"io"})


class Statement:
    def __init__(self, lines, run, *parts, deferred=None):
        self.lines = lines
        self.run = run
        self.deferred = deferred
        self.reads = set().union(*(p.reads for p in parts if p))
        self.writes = set().union(*(p.writes for p in parts if p))


class Block:
    def __init__(self, statements):
        self.statements = statements
        self.lines = [line for s in statements for line in s.lines]
        self.reads = set().union(*(s.reads for s in statements))
        self.writes = set().union(*(s.writes for s in statements))

    def run(self, m, value=None):
        """The value is that of a last expression, before the defers run."""
        deferred = []
        try:
            for s in self.statements:
                if s.run:
                    s.run(m)
                if s.deferred:
                    deferred.append(s.deferred)
            result = value(m) if value else None
        except TooLong:
            raise
        except Exception as leaving:
            self.unwind(m, deferred, leaving)
            raise AssertionError
        self.unwind(m, deferred, None)
        return result

    def unwind(self, m, deferred, leaving):
        # An error in a defer takes the place of what was under way; the other
        # defers run all the same.
        while deferred:
            try:
                deferred.pop()(m)
            except Raised as raised:
                leaving = raised
        if leaving:
            raise leaving


class Function:
    def __init__(self, name, lines, call, reads, writes):
        self.name, self.lines, self.call = name, lines, call
        self.reads, self.writes = reads, writes
        self.pointer = f"pointer_to_{name}"


def indented(lines):
    depth = 0
    for line in lines:
        if line.startswith("}"):
            depth -= 1
        yield "    " * depth + line
        if line.endswith("{"):
            depth += 1


def attempt(rng):
    functions = []
    for index in range(1, rng.randint(2, 5)):
        functions.append(FunctionGenerator(rng, index, functions[:]).function())
    m = Machine()
    lines = ["async void scenario(void)", "{"]
    m.cells.update({"global g0": 1, "global g1": 2, "global G": [3, 4, 5, 6]})
    lines += ["g0 = 1, g1 = 2;", "for (unsigned i = 0; i < 4; i++)",
              "G[i] = 3 + i;"]
    for f in functions:
        for p, q in ((0, 1), (5, 2)):
            lines += ["{", "unsigned r = 0;",
                      f"int error = ac_try(r = await {f.name}({p}, {q}));",
                      f'say("{f.name} = %u %d\\n", r, error);', "}"]
            result = error = 0
            try:
                result = f.call(m, [p, q])
            except Raised as raised:
                error = raised.code - (1 << 32)
            m.say(f"{f.name} = {result} {error}")
    lines += ['say("g %u %u %u %u %u %u\\n", g0, g1, G[0], G[1], G[2], G[3]);',
              "}"]
    m.say("g " + " ".join(str(v) for v in (
        m.cells["global g0"], m.cells["global g1"], *m.cells["global G"])))
    text = PROLOGUE
    for f in functions:
        text += "\n" + "\n".join(indented(f.lines)) + "\n"
        text += (f"static async unsigned (*const {f.pointer})(unsigned, "
                 f"unsigned) = {f.name};\n")
    text += "\n" + "\n".join(indented(lines)) + "\n"
    return text, "\n".join(m.out) + "\n"


def generate(seed):
    """The program and what it prints."""
    rng = random.Random(seed)
    while True:
        try:
            return attempt(rng)
        except (TooLong, RecursionError):
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("-o", default="-")
    arguments = parser.parse_args()
    text, expected = generate(arguments.seed)
    text += "\n" + "".join(f"// PRINTS: {line}\n"
                           for line in expected.splitlines())
    if arguments.o == "-":
        sys.stdout.write(text)
    else:
        with open(arguments.o, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
