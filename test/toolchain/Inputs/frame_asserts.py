# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns the report of --print-frames on stdin into static assertions on the
frames of the generated C file named on the command line."""

import re
import sys

print(f'#include "{sys.argv[1]}"\n#include <stddef.h>')
frame = None
for line in sys.stdin:
    head = re.match(r"(\w+): (\d+) bytes, made", line)
    member = re.match(r" +(\d+) +(\d+)  (.*): \w+", line)
    if head:
        frame, size = f"struct {head[1]}__frame", head[2]
        print(f'_Static_assert(sizeof({frame}) == {size}, "{frame}");')
    elif member:
        offset, size, declaration = member.groups()
        pointer = re.search(r"\(\*+(\w+)", declaration)
        name = pointer[1] if pointer else re.findall(
            r"\w+", declaration.split("[")[0])[-1]
        place = f"(({frame} *)0)->{name}"
        print(f'_Static_assert(offsetof({frame}, {name}) == {offset}, "{name}");')
        print(f'_Static_assert(sizeof({place}) == {size}, "{name}");')
