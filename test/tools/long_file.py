#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints a long program, and what it is to return as a comment.

    long_file.py awaits N   one function with N awaits
    long_file.py lines N    N lines of small functions that await each other"""

import sys

HEAD = "#include <ac/async.h>\nasync int f0(int n) { if (n < 0) await ac_yield(); return n; }\n"


def awaits(count):
    print(HEAD + "async int many(int n)\n{\n    int sum = 0;")
    for i in range(count):
        print(f"    sum += await f0({'-' if i % 50 == 0 else ''}n);")
    print("    return sum;\n}")
    expected = count - 2 * ((count + 49) // 50)
    print(f"async int main(void) {{ return await many(1) != {expected}; }}")


def lines(count):
    print(HEAD, end="")
    functions = (count - 4) // 10
    for i in range(1, functions + 1):
        print(f"""
async int f{i}(int n)
{{
    int sum = 0;
    for (int i = 0; i < 2; i++) {{
        if (n > {i % 7})
            sum += await f{(i - 1) // 3}(n - 1) + i;
        sum -= n;
    }}
    return sum + await f{i - 1 if i % 9 else 0}(-n) % 3;
}}""", end="")
    print(f"\nasync int main(void) {{ return await f{functions}(3) == 12345; }}")


if __name__ == "__main__":
    {"awaits": awaits, "lines": lines}[sys.argv[1]](int(sys.argv[2]))
