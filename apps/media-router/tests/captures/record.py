#!/usr/bin/env python3
"""Records what an encoder sends to a router: a proxy for one connection that keeps the client's bytes.

    record.py NAME --router 127.0.0.1:1935 [--listen 127.0.0.1:19350] [--bytes 150000]

It prints the port that it listens on. NAME.rtmp gets the bytes, cut after the last whole message within --bytes;
NAME.expected what they say, found by a reader of chunk streams that is this file's own (Adobe RTMP 1.0, section 5.3),
so that the router's is not measured by itself. `record.py NAME --again` makes NAME.expected anew.
"""
import argparse
import hashlib
import pathlib
import selectors
import socket
import struct

FOLDER = pathlib.Path(__file__).resolve().parent
HANDSHAKE = 1 + 2 * 1536
SET_CHUNK_SIZE, AUDIO, VIDEO, COMMAND = 1, 8, 9, 20
EXTENDED = 0xFFFFFF


class Incomplete(Exception):
    """The bytes end inside a chunk."""


class Bytes:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, count):
        if self.at + count > len(self.data):
            raise Incomplete
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, count):
        return int.from_bytes(self.take(count), "big")


def read_chunk(source, streams, chunk_bytes):
    """One chunk: its message's (type, time, body) when that is complete, else None."""
    first = source.number(1)
    csid = first & 0x3F
    if csid < 2:
        csid = 64 + int.from_bytes(source.take(1 + csid), "little")
    form, stream = first >> 6, streams.setdefault(csid, {"body": b"", "time": 0, "delta": 0})
    if form < 3:
        stream["field"] = source.number(3)
    if form < 2:
        stream["length"], stream["type"] = source.number(3), source.number(1)
    if form == 0:
        source.take(4)
    if form < 3:
        extended = stream["field"] == EXTENDED
        stream["value"] = source.number(4) if extended else stream["field"]
    elif stream["field"] == EXTENDED and source.data[source.at:source.at + 4] == struct.pack(">I", stream["value"]):
        source.take(4)
    if not stream["body"]:
        stream["time"] = (stream["value"] + (stream["time"] if form else 0)) & 0xFFFFFFFF
    stream["body"] += source.take(min(chunk_bytes, stream["length"] - len(stream["body"])))
    if len(stream["body"]) < stream["length"]:
        return None
    body, stream["body"] = stream["body"], b""
    return stream["type"], stream["time"], body


def messages(data):
    """(type, time in ms, body, position behind it) of each whole message; quiet at the end of the bytes."""
    streams, chunk_bytes, source = {}, 128, Bytes(data, HANDSHAKE)
    while True:
        try:
            message = read_chunk(source, streams, chunk_bytes)
        except Incomplete:
            return
        if message is None:
            continue
        if message[0] == SET_CHUNK_SIZE:
            chunk_bytes = int.from_bytes(message[2][:4], "big")
        if not any(stream["body"] for stream in streams.values()):
            yield *message, source.at


def strings(body):
    """The AMF0 strings at the top of a command."""
    found, at = [], 0
    while at < len(body):
        if body[at] == 2:
            size = int.from_bytes(body[at + 1:at + 3], "big")
            found.append(body[at + 3:at + 3 + size].decode())
            at += 3 + size
        elif body[at] in (0, 5):
            at += 9 if body[at] == 0 else 1
        else:
            return found
    return found


def describe(data):
    lines, media = [], {AUDIO: [], VIDEO: []}
    for kind, time, body, _ in messages(data):
        if kind == COMMAND:
            lines.append("command " + strings(body)[0])
            if strings(body)[0] == "publish":
                lines.append("key " + strings(body)[1])
        elif kind in media:
            media[kind].append(struct.pack(">I", time) + body)
    for name, kind in (("audio", AUDIO), ("video", VIDEO)):
        digest = hashlib.sha256(b"".join(media[kind])).hexdigest()
        lines.append(f"{name} {len(media[kind])} {digest}")
    return "\n".join(lines) + "\n"


def shorten(data, most):
    """Up to the last whole message, with no other begun, within so many bytes."""
    end = max((at for *_, at in messages(data) if at <= most), default=0)
    return data[:end]


def relay(listener, router):
    """The bytes of the one client, until either side ends."""
    client, _ = listener.accept()
    server = socket.create_connection(router)
    data = bytearray()
    with client, server, selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in selector.select():
                try:
                    piece = key.fileobj.recv(65536)
                except ConnectionResetError:
                    return bytes(data)
                if not piece:
                    return bytes(data)
                if key.fileobj is client:
                    data += piece
                key.data.sendall(piece)


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--router", type=address, default=("127.0.0.1", 1935))
    parser.add_argument("--listen", type=address, default=("127.0.0.1", 0))
    parser.add_argument("--bytes", type=int, default=150_000)
    parser.add_argument("--again", action="store_true", help="only write NAME.expected anew")
    args = parser.parse_args()
    file = FOLDER / f"{args.name}.rtmp"
    if not args.again:
        with socket.create_server(args.listen) as listener:
            print(listener.getsockname()[1], flush=True)
            file.write_bytes(shorten(relay(listener, args.router), args.bytes))
    (FOLDER / f"{args.name}.expected").write_text(describe(file.read_bytes()))


if __name__ == "__main__":
    main()
