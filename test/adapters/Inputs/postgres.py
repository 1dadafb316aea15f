#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command beside a PostgreSQL server of its own, on a Unix socket in a
scratch directory, and ends with it. libpq finds the server by PGHOST; the
command in AC_TEST_RESTART restarts it.

    postgres.py command ...

The server does not run as root: as postgres or nobody then."""

import glob
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def find_programs():
    for path in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True):
        if os.path.exists(os.path.join(path, "initdb")):
            return path
    return os.path.dirname(shutil.which("initdb") or "")


def become(name):
    """Words before a command that run it as another user, and that user."""
    if os.geteuid() != 0:
        return [], None
    for user in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}",
                "--clear-groups"], entry
    sys.exit("postgres.py: there is no user to run the server as")


class Server:
    def __init__(self):
        self.words, user = become("postgres")
        self.programs = find_programs()
        # A socket's path must be short.
        self.scratch = tempfile.mkdtemp(prefix="acpg", dir="/tmp")
        if user:
            os.chown(self.scratch, user.pw_uid, user.pw_gid)
        os.chmod(self.scratch, 0o755)
        self.data = os.path.join(self.scratch, "data")
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "tester",
                 "--no-sync", "--locale=C", "-E", "UTF8")
        self.run(*self.control("start"))

    def control(self, *words):
        options = (f"-k {self.scratch} -h '' -F -c shared_buffers=16MB "
                   "-c max_connections=50 -c logging_collector=off")
        return ["pg_ctl", "-D", self.data, "-w", "-t", "60", "-m", "fast",
                "-l", os.path.join(self.scratch, "log"), "-o", options, *words]

    def command(self, name, *words):
        return self.words + [os.path.join(self.programs, name), *words]

    def run(self, *words):
        done = subprocess.run(self.command(*words), cwd=self.scratch,
                              stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"postgres.py: {words}\n{done.stdout.decode()}")

    def stop(self):
        subprocess.run(self.command("pg_ctl", "-D", self.data, "-m", "immediate",
                                    "-w", "stop"), cwd="/",
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def watch(self):
        """Stops the server when this process is killed, or takes too long."""
        parent = os.getpid()
        if os.fork() != 0:
            return
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        for _ in range(1200):
            time.sleep(0.5)
            if os.getppid() != parent:
                break
        if os.path.exists(self.scratch):
            self.stop()
        os._exit(0)


def main():
    server = Server()
    server.watch()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        environment = dict(os.environ, PGHOST=server.scratch, PGUSER="tester",
                           PGDATABASE="postgres")
        environment["AC_TEST_RESTART"] = shlex.join(
            server.command(*server.control("restart"))) + " >/dev/null 2>&1"
        return subprocess.run(sys.argv[1:], env=environment,
                              timeout=500).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
