#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads an echo server.

    echo_load.py connections rounds server [arguments]

Starts the server, opens all connections, sends a text of its own on each in
every round and waits for it to come back, all connections staying open
meanwhile. Then resets some, closes most, and interrupts the server with the
rest open; it has to exit with status 0 and to have counted right."""

import asyncio
import re
import resource
import signal
import socket
import struct
import sys

LEFT_OPEN = 20
RESET = 20


def heed_interrupts():
    """What runs in the background may have been told to ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def text(connection, round_number):
    # Of different sizes, some larger than a socket's and a server's buffer.
    size = (connection * 37 + round_number * 1009) % 3000 + 1
    if connection % 100 == 0:
        size *= 50
    return (f"{connection}.{round_number} " * size).encode()[:size]


async def exchange(reader, writer, data):
    writer.write(data)
    back, _ = await asyncio.gather(reader.readexactly(len(data)),
                                   writer.drain())
    if back != data:
        raise SystemExit("what came back is not what was sent")


async def load(port, count, rounds):
    streams = []
    for start in range(0, count, 200):
        streams += await asyncio.gather(
            *(asyncio.open_connection("127.0.0.1", port)
              for _ in range(start, min(count, start + 200))))
    sent = 0
    for number in range(rounds):
        texts = [text(i, number) for i in range(count)]
        sent += sum(map(len, texts))
        await asyncio.gather(*(exchange(*stream, data)
                               for stream, data in zip(streams, texts)))
    return streams, sent


async def main():
    count, rounds = int(sys.argv[1]), int(sys.argv[2])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = await asyncio.create_subprocess_exec(
        *sys.argv[3:], stdout=asyncio.subprocess.PIPE,
        preexec_fn=heed_interrupts)
    try:
        line = (await server.stdout.readline()).decode()
        port = int(re.fullmatch(r"listening on port (\d+)\n", line)[1])
        streams, sent = await load(port, count, rounds)
        for _, writer in streams[LEFT_OPEN:LEFT_OPEN + RESET]:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                           struct.pack("ii", 1, 0))
            writer.transport.abort()
        for reader, writer in streams[LEFT_OPEN + RESET:]:
            writer.write_eof()
            if await reader.read():
                raise SystemExit("more came back than was sent")
            writer.close()
        # Still there, and still able to serve.
        late = await asyncio.open_connection("127.0.0.1", port)
        await exchange(*late, b"late")
        sent += len(b"late")

        server.send_signal(signal.SIGINT)
        summary = (await server.stdout.read()).decode()
        status = await server.wait()
        for reader, writer in streams[:LEFT_OPEN] + [late]:
            if await reader.read():
                raise SystemExit("more came back than was sent")
            writer.close()
        expected = f"served {count + 1} connections, {sent} bytes\n"
        if status != 0 or summary != expected:
            raise SystemExit(f"status {status}, {summary!r}, "
                             f"not {expected!r}")
        print(f"{count} connections at once, {rounds} rounds: all came back")
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()


asyncio.run(asyncio.wait_for(main(), 90))
