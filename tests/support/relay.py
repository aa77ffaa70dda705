"""A TCP relay that can stop reading, go away and come back: a bad network, or a peer that hangs, between two programs."""

from __future__ import annotations

import socket
import threading

HOST = "127.0.0.1"
SMALL_BUFFER = 16384        # asked of the kernel, so that a stall is felt soon


class Relay:
    """Use as a context manager; point the client at .port. Threads: the links are guarded by one lock."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.connections = 0
        self._links: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._reading = threading.Event()
        self._reading.set()
        self._refusing = False

    def __enter__(self) -> "Relay":
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self._listener.bind((HOST, 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._listener.close()
        self.resume()
        self.cut()

    def stall(self) -> None:
        """Takes connections, reads nothing of what the clients send."""
        self._reading.clear()

    def resume(self) -> None:
        self._reading.set()

    def refuse(self) -> None:
        """Ends what there is, and from now on every new connection at once."""
        self._refusing = True
        self.cut()

    def accept(self) -> None:
        self._refusing = False

    def cut(self) -> None:
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            _end(*link)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self.target_port), 5)
            except OSError:
                return
            if self._refusing:
                _end(client, server)
                continue
            server.settimeout(None)
            with self._lock:
                self.connections += 1
                self._links.append((client, server))
            for source, sink, waits in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, waits), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, waits: bool) -> None:
        try:
            while True:
                if waits:
                    self._reading.wait()
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
        except OSError:
            pass
        _end(source, sink)


def _end(*ends: socket.socket) -> None:
    for one in ends:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()
