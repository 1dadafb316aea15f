#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds a project from outside the tree with acc, and rebuilds it after each
kind of change: exactly what depends on the change is to be made anew.

    check.py installed|subdirectory|make|components|packages ...
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time

OUTPUT = """\
hello world 743, pair 3, plain 1
counter 6, listed 20
C17, strict 1, debug {debug}
"""


def fail(text):
    sys.exit(f"check: {text}")


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=600, **more)
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        fail(f"{' '.join(command)}\nends with {done.returncode}:\n{text}")
    return text


def expect(what, value, wanted):
    if value != wanted:
        fail(f"{what}: {value!r}, not {wanted!r}")
    print(f"ok: {what}")


def touch(path):
    """Newer than all that was built so far, also where time stamps are coarse."""
    time.sleep(0.05)
    os.utime(path)


class Tree:
    """A build whose objects are watched."""

    def __init__(self, directory, build):
        self.directory = directory
        self.build = build
        self.log = ""
        self.times = {}
        self.step()

    def scan(self):
        times = {}
        for folder, _, names in os.walk(self.directory):
            if "/runtime/CMakeFiles/" in folder + "/":
                continue  # acc's own library, where it is part of the build
            for name in names:
                if name.endswith(".o") or name in ("app", "app-shared"):
                    path = os.path.join(folder, name)
                    times[path] = os.stat(path).st_mtime_ns
        return times

    def step(self):
        """Builds; the names of the objects and programs that are new."""
        self.log = self.build()
        times = self.scan()
        made = {os.path.basename(path) for path, time_ns in times.items()
                if self.times.get(path) != time_ns}
        self.times = times
        return made


def check_rebuilds(tree, source, tool):
    expect("a build with nothing to do", tree.step(), set())
    touch(os.path.join(source, "src/local.h"))
    expect("a header of one .ac file", tree.step(), {"client.ac.o", "app"})
    touch(os.path.join(source, "plain.c"))
    made = tree.step()
    expect("a .c file", {name for name in made if ".ac" in name}, set())
    touch(os.path.join(source, "server.ac"))
    expect("an .ac file", tree.step(), {"server.ac.o", "app"})
    touch(os.path.join(source, "generate/made.ac.in"))
    expect("a generated .ac file", tree.step(), {"made.ac.o", "app"})
    touch(tool)
    made = tree.step() - {os.path.basename(tool) + ".o"}
    wanted = {"server.ac.o", "client.ac.o", "made.ac.o", "elsewhere.ac.o",
              "counter.ac.o", "listed.ac.o", "small.ac.c.o", "app",
              "app-shared"}
    expect("a new acc", made, wanted)
    expect("a build with nothing to do, again", tree.step(), set())


def check_database(a, build, source):
    with open(os.path.join(build, "compile_commands.json")) as file:
        entries = json.load(file)
    server = os.path.join(source, "server.ac")
    found = [entry for entry in entries if entry["file"] == server]
    if not found:
        fail(f"compile_commands.json has no entry for {server}")
    if "--launch" in found[0]["command"]:
        fail("compile_commands.json shows the launcher")
    print("ok: compile_commands.json")
    if not a.clangd:
        return
    # Not server.ac: flags that only gcc knows are an error to clangd in any file.
    counter = os.path.join(source, "lib/counter.ac")
    log = run([a.clangd, f"--check={counter}", f"--compile-commands-dir={build}",
               "--log=error"])
    for line in log.splitlines():
        if line.startswith("E["):
            fail(f"clangd: {line}\n{log}")
    print("ok: clangd")


def check_run(program, debug):
    expect("the program", run([program]), OUTPUT.format(debug=debug))
    folder = os.path.dirname(program)
    expect("the program with the shared runtime",
           run([os.path.join(folder, "app-shared")]), "shared runtime\n")


def check_cmake(a):
    source = os.path.join(a.scratch, "project")
    build = os.path.join(a.scratch, "build")
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.copytree(os.path.join(here, "project"), source)
    configure = [a.cmake, "-S", source, "-B", build, "-G", a.generator,
                 f"-DCMAKE_C_COMPILER={a.cc}"]
    multi = a.generator.endswith("Multi-Config")
    if not multi:
        configure.append("-DCMAKE_BUILD_TYPE=Debug")
    if a.mode == "installed":
        prefix = install(a)
        tool = os.path.join(prefix, "bin/acc")
        configure.append(f"-DCMAKE_PREFIX_PATH={prefix}")
    else:
        copy = os.path.join(a.scratch, "acc")
        copy_sources(a.source, copy)
        tool = os.path.join(copy, "tool/version.c")
        configure += [f"-DACC_SOURCE={copy}", f"-DACC_LLVM_ROOT={a.llvm_root}"]
        # One component is as good as all of them here.
        configure += [f"-DACC_WITH_{name.upper()}=OFF"
                      for name in os.listdir(os.path.join(copy, "runtime"))
                      if name != "curl"]
    run(configure)

    def make(config="Debug"):
        command = [a.cmake, "--build", build, "--parallel", "2"]
        return run(command + (["--config", config] if multi else []))

    tree = Tree(build, make)
    check_run(os.path.join(build, "Debug/app" if multi else "app"), 1)
    check_rebuilds(tree, source, tool)
    check_database(a, build, source)
    if multi and a.mode == "installed":
        make("Release")
        check_run(os.path.join(build, "Release/app"), 0)


