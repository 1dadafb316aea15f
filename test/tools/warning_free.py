#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a translation with every combination of compiler, standard and
level of optimization; a warning is a failure.

    warning_free.py --acc ACC --cc CC [--cc CC]... -- file.ac [flags]

Every clang-NN that is installed takes part beside the compilers named."""

import argparse
import glob
import os
import subprocess
import sys


def compilers(named):
    clangs = glob.glob("/usr/lib/llvm-*/bin/clang")
    return list(dict.fromkeys(os.path.realpath(cc) for cc in named + clangs))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--acc", required=True)
    parser.add_argument("--cc", action="append", required=True)
    parser.add_argument("file")
    words = sys.argv[1:]
    separator = words.index("--")
    a = parser.parse_args(words[:separator] + words[separator + 1:][:1])
    flags = words[separator + 2:]
    failed = 0
    for standard, levels in (("c11", "0123"), ("gnu17", "02")):
        output = f"output-{standard}.c"
        subprocess.run([a.acc, f"-std={standard}"] + flags
                       + [a.file, "-o", output], check=True)
        for cc in compilers(a.cc):
            for level in levels:
                command = [cc, f"-std={standard}", f"-O{level}", "-Wall",
                           "-Wextra", "-Werror", "-iquote",
                           os.path.dirname(os.path.abspath(a.file))]
                command += flags + ["-c", output, "-o", "output.o"]
                done = subprocess.run(command, stderr=subprocess.STDOUT,
                                      stdout=subprocess.PIPE)
                if done.returncode != 0 or done.stdout:
                    print("$", " ".join(command))
                    print(done.stdout.decode(errors="replace"))
                    failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
