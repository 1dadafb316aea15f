#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares standard input with what an example says that it prints: the lines
after `// Prints:` in its opening comment."""

import difflib
import sys


def stated(path):
    lines = []
    found = False
    for line in open(path):
        if not line.startswith("//"):
            break
        if found:
            lines.append(line.rstrip("\n")[len("//   "):] + "\n")
        found = found or line.rstrip() == "// Prints:"
    return lines


def main():
    path = sys.argv[1]
    expected = stated(path)
    if not expected:
        sys.exit(f"{path}: no output is stated")
    printed = sys.stdin.readlines()
    if printed != expected:
        sys.stdout.writelines(
            difflib.unified_diff(expected, printed, "stated", "printed"))
        sys.exit(1)


main()