def copy_sources(source, copy):
    """What a build of the tool and the runtime reads."""
    os.mkdir(copy)
    for name in ("include", "runtime", "tool", "cmake"):
        shutil.copytree(os.path.join(source, name), os.path.join(copy, name))
    for name in ("CMakeLists.txt", "LICENSE"):
        shutil.copy(os.path.join(source, name), copy)


def install(a):
    prefix = os.path.join(a.scratch, "prefix")
    command = [a.cmake, "--install", a.build, "--prefix", prefix]
    run(command + (["--config", a.config] if a.config else []))
    return prefix


def package_config(prefix):
    for folder, _, names in os.walk(prefix):
        if "acc.pc" in names:
            return folder
    fail("acc.pc is not installed")


def check_make(a):
    """A plain Makefile with the installed tool, then the same with acc-cc as
    the C compiler of Make's own rules."""
    prefix = install(a)
    source = os.path.join(a.scratch, "project")
    here = os.path.dirname(os.path.abspath(__file__))
    shutil.copytree(os.path.join(here, "make"), source)
    environment = dict(os.environ, PKG_CONFIG_PATH=package_config(prefix))
    acc = run(["pkg-config", "--variable=acc", "acc"], env=environment).strip()
    command = ["make", "-C", source, f"ACC={acc}", f"CC={a.cc}"]
    tree = Tree(source, lambda: run(command, env=environment))
    expect("the program", run([os.path.join(source, "app")]), "make 5\n")
    expect("a build with nothing to do", tree.step(), set())
    touch(os.path.join(source, "helper.h"))
    expect("a header", tree.step(), {"main.o", "helper.o", "app"})
    touch(os.path.join(source, "main.ac"))
    expect("an .ac file", tree.step(), {"main.o", "app"})
    expect("a build with nothing to do, again", tree.step(), set())

    wrapper = os.path.join(prefix, "bin/acc-cc")
    os.rename(os.path.join(source, "main.ac"),
              os.path.join(source, "main.ac.c"))
    run([wrapper, "-DNAME=\"cc\"", "-c", "main.ac.c", "-o", "main.o"],
        cwd=source)
    run([wrapper, "-c", "helper.c", "-o", "helper.o"], cwd=source)
    run([wrapper, "main.o", "helper.o", "-o", "app"], cwd=source)
    expect("acc-cc as the C compiler", run([os.path.join(source, "app")]),
           "cc 5\n")
    left = [name for name in os.listdir(source) if name.endswith(".acc")]
    expect("directories left behind", left, [])


def public_function(prefix, component):
    """Some function that the component's header declares."""
    path = os.path.join(prefix, "include/ac", component + ".h")
    with open(path) as file:
        found = re.search(r"^AC_API [^;(]*?(\w+)\(", file.read(), re.MULTILINE)
    if not found:
        fail(f"{path} declares no function")
    return found.group(1)


