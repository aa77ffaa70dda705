# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that do RTMP wrong on purpose: slow, cut off, silent, flooding. Each kind is one coroutine for one client.

A client is over when the router has closed it, or when it has done what it came for; nothing here judges the router.
What a client does follows from its number, so that a run can be repeated.
"""
import asyncio
import contextlib
import os
import random
import socket
import struct

PATIENCE = 60.0             # the router closes all of them much sooner
HANDSHAKE = 1536


def amf(*values):
    out = b""
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, dict):
            out += b"\x03" + b"".join(struct.pack(">H", len(k)) + k.encode() + amf(v) for k, v in value.items()) + b"\0\0\x09"
        elif isinstance(value, str):
            out += b"\x02" + struct.pack(">H", len(value)) + value.encode()
        else:
            out += b"\x00" + struct.pack(">d", value)
    return out


def message(csid, kind, body, stream=0, length=None, chunk=128):
    """One message in chunks; `length` is what its header claims."""
    size = len(body) if length is None else length
    head = bytes([csid]) + b"\0\0\0" + size.to_bytes(3, "big") + bytes([kind]) + stream.to_bytes(4, "little")
    parts = [body[at:at + chunk] for at in range(0, len(body), chunk)] or [b""]
    return head + bytes([0xc0 | csid]).join(parts)


def command(*values, stream=0):
    return message(3, 20, amf(*values), stream)


CONNECT = command("connect", 1, {"app": "load", "tcUrl": "rtmp://127.0.0.1/load"})
CREATE = command("createStream", 2, None)
AVC = message(6, 9, b"\x17\0\0\0\0\1\x64\0\x1f\xff\xe1\0\4\x67\x64\0\x1f\1\0\2\x68\xee", 1)
AAC = message(4, 8, b"\xaf\0\x11\x90", 1)


def hello():
    return b"\x03" + bytes(HANDSHAKE)


def publish(key):
    return CONNECT + CREATE + command("publish", 3, None, key, "live", stream=1)


def play(key):
    return CONNECT + CREATE + command("play", 3, None, key, stream=1)


def frames(count):
    return b"".join(message(6, 9, (b"\x17" if i % 5 == 0 else b"\x27") + b"\1\0\0\0" + bytes(2000), 1) for i in range(count))


class Client:
    """A connection that ends quietly whatever the router does with it."""

    def __init__(self, address, number):
        self.address, self.random = address, random.Random(number)
        self.key = f"hostile{number}"

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection(*self.address, limit=1 << 16)
        return self

    async def __aexit__(self, *_):
        self.writer.transport.abort()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def shake_hands(self):
        await self.send(hello())
        answer = await self.reader.readexactly(1 + 2 * HANDSHAKE)
        await self.send(answer[1:1 + HANDSHAKE])

    async def until_closed(self):
        while await self.reader.read(1 << 16):
            pass

    def reset(self):
        """The next close is a RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def silent(client):
    """Leaves after a while: the kernel may have dropped it from a full backlog without a word."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(client.until_closed(), 15)


async def half_open(client):
    """Says half of a handshake, or all of it, and no more."""
    await client.send(hello()[:client.random.choice((1, 700, 1537))])
    await client.until_closed()


async def one_byte_at_a_time(client):
    for byte in hello() + hello()[1:] + publish(client.key):
        await client.send(bytes([byte]))
        await asyncio.sleep(0.2)


async def slow_publisher(client):
    """Has a path, and sends a picture that never ends."""
    await client.shake_hands()
    await client.send(publish(client.key) + AVC + AAC + b"\x06\0\0\0\x00\x40\x00\x09\x01\0\0\0")
    for _ in range(20):
        await client.send(b"\x17")
        await asyncio.sleep(0.2)


async def slow_reader(client):
    """Plays the good stream and reads a byte now and then."""
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await client.shake_hands()
    await client.send(play("0"))
    client.writer.transport.pause_reading()
    for _ in range(20):
        await asyncio.sleep(0.2)
        with contextlib.suppress(BlockingIOError):
            os.read(sock.fileno(), 1)  # behind the transport's back, which would read as much as there is


async def cut(client):
    """A publisher that vanishes at any byte of its session, with a FIN or a RST."""
    session = hello() + hello()[1:] + publish(client.key) + AVC + AAC + frames(20)
    await client.send(session[:client.random.randrange(len(session))])
    if client.random.random() < 0.5:
        client.reset()


async def cut_reader(client):
    await client.shake_hands()
    await client.send(play("0"))
    await client.reader.read(client.random.randrange(1, 200000))
    if client.random.random() < 0.5:
        client.reset()


async def garbage(client):
    if client.random.random() < 0.5:
        await client.shake_hands()
    for _ in range(200):
        await client.send(client.random.randbytes(16384))


async def huge_message(client):
    """Claims the longest message that a header can claim, before or after it may send media."""
    await client.shake_hands()
    if client.random.random() < 0.5:
        await client.send(publish(client.key))
    await client.send(message(6, 9, bytes(100000), 1, length=0xffffff))
    await client.until_closed()


async def unfinished_messages(client):
    """Begins a message on every chunk stream and ends none."""
    await client.shake_hands()
    await client.send(publish(client.key))
    for csid in range(64, 320):
        await client.send(b"\0" + bytes([csid - 64]) + b"\0\0\0\x0f\0\0\x09\x01\0\0\0" + bytes(128))
    await client.until_closed()


async def command_flood(client):
    """Asks and asks, and never reads the answers."""
    await client.shake_hands()
    client.writer.transport.pause_reading()
    await client.send(CONNECT)
    flood = command("releaseStream", 2, None, client.key) * 300
    while True:                 # the router ends it
        await client.send(flood)


async def deep_amf(client):
    await client.shake_hands()
    await client.send(message(3, 20, b"\x0a\0\0\0\1" * 10000))
    await client.until_closed()


async def come_and_go(client):
    if client.random.random() < 0.5:
        client.reset()


async def flapping_publisher(client):
    await client.shake_hands()
    await client.send(publish(client.key) + AVC + AAC + frames(2))


async def too_fast_publisher(client):
    """As many pictures as the socket takes, for a while."""
    await client.shake_hands()
    await client.send(publish(client.key) + AVC + AAC)
    block = frames(20)
    for _ in range(50):
        await client.send(block)


KINDS = [silent, half_open, one_byte_at_a_time, slow_publisher, slow_reader, cut, cut_reader, garbage, huge_message,
         unfinished_messages, command_flood, deep_amf, come_and_go, flapping_publisher, too_fast_publisher]


async def run_one(kind, address, number, places, outcomes):
    async with places:
        try:
            async with Client(address, number) as client:
                await asyncio.wait_for(kind(client), PATIENCE)
            outcomes["done"] = outcomes.get("done", 0) + 1
        except (ConnectionError, asyncio.IncompleteReadError):
            outcomes["closed"] = outcomes.get("closed", 0) + 1
        except asyncio.TimeoutError:
            outcomes.setdefault("forgotten", []).append(kind.__name__)
        except OSError as problem:
            outcomes.setdefault("failed", []).append(f"{kind.__name__}: {problem}")


async def run_all(address, clients, at_a_time, kinds, seed=0):
    places, outcomes = asyncio.Semaphore(at_a_time), {}
    await asyncio.gather(*(run_one(kinds[i % len(kinds)], address, seed + i, places, outcomes) for i in range(clients)))
    return outcomes


def attack(address, clients, at_a_time, kinds=None, seed=0):
    """Runs so many clients, all kinds in turn; what became of them: {"done": n, "closed": n, "forgotten": [kind]}."""
    return asyncio.run(run_all(address, clients, at_a_time, kinds or KINDS, seed))
