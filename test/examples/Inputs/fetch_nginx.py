#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fetch_nginx.py nginx fetch directory: 500 files of 1000 to 500000 bytes."""

import os
import shutil
import socket
import subprocess
import sys
import time

nginx, fetch, root = sys.argv[1:]
shutil.rmtree(root, ignore_errors=True)
os.makedirs(root + "/pages")
for n in range(1, 501):
    with open(f"{root}/pages/{n}", "wb") as page:
        page.write(b"x" * (n * 1000))

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
with open(f"{root}/nginx.conf", "w") as configuration:
    configuration.write(f"""
daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}/pages; }}
}}
""")
server = subprocess.Popen([nginx, "-c", f"{root}/nginx.conf", "-p", root],
                          stderr=subprocess.DEVNULL)
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    done = subprocess.run([fetch, "-j", "50", "-t", "30", "-n", "500",
                           "127.0.0.1", str(port), "/#"],
                          stdout=subprocess.PIPE, text=True, timeout=120)
    print(done.stdout.splitlines()[-1])
    status = done.returncode
finally:
    server.terminate()
    server.wait()
    shutil.rmtree(root, ignore_errors=True)
sys.exit(status)
