#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Translates a test program, compiles it every way, and runs it every way.

    check_run.py [options] file.ac [more.ac more.c ...] [-- program arguments]

The translation is compiled by each compiler of the matrix with -Wall -Wextra
-Werror, and run once for each mode of --modes (AC_TEST_MODE in the
environment, see testing.h); --erased adds the same source as plain C, its
keywords erased. All of these must print the same and exit with the same
status; with --drivers, each on every I/O driver that there is. What they print
goes to standard output, for FileCheck.

    gcc-O0  gcc-O2  clang-O2  sanitized (-O0, address and undefined)
    threads (-O1, the thread sanitizer), with --threads

gcc-O0 is for what is about translation, --erased or --modes: programs that
are about the library are the same to it as `sanitized`.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys

MODES = {"ready": 0, "pending": 1, "mixed": 2, "cancelled": 3}
ASAN_EXIT = 99  # as set by ASAN_OPTIONS in lit.cfg.py
# What a thread sanitizer says of a kernel that it does not know.
NO_THREAD_SANITIZER = "ThreadSanitizer: unexpected memory mapping"


class Failure(Exception):
    pass


class Impossible(Exception):
    """Not on this machine."""


def parse_arguments():
    words = sys.argv[1:]
    program_arguments = []
    if "--" in words:
        at = words.index("--")
        words, program_arguments = words[:at], words[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--acc", required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("--gcc")
    parser.add_argument("--clang")
    parser.add_argument("--libac", required=True)
    parser.add_argument("--libac-sanitized", required=True)
    parser.add_argument("--libac-threads", required=True)
    parser.add_argument("--threads", action="store_true",
                        help="under the thread sanitizer too, without"
                             " components")
    parser.add_argument("--sanitize", default="",
                        help="what libac itself was built with")
    parser.add_argument("--component", action="append", default=[],
                        help="JSON: a component of the runtime that there is")
    parser.add_argument("--with", action="append", default=[], dest="wanted",
                        help="a component to compile and link with")
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--modes", default="ready")
    parser.add_argument("--configs", default="",
                        help="only these of the matrix")
    parser.add_argument("--erased", action="store_true")
    parser.add_argument("--cflags", default="", help="for acc and compilers")
    parser.add_argument("--ldflags", default="")
    parser.add_argument("--exit", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--stderr", action="store_true",
                        help="standard error is part of the output")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--driver", action="append", default=[],
                        help="JSON: an I/O driver and its component")
    parser.add_argument("--drivers", action="store_true",
                        help="run on each I/O driver that there is")
    arguments = parser.parse_intermixed_args(words)
    arguments.program_arguments = program_arguments
    drivers = map(json.loads, arguments.driver) if arguments.drivers else ()
    arguments.driver_names = [None]
    for driver, component in drivers:
        if component is None:
            arguments.driver_names = [driver]
            continue
        arguments.driver_names.append(driver)
        if component not in arguments.wanted:
            arguments.wanted.append(component)
    for mode in arguments.modes.split(","):
        if mode not in MODES:
            parser.error(f"unknown mode '{mode}'")
    known = dict(map(json.loads, arguments.component))
    arguments.components = []
    for name in arguments.wanted:
        if name not in known:
            parser.error(f"there is no component '{name}' in this build")
        arguments.components.append(known[name])
        arguments.cflags += " " + known[name]["cflags"]
    return arguments


def matrix(a):
    """name, compiler, flags, libraries to link"""
    needed = [word for c in a.components for word in shlex.split(c["libs"])]
    normal = [c["library"] for c in a.components]
    normal += [a.libac, "-pthread"] + needed
    instrumented = [c["sanitized"] for c in a.components]
    instrumented += [a.libac_sanitized, "-pthread"] + needed
    if a.sanitize:
        # One compiler's instrumentation does not go with another's library.
        sanitize = ["-fsanitize=" + a.sanitize, "-fno-sanitize-recover=all"]
        return [("sanitized", a.cc, ["-O1", "-g"] + sanitize, normal + sanitize)]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    rows = []
    if a.gcc:
        if a.erased or a.modes != "ready" or a.configs:
            rows.append(("gcc-O0", a.gcc, ["-O0", "-g"], normal))
        rows.append(("gcc-O2", a.gcc, ["-O2"], normal))
    if a.clang:
        rows.append(("clang-O2", a.clang, ["-O2"], normal))
    rows.append(("sanitized", a.cc, ["-O0", "-g"] + sanitize,
                 instrumented + sanitize))
    if a.threads:
        threads = ["-fsanitize=thread"]
        rows.append(("threads", a.cc, ["-O1", "-g"] + threads,
                     [a.libac_threads, "-pthread"] + threads))
    if a.configs:
        wanted = a.configs.split(",")
        rows = [row for row in rows if row[0] in wanted]
    if not rows:
        raise Failure("no compiler of the matrix is installed")
    return rows


def shown(command):
    return " ".join(shlex.quote(word) for word in command)


def build(command, what):
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise Failure(f"{what} failed ({done.returncode}):\n"
                      f"$ {shown(command)}\n{text}")
    if text:
        sys.stderr.write(text)


def base_flags(a):
    flags = []
    for directory in a.include:
        flags += ["-I", directory]
    return flags + shlex.split(a.cflags)


