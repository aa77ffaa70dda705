# SPDX-License-Identifier: GPL-3.0-or-later
"""Files through the whole worker, faster than they play."""
import json
import signal
import time

import pytest

import clips
from conftest import wait_for


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    clips.make_flash_beep(path)
    return path


@pytest.mark.parametrize("kind", ["mp4", "flv"])
def test_video_is_identical_and_duration_right(worker, tmp_path, clip, kind):
    out = tmp_path / f"out.{kind}"
    started = time.monotonic()
    program = worker(clip, out)
    assert program.wait() == 0, program.messages()
    assert time.monotonic() - started < 8, "slower than the clip plays"
    assert clips.video_hashes(out) == clips.video_hashes(clip)
    sent, got = clips.packets(clip), clips.packets(out)
    for a, b in zip(sent, got):
        assert abs((a[0] - sent[0][0]) - (b[0] - got[0][0])) < 0.0011
    audio = clips.packets(out, "a")
    assert audio[-1][0] + 1024 / 48000 == pytest.approx(10, abs=0.05)


@pytest.mark.parametrize("made", [
    {"audio_rate": 48000}, {"audio_rate": 44100, "b_frames": 2}, {"audio_rate": 22050}])
@pytest.mark.parametrize("source_kind,kind", [("mp4", "mp4"), ("flv", "flv"), ("ts", "ts"), ("mp4", "ts")])
def test_sound_and_picture_stay_together(worker, tmp_path, made, source_kind, kind):
    clip, out = tmp_path / f"clip.{source_kind}", tmp_path / f"out.{kind}"
    clips.make_flash_beep(clip, seconds=5, **made)
    program = worker(clip, out)
    assert program.wait() == 0, program.messages()
    before, after = clips.av_offsets(clip), clips.av_offsets(out)
    assert len(after) == len(before) >= 2
    for a, b in zip(before, after):
        assert abs(b - a) <= 2


def test_output_is_aac_48k_stereo(worker, tmp_path, clip):
    out = tmp_path / "out.mp4"
    assert worker(f"file://{clip}", out).wait() == 0
    audio = next(s for s in clips.streams(out)["streams"] if s["codec_type"] == "audio")
    assert (audio["codec_name"], audio["profile"], audio["sample_rate"], audio["channels"]) == \
        ("aac", "LC", "48000", 2)


def assert_fails(program, exit_code, *says):
    assert program.wait() == exit_code, program.messages()
    for text in says:
        assert text in program.messages()


@pytest.mark.parametrize("kind", ["mp4", "ts"])
def test_hevc_is_named(worker, tmp_path, kind):
    clip = tmp_path / f"clip.{kind}"
    clips.make_with_codec(clip, "libx265")
    assert_fails(worker(clip, tmp_path / "out.mp4"), 11, "H.265")


@pytest.mark.parametrize("kind", ["mp4", "flv", "ts"])
def test_missing_audio_is_named(worker, tmp_path, kind):
    clip = tmp_path / f"clip.{kind}"
    clips.make_picture_only(clip)
    assert_fails(worker(clip, tmp_path / "out.mp4"), 12, "no audio track")


def test_missing_file_is_named(worker, tmp_path):
    assert_fails(worker(tmp_path / "nowhere.mp4", tmp_path / "out.mp4"), 10, "nowhere.mp4", "No such file")


def test_unknown_container_is_named(worker, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"this is no video at all")
    assert_fails(worker(clip, tmp_path / "out.mp4"), 11, "no MP4, FLV or MPEG-TS")


def test_missing_output_folder_is_named(worker, tmp_path, clip):
    assert_fails(worker(clip, tmp_path / "nowhere" / "out.mp4"), 2, "WORKER_OUTPUT_URL", "nowhere")


def test_full_output_disk_is_an_output_failure(worker, tmp_path, clip):
    out = tmp_path / "out.flv"
    out.symlink_to("/dev/full")
    assert_fails(worker(clip, out), 13, "out.flv")


def test_damaged_file_ends_with_a_message(worker, tmp_path, clip):
    data = clip.read_bytes()
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data[:len(data) // 2])
    program = worker(damaged, tmp_path / "out.mp4")
    assert program.wait() in (10, 12), program.messages()
    assert '"level":"error"' in program.messages()


def test_sigterm_leaves_a_playable_file(worker, tmp_path, clip):
    out = tmp_path / "out.mp4"
    program = worker(clip, out, "--realtime", "--latency", "2s")
    wait_for(lambda: out.exists() and out.stat().st_size > 20000, "some of the output is there")
    assert program.stop(signal.SIGTERM) == 0, program.messages()
    hashes = clips.video_hashes(out)
    assert hashes and hashes == clips.video_hashes(clip)[:len(hashes)]
    assert clips.packets(out, "a")


def test_sigterm_while_the_engines_are_waited_for(worker, tmp_path, clip):
    """Not live, the worker waits for a service that is not there, and still ends when asked."""
    program = worker(clip, tmp_path / "out.mp4", "--sts-mode", "enabled", "--sts-service-url", "http://127.0.0.1:9")
    wait_for(lambda: "is being written" in program.messages(), "the work has begun")
    assert program.stop(signal.SIGTERM) == 0, program.messages()


def test_realtime_is_complete_and_takes_its_time(worker, tmp_path):
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    clips.make_flash_beep(clip, seconds=3)
    started = time.monotonic()
    program = worker(clip, out, "--realtime", "--latency", "2s")
    assert program.wait() == 0, program.messages()
    assert 4.8 < time.monotonic() - started < 8
    assert clips.video_hashes(out) == clips.video_hashes(clip)
    assert all(abs(offset) <= 10 for offset in clips.av_offsets(out))


def test_ledger_is_written_and_named(worker, tmp_path, clip):
    ledger = tmp_path / "ledger.ndjson"
    program = worker(clip, tmp_path / "out.mp4", "--ledger", ledger)
    assert program.wait() == 0, program.messages()
    assert str(ledger) in program.messages()
    for number, line in enumerate(ledger.read_text().splitlines(), 1):
        assert json.loads(line)["seq"] == number


def errors(program):
    lines = [json.loads(line) for line in program.messages().splitlines()]
    return [line["message"] for line in lines if line["level"] == "error"]


def test_a_stream_too_heavy_for_the_delay_is_said_once(worker, tmp_path):
    """Picture and sound, on a thread each, come to the bound of what may wait; the program says so and ends."""
    clip = tmp_path / "heavy.mp4"
    clips.make_heavy(clip, seconds=8, mbit_per_s=400)
    program = worker(clip, tmp_path / "out.mp4", "--realtime", "--latency", "30s")
    assert program.wait() == 1, program.messages()
    clip.unlink()
    assert len(errors(program)) == 1, program.messages()
    assert "256 MiB" in errors(program)[0] and "WORKER_LATENCY" in errors(program)[0]
    assert "finished: " in program.messages(), "an end in good order"


def test_a_second_worker_of_a_stream_says_why_it_cannot_start(worker, tmp_path, clip):
    arguments = ("--stream-id", "one", "--state-dir", tmp_path / "state", "--realtime")
    first = worker(clip, tmp_path / "first.mp4", *arguments)
    wait_for(lambda: "is flowing" in first.messages(), "the first is at work")
    second = worker(clip, tmp_path / "second.mp4", *arguments)
    assert second.wait() == 1, second.messages()
    assert len(errors(second)) == 1 and "one.lock" in errors(second)[0], second.messages()
    assert not (tmp_path / "second.mp4").exists()
    assert first.stop(signal.SIGTERM) == 0 and errors(first) == [], first.messages()
