"""A sts-service that can be told to misbehave, as a process of its own: `hostile_sts.py --port N`.

It speaks the protocol with the reference implementation (python-socketio over aiohttp) and says back what it hears, as
the echo mode does. What it does to a fragment is the first entry of the stream's script (one entry a fragment), else the
behaviour for all. Controlled over HTTP on the same port, see Hostile:
`PUT /behaviour/<name>`, `PUT /script/<stream>` (a JSON list of names), `GET /seen`, `GET /pressures`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import copy
import json
import random
import struct
import sys
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import Child, wait_until

if TYPE_CHECKING:      # the server's packages are needed by its own process only
    from aiohttp import web

HOST = "127.0.0.1"
HONEST = "honest"
LATE_SECONDS = 9.0          # longer than any fragment of a worker with D = 3 s can wait
HUGE_BYTES = 12 << 20       # more audio than the protocol allows
STORM = 400
PAUSE_SECONDS = 4.0         # longer than from one sentence of a lively talk to the next
SLOW_SECONDS, SLOW_DELAY_MS = 16.0, 5000


class Stream:
    """One worker's connection."""

    def __init__(self, service: "Service", sid: str, init: dict) -> None:
        self.service, self.sid, self.name = service, sid, init["stream_id"]
        self.max_inflight = init.get("max_inflight", 3)

    async def emit(self, event: str, payload: object) -> None:
        await self.service.server.emit(event, payload, to=self.sid)

    async def ready(self, **changes: object) -> None:
        await self.emit("stream:ready", {"stream_id": self.name, "session_id": "s", "max_inflight": self.max_inflight,
                                         "capabilities": {}, **changes})

    async def backpressure(self, severity: str, action: str, delay_ms: int = 0) -> None:
        self.service.note_pressure(self.name, action)
        await self.emit("backpressure", {"stream_id": self.name, "severity": severity, "action": action,
                                         "current_inflight": 1, "max_inflight": self.max_inflight, "queue_depth": 0,
                                         "threshold_exceeded": action, "recommended_delay_ms": delay_ms})

    def transport(self) -> asyncio.Transport:
        """The naked connection under the WebSocket."""
        return self.service.server.get_environ(self.sid)["aiohttp.request"].transport


