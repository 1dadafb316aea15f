#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The chat server under its load.

    chat.py server load clients [server options]"""

import signal
import socket
import subprocess
import sys


def talk(port, text):
    """Like nc -N."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while data := s.recv(4096):
            got += data
    return got.decode()


def main():
    server, load, clients, *options = sys.argv[1:]
    child = subprocess.Popen(
        [server, *options], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        port = int(child.stdout.readline().split()[-1])
        print(talk(port, b"JOIN news\nSAY news hello\nLEAVE news\n"), end="")
        print(talk(port, b"LEAVE x\nJOIN\nJOIN x\nJOIN x\nSAY x a b\nlast"),
              end="")
        try:
            print("too long:", talk(port, b"SAY x " + b"y" * 100000))
        except OSError:
            print("too long: reset")
        subprocess.run([load, str(port), str(child.pid), clients],
                       timeout=120, check=True)
        child.send_signal(signal.SIGINT)
        print(child.stdout.read(), end="")
        print("status", child.wait(20))
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
