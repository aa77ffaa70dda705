"""A stream that is sent on to a destination: it arrives there as it is, whatever dies on the way, and is not disturbed."""

import json
import os
import signal
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from support import analyse, media, sample
from support.broadcast import Broadcast
from support.processes import wait_until
from support.streams import Recorder

pytestmark = pytest.mark.p3
DEADLINE = 30.0


@pytest.fixture(scope="module")
def long_silent_sample(samples_folder):
    """Longer than all that happens takes on a busy machine; the publisher is stopped when it has."""
    recipe = sample.Recipe(duration=90.0, width=320, height=180, sentences=(), pauses=())
    return sample.make_sample(samples_folder / "egress.mp4", recipe)


def forwarding(stack, other_than=None):
    """The forwarder's pid, once it has reached the destination."""
    def reached():
        found = stack.stream("sent").get("egress", {})
        return found.get("pid") if found.get("state") == "forwarding" and found.get("pid") != other_than else None
    return wait_until(reached, DEADLINE, "the stream to be forwarded")


def alive(pid):
    """Whether it runs: who was adopted by nobody who asks for its end stays as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def call(stack, method, body=None):
    request = urllib.request.Request(f"{stack.media}/api/v1/streams/sent/egress", method=method,
                                     data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


def record(stack, path, folder):
    stack.wait_path(path, DEADLINE)
    return Recorder(stack.layout.rtmp(path), folder / f"{path.replace('/', '-')}.mp4", folder, path.replace("/", "-"))


def hashes(path, kind):
    return [packet.hash for packet in media.packets(path, kind)]


def assert_part_of(part, whole):
    """Bit for bit the same packets, none missing between the first and the last."""
    assert len(part) > 30
    assert part == whole[whole.index(part[0]):][:len(part)]


def test_it_arrives_bit_for_bit_through_crashes_and_a_switch(make_stack, long_silent_sample, tmp_path):
    stack = make_stack(ORCH_GRACE_PERIOD="4s").start(sts_mode="echo")
    query = "?lang=es&egress=" + urllib.parse.quote(stack.layout.rtmp("far/key-one"), safe="")
    with Broadcast(stack, "sent", long_silent_sample, tmp_path, query=query, watch_arrivals=False) as broadcast:
        broadcast.start()
        first = forwarding(stack)
        worker = stack.worker_pid("sent")
        before = record(stack, "far/key-one", tmp_path)
        wait_until(lambda: before.path.exists() and before.path.stat().st_size > 100_000, DEADLINE, "some of the recording")

        os.kill(first, signal.SIGKILL)
        assert before.finish(DEADLINE) == 0, "the destination saw the end"
        second = forwarding(stack, other_than=first)
        stack.children["media-service"].kill()
        stack.launch("media-service")
        stack.wait_ready("media-service")
        assert forwarding(stack) == second, "adopted, not doubled"

        answer = call(stack, "PUT", {"destUrl": stack.layout.rtmp("far/key-two")})
        assert answer["egress"]["destUrl"].endswith("/far/***")
        third = forwarding(stack, other_than=second)
        assert not alive(second)
        stack.wait_path("far/key-one", DEADLINE, ready=False)
        after = record(stack, "far/key-two", tmp_path)
        stopped = stack.stream("sent")
        assert (stopped["workerPid"], stopped["restarts"]) == (worker, 0)
        wait_until(lambda: after.path.exists() and after.path.stat().st_size > 100_000, DEADLINE, "some more")
        broadcast.publisher.stop()
        broadcast.recorder.finish(DEADLINE)
        after.finish(DEADLINE)
        wait_until(lambda: stack.stream("sent")["state"] == "idle" and not alive(third), DEADLINE, "the end")
        codes = stack.stop()
    assert set(codes.values()) == {0}, codes

    shown = broadcast.recording
    sent = hashes(long_silent_sample.path, "video")
    assert_part_of(hashes(shown, "video"), sent)
    assert analyse.audio_timestamps(media.packets(shown, "audio")).ok, "the stream itself was not disturbed"
    for recorder in (before, after):
        assert media.packets(recorder.path, "video")[0].key
        assert_part_of(hashes(recorder.path, "video"), sent)
        assert_part_of(hashes(recorder.path, "audio"), hashes(shown, "audio"))
    logs = "".join(path.read_text(errors="replace") for path in (tmp_path / "stack0").rglob("*.log*"))
    forwarder_lines = [line for line in logs.splitlines() if '"egress-forwarder"' in line]
    assert forwarder_lines and not any("/far/key-" in line for line in forwarder_lines)
