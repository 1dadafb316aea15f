#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Crawlers at small sites that watch them: one over TLS with a robots.txt, one
that is slow, one that fails.

    crawler_manners.py crawler

Redis is that of redis.py, the certificate one of tls.py."""

import http.server
import os
import socketserver
import ssl
import subprocess
import sys
import threading
import time

CRAWLER = sys.argv[1]
REDIS = "127.0.0.1:" + os.environ["AC_TEST_REDIS_PORT"]
CERTIFICATES = os.environ["AC_TEST_TLS"]

ROBOTS = """\
User-agent: other
Disallow: /

User-agent: someone
User-agent: ACC-Crawler  # us
Crawl-delay: 0.2
Disallow: /private
Allow: /private/open*.html$
Disallow: /*?
"""


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def reply(self, status, text, **headers):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        server = self.server
        with server.lock:
            server.seen.append((time.monotonic(), self.path))
            server.busy += 1
            server.most = max(server.most, server.busy)
        try:
            server.answer(self)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            with server.lock:
                server.busy -= 1


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, answer, tls=False):
        super().__init__(("127.0.0.1", 0), Site)
        self.answer = answer
        self.lock = threading.Lock()
        self.seen, self.busy, self.most = [], 0, 0
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(CERTIFICATES, "good.pem"))
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        pass

    def paths(self):
        return [path for _, path in self.seen if path != "/robots.txt"]


def crawl(count, name, *words):
    """Several at once; what the first one says of all."""
    children = [subprocess.Popen([CRAWLER, "-r", REDIS, "-f", name, *words],
                                 stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL)
                for _ in range(count)]
    outputs = [child.communicate(timeout=60)[0] for child in children]
    statuses = {child.returncode for child in children}
    return statuses, outputs[0].splitlines()[-1:]


def polite(page):
    pages = {
        "/robots.txt": ROBOTS,
        "/": "<a href=a><a href=b><a href=/private/x.html>"
             "<a href=/private/open1.html><a href=/private/open1.html5>"
             "<a href='/c?x&amp;y'><a href=/old>",
        "/a": "a", "/b": "<a href=/a#x>", "/private/open1.html": "",
        "/new": "new"}
    if page.path == "/old":
        page.reply(301, "", Location="/new")
    elif page.path in pages:
        page.reply(200, pages[page.path])
    else:
        page.reply(404, "")


def slow(page):
    if page.path == "/robots.txt":
        page.reply(404, "")
    else:
        time.sleep(0.05)
        page.reply(200, "".join(f"<a href=/{n}>" for n in range(30)))


FAILURES = {}


def failing(page):
    tries = FAILURES[page.path] = FAILURES.get(page.path, 0) + 1
    if page.path == "/robots.txt":
        page.reply(503 if tries == 1 else 404, "")
    elif page.path == "/":
        page.reply(200, "<a href=/always><a href=/once><a href=/late>"
                   "<a href=/cut>")
    elif page.path == "/late":
        time.sleep(1.5)
    elif page.path == "/cut":
        page.send_response(200)
        page.send_header("Content-Length", "1000")
        page.end_headers()
        page.wfile.write(b"x")
        page.close_connection = True
    elif page.path == "/once" and tries > 1:
        page.reply(200, "at last")
    else:
        page.reply(500, "")


def main():
    site = Server(polite, tls=True)
    url = f"https://localhost:{site.server_port}/"
    authority = os.path.join(CERTIFICATES, "ca.pem")
    print(*crawl(2, "polite", "-j", "8", "-C", authority, url))
    print(sorted(site.paths()))
    times = [at for at, path in site.seen if path != "/robots.txt"]
    gaps = sorted(b - a for a, b in zip(times, times[1:]))
    print("apart:", gaps[len(gaps) // 2] > 0.13,
          "in all:", times[-1] - times[0] > 0.95)

    site = Server(polite, tls=True)
    print(*crawl(1, "untrusted", "-j", "2",
                 f"https://localhost:{site.server_port}/"))
    print(site.paths())

    site = Server(slow)
    print(*crawl(3, "slow", "-j", "8", "-L", "3",
                 f"http://127.0.0.1:{site.server_port}/0"))
    print(len(site.paths()), "pages, at most", site.most)

    site = Server(failing)
    print(*crawl(1, "failing", "-j", "4", "-t", "0.5",
                 f"http://127.0.0.1:{site.server_port}/"))
    print(sorted(FAILURES.items()))


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
