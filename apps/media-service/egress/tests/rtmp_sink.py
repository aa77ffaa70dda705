# SPDX-License-Identifier: GPL-3.0-or-later
"""A destination that keeps every message as it came, and can misbehave: refuse, hang, cut.

Source: Adobe's Real Time Messaging Protocol 1.0, sections 5.2 (handshake), 5.3 (chunks), 7.2 (commands).
"""
import os
import socket
import ssl
import struct
import threading
from dataclasses import dataclass

SET_CHUNK_SIZE, COMMAND, AUDIO, VIDEO, DATA = 1, 20, 8, 9, 18
EXTENDED = 0xFFFFFF
HEADER_BYTES = {0: 11, 1: 7, 2: 3, 3: 0}
SMALL_BUFFER = 16384      # asked of the kernel, so that a stall is felt soon


@dataclass(frozen=True)
class Message:
    kind: int
    time_ms: int
    body: bytes

    @property
    def is_header(self):
        return self.kind in (AUDIO, VIDEO) and self.body[1:2] == b"\0"

    @property
    def is_key_picture(self):
        return self.kind == VIDEO and self.body[:2] == b"\x17\x01"


def amf(value):
    if value is None:
        return b"\x05"
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"\x02" + struct.pack(">H", len(value)) + value.encode()
    pairs = b"".join(struct.pack(">H", len(key)) + key.encode() + amf(item) for key, item in value.items())
    return b"\x03" + pairs + b"\x00\x00\x09"


class Session:
    """One connection of a publisher. Only its own thread changes it; lists are read as they grow."""

    def __init__(self, connection, owner):
        self.socket, self.owner = connection, owner
        self.messages = []
        self.key = None
        self.closed_in_order = False
        self._chunk_size, self._streams, self._partial = 128, {}, {}

    def media(self):
        return [message for message in self.messages if message.kind in (AUDIO, VIDEO) and not message.is_header]

    def reset(self):
        """Goes away without a word: the kernel sends a reset. The thread closes the socket when it is woken."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.shutdown(socket.SHUT_RD)
        except OSError:
            pass

    def run(self):
        try:
            if self.owner.tls:
                self.socket = self.owner.tls.wrap_socket(self.socket, server_side=True)
            self._handshake()
            while True:
                self.owner.reading.wait()
                self._take_chunk()
        except (OSError, ConnectionError):
            pass
        finally:
            self.socket.close()

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def _handshake(self):
        hello = self._read(1537)
        self.socket.sendall(b"\x03" + bytes(8) + os.urandom(1528) + hello[1:])
        self._read(1536)

    def _take_chunk(self):
        first = self._read(1)[0]
        form, stream = first >> 6, first & 0x3F
        assert stream > 1, "long chunk stream ids are not expected"
        known = self._streams.setdefault(stream, [0, 0, 0, False, 0])    # time, size, kind, extended, delta
        header = self._read(HEADER_BYTES[form])
        if form < 3:
            known[3] = header[:3] == b"\xff\xff\xff"
        if form < 2:
            known[1], known[2] = int.from_bytes(header[3:6], "big"), header[6]
        stamp = int.from_bytes(self._read(4), "big") if known[3] else int.from_bytes(header[:3], "big") if form < 3 else known[4]
        body = self._partial.pop(stream, b"")
        if not body:
            known[0] = stamp if form == 0 else (known[0] + stamp) & 0xFFFFFFFF
            known[4] = stamp
        body += self._read(min(self._chunk_size, known[1] - len(body)))
        if len(body) < known[1]:
            self._partial[stream] = body
        else:
            self._take_message(Message(known[2], known[0], body))

    def _take_message(self, message):
        if message.kind == SET_CHUNK_SIZE:
            self._chunk_size = int.from_bytes(message.body, "big")
        elif message.kind == COMMAND:
            self._take_command(message.body)
        elif message.kind in (AUDIO, VIDEO, DATA):
            self.messages.append(message)

    def _take_command(self, body):
        size = int.from_bytes(body[1:3], "big")
        name, rest = body[3:3 + size].decode(), body[3 + size:]
        number = struct.unpack(">d", rest[1:9])[0]
        if name == "connect":
            self._answer("_result", number, {"fmsVer": "test"}, {"level": "status", "code": "NetConnection.Connect.Success"})
        elif name == "createStream":
            self._answer("_result", number, None, 1)
        elif name == "publish":
            size = int.from_bytes(rest[11:13], "big")
            self.key = rest[13:13 + size].decode()
            code, level = ("NetStream.Publish.BadName", "error") if self.owner.refusing else ("NetStream.Publish.Start", "status")
            self._answer("onStatus", 0, None, {"level": level, "code": code, "description": f"about {self.key}"}, stream=1)
        elif name == "deleteStream":
            self.closed_in_order = True

    def _answer(self, name, number, *values, stream=0):
        body = b"".join(amf(value) for value in (name, number, *values))
        pieces = [body[start:start + 128] for start in range(0, len(body), 128)]
        self.socket.sendall(b"\x03\0\0\0" + len(body).to_bytes(3, "big") + bytes([COMMAND]) + struct.pack("<I", stream)
                            + b"\xc3".join(pieces))


class Destination:
    """Use as a context manager. Sessions are kept in the order in which they came."""

    def __init__(self, port=0, certificate=None):
        """certificate: a PEM file with its key in it, for rtmps://."""
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self.tls:
            self.tls.load_cert_chain(certificate)
        self.sessions = []
        self.refusing = False
        self.reading = threading.Event()
        self.reading.set()
        self.port = port

    def __enter__(self):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.go()
        self.reading.set()

    def url(self, key="s3cretkey"):
        return f"{'rtmps' if self.tls else 'rtmp'}://127.0.0.1:{self.port}/app/{key}"

    def go(self):
        """Nobody listens any more, and all connections are reset."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for session in self.sessions:
            session.reset()

    def come_back(self):
        self.__enter__()

    def published(self):
        """Those that may publish and have begun."""
        return [session for session in list(self.sessions) if session.media()]

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            session = Session(connection, self)
            self.sessions.append(session)
            threading.Thread(target=session.run, daemon=True).start()
