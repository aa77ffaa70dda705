# SPDX-License-Identifier: GPL-3.0-or-later
"""An sts-service as a process, and a worker that speaks to it with python-socketio, the reference implementation."""
import base64
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid

import engineio
import socketio

WAIT_S = 15


class Service:
    """The process. Its log is kept and shown when something is waited for in vain."""

    def __init__(self, program, arguments=(), environment=None):
        command = [str(program), "--port", "0", "--log-dir", "", "--log-format", "json", *map(str, arguments)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                        env={**os.environ, **(environment or {})})
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.port = None

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def wait_for_log(self, pattern, timeout=WAIT_S):
        def found():
            hits = (re.search(pattern, line) for line in self.lines if line)
            return next((hit for hit in hits if hit), None) or (self.lines and self.lines[-1] is None)

        with self.changed:
            hit = self.changed.wait_for(found, timeout)
        assert isinstance(hit, re.Match), f"no {pattern!r} in the log, which ends with:\n" + "\n".join(map(str, self.lines[-40:]))
        return hit

    def wait_until_listening(self):
        self.port = int(self.wait_for_log(r"listening on [^ ]*:(\d+)", 60)[1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self):
        """Ends it like a supervisor does; a service that does not go cleanly fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join(WAIT_S)
        self.process.stderr.close()
        assert code == 0, "\n".join(map(str, self.lines))

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=WAIT_S) as answer:
            return answer.read().decode()

    def post(self, path, body, headers=None):
        """(status, headers, parsed body), errors included."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, answer.headers, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read())

    def metric(self, name):
        """The sum of all series of a family."""
        values = [line.rsplit(" ", 1)[1] for line in self.get("/metrics").splitlines()
                  if re.match(rf"{name}(\{{| )", line)]
        return sum(map(float, values))


class Refused(Exception):
    """The service did not let us in; the text holds what it said."""


class InOrder(engineio.Client):
    """Theirs hands each message to a thread of its own, where a short one overtakes a long one."""

    def _trigger_event(self, event, *args, **options):
        return super()._trigger_event(event, *args, **{**options, "run_async": False})


class Client(socketio.Client):
    def _engineio_client_class(self):
        return InOrder


class Worker:
    """One Socket.IO connection that records all events."""

    def __init__(self, url, stream="news", token=None, headers=None, path="socket.io", ssl_verify=True):
        self.stream = stream
        self.events = []
        self.changed = threading.Condition()
        self.sio = Client(reconnection=False, ssl_verify=ssl_verify)
        self.sio.on("*", self._on_event)
        for name in ("connect", "connect_error", "disconnect"):
            self.sio.on(name, lambda *payload, name=name: self._on_event(name, payload[0] if payload else None))
        self.sio.connect(url, headers={"X-Stream-ID": stream, "X-Worker-ID": "worker-1", **(headers or {})},
                         auth={"token": token} if token else None, transports=["websocket"], wait=False,
                         socketio_path=path)
        self._wait_until_connected()

    def _wait_until_connected(self):
        with self.changed:
            self.changed.wait_for(lambda: self.events, WAIT_S)
        if [name for name, _ in self.events] != ["connect"]:
            self.sio.disconnect()
            raise Refused(str(self.events))

    def _on_event(self, name, payload):
        with self.changed:
            self.events.append((name, payload))
            self.changed.notify_all()

    def close(self):
        self.sio.disconnect()

    def emit(self, event, payload):
        self.sio.emit(event, payload)

    def received(self, event):
        return [payload for name, payload in list(self.events) if name == event]

    def wait_for(self, event, count=1, timeout=WAIT_S):
        """The count-th payload of this event, from 1."""
        with self.changed:
            done = self.changed.wait_for(lambda: len(self.received(event)) >= count, timeout)
        assert done, f"waited for {count} x {event}, got: " + ", ".join(f"{n} {str(p)[:150]}" for n, p in self.events)
        return self.received(event)[count - 1]

    def init(self, source="en", target="es", **members):
        config = {"source_language": source, "target_language": target, **members.pop("config", {})}
        self.emit("stream:init", {"stream_id": self.stream, "worker_id": "worker-1", "config": config, **members})
        return self.wait_for("stream:ready", len(self.received("stream:ready")) + 1)

    def send(self, sequence, pcm=None, fragment_id=None, **members):
        """Sends a fragment of mono 24 kHz and returns its id."""
        payload = fragment(sequence, pcm, self.stream, fragment_id, **members)
        self.emit("fragment:data", payload)
        return payload["fragment_id"]


def fragment(sequence, pcm=None, stream="news", fragment_id=None, audio=None, **members):
    pcm = noise(100) if pcm is None else pcm
    return {
        "fragment_id": fragment_id or str(uuid.uuid4()),
        "stream_id": stream,
        "sequence_number": sequence,
        "timestamp": int(time.time() * 1000),
        "audio": {"format": "pcm_s16le", "sample_rate_hz": 24000, "channels": 1,
                  "duration_ms": len(pcm) // 48, "data_base64": base64.b64encode(pcm).decode(), **(audio or {})},
        **members,
    }


def noise(duration_ms):
    """Bytes that differ from place to place, so that a mix-up shows."""
    return bytes((i * 31 + i // 251) % 256 for i in range(duration_ms * 48))


def pcm_of(processed):
    return base64.b64decode(processed["dubbed_audio"]["data_base64"])
