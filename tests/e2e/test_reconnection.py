"""Publishers that come back, a router that restarts, a control plane that is killed: what can go on, goes on."""

import json
import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest

from support import account, analyse, media, picture, report, sample
from support.broadcast import Broadcast
from support.processes import wait_until
from support.pulse import Pulse
from support.rtmp_raw import PlannedPublisher, flv_tags
from support.socketio_monitor import Monitor
from support.stack import Layout, Ports, Stack, find_programs
from support.streams import first_picture, publish

pytestmark = pytest.mark.p3


def test_a_publisher_that_comes_back_continues_its_run(make_stack, short_sample, tmp_path):
    stack = make_stack(ORCH_GRACE_PERIOD="15s").start(sts_mode="echo")
    with Broadcast(stack, "again", short_sample, tmp_path, watch_arrivals=False) as broadcast:
        broadcast.start()
        first = wait_until(lambda: stack.stream("again").get("runId"), 10, "the run")
        broadcast.sleep_until(6.0)
        broadcast.publisher.kill()
        stack.wait_path("live/again/in", 10, ready=False)
        second = publish(short_sample.path, stack.url("again", "in"), tmp_path, "publisher-again")
        stack.wait_path("live/again/in", 10)
        assert second.finish(30) == 0
        assert stack.stream("again").get("runId") == first
        assert broadcast.recorder.child.running(), "the viewer was not sent away"
        time.sleep(broadcast.latency + 1.0)      # what is published comes out D later
        stack.stop()
        broadcast.recorder.finish(10)
    seen = [packet.hash for packet in media.packets(broadcast.recording, "video")]
    sent = [packet.hash for packet in media.packets(short_sample.path, "video")]
    again = len(seen) - 1 - seen[::-1].index(sent[0])
    assert seen[:100] == sent[:100], "the first publication"
    assert seen[again:] == sent, "the second publication follows from its first key frame on"
    times = [packet.dts for packet in media.packets(broadcast.recording, "video")]
    assert all(left < right for left, right in zip(times, times[1:]))


def test_a_publisher_that_comes_back_with_another_encoder_and_another_clock(make_stack, short_sample, samples_folder,
                                                                            tmp_path):
    recipe = sample.Recipe(duration=8.0, width=640, height=360, fps=24, sentences=(), pauses=(), b_frames=0)
    other = sample.make_sample(samples_folder / "other.mp4", recipe)
    stack = make_stack(ORCH_GRACE_PERIOD="10s").start(sts_mode="echo")
    with Broadcast(stack, "changed", short_sample, tmp_path, watch_arrivals=False, container="flv") as broadcast:
        broadcast.start()
        worker = stack.worker_pid("changed")
        broadcast.sleep_until(6.0)
        broadcast.publisher.kill()
        stack.wait_path("live/changed/in", 10, ready=False)
        # The timestamps of the first one ended at 6 s; these begin at more than an hour.
        tags = [replace(tag, time_ms=tag.time_ms + 4_000_000) for tag in flv_tags(other.path)]
        second = PlannedPublisher(stack.layout.listener("rtmp"), "live/changed/in",
                                  [(tag.time_ms / 1000 - 4000, tag) for tag in tags])
        assert second.finish(30) == 0
        time.sleep(broadcast.latency + 1.0)      # what is published comes out D later
        assert stack.worker_pid("changed") == worker
        stack.stop()
        broadcast.recorder.finish(10)
    video, audio = media.packets(broadcast.recording, "video"), media.packets(broadcast.recording, "audio")
    first, then = ([packet.hash for packet in media.packets(clip.path, "video")] for clip in (short_sample, other))
    hashes = [packet.hash for packet in video]
    assert hashes[:100] == first[:100]
    # The first groups of pictures may be over before the worker is back; it goes on at a key frame (every 48).
    begun = next(place for place in range(0, 192, 48) if then[place] in hashes)
    assert hashes[hashes.index(then[begun]):] == then[begun:]
    assert analyse.audio_timestamps(audio).ok, "the sound went on meanwhile"
    assert all(left.dts < right.dts for left, right in zip(video, video[1:]))
    assert sizes_of(broadcast.recording) == ["320x180", "640x360"], "each picture decodes as what it is"
    sound = media.decode_sound(broadcast.recording)
    seen = media.decode_luma(broadcast.recording, short_sample.geometry)
    small = picture.Geometry(short_sample.geometry.width // 4, short_sample.geometry.height // 4)
    flashes = analyse.flash_times(picture.read_flashes(seen, small), sorted(packet.pts for packet in video))
    verdict = analyse.av_sync(flashes, sound)
    assert verdict.ok and len(verdict.facts["deltasMs"]) >= 2, verdict.text


def sizes_of(path):
    """The sizes of the decoded pictures, each once, in order; complains of what does not decode."""
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=width,height", "-of",
                           "csv=p=0:s=x", path], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    # ffmpeg's parser, which has no name, goes on with the first codec data and complains; the decoder has to be content.
    assert [line for line in done.stderr.splitlines() if "[h264" in line] == []
    return list(dict.fromkeys(line.strip("x") for line in done.stdout.split()))


