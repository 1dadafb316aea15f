#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gives acc broken programs, and expects clear answers.

    torture.py --acc "acc -I include" [options] MODE FILE...

MODE is what is done to each file, over and over:

    cut     it ends early: at every byte, or at --sample of them
    tokens  one token is missing, or doubled: each, or --sample of them
    mutate  tokens are deleted, doubled, exchanged or replaced, bytes changed;
            --sample times, always the same for one --seed

A run is wrong when acc crashes, hangs, trips a sanitizer, ends with a status
other than 0 or 1, fails without an error in clang's form or with an output
file, succeeds without one, or speaks of what is behind the words of the
dialect; with --compile, also when a C compiler does not take what acc wrote
without a complaint of its own about the source. Prints a line for each wrong
run, and keeps its input in --keep."""

import argparse
import concurrent.futures
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ERROR = re.compile(r"^(acc|\S[^\n]*?:\d+:\d+): error: \S", re.MULTILINE)
BEHIND = re.compile(r"swiftcall|address_space|__extension__|\bac__\w+")
SANITIZER = re.compile(r"Sanitizer|runtime error:|Assertion|core dumped")
TOKEN = re.compile(rb"[A-Za-z_]\w*|\d[\w.]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
                   rb"|//[^\n]*|/\*.*?\*/|[-+*/%&|^<>=!]=|<<|>>|&&|\|\||->|\+\+|--|\.\.\."
                   rb"|\s+|.", re.DOTALL)
SPICE = [b"await ", b"async ", b"defer ", b"ac_try(", b"ac_gather(", b"ac_raise(",
         b"ac_scope (", b"ac_timeout (1) ", b"ac_create_task(", b"({", b"})", b"{",
         b"}", b"(", b")", b";", b"*", b"&", b"?", b":", b"case 1:", b"goto x;",
         b"switch (1) ", b"return ", b"sizeof ", b"struct ", b"typedef ", b"\\\n",
         b"#if 0\n", b"#endif\n", b"/*", b'"', b"'", b"0", b"__typeof__", b"static "]


def cuts(text, sample, chance):
    places = range(len(text))
    if sample and sample < len(text):
        places = sorted(chance.sample(places, sample))
    for at in places:
        yield f"cut-{at}", text[:at]


def single_tokens(text, sample, chance):
    tokens = TOKEN.findall(text)
    edits = [(at, times) for at, token in enumerate(tokens) if not token.isspace()
             for times in (0, 2)]
    if sample and sample < len(edits):
        edits = sorted(chance.sample(edits, sample))
    for at, times in edits:
        name = f"{'double' if times else 'delete'}-{at}"
        yield name, b"".join(tokens[:at] + [tokens[at] + b" "] * times + tokens[at + 1:])


def mutation(text, chance):
    tokens = TOKEN.findall(text)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if not tokens:
            break
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        kind = chance.randrange(7)
        if kind == 0:
            del tokens[at:at + chance.choice((1, 1, 2, 8))]
        elif kind == 1:
            tokens[at:at] = [tokens[at]]
        elif kind == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 3:
            tokens[at] = tokens[other]
        elif kind == 4:
            tokens[at:at] = [chance.choice(SPICE)]
        elif kind == 5:
            tokens[at] = chance.choice(SPICE)
        else:
            joined = bytearray(b"".join(tokens))
            place = chance.randrange(len(joined))
            joined[place] = chance.choice((joined[place] ^ (1 << chance.randrange(8)),
                                           chance.randrange(256)))
            tokens = TOKEN.findall(bytes(joined))
    return b"".join(tokens)


def mutations(text, sample, chance):
    for number in range(sample):
        yield f"mutate-{number}", mutation(text, chance)


def complaint(arguments, directory, name, text):
    """What is wrong with acc's answer to this text; None: nothing."""
    path = os.path.join(directory, name + ".ac")
    out = os.path.join(directory, name + ".c")
    with open(path, "wb") as file:
        file.write(text)
    command = shlex.split(arguments.acc) + [path, "-o", out]
    try:
        run = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=arguments.timeout,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        return "did not end"
    errors = run.stderr.decode(errors="replace")
    there = os.path.exists(out)
    if run.returncode not in (0, 1):
        return f"ended with {run.returncode}: {errors[:400]}"
    if SANITIZER.search(errors):
        return f"sanitizer: {errors[:2000]}"
    if there != (run.returncode == 0):
        return "left an output file" if there else "wrote no output file"
    if run.returncode == 1 and not ERROR.search(errors):
        return f"no error told: {errors[:400]}"
    messages = "\n".join(line for line in errors.splitlines()
                         if re.search(r": (error|warning|note): ", line))
    if BEHIND.search(messages):
        return f"speaks of what is behind the words: {messages[:600]}"
    if run.returncode == 0 and arguments.compile:
        command = shlex.split(arguments.compile) + ["-fsyntax-only", "-w", out]
        run = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if run.returncode != 0:
            return f"wrote what does not compile: {run.stderr.decode(errors='replace')[:600]}"
    if there:
        os.unlink(out)
    os.unlink(path)
    return None


def inputs(arguments):
    for path in arguments.files:
        with open(path, "rb") as file:
            text = file.read()
        chance = random.Random(f"{arguments.seed} {os.path.basename(path)}")
        make = {"cut": cuts, "tokens": single_tokens, "mutate": mutations}[arguments.mode]
        base = os.path.splitext(os.path.basename(path))[0]
        for name, broken in make(text, arguments.sample, chance):
            yield f"{base}-{name}", broken


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acc", required=True)
    parser.add_argument("--compile", help="a C compiler, with what it needs")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--keep", help="where inputs of wrong runs go")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("mode", choices=("cut", "tokens", "mutate"))
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    wrong = count = 0
    with tempfile.TemporaryDirectory() as directory, \
            concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        runs = [(name, pool.submit(complaint, arguments, directory, name, text))
                for name, text in inputs(arguments)]
        for name, run in runs:
            count += 1
            said = run.result()
            if not said:
                continue
            wrong += 1
            print(f"{name}: {said}", flush=True)
            if arguments.keep:
                os.makedirs(arguments.keep, exist_ok=True)
                shutil.copy(os.path.join(directory, name + ".ac"), arguments.keep)
    print(f"{count} inputs, {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
