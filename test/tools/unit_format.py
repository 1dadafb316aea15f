# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The lit format of test/unit: each .c file is a program of its own that knows
the runtime from inside. It is compiled with the library as it is installed,
and with the instrumented one, is run on each I/O driver, and has to end with
status 0 every time."""

import os
import signal
import subprocess

import lit.formats
import lit.Test


class UnitTest(lit.formats.FileBasedTest):
    def __init__(self, rows, includes, drivers):
        """rows: name, compiler with its flags, libraries"""
        self.rows = rows
        self.includes = includes
        self.drivers = drivers

    def execute(self, test, lit_config):
        source = test.getSourcePath()
        program = test.getExecPath() + ".program"
        os.makedirs(os.path.dirname(program), exist_ok=True)
        environment = dict(os.environ, **test.config.environment)
        for name, compiler, libraries in self.rows:
            commands = [
                compiler + ["-Wall", "-Wextra", "-Werror"] + self.includes
                + [source, "-o", program] + libraries,
                *(["env", "AC_DRIVER=" + driver, program]
                  for driver in self.drivers),
            ]
            for command in commands:
                output = run(command, environment)
                if output is not None:
                    text = f"{name}: {' '.join(command)}\n{output}"
                    return lit.Test.Result(lit.Test.FAIL, text)
        os.unlink(program)
        return lit.Test.Result(lit.Test.PASS, "")


def heed_interrupts():
    """lit may have been started with SIGINT ignored, as by `ctest &`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(command, environment):
    """None when all is well, else what was printed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=environment, timeout=120,
                              preexec_fn=heed_interrupts)
    except subprocess.TimeoutExpired as expired:
        return "not done after 120 s\n" + (expired.stdout or b"").decode()
    if done.returncode == 0:
        return None
    return f"status {done.returncode}\n" + done.stdout.decode(errors="replace")
