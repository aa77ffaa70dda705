# SPDX-License-Identifier: GPL-3.0-or-later
"""A WebSocket peer without manners: sends any bytes, reads when told to. And a witness: a stream that must not notice."""
import base64
import json
import os
import socket
import struct
import threading
import uuid

from sts_client import WAIT_S, Worker, noise, pcm_of

HANDSHAKE = ("GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload, opcode=TEXT, final=True):
    """A client's frame, masked with zeros: what is sent can be read in a dump."""
    payload = payload.encode() if isinstance(payload, str) else payload
    first = (0x80 if final else 0) | opcode
    if len(payload) < 126:
        head = struct.pack("!BB", first, 0x80 | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    return head + bytes(4) + payload


class Raw:
    """One connection; after `connect` it is on namespace /."""

    def __init__(self, service, path="/socket.io/", headers=""):
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=WAIT_S)
        self.buffer = b""
        self.closing = None  # the payload of the close frame, once read_until_closed has seen it
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((HANDSHAKE % (path, key, headers)).encode())
        self.answer = self._until(b"\r\n\r\n")

    def _until(self, mark):
        while mark not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _exactly(self, size):
        while len(self.buffer) < size:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("closed")
            self.buffer += data
        head, self.buffer = self.buffer[:size], self.buffer[size:]
        return head

    def read(self):
        """(opcode, payload) of the next frame; EOFError when there is none any more."""
        first, second = self._exactly(2)
        size = second & 127
        if size == 126:
            size = struct.unpack("!H", self._exactly(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._exactly(8))[0]
        return first & 15, self._exactly(size)

    def read_until_closed(self):
        """All texts up to the end, which has to come: a timeout is an error."""
        texts = []
        try:
            while True:
                opcode, payload = self.read()
                if opcode == CLOSE:
                    self.closing = payload
                    return texts
                texts.append(payload.decode(errors="replace"))
        except (EOFError, ConnectionError):
            return texts

    def send(self, payload, opcode=TEXT):
        self.socket.sendall(frame(payload, opcode))

    def emit(self, event, payload):
        self.send("42" + json.dumps([event, payload]))

    def connect(self, auth=""):
        self.read()
        self.send("40" + auth)
        assert self.read()[1].startswith(b'40{"sid"')
        return self

    def close(self):
        self.socket.close()


def init_of(stream, **members):
    return {"stream_id": stream, "worker_id": "w", "config": {"source_language": "en", "target_language": "es"}, **members}


class Witness:
    """A well-behaved stream that runs all the while: every fragment comes back whole and in its turn."""

    def __init__(self, service, stream="witness", token=None):
        self.worker = Worker(service.url, stream=stream, token=token)
        self.worker.init()
        self.stopping = threading.Event()
        self.failure = None
        self.done = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping.is_set():
                sound = noise(20 + self.done % 50)
                sent = self.worker.send(self.done, sound)
                answer = self.worker.wait_for("fragment:processed", self.done + 1, timeout=30)
                assert answer["fragment_id"] == sent and answer["sequence_number"] == self.done
                assert answer["status"] == "success" and pcm_of(answer) == sound
                self.done += 1
                self.stopping.wait(0.01)
        except Exception as failure:  # whatever it is, the test's thread raises it
            self.failure = failure

    def wait_for(self, more):
        """Until so many more fragments have come back."""
        target = self.done + more
        while self.done < target and not self.failure and self.thread.is_alive():
            self.thread.join(0.01)
        if self.failure:
            raise self.failure

    def stop(self):
        self.stopping.set()
        self.thread.join(60)
        refused = self.worker.received("error")
        lost = self.worker.received("disconnect")
        self.worker.close()
        if self.failure:
            raise self.failure
        assert not refused and not lost and self.done > 0


def new_id():
    return str(uuid.uuid4())
