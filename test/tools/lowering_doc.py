#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that docs/lowering.md shows what acc writes; --update rewrites it.

A block of C that follows `<!-- before: NAME -->` is translated. One that follows
`<!-- after: NAME FUNCTION -->` is then to be what the translation has of that
function, from the struct of its frame to its last line; one that follows
`<!-- frames: NAME -->` what --print-frames says."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"(<!-- (before|after|frames): ([^>]*?) -->\n```\w*\n)(.*?)(```)",
                   re.DOTALL)


def translate(acc, flags, name, text):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, name)
        with open(path, "w") as file:
            file.write(text)
        words = acc + flags + [name]
        code = subprocess.run(words + ["--no-line"], cwd=directory, text=True,
                              check=True, stdout=subprocess.PIPE).stdout
        frames = subprocess.run(words + ["--print-frames"], cwd=directory,
                                text=True, check=True,
                                stdout=subprocess.PIPE).stdout
    return code, frames


def lowered(code, function):
    """The struct of the frame, the descriptor, and the functions."""
    begin = code.index(f"struct {function}__frame {{")
    end = code.index("AC_BODY_END", begin)
    lines = code[begin:end].splitlines()
    return "\n".join(line for line in lines if line.strip()) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("document")
    parser.add_argument("acc", nargs="+")
    a, flags = parser.parse_known_args()
    with open(a.document) as file:
        old = file.read()
    translations = {}

    def renew(match):
        head, kind, words, body, tail = match.groups()
        name = words.split()[0]
        if kind == "before":
            translations[name] = translate(a.acc, flags, name, body)
        elif kind == "frames":
            body = translations[name][1]
        else:
            body = lowered(translations[name][0], words.split()[1])
        return head + body + tail

    new = BLOCK.sub(renew, old)
    if new == old:
        return 0
    if a.update:
        with open(a.document, "w") as file:
            file.write(new)
        return 0
    print(f"{a.document} is out of date; --update renews it")
    return 1


if __name__ == "__main__":
    sys.exit(main())
