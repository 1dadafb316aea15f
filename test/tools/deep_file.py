#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints a program that is deep in one way; it exits with 0 when it is right.

    deep_file.py KIND N

Chains, which C does not nest: else-if, and, or, conditional, elvis, comma,
sum. Nesting: blocks, ifs, loops, switches, scopes, defers, calls, parentheses,
statement-expressions."""

import sys

HEAD = """#include <ac/async.h>
static int turns;
async int f(int n) { if (++turns % 7 == 0) await ac_yield(); return n; }
"""


def else_if(n):
    tests = "\n    else ".join(f"if (await f(i) == {k}) r = {k} + await f(1);" for k in range(n))
    return (f"    int r = 0;\n    {tests}\n    else r = await f(-1);\n    return r;",
            [(0, 1), (n - 1, n), (n // 2, n // 2 + 1), (n, -1)])


def joined(operator, n, each):
    return f"\n        {operator} ".join(each(k) for k in range(n))


def and_chain(n):
    return ("    return " + joined("&&", n, lambda k: f"await f(i - {k})") + ";",
            [(n, 1), (n - 1, 0), (0, 0), (n // 2, 0)])


def or_chain(n):
    return ("    return " + joined("||", n, lambda k: f"await f(i) == {k}") + ";",
            [(n, 0), (n - 1, 1), (0, 1), (n // 2, 1)])


def conditional(n):
    arms = "\n        : ".join(f"await f(i) == {k} ? await f({k} + 5)" for k in range(n))
    return (f"    return {arms}\n        : await f(-1);",
            [(0, 5), (n - 1, n + 4), (n // 2, n // 2 + 5), (n, -1)])


def elvis(n):
    return ("    return " + joined("?:", n, lambda k: f"await f(i == {k} ? {k} + 3 : 0)") + ";",
            [(n - 1, n + 2), (0, 3), (n // 2, n // 2 + 3), (n, 0)])


def comma(n):
    return ("    int r = 0;\n    return " + joined(",", n, lambda k: f"r += await f({k % 3})") + ";",
            [(0, sum(k % 3 for k in range(n)))])


def total(n):
    return ("    return " + joined("+", n, lambda k: f"await f({k % 3})") + ";",
            [(0, sum(k % 3 for k in range(n)))])


def nest(n, open_, close, inner, before="    int r = 0;\n", after="\n    return r;"):
    return before + "    " + " ".join(open_(k) for k in range(n)) + inner + \
        " ".join(close(k) for k in range(n)) + after


def nested(n, open_, close="}", expected=1):
    return (nest(n, open_, lambda k: close, "\n r += await f(1);\n"), [(0, expected)])


def blocks(n):
    return nested(n, lambda k: f"{{ int v{k} = await f(0); r += v{k};\n")


def ifs(n):
    return nested(n, lambda k: "if (await f(i + 1)) {\n")


def loops(n):
    kinds = ("while (await f(1)) {", "for (int k = 0; k < await f(1); k++) {", "do {")
    ends = ("break; }", "}", "} while (await f(0));")
    body = "".join(kinds[k % 3] + "\n" for k in range(n))
    tail = "".join(ends[k % 3] + "\n" for k in reversed(range(n)))
    return (f"    int r = 0;\n{body} r += await f(1);\n{tail}    return r;", [(0, 1)])


def switches(n):
    return nested(n, lambda k: f"switch (await f({k})) {{ default: r = 100; break; case {k}:\n", "break; }")


def scopes(n):
    return nested(n, lambda k: "ac_timeout (1000) {\n")


def defers(n):
    return (nest(n, lambda k: "{ defer r += await f(1);\n", lambda k: "}", "\n r += await f(1);\n"),
            [(0, n + 1)])


def calls(n):
    return ("    return " + "await f(" * n + "1" + ")" * n + ";", [(0, 1)])


def parentheses(n):
    return ("    return " + "(await f(i) + " * n + "1" + ")" * n + ";", [(2, 2 * n + 1)])


def statement_expressions(n):
    return ("    return " + "({ await f(1);\n" * n + "await f(i);" + " });\n" * (n - 1) + " });",
            [(4, 4)])


KINDS = {"else-if": else_if, "and": and_chain, "or": or_chain, "conditional": conditional,
         "elvis": elvis, "comma": comma, "sum": total, "blocks": blocks, "ifs": ifs,
         "loops": loops, "switches": switches, "scopes": scopes, "defers": defers,
         "calls": calls, "parentheses": parentheses,
         "statement-expressions": statement_expressions}


def main():
    body, checks = KINDS[sys.argv[1]](int(sys.argv[2]))
    tests = " || ".join(f"await deep({i}) != {r}" for i, r in checks)
    print(f"{HEAD}async int deep(int i)\n{{\n    (void)i;\n{body}\n}}\n"
          f"async int main(void) {{ return {tests}; }}")


if __name__ == "__main__":
    main()
