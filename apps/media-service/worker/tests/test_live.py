# SPDX-License-Identifier: GPL-3.0-or-later
"""A live stream through media-router and the worker, over RTMP, in real time."""
import os
import signal
import statistics
import sys
import time

import pytest

import clips
from conftest import Control, wait_for

LATENCY_S = 2
pytestmark = pytest.mark.skipif("MEDIA_ROUTER" not in os.environ, reason="media-router is not built here")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.flv"
    clips.make_flash_beep(path, seconds=20)
    return path


@pytest.fixture
def publish(programs, router, clip):
    def start(source=clip, name="in"):
        return programs("publisher", "ffmpeg", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", "flv",
                        router.url(name))
    return start


@pytest.fixture
def record(programs, router, tmp_path):
    """Records until the stream ends or the recorder is stopped."""
    def start(name="out", to="recording"):
        path = tmp_path / f"{to}.flv"
        program = programs("recorder", "ffmpeg", "-v", "error", "-y", "-i", router.url(name), "-c", "copy",
                           "-flush_packets", "1", path)
        program.path = path
        return program
    return start


@pytest.fixture
def stack(worker, router, publish, tmp_path):
    """A published stream, the worker on it, and its control socket."""
    class Stack:
        pass

    stack = Stack()
    stack.publisher = publish()
    state = tmp_path / "state"
    stack.worker = worker(router.url("in"), router.url("out"), "--latency", f"{LATENCY_S}s", "--stream-id", "test",
                          "--state-dir", state, "--input-grace", "20s", "--output-grace", "20s")
    stack.control = Control(state / "workers" / "test.sock")
    yield stack
    stack.control.close()


def is_running(status):
    return status["state"] == "running"


def stop_recording(recorder):
    recorder.stop(signal.SIGINT)
    return recorder.path


def picture_steps(recording):
    """Seconds from picture to picture of a recording that goes on."""
    times = clips.flv_times_so_far(recording)
    return [b - a for a, b in zip(times, times[1:])]


def seconds_after_gap(recording):
    """How much picture there is after the last gap in it; 0 before there is one."""
    steps = picture_steps(recording)
    gaps = [place for place, step in enumerate(steps) if step > 0.5]
    return sum(steps[gaps[-1] + 1:]) if gaps else 0


def is_part_of(part, whole):
    """Whether part is a run of whole."""
    return any(whole[start:start + len(part)] == part for start in range(len(whole) - len(part) + 1))


def test_stream_comes_out_unchanged_delayed_and_in_sync(stack, record, clip):
    stack.control.read_status(is_running, "the output runs")
    recorder = record()
    statuses = [stack.control.read("status") for _ in range(6)]
    recording = stop_recording(recorder)

    hashes = clips.video_hashes(recording)
    assert len(hashes) > 100
    assert is_part_of(hashes, clips.video_hashes(clip))
    offsets, source_offsets = clips.av_offsets(recording), clips.av_offsets(clip)
    assert len(offsets) >= 4
    assert max(abs(offset - source_offsets[0]) for offset in offsets) <= 10
    # A busy machine makes single outputs late, none of them early, and D does not grow by it.
    delays_ms = [status["delayMs"] for status in statuses]
    assert abs(min(delays_ms) - LATENCY_S * 1000) <= 20, delays_ms
    assert all(abs(status["avSyncDeltaMs"]) <= 10 for status in statuses)
    facts = statuses[-1]["input"]
    assert (facts["videoCodec"], facts["width"], facts["height"], facts["audioCodec"], facts["audioRateHz"]) == \
        ("H264", *clips.SIZE, "AAC", 48000)
    assert statuses[-1]["output"]["bytes"] > statuses[0]["output"]["bytes"]
    assert stack.worker.stop() == 0


def test_sound_goes_on_without_a_gap(stack, record):
    stack.control.read_status(is_running, "the output runs")
    recorder = record()
    for _ in range(4):
        stack.control.read("status")
    times = [packet[0] for packet in clips.packets(stop_recording(recorder), "a")]
    assert len(times) > 100
    assert max(b - a for a, b in zip(times, times[1:])) < 0.0235


