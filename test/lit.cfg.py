# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The lit configuration of the tests. test/README.md explains the words that a
RUN line may use."""

import ctypes
import glob
import json
import os
import platform
import re
import resource
import shlex
import shutil

import lit.formats

config.name = "acc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".ac", ".c", ".test"]
config.excludes = ["Inputs", "include", "tools", "cmake"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.acc_binary_root

paths = config.acc_paths
programs = {
    name: path
    for name, path in config.acc_programs.items()
    if path and not path.endswith("-NOTFOUND")
}
include = os.path.join(config.acc_source_root, "include")
test_include = os.path.join(config.test_source_root, "include")

# ---- features: what a test may ask for with REQUIRES -------------------------

config.available_features.update(programs)
config.available_features.add("clang-" + config.acc_llvm_version)
config.available_features.add(platform.machine())
if config.acc_csmith_include.endswith("-NOTFOUND"):
    config.available_features.discard("csmith")
sanitized_tool = (
    "address" in config.acc_sanitize or paths["test_tool"] != paths["tool"]
)
if sanitized_tool:
    config.available_features.add("sanitized-tool")
for sanitizer in filter(None, config.acc_sanitize.split(",")):
    config.available_features.add("build-" + sanitizer)
if shutil.which("g++"):
    config.available_features.add("c++")
if os.geteuid() == 0:
    config.available_features.add("root")


def has_header(name):
    return any(os.path.exists(os.path.join(directory, name))
               for directory in ("/usr/include", "/usr/local/include"))


# Libraries that larger examples use.
if has_header("jansson.h"):
    config.available_features.add("jansson")
# %lib_http, %flags_http: the one that the example takes, too.
http_parser = "-lllhttp" if has_header("llhttp.h") else "-lhttp_parser"
if has_header("llhttp.h") or has_header("http_parser.h"):
    config.available_features.add("http_parser")
# As many as a process may have, and some.
if resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 10200:
    config.available_features.add("10000-descriptors")
# Servers that test/adapters/Inputs starts.
if shutil.which("initdb") or glob.glob("/usr/lib/postgresql/*/bin/initdb"):
    config.available_features.add("postgres")
if shutil.which("redis-server") or shutil.which("redis-check-rdb"):
    config.available_features.add("redis")


def kernel_has_io_uring():
    """Whether this process may make a ring; containers often may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    ring = libc.syscall(425, 4, ctypes.create_string_buffer(256))
    if ring < 0:
        return False
    os.close(ring)
    return True


# The I/O drivers that tests run on, and the component of each, if any.
config.acc_drivers = {"epoll": None}
if "uring" in paths["components"] and kernel_has_io_uring():
    config.available_features.add("io_uring")
    config.acc_drivers["uring"] = "uring"

# ---- environment --------------------------------------------------------------

for name in ("HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.environment["LC_ALL"] = "C.UTF-8"
config.environment["ASAN_OPTIONS"] = "detect_stack_use_after_return=1:exitcode=99"
config.environment["TSAN_OPTIONS"] = "halt_on_error=1:exitcode=99"
config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
config.environment["LSAN_OPTIONS"] = ":".join(
    [
        "suppressions=" + os.path.join(config.test_source_root, "tools/lsan.supp"),
        "print_suppressions=0",
    ]
)

# ---- substitutions --------------------------------------------------------------


def quoted(*words):
    return " ".join(shlex.quote(word) for word in words)


def tool(name, command):
    """Replaces a whole word of a RUN line."""
    pattern = r"(?<![-\w./%])" + re.escape(name) + r"(?![-\w.=/])"
    config.substitutions.append((pattern, command.replace("\\", "\\\\")))


def word(name, command):
    """Replaces %name."""
    config.substitutions.append(("%" + name + r"(?![-\w])", command))


llvm_bin = os.path.dirname(config.acc_filecheck)


def beside_filecheck(name):
    suffix = os.path.basename(config.acc_filecheck)[len("FileCheck"):]
    return os.path.join(llvm_bin, name + suffix)


check_run = [
    config.acc_python,
    os.path.join(config.test_source_root, "tools/check_run.py"),
    "--acc", paths["test_tool"],
    "--cc", config.acc_cc,
    "--libac", paths["libac"],
    "--libac-sanitized", paths["libac_sanitized"],
    "--libac-threads", paths["libac_threads"],
    "--include", include,
    "--include", test_include,
]
for name in ("gcc", "clang"):
    if name in programs:
        check_run += ["--" + name, programs[name]]
if config.acc_sanitize:
    check_run += ["--sanitize", config.acc_sanitize]

# Components of the runtime: REQUIRES: lib-curl, and %check-run --with curl.
for name, component in paths["components"].items():
    config.available_features.add("lib-" + name)
    check_run += ["--component", json.dumps([name, component])]

# %check-run --drivers: on each I/O driver that there is.
for driver, component in config.acc_drivers.items():
    check_run += ["--driver", json.dumps([driver, component])]

config.substitutions.append(("%check-run", quoted(*check_run) + " --scratch %t.run"))
word("acc_flags", quoted("-I", include, "-I", test_include))
# The tool without instrumentation, for gdb, valgrind and measurements.
word("plain_acc", quoted(paths["tool"]))
word("cc", quoted(config.acc_cc))
word("libac_shared",
     quoted(paths["libac_shared"], "-pthread",
            "-Wl,-rpath," + os.path.dirname(paths["libac_shared"])))
sanitize = ["-fsanitize=" + config.acc_sanitize] if config.acc_sanitize else []
libac = [paths["libac"], "-pthread"] + sanitize
# For a link that acc drives.
word("sanitize", quoted(*sanitize))
# %lib_NAME: a component, what it needs, and the runtime; %flags_NAME.
for name, component in paths["components"].items():
    needed = [component["libs"]] if component["libs"] else []
    word("lib_" + name + "_sanitized",
         " ".join([quoted(component["sanitized"]), "%libac_sanitized"] + needed))
    word("lib_" + name,
         " ".join([quoted(component["library"]), "%libac"] + needed))
    word("flags_" + name, component["cflags"])
word("libac_sanitized",
     quoted(paths["libac_sanitized"], "-pthread",
            "-fsanitize=" + (config.acc_sanitize or "address,undefined")))
word("libac", quoted(*libac))
config.substitutions.append((r"%\{run_deps\}", quoted(*libac)))
word("flags_http", "-DWITH_LLHTTP" if "llhttp" in http_parser else "")
word("lib_http", http_parser)
word("src", quoted(config.acc_source_root))
word("python", quoted(config.acc_python))
word("cmake", quoted(config.acc_cmake))
word("csmith_include", quoted("-I", config.acc_csmith_include))
for name, path in programs.items():
    word(name, quoted(path))
tool("acc", quoted(paths["test_tool"]))
tool("FileCheck", quoted(config.acc_filecheck))
tool("not", quoted(beside_filecheck("not")))
tool("count", quoted(beside_filecheck("count")))
tool("split-file", quoted(beside_filecheck("split-file")))
