#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Answers as a cross compiler does, and compiles nothing."""
import os
import sys

with open(os.environ["LOG"], "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\n")
if "-v" in sys.argv:
    sys.stderr.write(f"""\
Using built-in specs.
Target: arm-linux-gnueabihf
#include "..." search starts here:
#include <...> search starts here:
 /usr/lib/gcc-cross/arm-linux-gnueabihf/12/include
 {os.environ["SYSROOT"]}/include
End of search list.
""")
