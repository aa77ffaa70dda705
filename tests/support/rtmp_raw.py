"""An RTMP publisher that can misbehave: it sends a clip's tags itself, and can stop in the middle of one.

Source: Adobe's Real Time Messaging Protocol 1.0, sections 5.2 (handshake), 5.3 (chunks), 7.2 (commands).
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 4096
EXTENDED = 0xFFFFFF
SET_CHUNK_SIZE, COMMAND = 1, 20


@dataclass(frozen=True)
class Tag:
    """One FLV tag: type 8 audio, 9 video, 18 data; time in ms."""

    kind: int
    time_ms: int
    body: bytes


def flv_tags(clip: Path, options: tuple[str, ...] = ()) -> Iterator[Tag]:
    """The clip's packets as ffmpeg puts them into FLV."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", str(clip), *(options or ("-c", "copy")), "-f", "flv", "-"],
                          check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return flv_parse(done.stdout)


def flv_parse(data: bytes) -> Iterator[Tag]:
    """The whole tags of an FLV file, which may still be being written."""
    position = 13
    while position + 11 + int.from_bytes(data[position + 1:position + 4], "big") <= len(data):
        kind, size = data[position] & 0x1F, int.from_bytes(data[position + 1:position + 4], "big")
        stamp = int.from_bytes(data[position + 4:position + 7], "big") | data[position + 7] << 24
        yield Tag(kind, stamp, data[position + 11:position + 11 + size])
        position += 11 + size + 4


class RawPublisher:
    """Publishes to app and key; every step by hand. Answers of the server are read and thrown away."""

    def __init__(self, host: str, port: int, app: str, key: str) -> None:
        self.socket = socket.create_connection((host, port), 5)
        self._handshake()
        self._send(2, SET_CHUNK_SIZE, 0, 0, struct.pack(">I", CHUNK))
        self._command("connect", 1, {"app": app, "type": "nonprivate", "tcUrl": f"rtmp://{host}:{port}/{app}"})
        self._drain()
        self._command("createStream", 2, None)
        self._drain()
        self._command("publish", 3, None, key, "live", stream=1)
        self._drain()

    def send(self, tag: Tag) -> None:
        self._send({8: 4, 9: 6}.get(tag.kind, 4), tag.kind, tag.time_ms, 1, tag.body)

    def send_plan(self, plan: Iterable[tuple[float, Tag]], stop: threading.Event) -> None:
        """Sends each tag at its second from now, until told to stop."""
        begin = time.monotonic()
        for at, tag in plan:
            if stop.wait(max(0.0, begin + at - time.monotonic())):
                return
            self.send(tag)

    def send_in_real_time(self, tags: Iterator[Tag], until_ms: int) -> None:
        """Sends the tags up to that time at their times."""
        begin = time.monotonic()
        for tag in tags:
            if tag.time_ms > until_ms:
                return
            time.sleep(max(0.0, tag.time_ms / 1000 - (time.monotonic() - begin)))
            self.send(tag)

    def send_half(self, tag: Tag) -> None:
        """The header says the whole length; half of the body follows, and nothing more."""
        message = _chunks(6, tag.kind, tag.time_ms, 1, tag.body)
        self.socket.sendall(message[:len(message) // 2])

    def close(self) -> None:
        """Goes in order: what was sent arrives."""
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.close()

    def vanish(self) -> None:
        """Goes away without a word: the kernel sends a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _handshake(self) -> None:
        self.socket.sendall(b"\x03" + bytes(8) + os.urandom(1528))
        answer = self._read(1 + 1536 + 1536)
        self.socket.sendall(answer[1:1537])

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the server closed the connection in the handshake")
            data += more
        return data

    def _drain(self) -> None:
        """Takes what the server has said so far; waits a little for the first of it."""
        self.socket.settimeout(0.3)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            pass
        self.socket.settimeout(5)

    def _command(self, name: str, transaction: int, *arguments: object, stream: int = 0) -> None:
        body = b"".join(_amf(value) for value in (name, float(transaction), *arguments))
        self._send(3, COMMAND, 0, stream, body)

    def _send(self, chunk_stream: int, kind: int, time_ms: int, stream: int, body: bytes) -> None:
        self.socket.sendall(_chunks(chunk_stream, kind, time_ms, stream, body))


class PlannedPublisher(threading.Thread):
    """A publisher in a thread of its own that sends (second, tag) after (second, tag); to be used like a Child."""

    def __init__(self, address: tuple[str, int], path: str, plan: Iterable[tuple[float, Tag]]) -> None:
        super().__init__(daemon=True)
        self._address, self._path, self._plan = address, path, plan
        self._told_to_stop = threading.Event()
        self._error = ""
        self.start()

    def run(self) -> None:
        app, _, key = self._path.rpartition("/")
        try:
            publisher = RawPublisher(*self._address, app, key)
            publisher.send_plan(self._plan, self._told_to_stop)
            publisher.close()
        except OSError as error:
            self._error = str(error) or type(error).__name__

    def running(self) -> bool:
        return self.is_alive()

    def finish(self, timeout: float) -> int | None:
        """0 when all was sent, 1 after an error, None when it is still at it."""
        self.join(timeout)
        return None if self.is_alive() else int(bool(self._error))

    def stop(self, grace: float = 5.0) -> int | None:
        self._told_to_stop.set()
        return self.finish(grace)

    def tail(self) -> str:
        return self._error


def _chunks(chunk_stream: int, kind: int, time_ms: int, stream: int, body: bytes) -> bytes:
    # What does not fit into three bytes follows in four, and again before each continuation (section 5.3.1.3).
    extended = struct.pack(">I", time_ms) if time_ms >= EXTENDED else b""
    header = (bytes([chunk_stream]) + min(time_ms, EXTENDED).to_bytes(3, "big") + len(body).to_bytes(3, "big")
              + bytes([kind]) + struct.pack("<I", stream) + extended)
    size = CHUNK if kind != SET_CHUNK_SIZE else 128
    pieces = [body[start:start + size] for start in range(0, len(body), size)] or [b""]
    return header + (bytes([0xC0 | chunk_stream]) + extended).join(pieces)


def _amf(value: object) -> bytes:
    """AMF0 of the few types that commands use."""
    if value is None:
        return b"\x05"
    if isinstance(value, str):
        return b"\x02" + struct.pack(">H", len(value)) + value.encode()
    if isinstance(value, float):
        return b"\x00" + struct.pack(">d", value)
    assert isinstance(value, dict)
    pairs = b"".join(struct.pack(">H", len(key)) + key.encode() + _amf(item) for key, item in value.items())
    return b"\x03" + pairs + b"\x00\x00\x09"
