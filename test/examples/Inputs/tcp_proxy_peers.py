#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Clients and an origin around the proxy.

    tcp_proxy_peers.py program connections

The origin answers what it has got when its peer has half-closed, or at once:
a request's first byte says which."""

import signal
import socket
import struct
import subprocess
import sys
import threading

RESET = struct.pack("ii", 1, 0)


def serve(connection):
    with connection:
        try:
            kind = connection.recv(1)
            if kind == b"r":  # reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      RESET)
                return
            if kind == b"f":  # says all it has to say, then listens
                connection.sendall(b"first")
                connection.shutdown(socket.SHUT_WR)
            got = kind
            while data := connection.recv(65536):
                got += data
                if kind == b"e":
                    connection.sendall(data)
            if kind == b"w":
                connection.sendall(got[::-1])
            if kind == b"f":
                sizes.append(len(got))
        except ConnectionError:
            resets.append(1)


sizes, resets = [], []


def origin():
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,),
                             daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def read_all(connection):
    got = b""
    while data := connection.recv(65536):
        got += data
    return got


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def half_close(port, size):
    with connect(port) as connection:
        sent = b"w" + bytes(range(256)) * (size // 256)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection) == sent[::-1]


def many(port, count):
    connections = [connect(port) for _ in range(count)]
    good = 0
    for number, connection in enumerate(connections):
        connection.sendall(b"e%06d" % number)
    for number, connection in enumerate(connections):
        good += connection.recv(6, socket.MSG_WAITALL) == b"%06d" % number
    for connection in connections:
        connection.shutdown(socket.SHUT_WR)
    for connection in connections:
        good += connection.recv(1) == b""
        connection.close()
    return good == 2 * count


def reset_seen(port):
    with connect(port) as connection:
        try:
            connection.sendall(b"r")
            return connection.recv(1) != b""
        except ConnectionResetError:
            return True


def first(port):
    """The origin half-closes, and hears all the same."""
    with connect(port) as connection:
        connection.sendall(b"f")
        got = read_all(connection)
        connection.sendall(b"x" * 100000)
        connection.shutdown(socket.SHUT_WR)
    for _ in range(200):
        if sizes:
            break
        threading.Event().wait(0.02)
    return got == b"first" and sizes == [100001]


def client_resets(port):
    connection = connect(port)
    connection.sendall(b"e123")
    connection.recv(3, socket.MSG_WAITALL)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()
    for _ in range(200):
        if resets:
            return True
        threading.Event().wait(0.02)
    return False


def start(program, port):
    proxy = subprocess.Popen(
        [program, "0", "127.0.0.1", str(port)], stdout=subprocess.PIPE,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                    signal.SIG_DFL))
    return proxy, int(proxy.stdout.readline().split()[-1])


def end(proxy):
    proxy.send_signal(signal.SIGINT)
    output = proxy.stdout.read().splitlines()
    return proxy.wait(20), output


def main():
    program, count = sys.argv[1], int(sys.argv[2])
    proxy, port = start(program, origin())
    print("half-close:", half_close(port, 2560000))
    print("origin first:", first(port))
    print(count, "at once:", many(port, count))
    print("origin resets:", reset_seen(port))
    print("client resets:", client_resets(port))
    hanging = connect(port)
    hanging.sendall(b"e")
    status, output = end(proxy)
    print("hanging one ended:", hanging.recv(1) == b""
          if not is_reset(hanging) else True)
    print("status", status)
    print(output[-1])
    proxy, port = start(program, free_port())
    print("refused:", is_refused(port))
    status, output = end(proxy)
    print(output[0])
    print("status", status)


def is_reset(connection):
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except ConnectionResetError:
        return True


def is_refused(port):
    """The proxy takes the connection, and may have reset it by the time that
    connect looks."""
    try:
        with connect(port) as connection:
            return is_reset(connection)
    except ConnectionResetError:
        return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