def test_delay_by_the_clock_of_a_viewer(programs, router, stack, record):
    """Both ends of the chain are recorded at once; the same picture lies D later in the second recording."""
    stack.control.read_status(is_running, "the output runs")
    arrivals = {}
    for name in ("in", "out"):
        arrivals[name] = programs(f"arrivals-{name}", sys.executable, "-u", "-c", ARRIVALS, "ffmpeg", "-v", "error",
                                  "-i", router.url(name), "-map", "0:v", "-c", "copy", "-flush_packets", "1", "-f",
                                  "framemd5", "-")
    for _ in range(7):
        stack.control.read("status")
    seen = {name: {line.split()[1]: float(line.split()[0]) for line in program.messages().splitlines()}
            for name, program in arrivals.items()}
    # At first a reader gets the router's cache at once, and looks at it before it begins.
    settled = min(seen["in"].values()) + 1
    delays = [at - seen["in"][key] for key, at in seen["out"].items() if seen["in"].get(key, 0) > settled]
    assert len(delays) > 45
    # Medians, of the beginning too: on a busy machine single pictures are looked at late, at either end.
    for part in (delays, delays[:len(delays) // 3], delays[-len(delays) // 3:]):
        assert abs(statistics.median(part) - LATENCY_S) < 0.02, sorted(delays)


ARRIVALS = """
import subprocess, sys, time
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
for line in process.stdout:
    if not line.startswith("#"):
        print(f"{time.monotonic():.4f}", line.split()[-1])
"""


def test_publisher_that_goes_and_comes_back(stack, publish, record, clip):
    stack.control.read_status(is_running, "the output runs")
    recorder = record()
    stack.control.read("status")
    stack.publisher.stop(signal.SIGKILL)
    stack.control.read_status(lambda s: s["state"] == "reconnecting", "the loss is noticed")
    publish()
    status = stack.control.read_status(
        lambda s: is_running(s) and s["input"]["reconnects"] == 1, "the input is back")
    assert status["output"]["reconnects"] == 0
    wait_for(lambda: seconds_after_gap(recorder.path) > 2, "the picture after the gap")
    recording = stop_recording(recorder)

    sent = set(clips.video_hashes(clip))
    got = clips.packets(recording)
    assert all(packet[2] in sent for packet in got)
    gaps = [(a[1], b) for a, b in zip(got, got[1:]) if b[1] - a[1] > 0.5]
    assert len(gaps) == 1 and gaps[0][1][3], "one gap in the picture, which ends with a key frame"
    sound = [packet[0] for packet in clips.packets(recording, "a")]
    assert max(b - a for a, b in zip(sound, sound[1:])) < 0.05, "the sound went on"
    assert sound[-1] - got[-1][0] < 0.5
    assert max(abs(offset) for offset in clips.av_offsets(recording, [gaps[0][1][0]])) <= 11


def test_router_restart_loses_neither_end_for_good(stack, router, publish, record, clip):
    stack.control.read_status(is_running, "the output runs")
    router.program.stop(signal.SIGKILL)
    stack.control.read_status(lambda s: not s["output"]["connected"] and not s["input"]["connected"],
                              "both losses are noticed")
    router.start()
    publish()
    stack.control.read_status(lambda s: is_running(s) and s["output"]["reconnects"] == 1, "both ends are back")
    # What was in the delay line when the router went may still come out before the new stream.
    for _ in range(LATENCY_S + 2):
        stack.control.read("status")
    recorder = record()
    for _ in range(4):
        stack.control.read("status")
    recording = stop_recording(recorder)
    hashes = clips.video_hashes(recording)
    assert len(hashes) > 60 and is_part_of(hashes, clips.video_hashes(clip))
    assert clips.packets(recording)[0][3], "begins at a key frame"
    assert max(abs(offset) for offset in clips.av_offsets(recording)) <= 11


def test_input_that_never_comes(worker, router):
    started = time.monotonic()
    program = worker(router.url("in"), router.url("out"), "--input-grace", "2s")
    assert program.wait() == 10, program.messages()
    assert time.monotonic() - started < 5
    assert "never came" in program.messages()


def test_output_that_is_refused_for_its_grace(worker, router, publish):
    publish()
    program = worker(router.url("in"), "rtmp://127.0.0.1:9/live/test/out", "--output-grace", "2s")
    assert program.wait() == 13, program.messages()
    assert "lost" in program.messages()


def test_stream_without_sound(worker, router, publish, tmp_path):
    clip = tmp_path / "silent.flv"
    clips.make_picture_only(clip, seconds=10)
    publish(clip)
    program = worker(router.url("in"), router.url("out"))
    assert program.wait() == 12, program.messages()
    assert "no audio track" in program.messages()


def test_stop_by_the_control_socket(stack):
    hello = stack.control.read("hello")
    assert hello["streamId"] == "test" and hello["pid"] == stack.worker.process.pid
    stack.control.read_status(is_running, "the output runs")
    stack.control.send(command="stop")
    assert stack.worker.wait() == 0, stack.worker.messages()


def test_file_played_into_rtmp(worker, router, record, clip):
    program = worker(clip, router.url("out"), "--realtime", "--latency", "2s")
    wait_for(lambda: "is being written" in program.messages(), "the output runs")
    recorder = record()
    wait_for(lambda: sum(picture_steps(recorder.path)) > 3, "3 s of recording")
    hashes = clips.video_hashes(stop_recording(recorder))
    assert len(hashes) > 50 and is_part_of(hashes, clips.video_hashes(clip))
    assert program.stop() == 0
