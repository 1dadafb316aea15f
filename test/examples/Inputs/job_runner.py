#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs job files.

    job_runner.py program scratch-directory"""

import os
import signal
import subprocess
import sys
import time

STATED = """\
# name: deps: command
lib.o:             : cp lib.c lib.o
app.o:             : sleep 0.2; cp app.c app.o
app  : lib.o app.o : cat lib.o app.o > app
"""


class Runner:
    def __init__(self):
        self.program = os.path.abspath(sys.argv[1])
        self.scratch = sys.argv[2]
        os.makedirs(self.scratch, exist_ok=True)

    def path(self, name):
        return os.path.join(self.scratch, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def start(self, jobs, *options):
        self.write("jobs", jobs)
        return subprocess.Popen(
            [self.program, *options, "jobs"], cwd=self.scratch, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def run(self, title, jobs, *options):
        child = self.start(jobs, *options)
        print(f"{title}:")
        print(child.communicate(timeout=60)[0], end="")
        print("status", child.returncode)


def whole_pieces(runner):
    """Each job's output, which others print at the same time, is in one piece."""
    jobs = "".join(
        f"job{i}: : for n in $(seq 300); do echo {i} $n; done; sleep 0.02; "
        f"seq 20000 | sed 's/^/{i} /'\n" for i in range(8))
    child = runner.start(jobs, "-j8")
    lines = child.communicate(timeout=60)[0].splitlines()
    owners = [line.split()[0] for line in lines[:-1] if line[0] != "["]
    changes = sum(a != b for a, b in zip(owners, owners[1:]))
    print("pieces:", len(owners), "lines,", changes, "changes")
    print(lines[-1])


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def interrupted(runner):
    """One job ends by SIGTERM, one tidies up, one takes no notice; each has a
    child of its own."""
    child = runner.start("""\
plain: : echo $$ > pid0; sleep 100 & echo $! > pid1; wait
tidy: : trap 'echo tidy > tidied; exit 0' TERM; sleep 100 & echo $! > pid2; wait
deaf: : trap '' TERM; sh -c 'echo $$ > pid3; sleep 100; sleep 100'
later: plain : touch later
""")
    names = [runner.path(f"pid{i}") for i in range(4)]
    until = time.monotonic() + 20
    while time.monotonic() < until and not all(
            os.path.exists(name) and os.path.getsize(name) for name in names):
        time.sleep(0.02)
    pids = [int(open(name).read()) for name in names]
    begin = time.monotonic()
    child.send_signal(signal.SIGINT)
    output = child.communicate(timeout=30)[0].splitlines()
    took = time.monotonic() - begin
    print("interrupted: status", child.returncode)
    print("tidied", os.path.exists(runner.path("tidied")),
          "begun later", os.path.exists(runner.path("later")),
          "alive", sum(map(is_alive, pids)), "waited", 1.9 < took < 15)
    print(output[-1])


def main():
    runner = Runner()
    runner.write("lib.c", "lib\n")
    runner.write("app.c", "app\n")
    runner.run("stated", STATED, "-j", "2")
    fails = ("good: : echo good\nbad: good: echo oops >&2; exit 7\n"
             "after: bad: echo never\n"
             "slow: good: sleep 0.5; echo slow\nlast: slow: echo last\n")
    runner.run("stops", fails, "-j2")
    runner.run("goes on", fails, "-j2", "-k")
    runner.run("late", "a: : echo begun; sleep 100\n", "-t", "0.3")
    runner.run("killed", "a: : kill -9 $$\n")
    runner.run("circle", "a: b: true\nb: a: true\nc: b: true\n")
    runner.run("nonsense", "a: nobody: true\na: : true\njunk\n: : true\n")
    whole_pieces(runner)
    interrupted(runner)


if __name__ == "__main__":
    main()
