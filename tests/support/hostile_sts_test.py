"""The hostile service, asked by the reference client: it does what its scripts say."""

import asyncio
import base64

import pytest

from support.hostile_sts import BEHAVIOURS, Hostile
from support.processes import free_ports

socketio = pytest.importorskip("socketio")

AUDIO = {"format": "pcm_s16le", "sample_rate_hz": 24000, "channels": 1, "duration_ms": 100,
         "data_base64": base64.b64encode(bytes(range(240)) * 20).decode()}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Hostile(free_ports(1)[0], tmp_path_factory.mktemp("hostile")) as hostile:
        yield hostile


async def ask(service, stream, count):
    """The events that come back for that many fragments, until 0.5 s of silence."""
    client, events = socketio.AsyncClient(reconnection=False), asyncio.Queue()
    client.on("*", lambda name, payload=None: events.put_nowait((name, payload)))
    await client.connect(service.url, transports=["websocket"])
    await client.emit("stream:init", {"stream_id": stream, "worker_id": "w", "max_inflight": 3})
    for sequence in range(count):
        await client.emit("fragment:data", {"fragment_id": f"id-{sequence}", "stream_id": stream, "sequence_number": sequence,
                                            "audio": AUDIO})
    got = []
    try:
        while True:
            got.append(await asyncio.wait_for(events.get(), 0.5))
    except asyncio.TimeoutError:
        pass
    still_connected = client.connected
    await client.disconnect()
    return got, still_connected


def run(service, stream, names):
    service.script(stream, names)
    got, connected = asyncio.run(ask(service, stream, len(names)))
    return [payload for name, payload in got if name == "fragment:processed"], [name for name, _ in got], connected


def test_without_a_script_it_says_back_what_it_hears(service):
    answers, names, connected = run(service, "plain", [])
    assert (answers, names, connected) == ([], ["stream:ready"], True)
    answers, _, _ = run(service, "plain", ["honest"])
    assert answers[0]["dubbed_audio"] == AUDIO and answers[0]["sequence_number"] == 0


def test_lies_follow_the_script(service):
    answers, _, _ = run(service, "lies", ["wrong_duration", "silent", "all_zero", "duplicated", "honest"])
    answers.sort(key=lambda one: one["sequence_number"])      # each fragment is answered on its own
    assert [one["fragment_id"] for one in answers] == ["id-0", "id-2", "id-3", "id-3", "id-3", "id-4"]
    assert answers[0]["dubbed_audio"]["duration_ms"] == 300
    assert set(base64.b64decode(answers[1]["dubbed_audio"]["data_base64"])) == {0}
    assert [one["behaviour"] for one in service.seen("lies")][:2] == ["wrong_duration", "silent"]


def test_pressures_are_noted(service):
    answers, names, _ = run(service, "pressed", ["storm"])
    assert len(answers) == 1 and names.count("backpressure") == 401
    assert [one["action"] for one in service.pressures("pressed")][-4:] == ["slow_down", "none", "pause", "none"]
    assert service.pressures("plain") == []


@pytest.mark.parametrize("name", ["hang_up", "hang_up_midway", "broken_frames"])
def test_connections_break(service, name):
    answers, _, connected = run(service, name, [name])
    assert answers == [] and not connected


def test_every_behaviour_is_known_by_its_name():
    assert all(name == one.__name__ for name, one in BEHAVIOURS.items()) and len(BEHAVIOURS) == 27
