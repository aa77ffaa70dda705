"""A server with OpenAI's speech API (`POST /v1/audio/speech`, WAV), whose voice is one of eSpeak NG's other languages."""

from __future__ import annotations

import http.server
import io
import json
import threading
import wave
from types import TracebackType

import numpy as np

from . import spoken
from .sound import RATE


class _Speech(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(200 if self.path.startswith("/v1/models") else 404, b'{"object": "list", "data": []}', "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/audio/speech":
            self._answer(404, b'{"error": {"message": "no such thing"}}', "application/json")
            return
        asked = json.loads(body)
        with self.server.lock:      # libespeak-ng has one state
            self.server.said.append(asked["input"])
            sound = spoken.say(asked["input"], self.server.voice)
        self._answer(200, _wav(sound), "audio/wav")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing on the terminal."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, voice: str) -> None:
        super().__init__(("127.0.0.1", 0), _Speech)
        self.voice, self.said, self.lock = voice, [], threading.Lock()


class VoiceProvider:
    """Use as a context manager; `said` holds the texts that it was asked for."""

    def __init__(self, voice: str) -> None:
        self._server = _Server(voice)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> VoiceProvider:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def said(self) -> list[str]:
        return self._server.said


def _wav(sound: np.ndarray) -> bytes:
    """16 bits, mono, at half of RATE."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as target:
        target.setparams((1, 2, RATE // 2, 0, "NONE", ""))
        target.writeframes((np.clip(sound[::2], -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
