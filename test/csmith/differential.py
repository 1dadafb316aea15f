#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares random programs, made async, with what they have to print.

    differential.py csmith|flow [options] seed|first-last ...

csmith: a program of csmith's, made async by asyncify.py, against the program
itself. flow: an async program of flow.py's, with goto, switch, defer, errors
and awaits in every kind of expression, against that generator's own reckoning.

Every program runs with its awaits ready, pending and mixed, under several
compilers and the address sanitizer; those of flow's also cancelled at each of
their suspensions. Programs that fail are kept in the scratch directory."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# Small enough for a second each; without what says nothing about async.
CSMITH_OPTIONS = ["--max-funcs", "6", "--max-block-depth", "4",
                  "--max-expr-complexity", "8", "--max-block-size", "4",
                  "--max-array-dim", "2", "--max-array-len-per-dim", "4"]


class Failure(Exception):
    pass


class Skipped(Exception):
    pass


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=["csmith", "flow"])
    parser.add_argument("seeds", nargs="+")
    parser.add_argument("--acc", default="acc")
    parser.add_argument("--gcc", default="gcc")
    parser.add_argument("--clang", default="")
    parser.add_argument("--csmith", default="csmith")
    parser.add_argument("--csmith-options", default="")
    parser.add_argument("--flags", default="", help="-I for acc and compilers")
    parser.add_argument("--libs", required=True)
    parser.add_argument("--sanitized-libs", default="")
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--keep-going", action="store_true")
    return parser.parse_args()


def command(words, what, **options):
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              errors="replace", **options)
    except subprocess.TimeoutExpired:
        raise Failure(f"{what}: not done in time\n$ {shlex.join(words)}")
    if done.returncode != 0:
        raise Failure(f"{what}: status {done.returncode}\n"
                      f"$ {shlex.join(words)}\n{done.stderr[-3000:]}")
    return done.stdout


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def csmith_program(a, seed, stem):
    """(the async program, what it has to print)"""
    source = command([a.csmith, "--seed", str(seed), *CSMITH_OPTIONS,
                      *shlex.split(a.csmith_options)],
                     "csmith", cwd=os.path.dirname(stem), timeout=60)
    write(stem + ".plain.c", source)
    command([a.gcc, "-O1", "-w", "-fno-strict-aliasing", *shlex.split(a.flags),
             stem + ".plain.c", "-o", stem + ".plain"], "plain compilation",
            timeout=120)
    try:
        expected = command([stem + ".plain", "1"], "plain program", timeout=5)
    except Failure:
        raise Skipped
    text = command([sys.executable, os.path.join(HERE, "asyncify.py"),
                    "--seed", str(seed)], "asyncify.py", input=source)
    return text, expected


def flow_program(a, seed, stem):
    sys.path.insert(0, HERE)
    import flow
    return flow.generate(seed)


def variants(a):
    """name, mode, compiler and flags, libraries"""
    # csmith's expressions become functions of ten thousand lines.
    optimize = "-O0" if a.kind == "csmith" else "-O2"
    yield "ready", 0, [a.gcc, optimize], a.libs
    yield "pending", 1, [a.clang or a.gcc, "-O2" if a.clang else optimize], \
        a.libs
    if a.kind == "csmith" and a.sanitized_libs:
        yield "sanitized", 1, [a.gcc, "-O0", "-fsanitize=address"], \
            a.sanitized_libs
    yield "mixed", 2, [a.gcc, "-O0"], a.libs
    if a.kind == "flow" and a.sanitized_libs:
        yield "cancelled", 3, [a.gcc, "-O1", "-g", "-fsanitize=address"], \
            a.sanitized_libs


def first_difference(expected, printed):
    for number, (left, right) in enumerate(
            zip(expected.splitlines(), printed.splitlines()), 1):
        if left != right:
            return f"line {number}:\n- {left}\n+ {right}"
    return "one is longer than the other"


def check(a, seed):
    stem = os.path.join(a.scratch, f"{a.kind}-{seed}")
    make = csmith_program if a.kind == "csmith" else flow_program
    text, expected = make(a, seed, stem)
    write(stem + ".ac", text)
    flags = shlex.split(a.flags)
    command([a.acc, *flags, "-w", stem + ".ac", "-o", stem + ".c"],
            f"seed {seed}: acc", timeout=300)
    for name, mode, compiler, libs in variants(a):
        program = f"{stem}.{name}"
        command([*compiler, "-w", "-fno-strict-aliasing",
                 f"-DAC_TEST_MODE={mode}", *flags, stem + ".c", "-o", program,
                 *shlex.split(libs)], f"seed {seed}: {name} compilation",
                timeout=300)
        printed = command([program, "1"], f"seed {seed}: {name}", timeout=60)
        if printed != expected:
            write(stem + ".expected", expected)
            write(f"{program}.printed", printed)
            raise Failure(f"seed {seed}: {name} prints something else, "
                          + first_difference(expected, printed))
    for leftover in os.listdir(a.scratch):
        if leftover.startswith(os.path.basename(stem) + "."):
            os.remove(os.path.join(a.scratch, leftover))


def seeds(words):
    for word in words:
        first, _, last = word.partition("-")
        yield from range(int(first), int(last or first) + 1)


def main():
    a = parse_arguments()
    shutil.rmtree(a.scratch, ignore_errors=True)
    os.makedirs(a.scratch)
    a.scratch = os.path.abspath(a.scratch)
    good = skipped = failed = 0
    for seed in seeds(a.seeds):
        try:
            check(a, seed)
            good += 1
        except Skipped:
            skipped += 1
        except Failure as failure:
            failed += 1
            print(failure, file=sys.stderr, flush=True)
            if not a.keep_going:
                break
    print(f"{a.kind}: {good} programs agree, {failed} do not, "
          f"{skipped} took too long as they were")
    sys.exit(1 if failed or not good else 0)


main()
