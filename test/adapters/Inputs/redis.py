#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command beside a Redis server of its own, on a Unix socket in a
scratch directory, whose path it finds in AC_TEST_REDIS, and on 127.0.0.1 at
the port AC_TEST_REDIS_PORT; ends with it.

    redis.py command ..."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(scratch):
    """The server's executable is also one of the tools, by its name."""
    executable = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    path = os.path.join(scratch, "redis")
    for _ in range(5):
        port = free_port()
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1",
             "--unixsocket", path, "--dir", scratch, "--save", "",
             "--appendonly", "no", "--daemonize", "no"],
            executable=executable, cwd=scratch, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=end_with_parent)
        for _ in range(200):
            if server.poll() is not None:
                break
            if os.path.exists(path):
                return server, path, port
            time.sleep(0.05)
        server.kill()
    sys.exit("redis.py: the server does not start")


def end_with_parent():
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


def main():
    scratch = tempfile.mkdtemp(prefix="acredis", dir="/tmp")
    try:
        server, path, port = start(scratch)
        try:
            environment = dict(os.environ, AC_TEST_REDIS=path,
                               AC_TEST_REDIS_PORT=str(port))
            return subprocess.run(sys.argv[1:], env=environment,
                                  timeout=500).returncode
        finally:
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
