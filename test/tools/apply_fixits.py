#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Applies the fix-its of acc's errors, until there are no errors.

    apply_fixits.py "acc options" in.ac out.ac

Fails when an error comes without a fix-it, or after ten rounds; prints for each
round how many edits it took. A fix-it that is told twice is applied once; those
of warnings and notes are choices, and left alone."""

import re
import shlex
import subprocess
import sys

MESSAGE = re.compile(r":(\d+):(\d+): (error|warning|note): ")
FIXIT = re.compile(r'^fix-it:"(.*)":\{(\d+):(\d+)-(\d+):(\d+)\}:"(.*)"$')


def edits_of(errors):
    """[(begin, end, text)], places as (line, column)."""
    severity, edits = None, []
    for line in errors.splitlines():
        message, fixit = MESSAGE.search(line), FIXIT.match(line)
        if fixit and severity == "error":
            at = [int(fixit[i]) for i in range(2, 6)]
            text = re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), fixit[6])
            edit = ((at[0], at[1]), (at[2], at[3]), text)
            if edit not in edits:
                edits.append(edit)
        elif message and not fixit:
            severity = message[3]
    return edits


def apply(text, edits):
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    def offset(place):
        return lines[place[0] - 1] + place[1] - 1
    # Of several insertions at one place the first told comes first.
    for begin, end, new in sorted(reversed(edits), key=lambda e: e[0], reverse=True):
        text = text[:offset(begin)] + new + text[offset(end):]
    return text


def main():
    command, source, result = shlex.split(sys.argv[1]), sys.argv[2], sys.argv[3]
    with open(source, encoding="latin-1", newline="") as file:
        text = file.read()
    for _ in range(10):
        with open(result, "w", encoding="latin-1", newline="") as file:
            file.write(text)
        run = subprocess.run(command + ["-fdiagnostics-parseable-fixits", "-fsyntax-only", result],
                             stderr=subprocess.PIPE, encoding="latin-1")
        if run.returncode == 0:
            return
        edits = edits_of(run.stderr)
        if not edits:
            sys.exit("an error without a fix-it:\n" + run.stderr)
        print(f"{len(edits)} edits")
        text = apply(text, edits)
    sys.exit("still errors after ten rounds:\n" + run.stderr)


if __name__ == "__main__":
    main()
