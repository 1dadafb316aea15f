#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Crawlers share a site of nginx, one of them is killed in the middle, and the
server's log tells what has been fetched.

    crawler_site.py nginx crawler directory pages

Redis is that of redis.py. The site has four hosts; a page links to some on each
of them, by every kind of address."""

import collections
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

NGINX, CRAWLER, ROOT, PAGES = sys.argv[1:4] + [int(sys.argv[4])]
HOSTS = [f"127.0.0.{n}" for n in range(1, 5)]
REDIS = "127.0.0.1:" + os.environ["AC_TEST_REDIS_PORT"]


def address(number, port):
    return f"http://{HOSTS[number % 4]}:{port}/p/{number}.html"


def links(number, port):
    for child in (3 * number + 1, 3 * number + 2, 3 * number + 3):
        if child >= PAGES:
            continue
        if child % 4 == number % 4:
            yield f'<a href="./{child}.html#top">'
        else:
            yield f"<A class=x HREF = '{address(child, port)}'>"
    yield f"<a href={address(number // 2, port)}>"
    yield f'<a href="//{HOSTS[0]}:{port}/p/0.html"><a href="mailto:x@y">'
    yield f'<a href="http://127.0.0.9:{port}/other"><a href="">'


def make(port):
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT + "/site/p")
    for number in range(PAGES):
        with open(f"{ROOT}/site/p/{number}.html", "w") as page:
            page.write("<html><p>" + "x" * (number % 500) + "\n"
                       + "\n".join(links(number, port)) + "\n")
    listen = "".join(f"listen {host}:{port} backlog=4096; " for host in HOSTS)
    with open(f"{ROOT}/nginx.conf", "w") as configuration:
        configuration.write(f"""
daemon off; master_process off; pid {ROOT}/pid; error_log {ROOT}/error.log;
events {{ worker_connections 1024; }}
http {{
  types {{ text/html html; }}
  log_format short "$server_addr$uri $status";
  access_log {ROOT}/access.log short;
  client_body_temp_path {ROOT}/body; proxy_temp_path {ROOT}/proxy;
  fastcgi_temp_path {ROOT}/fastcgi; uwsgi_temp_path {ROOT}/uwsgi;
  scgi_temp_path {ROOT}/scgi;
  server {{ {listen} root {ROOT}/site; keepalive_requests 100000; }}
}}
""")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetched():
    """How often each page."""
    with open(f"{ROOT}/access.log") as log:
        lines = [line.split() for line in log]
    return collections.Counter(path for path, status in lines
                               if status == "200")


def crawl(port):
    return subprocess.Popen(
        [CRAWLER, "-r", REDIS, "-f", "site", "-j", "24", "-L", "16", "-t", "3",
         "-l", "4000", address(0, port),
         *(f"http://{host}:{port}/p/0.html" for host in HOSTS[1:])],
        stdout=subprocess.PIPE, text=True)


def run(port):
    crawlers = [crawl(port) for _ in range(3)]
    until = time.monotonic() + 60
    while sum(fetched().values()) < PAGES // 3 and time.monotonic() < until:
        time.sleep(0.05)
    crawlers[0].send_signal(signal.SIGKILL)
    crawlers[0].wait()
    outputs = [c.communicate(timeout=100)[0].splitlines() for c in crawlers[1:]]
    print("status", *(c.returncode for c in crawlers[1:]))
    for output in outputs:
        print(output[0])
    print(outputs[0][-1])
    counts = fetched()
    wanted = {f"{HOSTS[n % 4]}/p/{n}.html" for n in range(PAGES)}
    wanted |= {f"{host}/p/0.html" for host in HOSTS}
    # A page's own links lead there under other hosts' names, too.
    lost = wanted - set(counts)
    again = sum(counts.values()) - len(counts)
    print(f"{len(wanted)} pages, {len(lost)} lost,",
          "again no more than the dead one had claimed:", again <= 24)


def main():
    port = free_port()
    make(port)
    server = subprocess.Popen([NGINX, "-c", f"{ROOT}/nginx.conf", "-p", ROOT],
                              stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection((HOSTS[3], port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        run(port)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(ROOT, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
