#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a program of csmith's async.

    asyncify.py [--seed N] < program.c > program.ac

Every func_N becomes async and every call of one an await, deep inside the
expressions where csmith puts them; main runs func_1 in a loop. Suspensions are
put between statements, and some constants in expressions become awaited calls
that give them back. csmith's programs do not depend on the order in which C
leaves operands unevaluated, so the result has to print the same checksums.

AC_TEST_MODE says how often the inserted awaits suspend: 0 never, 1 always, 2
now and then."""

import argparse
import random
import re
import sys

PROLOGUE = """
#include <ac/async.h>

#ifndef AC_TEST_MODE
#define AC_TEST_MODE 1
#endif

static unsigned long async_steps;
static async void async_step(void)
{
    async_steps++;
    if (AC_TEST_MODE == 1 || (AC_TEST_MODE == 2 && async_steps % 7 == 0))
        await ac_yield();
}
"""

# A constant of each of these types may become an awaited call.
TYPES = {
    "int": "int",
    "unsigned": "uint",
    "long": "long",
    "unsigned long": "ulong",
    "long long": "llong",
    "unsigned long long": "ullong",
}


def prologue():
    text = PROLOGUE
    for name, short in TYPES.items():
        text += f"""static async {name} async_{short}({name} value)
{{
    await async_step();
    return value;
}}
"""
    return text + "\n"


def constant_type(literal):
    """The C type of an integer constant, for LP64."""
    digits = literal.rstrip("uUlL")
    suffix = literal[len(digits):].upper()
    value = int(digits, 0)
    hexadecimal = digits.lower().startswith("0x")
    candidates = ["int", "unsigned", "long", "unsigned long",
                  "long long", "unsigned long long"]
    if "LL" in suffix:
        candidates = candidates[4:]
    elif "L" in suffix:
        candidates = candidates[2:]
    if "U" in suffix:
        candidates = [t for t in candidates if t.startswith("unsigned")]
    elif not hexadecimal:
        candidates = [t for t in candidates if not t.startswith("unsigned")]
    for name in candidates:
        bits = 32 if name in ("int", "unsigned") else 64
        if value < 1 << (bits if name.startswith("unsigned") else bits - 1):
            return name
    return None


def matching(text, open_at):
    """The offset after the parenthesis that closes the one at open_at."""
    depth = 0
    for at in range(open_at, len(text)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                return at + 1
    raise ValueError("unbalanced parentheses")


CALL = re.compile(r"\bfunc_\d+\s*(?=\()")
# Not (void*)0: it would not be a null pointer constant any more.
CONSTANT = re.compile(r"(?<![\w.])(?<!\(void\*\))(0[xX][0-9a-fA-F]+|\d+)[uUlL]*(?![\w.])")


def await_calls(text):
    """Each call func_N(...) as (await func_N(...)), from the innermost out."""
    for call in reversed(list(CALL.finditer(text))):
        end = matching(text, call.end())
        text = (text[:call.start()] + "(await " + text[call.start():end] +
                ")" + text[end:])
    return text


class Asyncifier:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def await_constants(self, text, share):
        def replace(match):
            literal = match[0]
            kind = constant_type(literal)
            if kind is None or self.random.random() >= share:
                return literal
            return f"(await async_{TYPES[kind]}({literal}))"
        return CONSTANT.sub(replace, text)

    def statement(self, line):
        """A line of a function's body."""
        code = line.split("/*")[0]
        comment = line[len(code):]
        declares = re.match(
            r"\s*(?:static |const |volatile |register )*"
            r"(?:u?int\d+_t|struct S\d+|union U\d+|int|long)\b", code)
        # Arrays keep constant sizes, and a loop its constants: csmith counts
        # on their being evaluated once and for all.
        if declares and "[" in code:
            return await_calls(code) + comment
        share = 0.05 if code.lstrip().startswith("for") else 0.2
        return self.await_constants(await_calls(code), share) + comment

    def body(self, lines):
        for line in lines:
            yield self.statement(line)
            if line.rstrip().endswith(";") and self.random.random() < 0.4:
                indent = line[:len(line) - len(line.lstrip())]
                yield indent + "await async_step();"

    def translate(self, source):
        source = source.split("/************************ statistics")[0]
        lines = source.split("\n")
        out = []
        at = 0
        while at < len(lines):
            line = lines[at]
            if line.startswith("/* --- FORWARD DECLARATIONS"):
                out.append(prologue())
            if re.match(r"(static|inline|const|volatile)\b.*\bfunc_\d+\(", line):
                out.append(re.sub(r"^static\b", "static async", line))
                at += 1
                if line.rstrip().endswith(";"):
                    continue
                end = lines.index("}", at)
                out += self.body(lines[at:end])
                out.append("}")
                at = end + 1
                continue
            if re.match(r"\s+func_1\(\);", line):
                line = "    ac_run(func_1());"
            out.append(line)
            at += 1
        return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    sys.stdout.write(Asyncifier(arguments.seed).translate(sys.stdin.read()))


if __name__ == "__main__":
    main()
