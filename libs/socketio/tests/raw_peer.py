# SPDX-License-Identifier: GPL-3.0-or-later
"""A WebSocket client that is nothing but a TCP socket: it may send what no library would. RFC 6455 section 5."""
import re
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
DEADLINE_S = 10

HANDSHAKE = (b"GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\n"
             b"Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n")


def handshake(path="/socket.io/", headers=""):
    return HANDSHAKE % (path.encode(), headers.encode())


def frame(opcode, payload=b"", fin=True, mask=b"\x01\x02\x03\x04", rsv=0, size=None):
    """size: what the header says instead of the payload's own; mask None: a frame without one."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size = len(payload) if size is None else size
    short = size if size < 126 else 126 if size < 65536 else 127
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode, (0x80 if mask else 0) | short])
    head += {126: struct.pack(">H", size & 0xffff), 127: struct.pack(">Q", size)}.get(short, b"")
    if not mask:
        return head + payload
    if len(payload) > 1000:
        return head + bytes(4) + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class RawPeer:
    def __init__(self, url, path="/socket.io/"):
        host, port = re.search(r"//([\d.]+):(\d+)", url).groups()
        self.path = path
        self.socket = socket.create_connection((host, int(port)), timeout=DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def upgrade(self, headers=""):
        """Returns the head of the answer."""
        self.send(handshake(self.path, headers))
        return self.read_head()

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode()

    def connect(self):
        """Up to an open namespace "/"."""
        self.upgrade()
        self.send(frame(TEXT, "40"))
        for start in ("0{", "40{", '42["auth"'):
            assert self.text().startswith(start)
        return self

    def _fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def _take(self, n):
        while len(self.buffer) < n:
            self._fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def frame(self):
        """The next one, (opcode, payload); EOFError at the end of the stream."""
        first, size = self._take(2)
        assert first & 0x80 and not size & 0x80
        if size > 125:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        return first & 0x0f, self._take(size)

    def text(self):
        """The next text that is no heartbeat; that is answered."""
        while True:
            opcode, payload = self.frame()
            assert opcode == TEXT, (opcode, payload)
            if payload != b"2":
                return payload.decode()
            self.send(frame(TEXT, "3"))

    def end(self):
        """Reads until the server has ended the connection; its close code, None when it said none."""
        code = None
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == CLOSE:
                    self.send(frame(CLOSE, payload))
                    code = int.from_bytes(payload[:2], "big") if payload else 1005
        except (EOFError, ConnectionError):
            return code