def check_components(a, prefix):
    """Each component that was built, through find_package, as an archive and
    shared, and through pkg-config; and one that there is not."""
    here = os.path.dirname(os.path.abspath(__file__))
    source = os.path.join(here, "components")
    configure = [a.cmake, "-S", source, "-G", a.generator,
                 f"-DCMAKE_C_COMPILER={a.cc}", f"-DCMAKE_PREFIX_PATH={prefix}"]
    environment = dict(os.environ, PKG_CONFIG_PATH=package_config(prefix))
    for component in filter(None, a.components.split(",")):
        symbol = public_function(prefix, component)
        build = os.path.join(a.scratch, component)
        run(configure + ["-B", build, f"-DCOMPONENT={component}",
                         f"-DSYMBOL={symbol}"])
        run([a.cmake, "--build", build])
        for kind in ("static", "shared"):
            expect(f"{component}, {kind}",
                   run([os.path.join(build, "app-" + kind)]), "1\n")
        words = run(["pkg-config", "--cflags", "--libs", "acc-" + component],
                    env=environment).split()
        program = os.path.join(a.scratch, component + "-pkg-config")
        run([os.path.join(prefix, "bin/acc"), f"-DSYMBOL={symbol}",
             f"-DHEADER=<ac/{component}.h>", os.path.join(source, "main.ac"),
             "-o", program] + words)
        expect(f"{component}, pkg-config", run([program]), "1\n")
    done = subprocess.run(configure + ["-B", os.path.join(a.scratch, "none"),
                                       "-DCOMPONENT=nonsense"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = " ".join(done.stdout.decode().split())
    if done.returncode == 0 or ("acc is installed here without its "
                                "component 'nonsense'") not in text:
        fail(f"a component that there is not: {text}")
    print("ok: a component that there is not")


class Package:
    """A Debian package: its name, what it needs, the files in it."""

    def __init__(self, path):
        self.path = path
        self.name = run(["dpkg-deb", "-f", path, "Package"]).strip()
        text = run(["dpkg-deb", "-f", path, "Depends"])
        # Of alternatives the first; without the version.
        self.needs = [word.split()[0] for word in text.split(",")]
        lines = run(["dpkg-deb", "-c", path]).splitlines()
        names = [line.split(maxsplit=5)[5] for line in lines]
        self.files = [name.split(" -> ")[0][1:] for name in names
                      if not name.endswith("/")]

    def expect(self, files, needs):
        names = [os.path.basename(file) for file in self.files]
        for wanted in files:
            if not any(re.fullmatch(wanted, name) for name in names):
                fail(f"{self.name} has no {wanted}: {names}")
        for wanted in needs:
            if not any(re.fullmatch(wanted, name) for name in self.needs):
                fail(f"{self.name} does not need {wanted}: {self.needs}")


def check_package(package, names):
    """The files are where they belong, the dependencies on each other and on
    what was linked are there."""
    found = re.fullmatch(r"libac(?:-(\w+?))?(-dev|\d+)", package.name)
    if package.name == "acc":
        package.expect(["acc", "acc-cc"],
                       ["libc6", r"libclang1-\d+", r"libclang-common-\d+-dev"])
        return
    if not found:
        fail(f"what is {package.name}?")
    component, kind = found.groups()
    library = "libac_" + component if component else "libac"
    if kind == "-dev":
        base = package.name[:-len("-dev")]
        twin = [name for name in names if re.fullmatch(base + r"\d+", name)]
        needs = twin + (["libac-dev", ".*-dev"] if component else [])
        header = component + ".h" if component else "abi.h"
        package.expect([library + ".a", library + ".so", header, r"acc.*\.pc",
                        r"acc.*Targets\.cmake"], needs)
    else:
        needs = [r"libac\d+", "lib(?!ac|c6).*"] if component else ["libc6"]
        package.expect([library + r"\.so\.\d+"], needs)
        if any("include" in file for file in package.files):
            fail(f"{package.name} has headers")


def check_packages(a):
    """Debian's packages of the build: each file in one of them, and what they
    need; unpacked, they are an installation."""
    folder = os.path.join(a.scratch, "packages")
    done = run([os.path.join(os.path.dirname(a.cmake), "cpack"), "-G", "DEB",
                "--config", os.path.join(a.build, "CPackConfig.cmake"),
                "-B", folder, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip"] +
               (["-C", a.config] if a.config else []))
    packages = [Package(os.path.join(folder, name))
                for name in sorted(os.listdir(folder)) if name.endswith(".deb")]
    names = [package.name for package in packages]
    files = {}
    for package in packages:
        check_package(package, names)
        for file in package.files:
            if file in files:
                fail(f"{file} is in {files[file]} and in {package.name}")
            files[file] = package.name
        print(f"ok: {package.name}")
    prefix = os.path.realpath(install(a))
    installed = {os.path.join("/usr", os.path.relpath(
        os.path.join(at, name), prefix))
        for at, _, found in os.walk(prefix) for name in found}
    expect("what is installed and in no package", installed - files.keys(),
           set())
    if re.search("CPack (Warning|Error)", done):
        fail(done)
    root = os.path.join(a.scratch, "root")
    for package in packages:
        run(["dpkg-deb", "-x", package.path, root])
    check_components(a, os.path.join(root, "usr"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["installed", "subdirectory", "make",
                                         "components", "packages"])
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--config", default="")
    parser.add_argument("--llvm-root", required=True)
    parser.add_argument("--clangd", default="")
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--components", default="")
    a = parser.parse_args()
    if a.clangd.endswith("-NOTFOUND"):
        a.clangd = ""
    # The suite's own settings are not for the builds.
    for name in ("MAKEFLAGS", "MFLAGS", "DESTDIR", "ACC_CC"):
        os.environ.pop(name, None)
    shutil.rmtree(a.scratch, ignore_errors=True)
    os.makedirs(a.scratch)
    if a.mode == "make":
        check_make(a)
    elif a.mode == "components":
        check_components(a, install(a))
    elif a.mode == "packages":
        check_packages(a)
    else:
        check_cmake(a)
    shutil.rmtree(a.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