def answer_to(fragment: dict, **audio: object) -> dict:
    """The honest answer, with the audio changed in the named fields."""
    said = {key: fragment["audio"][key] for key in ("format", "sample_rate_hz", "channels", "duration_ms", "data_base64")}
    return {"fragment_id": fragment["fragment_id"], "stream_id": fragment["stream_id"],
            "sequence_number": fragment["sequence_number"], "status": "success", "dubbed_audio": {**said, **audio},
            "transcript": "heard", "translated_text": "dicho", "processing_time_ms": 1,
            "stage_timings": {"asr_ms": 0, "translation_ms": 0, "tts_ms": 0}, "metadata": {}}


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def changed_samples(fragment: dict, change: Callable[[int], bytes]) -> dict:
    """An answer of the right length whose samples are change(their number)."""
    return answer_to(fragment, data_base64=encode(change(len(base64.b64decode(fragment["audio"]["data_base64"])) // 2)))


async def honest(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", answer_to(fragment))


async def silent(_stream: Stream, _fragment: dict) -> None:
    pass


async def late(stream: Stream, fragment: dict) -> None:
    await asyncio.sleep(LATE_SECONDS)
    await honest(stream, fragment)


async def wrong_duration(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", answer_to(fragment, duration_ms=fragment["audio"]["duration_ms"] * 3))


async def too_long(stream: Stream, fragment: dict) -> None:
    audio = fragment["audio"]
    await stream.emit("fragment:processed", answer_to(
        fragment, duration_ms=audio["duration_ms"] * 12, data_base64=encode(base64.b64decode(audio["data_base64"]) * 12)))


async def wrong_rate(stream: Stream, fragment: dict) -> None:
    audio = fragment["audio"]
    await stream.emit("fragment:processed", answer_to(
        fragment, sample_rate_hz=8000, duration_ms=audio["duration_ms"] * audio["sample_rate_hz"] // 8000))


async def white_noise(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", changed_samples(fragment, lambda count: random.randbytes(count * 2)))


async def not_a_number(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", changed_samples(fragment, lambda count: struct.pack("<f", float("nan"))
                                                            * (count // 2) + b"\0\0" * (count % 2)))


async def all_zero(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", changed_samples(fragment, lambda count: bytes(count * 2)))


async def clipped(stream: Stream, fragment: dict) -> None:
    square = b"\xff\x7f" * 50 + b"\x00\x80" * 50
    await stream.emit("fragment:processed", changed_samples(
        fragment, lambda count: (square * (count // 100 + 1))[:count * 2]))


async def no_audio(stream: Stream, fragment: dict) -> None:
    answer = answer_to(fragment)
    del answer["dubbed_audio"]
    await stream.emit("fragment:processed", answer)


async def wrong_sequence(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", {**answer_to(fragment), "sequence_number": fragment["sequence_number"] + 5})


async def wrong_stream(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", {**answer_to(fragment), "stream_id": "somebody-else"})


async def duplicated(stream: Stream, fragment: dict) -> None:
    for _ in range(3):
        await honest(stream, fragment)


async def unknown_ids(stream: Stream, fragment: dict) -> None:
    for _ in range(20):
        await stream.emit("fragment:processed", {**answer_to(fragment), "fragment_id": str(uuid.uuid4())})
    await honest(stream, fragment)


async def huge(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", answer_to(fragment, data_base64=encode(bytes(HUGE_BYTES))))


async def garbage_base64(stream: Stream, fragment: dict) -> None:
    await stream.emit("fragment:processed", answer_to(fragment, data_base64="%%% this is no base64 %%%"))


async def nonsense(stream: Stream, fragment: dict) -> None:
    """Events that nobody asked for, in all shapes, then the answer."""
    for event in ("fragment:processed", "stream:ready", "backpressure", "error", "stream:complete", "no:such:event"):
        for payload in (None, [], "text", 1e308, {"stream_id": stream.name}, {"fragment_id": 7, "stream_id": [[]]}):
            await stream.emit(event, payload)
    await honest(stream, fragment)


async def failed(stream: Stream, fragment: dict) -> None:
    answer = {**answer_to(fragment), "status": "failed", "error": {"stage": "tts", "code": "TTS_SYNTHESIS_FAILED",
                                                                   "message": "no voice", "retryable": False}}
    del answer["dubbed_audio"]
    await stream.emit("fragment:processed", answer)


async def storm(stream: Stream, fragment: dict) -> None:
    """All pressures at once, the last of which lifts them."""
    for index in range(STORM):
        severity, action = (("high", "pause"), ("medium", "slow_down"), ("low", "none"))[index % 3]
        await stream.backpressure(severity, action, 10 ** (index % 9))
    await stream.backpressure("low", "none")
    await honest(stream, fragment)


async def pause_for_a_while(stream: Stream, fragment: dict) -> None:
    await stream.backpressure("high", "pause")
    await honest(stream, fragment)
    await asyncio.sleep(PAUSE_SECONDS)
    await stream.backpressure("low", "none")


async def slow_down_for_a_while(stream: Stream, fragment: dict) -> None:
    await stream.backpressure("medium", "slow_down", SLOW_DELAY_MS)
    await honest(stream, fragment)
    await asyncio.sleep(SLOW_SECONDS)
    await stream.backpressure("low", "none")


async def fewer_at_once(stream: Stream, fragment: dict) -> None:
    """Another limit in the middle of the conversation, and limits that make no sense."""
    for limit in (1, 0, -3, 1000, 10):
        await stream.ready(max_inflight=limit)
    await honest(stream, fragment)


async def hang_up(stream: Stream, _fragment: dict) -> None:
    stream.transport().abort()


async def hang_up_midway(stream: Stream, fragment: dict) -> None:
    """Half of the answer's WebSocket frame, then a reset."""
    text = "42" + json.dumps(["fragment:processed", answer_to(fragment)])
    frame = b"\x81\x7f" + len(text).to_bytes(8, "big") + text.encode()
    transport = stream.transport()
    transport.write(frame[:len(frame) // 2])
    await asyncio.sleep(0.1)
    transport.abort()


async def broken_frames(stream: Stream, _fragment: dict) -> None:
    """Bytes that are no WebSocket frames."""
    stream.transport().write(b"\xff" * 4000)


async def broken_packet(stream: Stream, _fragment: dict) -> None:
    """A Socket.IO packet whose JSON stops in the middle."""
    stream.transport().write(b"\x81\x12" + b'42["fragment:proce'[:18])


Behaviour = Callable[[Stream, dict], Awaitable[None]]
BEHAVIOURS: dict[str, Behaviour] = {one.__name__: one for one in (
    honest, silent, late, wrong_duration, too_long, wrong_rate, white_noise, not_a_number, all_zero, clipped, no_audio,
    wrong_sequence, wrong_stream, duplicated, unknown_ids, huge, garbage_base64, nonsense, failed, storm, pause_for_a_while,
    slow_down_for_a_while, fewer_at_once,
    hang_up, hang_up_midway, broken_frames, broken_packet)}
# How a connection may be received, besides well.
UNREADY = "never_ready"
REFUSED = "refused"


class Service:
    """The server's state; everything on one event loop."""

    def __init__(self) -> None:
        import socketio

        self.server = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"], max_http_buffer_size=50 << 20)
        self.behaviour = HONEST
        self.scripts: dict[str, list[str]] = {}
        self.streams: dict[str, Stream] = {}
        self.seen: list[dict] = []
        self.pressures: list[dict] = []
        self.server.on("connect", self._on_connect)
        self.server.on("disconnect", self._on_disconnect)
        self.server.on("stream:init", self._on_init)
        self.server.on("fragment:data", self._on_fragment)

    async def _on_connect(self, _sid: str, _environ: dict, _auth: object = None) -> bool:
        return self.behaviour != REFUSED

    async def _on_disconnect(self, sid: str) -> None:
        self.streams.pop(sid, None)

    async def _on_init(self, sid: str, init: dict) -> None:
        self.streams[sid] = Stream(self, sid, init)
        if self.behaviour != UNREADY:
            await self.streams[sid].ready()

    async def _on_fragment(self, sid: str, fragment: dict) -> None:
        stream = self.streams.get(sid)
        if not stream:
            return
        script = self.scripts.get(stream.name)
        name = script.pop(0) if script else self.behaviour if self.behaviour in BEHAVIOURS else HONEST
        self.seen.append({"streamId": stream.name, "fragmentId": fragment["fragment_id"],
                          "sequence": fragment["sequence_number"], "behaviour": name, "at": time.monotonic(),
                          "connection": sid, "endMs": fragment.get("metadata", {}).get("pts_ns", 0) / 1e6
                          + fragment["audio"]["duration_ms"]})
        del self.seen[:-10000]
        await BEHAVIOURS[name](stream, copy.deepcopy(fragment))

    def note_pressure(self, stream: str, action: str) -> None:
        self.pressures.append({"streamId": stream, "action": action, "at": time.monotonic()})
        del self.pressures[:-10000]

    # -- HTTP

    async def put_behaviour(self, request: web.Request) -> web.Response:
        self.behaviour = request.match_info["name"]
        return _reply({"behaviour": self.behaviour})

    async def put_script(self, request: web.Request) -> web.Response:
        self.scripts[request.match_info["stream"]] = await request.json()
        return _reply({})

    async def get_seen(self, _request: web.Request) -> web.Response:
        return _reply(self.seen)

    async def get_pressures(self, _request: web.Request) -> web.Response:
        return _reply(self.pressures)

    def app(self) -> web.Application:
        from aiohttp import web

        app = web.Application(client_max_size=64 << 20)
        self.server.attach(app)
        app.router.add_put("/behaviour/{name}", self.put_behaviour)
        app.router.add_put("/script/{stream}", self.put_script)
        app.router.add_get("/seen", self.get_seen)
        app.router.add_get("/pressures", self.get_pressures)
        return app


def _reply(value: object) -> web.Response:
    from aiohttp import web

    return web.json_response(value)


class Hostile:
    """The service as a child of a test; .url is what the worker is pointed at."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.child: Child | None = None

    def __enter__(self) -> "Hostile":
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> "Hostile":
        self.child = Child("hostile-sts", [sys.executable, "-m", "support.hostile_sts", "--port", str(self.port)],
                           self.folder, cwd=Path(__file__).resolve().parents[1])
        wait_until(self._answers, 20, f"the service on port {self.port}", self.child.running)
        return self

    def stop(self) -> None:
        if self.child:
            self.child.kill()

    def behave(self, name: str) -> None:
        """From the next fragment or connection on."""
        self._put(f"behaviour/{name}")

    def script(self, stream: str, names: list[str]) -> None:
        """What is done to the stream's next fragments, one after the other."""
        self._put(f"script/{stream}", names)

    def seen(self, stream: str) -> list[dict]:
        """The stream's fragments as they came (monotonic seconds), and what was done to each."""
        return self._noted("seen", stream)

    def pressures(self, stream: str) -> list[dict]:
        """What the stream was told about its pace, and when."""
        return self._noted("pressures", stream)

    def _noted(self, what: str, stream: str) -> list[dict]:
        with urllib.request.urlopen(f"{self.url}/{what}", timeout=5) as answer:
            return [one for one in json.load(answer) if one["streamId"] == stream]

    def _put(self, path: str, body: object = None) -> None:
        request = urllib.request.Request(f"{self.url}/{path}", method="PUT", data=json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()

    def _answers(self) -> bool:
        try:
            self.seen("")
            return True
        except OSError:
            return False


def main() -> None:
    from aiohttp import web

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    web.run_app(Service().app(), host=HOST, port=parser.parse_args().port, print=None)


if __name__ == "__main__":
    main()
