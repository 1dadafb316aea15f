#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command beside an HTTP server on 127.0.0.1, whose address it finds in
AC_TEST_URL; ends with it.

    http_server.py command ...

    /bytes/N         N bytes
    /chunks/N        N chunks of a byte, 1 ms apart
    /slow/MS         answers after so many milliseconds
    /drop/N          closes the connection after N of 1000 bytes
    /echo            what was posted
    /connections     how many connections there have been
"""

import http.server
import os
import subprocess
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    connections = 0

    def setup(self):
        Handler.connections += 1
        super().setup()

    def log_message(self, *_):
        pass

    def reply(self, body, status=200, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None
                                               else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        _, kind, *rest = self.path.split("/")
        number = int(rest[0]) if rest else 0
        if kind == "bytes":
            self.reply(b"x" * number)
        elif kind == "chunks":
            self.reply(b"", length=number)
            for _ in range(number):
                time.sleep(0.001)
                self.wfile.write(b"c")
        elif kind == "slow":
            time.sleep(number / 1000)
            self.reply(b"late")
        elif kind == "drop":
            self.reply(b"d" * number, length=1000)
            self.close_connection = True
        elif kind == "connections":
            self.reply(str(Handler.connections).encode())
        else:
            self.reply(b"no such page", status=404)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.reply(self.rfile.read(length))


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, *_):
        """Clients that go away are what is tested."""


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = dict(os.environ)
    environment["AC_TEST_URL"] = f"http://127.0.0.1:{server.server_port}"
    return subprocess.run(sys.argv[1:], env=environment, timeout=500).returncode


if __name__ == "__main__":
    sys.exit(main())
