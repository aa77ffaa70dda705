"""Stands between a worker and the sts-service and writes down every Socket.IO event that passes, in both directions.

A plain TCP relay that reads the WebSocket frames (RFC 6455) going through it. It changes one thing: it takes the offer
of compression out of the handshake, so that what passes can be read. It can also cut or freeze the connections, as a
bad network does.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

HOST = "127.0.0.1"
TEXT, CONTINUATION = 1, 0
_EVENT = re.compile(r"^42(?:/[^,]*,)?\d*(\[.*)$", re.DOTALL)


@dataclass(frozen=True)
class Event:
    """One event as it passed: monotonic seconds, "up" (to the service) or "down", payload without its audio."""

    at: float
    direction: str
    name: str
    payload: dict
    connection: int


class FrameReader:
    """WebSocket frames out of a byte stream; gives whole text messages to a callback."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._buffer = bytearray()
        self._message = bytearray()
        self._is_text = False

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        header = self._header()
        if header is None:
            return False
        start, length, mask = header
        if len(self._buffer) < start + length:
            return False
        payload = bytes(self._buffer[start:start + length])
        first = self._buffer[0]
        del self._buffer[:start + length]
        self._take_payload(first, unmask(payload, mask) if mask else payload)
        return True

    def _header(self) -> tuple[int, int, bytes] | None:
        """Where the payload starts, its length and mask (RFC 6455 section 5.2)."""
        if len(self._buffer) < 2:
            return None
        length, position = self._buffer[1] & 0x7F, 2
        extra = {126: 2, 127: 8}.get(length, 0)
        masked = 4 if self._buffer[1] & 0x80 else 0
        if len(self._buffer) < position + extra + masked:
            return None
        if extra:
            length = int.from_bytes(self._buffer[position:position + extra], "big")
        position += extra
        return position + masked, length, bytes(self._buffer[position:position + masked])

    def _take_payload(self, first: int, payload: bytes) -> None:
        opcode, last = first & 0x0F, bool(first & 0x80)
        if opcode >= 8:        # control frames may come in between
            return
        if opcode != CONTINUATION:
            self._message.clear()
            self._is_text = opcode == TEXT
        self._message += payload
        if last and self._is_text:
            self._on_text(self._message.decode(errors="replace"))


def unmask(payload: bytes, mask: bytes) -> bytes:
    repeated = int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ repeated).to_bytes(len(payload), "big")


def parse_event(text: str) -> tuple[str, dict] | None:
    """Name and payload of a Socket.IO event packet, None for any other packet."""
    found = _EVENT.match(text)
    if not found:
        return None
    name, *arguments = json.loads(found.group(1))
    payload = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
    for key in ("audio", "dubbed_audio"):
        if isinstance(payload.get(key), dict) and "data_base64" in payload[key]:
            payload[key]["data_base64"] = f"({len(payload[key]['data_base64'])} characters)"
    return name, payload


@dataclass
class _Link:
    """One relayed connection."""

    number: int
    client: socket.socket
    server: socket.socket

    def close(self) -> None:
        for one in (self.client, self.server):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@dataclass
class Monitor:
    """The relay. Point the worker at .url; read .events. Threads: events and links are guarded by one lock."""

    target_port: int
    port: int = 0
    _events: list[Event] = field(default_factory=list)
    _links: list[_Link] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _frozen: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Monitor":
        self._listener = socket.create_server((HOST, self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._listener.close()
        self.thaw()
        self.cut()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def events(self, name: str | None = None, direction: str | None = None) -> list[Event]:
        with self._lock:
            return [event for event in self._events
                    if name in (None, event.name) and direction in (None, event.direction)]

    def cut(self) -> None:
        """Breaks every connection that is open now."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close()

    def freeze(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._frozen.set()

    def thaw(self) -> None:
        self._frozen.clear()

    def most_in_flight(self) -> int:
        """The highest number of fragments that were sent and not answered, on any connection."""
        most, open_fragments = 0, {}
        for event in self.events():
            waiting = open_fragments.setdefault(event.connection, set())
            if event.name == "fragment:data" and event.direction == "up":
                waiting.add(event.payload.get("fragment_id"))
            elif event.name == "fragment:processed":
                waiting.discard(event.payload.get("fragment_id"))
            most = max(most, len(waiting))
        return most

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            try:
                server = socket.create_connection((HOST, self.target_port), 3)
            except OSError:
                client.close()     # the service is down: the worker sees its connection refused, a little later
                continue
            server.settimeout(None)
            link = _Link(number, client, server)
            with self._lock:
                self._links.append(link)
            for source, sink, direction in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self._pump, args=(link, source, sink, direction), daemon=True).start()

    def _pump(self, link: _Link, source: socket.socket, sink: socket.socket, direction: str) -> None:
        reader = FrameReader(lambda text: self._note(text, direction, link.number))
        try:
            head, rest = _read_head(source)
            sink.sendall(_without_compression(head))
            while rest is not None:
                reader.feed(rest)
                while self._frozen.is_set():
                    time.sleep(0.02)
                sink.sendall(rest)
                rest = source.recv(65536) or None
        except OSError:
            pass
        link.close()

    def _note(self, text: str, direction: str, connection: int) -> None:
        try:
            found = parse_event(text)
        except ValueError:
            return
        if found:
            with self._lock:
                self._events.append(Event(time.monotonic(), direction, *found, connection))


def _read_head(source: socket.socket) -> tuple[bytes, bytes]:
    """The HTTP head, and what came after it in the same reads."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = source.recv(4096)
        if not more:
            raise OSError("closed in the handshake")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _without_compression(head: bytes) -> bytes:
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"sec-websocket-extensions:"))
