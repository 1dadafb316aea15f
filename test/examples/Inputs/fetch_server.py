#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fetch_server.py fetch: runs the fetcher against Python's HTTP server.

Pages: /page-N of N * 100 bytes; /chunked; /slow, which takes too long; /short,
which breaks off; /reset; anything else is 404. The server counts how many
requests it has at once."""

import http.server
import re
import socket
import struct
import subprocess
import sys
import threading
import time


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    at_once = most_at_once = 0
    stop = threading.Event()

    def do_GET(self):
        self.close_connection = True
        try:
            self.page()
        except OSError:
            pass  # the client gave up

    def page(self):
        page = re.fullmatch(r"/page-(\d+)", self.path)
        if page:
            # Counted only while the client cannot have its answer yet.
            with Pages.lock:
                Pages.at_once += 1
                Pages.most_at_once = max(Pages.most_at_once, Pages.at_once)
            time.sleep(0.01)
            with Pages.lock:
                Pages.at_once -= 1
            self.answer(200, b"x" * (int(page[1]) * 100))
        elif self.path == "/slow":
            Pages.stop.wait(60)
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
        elif self.path == "/reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.connection.close()
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for size in (1, 10, 5000):
                self.wfile.write(b"%x\r\n%s\r\n" % (size, b"y" * size))
                self.wfile.flush()
                time.sleep(0.01)
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(404, b"nothing here")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, *_):
        pass


def fetch(port, *arguments):
    done = subprocess.run([sys.argv[1], *arguments[:-1], "127.0.0.1",
                           str(port), *arguments[-1]],
                          stdout=subprocess.PIPE, text=True, timeout=60)
    lines = done.stdout.splitlines()
    print(*sorted(lines[:-1]), sep="\n")
    print(lines[-1], f"status {done.returncode}", sep="\n")


def main():
    server = Server(("127.0.0.1", 0), Pages)
    port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        print("all:")
        fetch(port, "-j", "8", "-t", "20", "-n", "200", ["/page-#"])
        print(f"the server saw at most 8: {Pages.most_at_once <= 8}")
        print(f"and several at once: {Pages.most_at_once > 1}")
        print("mixed:")
        fetch(port, "-j", "3", "-t", "1",
              ["/page-1", "/chunked", "/slow", "/short", "/reset", "/missing"])
        print("refused:")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            fetch(unused.getsockname()[1], "-t", "5", ["/page-1"])
    finally:
        Pages.stop.set()
        server.shutdown()


main()
