#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A crawler at a site that nginx serves over TLS: it takes every page when the
certificate is good, and none from a server whose certificate is expired, by
another authority, or for another name.

    crawler_tls.py nginx crawler directory

Redis is that of redis.py, the certificates those of tls.py."""

import os
import shutil
import socket
import subprocess
import sys
import time

NGINX, CRAWLER, ROOT = sys.argv[1:]
REDIS = "127.0.0.1:" + os.environ["AC_TEST_REDIS_PORT"]
CERTIFICATES = os.environ["AC_TEST_TLS"]
PAGES = 60


def certificate(name):
    return os.path.join(CERTIFICATES, name + ".pem")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server(name, address, port):
    return f"""
  server {{
    listen {address}:{port} ssl; root {ROOT}/site;
    ssl_certificate {certificate(name)};
    ssl_certificate_key {certificate(name)};
  }}"""


def make(ports):
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT + "/site")
    for number in range(PAGES):
        with open(f"{ROOT}/site/{number}.html", "w") as page:
            page.write(f"<a href={2 * number + 1}.html>"
                       f"<a href={2 * number + 2}.html>" + "x" * 3000)
    with open(f"{ROOT}/nginx.conf", "w") as configuration:
        configuration.write(f"""
daemon off; master_process off; pid {ROOT}/pid; error_log {ROOT}/error.log;
events {{ worker_connections 512; }}
http {{
  types {{ text/html html; }}
  log_format short "$server_port$uri $status $ssl_protocol";
  access_log {ROOT}/access.log short;
  client_body_temp_path {ROOT}/body; proxy_temp_path {ROOT}/proxy;
  fastcgi_temp_path {ROOT}/fastcgi; uwsgi_temp_path {ROOT}/uwsgi;
  scgi_temp_path {ROOT}/scgi;{server("good", "127.0.0.1", ports[0])}\
{server("expired", "127.0.0.1", ports[1])}\
{server("good", "127.0.0.2", ports[2])}
}}
""")


def log(port):
    with open(f"{ROOT}/access.log") as lines:
        return [line.split() for line in lines if line.startswith(f"{port}/")]


def crawl(name, authority, address, port):
    done = subprocess.run([CRAWLER, "-r", REDIS, "-f", name, "-j", "8",
                           "-C", certificate(authority),
                           f"https://{address}:{port}/0.html"],
                          capture_output=True, text=True, timeout=60)
    served = log(port)
    pages = {words[0] for words in served if words[1] == "200"}
    over = {words[2][:3] for words in served}
    # A first request without a certificate that convinces is never made.
    print(f"{name}: {done.returncode}, {len(pages)} pages, {len(served)} "
          f"requests{' over ' + over.pop() if over else ''}, "
          f"certificate refused: {'certificate' in done.stderr}")


def main():
    ports = [free_port() for _ in range(3)]
    make(ports)
    nginx = subprocess.Popen([NGINX, "-c", f"{ROOT}/nginx.conf", "-p", ROOT],
                             stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", ports[0]), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        crawl("expired", "ca", "localhost", ports[1])
        crawl("another-name", "ca", "127.0.0.2", ports[2])
        crawl("another-authority", "other-ca", "localhost", ports[0])
        crawl("good", "ca", "localhost", ports[0])
    finally:
        nginx.terminate()
        nginx.wait()
        shutil.rmtree(ROOT, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
