#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads the notes service, restarts its database in the middle, and counts:
every request is answered, every note that was promised is there.

    notes_load.py program clients notes-of-each

The database is the one of postgres.py."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

CLIENTS, NOTES = int(sys.argv[2]), int(sys.argv[3])


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=60)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())


def write_notes(port, number, stored, refused, lost):
    client = Client(port)
    for i in range(NOTES):
        text = f"note {i} of {number} \"\u00e4\""
        try:
            status, body = client.ask("POST", "/notes",
                                      json.dumps({"text": text}))
        except (OSError, http.client.HTTPException) as error:
            lost.append(repr(error))
            client = Client(port)
            continue
        if status == 201 and body["text"] == text:
            stored.append((body["id"], text))
        elif status == 503:
            refused.append(status)
        else:
            lost.append((status, body))


def load(port):
    stored, refused, lost = [], [], []
    threads = [threading.Thread(target=write_notes,
                                args=(port, n, stored, refused, lost))
               for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while len(stored) < CLIENTS * NOTES // 3:
        time.sleep(0.01)
    before = len(stored)
    subprocess.run(os.environ["AC_TEST_RESTART"], shell=True, check=True,
                   timeout=60)
    for thread in threads:
        thread.join()
    print(f"{CLIENTS * NOTES} asked: {len(lost)} lost,",
          "all answered:", len(stored) + len(refused) == CLIENTS * NOTES)
    for what in lost[:5]:
        print(what)
    print("refused no more than were under way:", len(refused) <= CLIENTS,
          "goes on:", len(stored) > before)
    client = Client(port)
    missing = [note for note in stored
               if client.ask("GET", f"/notes/{note[0]}")
               != (200, {"id": note[0], "text": note[1]})]
    print("promised and missing:", len(missing))
    print("twice:", len(stored) - len({number for number, _ in stored}))


def raw(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(request)
        got = b""
        try:
            while data := s.recv(65536):
                got += data
        except ConnectionError:
            pass
    return [line for line in got.decode().splitlines()
            if line.startswith(("HTTP", "{", "["))]


def manners(port):
    client = Client(port)
    print(client.ask("POST", "/notes", '{"text": "hello"}'))
    print(client.ask("GET", "/notes/1"))
    print(client.ask("GET", "/notes"))
    print(client.ask("GET", "/notes/2"))
    print(client.ask("GET", "/notes/x"))
    print(client.ask("PUT", "/notes"))
    print(client.ask("POST", "/notes", "{nonsense"))
    print(client.ask("POST", "/notes", "x" * 65537))
    status, body = Client(port).ask("GET", "/health")
    print(status, body["status"])
    print(raw(port, b"GET /notes/1 HTTP/1.1\r\n\r\nGET /notes/3 HTTP/1.0\r\n\r\n"))
    print(raw(port, b"\x16\x03\x01 nonsense\r\n\r\n"))
    print(raw(port, b"GET /" + b"x" * 2000 + b" HTTP/1.1\r\n\r\n"))
    print(raw(port, b"GET / HTTP/1.1\r\nA: " + b"x" * 17000 + b"\r\n\r\n"))
    with socket.create_connection(("127.0.0.1", port)) as s:
        for byte in b"GET /notes/1 HTTP/1.1\r\nConnection: close\r\n\r\n":
            s.sendall(bytes([byte]))
        print(s.recv(12, socket.MSG_WAITALL))


def main():
    child = subprocess.Popen(
        [sys.argv[1], "-n", "8"], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        port = int(child.stdout.readline().split()[-1])
        manners(port)
        load(port)
        idle = Client(port)
        idle.ask("GET", "/health")
        child.send_signal(signal.SIGINT)
        print(child.stdout.read(), end="")
        print("status", child.wait(20), "idle one closed:",
              idle.connection.sock.recv(1) == b"")
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