def test_after_the_grace_period_the_stream_ends_and_can_begin_again(make_stack, short_sample, tmp_path):
    stack = make_stack(ORCH_GRACE_PERIOD="4s").start(sts_mode="echo")
    runs = []
    for turn in ("first", "second"):
        with Broadcast(stack, "turns", short_sample, tmp_path / turn) as broadcast:
            broadcast.start()
            runs.append(wait_until(lambda: stack.stream("turns").get("runId"), 10, "the run"))
            evidence = broadcast.finish()
        recording = report.Recording(evidence)
        assert report.complaints(report.stream_verdicts(recording)) == []
        stack.wait_path("live/turns/out", 15, ready=False)
    assert runs[0] != runs[1]


def test_media_service_killed_and_back_keeps_its_workers(make_stack, brief_sample, tmp_path):
    stack = make_stack(ORCH_GRACE_PERIOD="4s").start(sts_mode="echo")
    with Broadcast(stack, "adopted", brief_sample, tmp_path) as broadcast:
        broadcast.start()
        worker = wait_until(lambda: stack.worker_pid("adopted"), 10, "the worker's control socket")
        run = stack.stream("adopted")["runId"]
        broadcast.sleep_until(6.0)
        stack.children["media-service"].kill()
        broadcast.sleep_until(10.0)
        stack.launch("media-service")
        stack.wait_ready("media-service")
        wait_until(lambda: stack.stream("adopted").get("state") == "running", 15, "the worker to be adopted")
        assert stack.worker_pids() == [worker] == [stack.worker_pid("adopted")], "no second one"
        assert stack.stream("adopted")["runId"] == run
        evidence = broadcast.finish()
    recording = report.Recording(evidence)
    bed = report.bed_of(recording)
    assert report.complaints(report.stream_verdicts(recording) + report.sample_verdicts(recording, bed)) == []
    assert {line["state"] for line in evidence.ledger} == {"dubbed"}
    assert account.complaints(evidence.ledger, [line["fragmentId"] for line in evidence.ledger]) == []
    kept = account.bundle_ledger(tmp_path / "stack0" / "runs", run)
    assert [line["fragmentId"] for line in kept] == [line["fragmentId"] for line in evidence.ledger], "on disk too"
    wait_until(lambda: not os.path.exists(f"/proc/{worker}"), 20, "the adopted worker to end after the grace period")


@pytest.mark.own_router
def test_a_router_that_restarts_gets_its_streams_back(build_dir, brief_sample, tmp_path):
    opening = [packet.hash for packet in media.packets(brief_sample.path, "video") if packet.key][:2]
    ports = Ports.free()
    with Monitor(ports.sts) as monitor:
        layout = Layout(find_programs(build_dir), tmp_path / "stack", ports,
                        {"WORKER_STS_SERVICE_URL": monitor.url, "ORCH_GRACE_PERIOD": "15s"})
        with Stack(layout).start(sts_mode="echo") as stack:
            with Broadcast(stack, "router", brief_sample, tmp_path, watch_arrivals=False) as before:
                before.start()
                run, worker = stack.stream("router")["runId"], stack.worker_pid("router")
                wait_until(lambda: stack.phrases("router"), 15, "the first phrase to be heard")
                stack.children["media-router"].kill()
                stack.launch("media-router")
                stack.wait_ready("media-router")
                wait_until(lambda: not before.publisher.running(), 30, "the first publisher to notice")
            with Broadcast(stack, "router", brief_sample, tmp_path / "again") as after:
                after.publish()
                # The first was killed beyond these two groups of pictures: with one of them only the second can begin.
                wait_until(lambda: first_picture(stack.url("router", "out")) in opening, 30,
                           "the router to keep no picture of before any more", after.publisher.running)
                after.watch()
                assert stack.stream("router")["runId"] == run and stack.worker_pid("router") == worker
                evidence = after.finish()
    recording = report.Recording(evidence)
    assert {track.kind: track.codec for track in media.tracks(evidence.recording)} == {"video": "h264", "audio": "aac"}
    assert report.interruptions(recording, report.bed_of(recording)) == [], "picture, sound, both in step, D as ever"
    assert account.complaints(evidence.ledger, [event.payload["fragment_id"] for event in
                                                monitor.events("fragment:data", "up")]) == []
    assert [line["state"] for line in evidence.ledger[-3:]] == ["dubbed"] * 3, "all of the second publication"


def test_a_stopped_stack_leaves_nothing_behind(make_stack, short_sample, tmp_path):
    stack = make_stack().start(sts_mode="echo")
    with Broadcast(stack, "left", short_sample, tmp_path, watch_arrivals=False) as broadcast:
        broadcast.start()
        worker = wait_until(lambda: stack.worker_pid("left"), 10, "the worker")
        broadcast.sleep_until(5.0)
        run = stack.stream("left")["runId"]
        pulse, began = Pulse(), time.monotonic()
        stack.children["media-service"].send(signal.SIGTERM)
        assert stack.children["media-service"].finish(15) == 0
        took = time.monotonic() - began - sum(pause.end - pause.start for pause in pulse.stop())
        assert took < 5.0, f"a clean stop took {took:.1f} s beside what the machine slept"
        assert not os.path.exists(f"/proc/{worker}") and stack.worker_pids() == [], "a clean stop stops the workers"
        manifest = json.loads((tmp_path / "stack0" / "runs" / run / "manifest.json").read_text())
        assert manifest["runId"] == run and manifest["endedAt"]
        assert list((stack.state_dir / "streams").iterdir()) == [], "nothing is left to be continued"
        assert report.complaints([analyse.video_identical(
            media.packets(short_sample.path, "video"), media.packets(finished(broadcast), "video"), tail=12.0)]) == []


def finished(broadcast):
    broadcast.recorder.finish(5)
    return broadcast.recording
