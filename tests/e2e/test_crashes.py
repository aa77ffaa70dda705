"""What dies in mid-stream or never arrives, and what becomes of the stream: a worker, the router's hooks."""

import os
import signal

import pytest

from support import account, analyse, media, sample
from support.broadcast import Broadcast
from support.processes import wait_until
from support.socketio_monitor import Monitor
from support.stack import Layout, Ports, Stack, find_programs
from support.streams import publish

pytestmark = pytest.mark.p3


@pytest.fixture(scope="module")
def early_sample(samples_folder):
    """The first phrase is over soon, and more come when another worker is there."""
    recipe = sample.Recipe(duration=19.0, width=320, height=180, first_speech=1.0,
                           sentences=tuple(sample.SENTENCES[index] for index in (0, 1, 7, 2)), pauses=(1.5,))
    return sample.make_sample(samples_folder / "early.mp4", recipe)


def test_a_killed_worker_is_replaced_and_its_run_goes_on(build_dir, early_sample, tmp_path):
    ports = Ports.free()
    with Monitor(ports.sts) as monitor:
        layout = Layout(find_programs(build_dir), tmp_path / "stack", ports,
                        {"WORKER_STS_SERVICE_URL": monitor.url, "ORCH_GRACE_PERIOD": "4s"})
        with Stack(layout).start(sts_mode="echo") as stack, \
                Broadcast(stack, "killed", early_sample, tmp_path, watch_arrivals=False) as broadcast:
            broadcast.publish()
            first = wait_until(lambda: stack.worker_pid("killed"), 30, "the worker's control socket")
            run = stack.stream("killed")["runId"]
            wait_until(lambda: stack.phrases("killed"), 30, "the first phrase")
            sent_by_the_first = len(monitor.events("fragment:data", "up"))
            os.kill(first, signal.SIGKILL)
            second = wait_until(lambda: stack.worker_pid("killed") not in (None, first) and stack.worker_pid("killed"), 30,
                                "another worker")
            broadcast.watch()
            wait_until(lambda: stack.stream("killed")["state"] == "running", 30, "the stream to run again")
            facts = stack.stream("killed")
            assert (facts["runId"], facts["workerPid"], facts["restarts"]) == (run, second, 1)
            assert "signal 9" in facts["lastError"]
            assert stack.worker_pids() == [second]
            evidence = broadcast.finish()
            sent = [event.payload["fragment_id"] for event in monitor.events("fragment:data", "up")]
        codes = stack.stop()
    assert set(codes.values()) <= {0}, codes
    # What the first one had in work died with it; everything that the second one sent is accounted for.
    kept = [line["fragmentId"] for line in evidence.ledger]
    assert [fragment for fragment in sent[sent_by_the_first + 1:] if fragment not in kept] == []
    assert account.complaints(evidence.ledger, kept) == []
    assert evidence.ledger[-1]["state"] == "dubbed", "the dub is back"
    assert [line["seq"] for line in account.bundle_ledger(tmp_path / "stack" / "runs", run)] == list(range(1, len(kept) + 1))
    assert_shown_from_a_key_frame_to_the_end(early_sample.path, broadcast.recording)


def test_lost_hooks_heal_by_the_routers_list(build_dir, short_sample, tmp_path):
    programs = find_programs(build_dir)
    layout = Layout({**programs, "mtx-hook": "/bin/false"}, tmp_path / "stack", settings={"ORCH_GRACE_PERIOD": "4s"})
    with Stack(layout).start(sts_mode="echo") as stack, \
            Broadcast(stack, "unheard", short_sample, tmp_path, watch_arrivals=False) as broadcast:
        broadcast.start()
        wait_until(lambda: stack.stream("unheard").get("state") == "running", 30, "the stream to run without a hook")
        worker = stack.worker_pid("unheard")
        assert stack.worker_pids() == [worker] and stack.stream("unheard")["publisherPresent"]
        broadcast.finish()
        wait_until(lambda: stack.stream("unheard")["state"] == "idle", 30, "the end without a hook")
        assert not os.path.exists(f"/proc/{worker}")
        assert 'media_service_hook_events_total{event="ready",result="accepted"}' not in stack.metrics("media-service")
    assert_shown_from_a_key_frame_to_the_end(short_sample.path, broadcast.recording)


def test_a_crash_of_media_service_and_of_a_worker_at_once(make_stack, short_sample, brief_sample, tmp_path):
    """The publishers are still there: one stream's worker is adopted, the other one gets a new worker."""
    stack = make_stack(ORCH_GRACE_PERIOD="4s").start(sts_mode="echo")
    publishers = [publish(brief_sample.path, stack.url(name, "in"), tmp_path, name) for name in ("kept", "lost")]
    before = {name: wait_until(lambda: stack.stream(name).get("state") == "running" and stack.worker_pid(name), 30,
                               f"{name} to run") for name in ("kept", "lost")}
    stack.children["media-service"].kill()
    os.kill(before["lost"], signal.SIGKILL)
    stack.launch("media-service")
    stack.wait_ready("media-service")
    wait_until(lambda: all(stack.stream(name).get("state") == "running" for name in before), 30, "both to run")
    after = {name: stack.worker_pid(name) for name in before}
    assert after["kept"] == before["kept"] and after["lost"] != before["lost"]
    assert stack.worker_pids() == sorted(after.values())
    stack.wait_path("live/lost/out", 30)
    for publisher in publishers:
        publisher.stop()
    for name in before:
        wait_until(lambda: stack.stream(name)["state"] == "idle", 30, f"{name} to end")
    assert stack.worker_pids() == []


def assert_shown_from_a_key_frame_to_the_end(clip, recording):
    """All that was published from some key frame on, but for the last second, and sound without a gap."""
    sent = [packet.hash for packet in media.packets(clip, "video")]
    seen = [packet.hash for packet in media.packets(recording, "video")]
    assert seen and seen == sent[sent.index(seen[0]):][:len(seen)]
    assert len(sent) - sent.index(seen[-1]) <= 30, "at most the last second is missing"
    assert analyse.audio_timestamps(media.packets(recording, "audio")).ok