def compile_flags(a):
    return ["-Wall", "-Wextra", "-Werror"] + base_flags(a)


def is_ac(path):
    return path.endswith((".ac", ".ac.c"))


def translate(a):
    """The C files."""
    sources = []
    for index, path in enumerate(a.files):
        if not is_ac(path):
            sources.append((path, path))
            continue
        stem = os.path.basename(path).split(".")[0]
        output = os.path.join(a.scratch, f"{index}-{stem}.c")
        build([a.acc] + base_flags(a) + [path, "-o", output], "translation")
        sources.append((path, output))
    return sources


def describe_status(status):
    if status < 0:
        try:
            return f"signal {signal.Signals(-status).name}"
        except ValueError:
            return f"signal {-status}"
    if status == ASAN_EXIT:
        return "a sanitizer's report"
    return f"exit status {status}"


def heed_interrupts():
    """The test may have been started with SIGINT ignored, as by `ctest &`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(a, program, name, mode, driver):
    environment = dict(os.environ)
    environment["AC_TEST_MODE"] = str(MODES[mode])
    if driver:
        environment["AC_DRIVER"] = driver
    for setting in a.env:
        key, _, value = setting.partition("=")
        environment[key] = value
    errors = subprocess.STDOUT if a.stderr else subprocess.PIPE
    try:
        done = subprocess.run([program] + a.program_arguments,
                              stdin=subprocess.DEVNULL, env=environment,
                              stdout=subprocess.PIPE, stderr=errors,
                              timeout=a.timeout, cwd=a.scratch,
                              preexec_fn=heed_interrupts)
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode(errors="replace")
        raise Failure(f"{name}: not done after {a.timeout:g} s; "
                      f"it has printed:\n{output}")
    output = done.stdout.decode(errors="replace")
    errors = (done.stderr or b"").decode(errors="replace")
    if name.startswith("threads") and NO_THREAD_SANITIZER in output + errors:
        raise Impossible(f"{name}: {NO_THREAD_SANITIZER}")
    if done.returncode != a.exit:
        raise Failure(f"{name}: {describe_status(done.returncode)}, "
                      f"not exit status {a.exit}\n{output}{errors}")
    return output


def make_program(a, row, sources):
    """One compiler command; quoted includes look beside the .ac files."""
    name, compiler, flags, libraries = row
    quote = []
    for path, _ in sources:
        directory = os.path.dirname(os.path.abspath(path))
        if directory not in quote:
            quote += ["-iquote", directory]
    program = os.path.join(a.scratch, name)
    command = [compiler] + flags + compile_flags(a) + quote
    command += [output for _, output in sources]
    command += ["-o", program] + libraries + shlex.split(a.ldflags)
    build(command, f"{name}: compilation")
    return program


def erased_program(a):
    """Plain C: gcc, for `defer` needs its nested functions."""
    row = ("erased", a.gcc or a.cc, ["-O1", "-g", "-w"], [])
    header = next(os.path.join(d, "erased.h") for d in a.include
                  if os.path.exists(os.path.join(d, "erased.h")))
    program = os.path.join(a.scratch, "erased")
    command = [row[1]] + row[2] + base_flags(a)
    command += ["-include", header]
    for path in a.files:
        command += ["-x", "c", path]
    command += ["-x", "none", "-o", program] + shlex.split(a.ldflags)
    build(command, "erased: compilation")
    return program


def programs(a):
    """What to build, each once, and in which modes to run it."""
    if a.erased:
        yield "erased", ["ready"], lambda: erased_program(a)
    sources = translate(a)
    for row in matrix(a):
        yield row[0], a.modes.split(","), (
            lambda row=row: make_program(a, row, sources))


def difference(first_name, first, name, output):
    import difflib
    lines = difflib.unified_diff(first.splitlines(keepends=True),
                                 output.splitlines(keepends=True),
                                 first_name, name)
    return "".join(lines)


def main():
    a = parse_arguments()
    shutil.rmtree(a.scratch, ignore_errors=True)
    os.makedirs(a.scratch)
    first = None
    failures = []
    try:
        for name, modes, make in programs(a):
            try:
                program = make()
            except Failure as failure:
                failures.append(str(failure))
                continue
            # The thread sanitizer does not see what the kernel does to rings.
            drivers = a.driver_names[:1] if name == "threads" else a.driver_names
            runs = [(mode, driver) for mode in modes for driver in drivers]
            for mode, driver in runs:
                what = ", ".join(filter(None, (name, mode, driver)))
                try:
                    output = run(a, program, what, mode, driver)
                except Impossible as impossible:
                    sys.stderr.write(f"check-run: {impossible}\n")
                    continue
                except Failure as failure:
                    failures.append(str(failure))
                    continue
                if first is None:
                    first = (what, output)
                elif output != first[1]:
                    failures.append(f"{what}: prints other than {first[0]}:\n"
                                    + difference(*first, what, output))
    except Failure as failure:
        failures.append(str(failure))
    for failure in failures:
        sys.stderr.write(f"check-run: {failure}\n")
    if first:
        sys.stdout.write(first[1])
    if not failures:
        shutil.rmtree(a.scratch, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
