# SPDX-License-Identifier: GPL-3.0-or-later
"""RTSP and SRT, in and out, in real time: gst-rtsp-server, ffmpeg and srt-live-transmit as peers."""
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

import clips
import rtsp_proxy
from conftest import Control, free_ports, wait_for

HERE = Path(__file__).parent
PASSPHRASE = "correct horse"
SECONDS = 12
SEI = 6  # NAL unit type


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    clips.make_flash_beep(path, seconds=SECONDS, b_frames=2)
    return path


@pytest.fixture
def rtsp_server(programs, tmp_path):
    def start(*arguments, port=None):
        port = port or free_ports(1)[0]
        program = programs("rtsp-server", "/usr/bin/python3", HERE / "rtsp_server.py", "--port", port, "--folder",
                           tmp_path, *arguments)
        program.port = port
        wait_for(lambda: "serving" in program.messages(), "the RTSP server listens")
        return program
    return start


@pytest.fixture
def controlled(worker, tmp_path):
    """A worker with a client at its control socket."""
    clients = []

    def start(source, target, *arguments):
        state = tmp_path / "state"
        program = worker(source, target, "--latency", "2s", "--stream-id", "test", "--state-dir", state, *arguments)
        program.control = Control(state / "workers" / "test.sock")
        clients.append(program.control)
        return program

    yield start
    for client in clients:
        client.close()


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def assert_all_pictures(got, clip, tail=0):
    """The access units of the clip without parameter sets and delimiters, in order; at most so many short."""
    sent = clips.access_units(clip)
    assert len(got) >= len(sent) - tail, (len(got), len(sent))
    assert got == sent[:len(got)]


def assert_whole_and_in_sync(recording, clip, tail=0, slack_ms=3, from_ts=False):
    if from_ts:
        # ffmpeg writes the encoder's SEI before the first parameter sets, where the parser cannot use it yet.
        got, sent = (clips.access_units(path, [SEI]) for path in (recording, clip))
        assert len(got) >= len(sent) - tail and got == sent[:len(got)]
        assert clips.access_units(recording)[1:] == clips.access_units(clip)[1:len(got)]
    else:
        assert_all_pictures(clips.access_units(recording), clip, tail)
    offsets = clips.av_offsets(recording)
    assert len(offsets) >= SECONDS - 3
    # The timeline may have begun to follow what it takes for the publisher's clock.
    assert max(abs(offset) for offset in offsets) <= slack_ms, offsets
    times = [packet[0] for packet in clips.packets(recording, "a")]
    assert max(b - a for a, b in zip(times, times[1:])) < 0.0235, "the sound has no gap"
    kinds = {one["codec_type"]: one["codec_name"] for one in clips.streams(recording)["streams"]}
    assert kinds == {"video": "h264", "audio": "aac"}


def let_end(program, peer):
    """The publisher has ended and does not come back; all of it comes out."""
    wait_for(lambda: "input lost" in program.messages().split("flowing")[-1], "the publisher is gone", SECONDS + 20)
    peer.stop(signal.SIGKILL)
    assert program.wait() == 10, program.messages()
    assert "did not come back" in program.messages()


# ---- RTSP in

@pytest.mark.parametrize("audio,auth", [("aac", ["--digest"]), ("latm", [])])
def test_rtsp_input(worker, rtsp_server, clip, tmp_path, audio, auth):
    server = rtsp_server("--clip", clip, "--audio", audio, "--user", "joe", "--password", "s3cret", *auth)
    out = tmp_path / "out.mp4"
    program = worker(f"rtsp://joe:s3cret@127.0.0.1:{server.port}/clip", out, "--latency", "2s", "--input-grace", "3s")
    let_end(program, server)
    assert "s3cret" not in program.messages() and "rtsp://joe:***@" in program.messages()
    assert_whole_and_in_sync(out, clip, tail=6)


def test_rtsp_times_are_those_of_the_encoder(worker, rtsp_server, clip, tmp_path):
    """RTP has no decoding times; those that are made are the clip's."""
    server = rtsp_server("--clip", clip)
    out = tmp_path / "out.mp4"
    let_end(worker(f"rtsp://127.0.0.1:{server.port}/clip", out, "--latency", "2s", "--input-grace", "3s"), server)
    sent, got = clips.packets(clip), clips.packets(out)
    assert len(sent) - len(got) <= 6
    for a, b in zip(sent, got):
        assert abs((a[0] - a[1]) - (b[0] - b[1])) < 0.0011
        assert abs((a[1] - sent[0][1]) - (b[1] - got[0][1])) < 0.003


@pytest.mark.parametrize("video,audio,exit_code,says", [
    ("h264", "none", 12, "no audio track"), ("none", "aac", 12, "no video track"), ("h264", "opus", 12, "Opus"),
    ("h265", "aac", 11, "H.265")])
def test_rtsp_what_cannot_be_dubbed_is_named(worker, rtsp_server, tmp_path, video, audio, exit_code, says):
    clip = tmp_path / "clip.mp4"
    clips.run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", 4,
                     "-pix_fmt", "yuv420p", "-c:v", "libx265" if video == "h265" else "libx264",
                     "-c:a", "libopus" if audio == "opus" else "aac", clip)
    server = rtsp_server("--clip", clip, "--video", video, "--audio", audio)
    program = worker(f"rtsp://127.0.0.1:{server.port}/clip", tmp_path / "out.mp4")
    assert program.wait() == exit_code, program.messages()
    assert says in program.messages()


@pytest.mark.parametrize("url,says", [("nowhere", "404"), ("clip", "401")])
def test_rtsp_refusal_is_named(worker, rtsp_server, clip, tmp_path, url, says):
    server = rtsp_server("--clip", clip, "--user", "joe", "--password", "s3cret")
    program = worker(f"rtsp://joe:wr0ng@127.0.0.1:{server.port}/{url}", tmp_path / "out.mp4", "--input-grace", "1s")
    assert program.wait() == 10, program.messages()
    assert says in program.messages() and "never came" in program.messages()
    assert "wr0ng" not in program.messages()


def test_rtsp_input_lost_and_back(controlled, rtsp_server, clip, tmp_path):
    out = tmp_path / "out.ts"
    server = rtsp_server("--clip", clip)
    program = controlled(f"rtsp://127.0.0.1:{server.port}/clip", out, "--input-grace", "20s")
    program.control.read_status(lambda s: s["state"] == "running", "the stream runs")
    server.stop(signal.SIGKILL)
    program.control.read_status(lambda s: s["state"] == "reconnecting", "the loss is noticed")
    rtsp_server("--clip", clip, port=server.port)
    program.control.read_status(lambda s: s["input"]["connected"] and s["input"]["reconnects"] == 1, "it is back")
    for _ in range(5):
        program.control.read("status")
    assert program.stop() == 0, program.messages()
    assert "next attempt in 1.0 s" in program.messages()
    got = clips.packets(out)
    gaps = [(a, b) for a, b in zip(got, got[1:]) if b[1] - a[1] > 0.5]
    assert len(gaps) == 1 and gaps[0][1][3], "one gap, which ends with a key frame"
    sound = [packet[0] for packet in clips.packets(out, "a")]
    assert max(b - a for a, b in zip(sound, sound[1:])) < 0.0235, "the sound went on"
    assert max(abs(offset) for offset in clips.av_offsets(out, [gaps[0][1][0]])) <= 11


# ---- RTSP out

def test_rtsp_output(worker, rtsp_server, clip):
    server = rtsp_server("--recordings", "one")
    proxy = rtsp_proxy.Proxy(server.port)
    program = worker(clip, f"rtsp://127.0.0.1:{proxy.port}/record/one", "--realtime", "--latency", "2s")
    assert program.wait() == 0, program.messages()
    proxy.close()
    pictures = rtsp_proxy.access_units(proxy.packets[0])
    assert_all_pictures([clips.payload_hash(nals) for _, nals in pictures], clip)
    sound = [timestamp for timestamp, _ in proxy.packets[2]]
    assert {(b - a) % 2 ** 32 for a, b in zip(sound, sound[1:])} == {1024}, "the sound has no gap"
    assert len(sound) * 1024 / 48000 == pytest.approx(SECONDS, abs=0.1)
    # The first picture is shown two pictures after its decoding, where the clip's sound begins.
    between = proxy.time_of(0, pictures[0][0]) - proxy.time_of(2, sound[0])
    begins = clips.packets(clip)[0]
    assert between == pytest.approx(begins[0] - begins[1], abs=0.010)


def test_rtsp_output_lost_and_back(controlled, rtsp_server, clip, tmp_path):
    server = rtsp_server("--recordings", "one")
    proxy = rtsp_proxy.Proxy(server.port)
    program = controlled(clip, f"rtsp://127.0.0.1:{proxy.port}/record/one", "--realtime")
    program.control.read_status(lambda s: s["output"]["connected"], "the output runs")
    proxy.cut()
    program.control.read_status(lambda s: not s["output"]["connected"], "the loss is noticed")
    before = len(proxy.packets[0])
    program.control.read_status(lambda s: s["output"]["connected"] and s["output"]["reconnects"] == 1, "it is back")
    program.control.read("status")
    assert program.stop() == 0, program.messages()
    proxy.close()
    again = rtsp_proxy.access_units(proxy.packets[0][before:])
    assert len(again) > 10
    kinds = {nal[0] & 0x1F for nal in again[0][1]}
    assert {5, 7, 8} <= kinds, "it begins again with parameter sets and a key frame"
    assert "next attempt in 1.0 s" in program.messages()


def test_rtsp_output_that_is_refused_for_its_grace(worker, clip):
    program = worker(clip, "rtsp://joe:s3cret@127.0.0.1:9/x", "--realtime", "--latency", "2s", "--output-grace", "2s")
    assert program.wait() == 13, program.messages()
    assert "lost" in program.messages() and "s3cret" not in program.messages()


# ---- SRT in

def test_srt_input_as_caller(worker, programs, clip, tmp_path):
    port, out = free_udp_port(), tmp_path / "out.mp4"
    program = worker(f"srt://127.0.0.1:{port}", out, "--latency", "2s", "--input-grace", "5s")
    publisher = programs("ffmpeg", "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "mpegts",
             f"srt://127.0.0.1:{port}?mode=listener")
    let_end(program, publisher)
    assert_whole_and_in_sync(out, clip, tail=6, from_ts=True)


def test_srt_input_as_listener_with_a_passphrase(worker, programs, clip, tmp_path):
    port, out = free_udp_port(), tmp_path / "out.ts"
    program = worker(f"srt://127.0.0.1:{port}?mode=listener&passphrase={PASSPHRASE.replace(' ', '%20')}", out,
                     "--latency", "2s", "--input-grace", "3s")
    wait_for(lambda: "dubbing" in program.messages(), "the worker is there")
    programs("ffmpeg", "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "mpegts",
             f"srt://127.0.0.1:{port}?passphrase={PASSPHRASE}")
    assert program.wait(SECONDS + 25) == 10, program.messages()
    assert "did not come back (nobody connected)" in program.messages()
    assert "horse" not in program.messages() and "passphrase=***" in program.messages()
    assert_whole_and_in_sync(out, clip, tail=6, from_ts=True)


@pytest.mark.parametrize("there,here", [("mode=listener", ""), ("", "?mode=listener")])
def test_srt_input_lost_and_back(controlled, programs, clip, tmp_path, there, here):
    port, out = free_udp_port(), tmp_path / "out.ts"

    def publish(name):
        return programs(name, "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "mpegts",
                        f"srt://127.0.0.1:{port}?{there}")

    program = controlled(f"srt://127.0.0.1:{port}{here}", out, "--input-grace", "30s")
    first = publish("first")
    program.control.read_status(lambda s: s["state"] == "running", "the stream runs")
    first.stop(signal.SIGKILL)
    program.control.read_status(lambda s: s["state"] == "reconnecting", "the loss is noticed")
    publish("second")
    program.control.read_status(lambda s: s["input"]["connected"] and s["input"]["reconnects"] == 1, "it is back")
    for _ in range(5):
        program.control.read("status")
    assert program.stop() == 0, program.messages()
    got = clips.packets(out)
    gaps = [(a, b) for a, b in zip(got, got[1:]) if b[1] - a[1] > 0.5]
    assert len(gaps) == 1 and gaps[0][1][3], "one gap, which ends with a key frame"
    sound = [packet[0] for packet in clips.packets(out, "a")]
    assert max(b - a for a, b in zip(sound, sound[1:])) < 0.0235, "the sound went on"
    assert max(abs(offset) for offset in clips.av_offsets(out, [gaps[0][1][0]])) <= 11


def test_srt_wrong_passphrase_never_comes(worker, programs, clip, tmp_path):
    port = free_udp_port()
    programs("ffmpeg", "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "mpegts",
             f"srt://127.0.0.1:{port}?mode=listener&passphrase={PASSPHRASE}")
    program = worker(f"srt://127.0.0.1:{port}?passphrase=wr0ngwr0ng", tmp_path / "out.mp4", "--input-grace", "1s")
    assert program.wait() == 10, program.messages()
    assert "wr0ng" not in program.messages()


@pytest.mark.parametrize("codec,audio,exit_code,says", [("libx265", True, 11, "H.265"), ("libx264", False, 12, "no audio")])
def test_srt_what_cannot_be_dubbed_is_named(worker, programs, tmp_path, codec, audio, exit_code, says):
    clip, port = tmp_path / "clip.ts", free_udp_port()
    (clips.make_with_codec if audio else clips.make_picture_only)(clip, codec, seconds=8)
    programs("ffmpeg", "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "mpegts",
             f"srt://127.0.0.1:{port}?mode=listener")
    program = worker(f"srt://127.0.0.1:{port}", tmp_path / "out.mp4")
    assert program.wait() == exit_code, program.messages()
    assert says in program.messages()


def test_srt_timestamps_that_wrap_are_followed(worker, programs, clip, tmp_path):
    """33 bits at 90 kHz are over after 26.5 hours."""
    port, out = free_udp_port(), tmp_path / "out.mp4"
    program = worker(f"srt://127.0.0.1:{port}", out, "--latency", "2s", "--input-grace", "5s")
    publisher = programs("ffmpeg", "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-output_ts_offset",
                         2 ** 33 / 90000 - 5, "-f", "mpegts", f"srt://127.0.0.1:{port}?mode=listener")
    let_end(program, publisher)
    assert_whole_and_in_sync(out, clip, tail=6, from_ts=True)
    assert "jumped" not in program.messages()


# ---- SRT out

def test_srt_output_as_caller(worker, programs, clip, tmp_path):
    port, recording = free_udp_port(), tmp_path / "recording.ts"
    recorder = programs("ffmpeg", "ffmpeg", "-v", "error", "-y", "-i",
                        f"srt://127.0.0.1:{port}?mode=listener&passphrase={PASSPHRASE}", "-c", "copy", recording)
    program = worker(clip, f"srt://127.0.0.1:{port}?passphrase={PASSPHRASE.replace(' ', '%20')}", "--realtime",
                     "--latency", "2s")
    assert program.wait() == 0, program.messages()
    recorder.wait()
    assert "horse" not in program.messages()
    assert_whole_and_in_sync(recording, clip)


def test_srt_output_as_listener_serves_who_comes(worker, programs, clip, tmp_path):
    port, recording = free_udp_port(), tmp_path / "recording.ts"
    program = worker(clip, f"srt://127.0.0.1:{port}?mode=listener", "--realtime", "--latency", "2s")
    wait_for(lambda: "is being written" in program.messages(), "the output runs")
    with open(recording, "wb") as file:
        player = programs("srt", "srt-live-transmit", "-q", f"srt://127.0.0.1:{port}", f"file://con")
        player.log.flush()
    assert program.wait() == 0, program.messages()
    player.stop(signal.SIGINT)
    recording.write_bytes(player.log_path.read_bytes())
    got, sent = clips.access_units(recording), clips.access_units(clip)
    got = got[next(i for i, one in enumerate(got) if one in sent):]
    assert len(got) > 100 and got == sent[-len(got):], "from where it came to the end"


def test_srt_output_lost_and_back(controlled, programs, clip, tmp_path):
    port = free_udp_port()

    def record(name):
        return programs(name, "ffmpeg", "-v", "error", "-y", "-i", f"srt://127.0.0.1:{port}?mode=listener", "-c", "copy",
                        tmp_path / f"{name}.ts")

    first = record("first")
    program = controlled(clip, f"srt://127.0.0.1:{port}", "--realtime", "--output-grace", "30s")
    program.control.read_status(lambda s: s["output"]["connected"], "the output runs")
    first.stop(signal.SIGKILL)
    program.control.read_status(lambda s: not s["output"]["connected"], "the loss is noticed")
    second = record("second")
    program.control.read_status(lambda s: s["output"]["connected"] and s["output"]["reconnects"] == 1, "it is back")
    assert program.wait() == 0, program.messages()
    second.wait()
    got, sent = clips.access_units(tmp_path / "second.ts"), clips.access_units(clip)
    assert got and got == sent[-len(got):], "from a key frame to the end"


def test_srt_output_that_is_not_there_for_its_grace(worker, clip):
    program = worker(clip, f"srt://127.0.0.1:{free_udp_port()}?passphrase=wr0ngwr0ng", "--realtime", "--latency", "2s",
                     "--output-grace", "2s")
    assert program.wait() == 13, program.messages()
    assert "lost" in program.messages() and "wr0ng" not in program.messages()


def test_srt_output_goes_on_while_the_input_is_away(controlled, programs, rtsp_server, clip, tmp_path):
    """The muxer does not wait for pictures that do not come."""
    port, recording = free_udp_port(), tmp_path / "recording.ts"
    recorder = programs("ffmpeg", "ffmpeg", "-v", "error", "-y", "-i", f"srt://127.0.0.1:{port}?mode=listener", "-c", "copy",
                        recording)
    server = rtsp_server("--clip", clip)
    program = controlled(f"rtsp://127.0.0.1:{server.port}/clip", f"srt://127.0.0.1:{port}", "--input-grace", "30s")
    program.control.read_status(lambda s: s["state"] == "running", "the stream runs")
    server.stop(signal.SIGKILL)
    program.control.read_status(lambda s: s["state"] == "reconnecting", "the loss is noticed")
    for _ in range(3):  # D: what is in the delay line
        program.control.read("status")
    bytes_then = program.control.read("status")["output"]["bytes"]
    for _ in range(2):
        program.control.read("status")
    assert program.control.read("status")["output"]["bytes"] > bytes_then + 10000, "sound goes out"
    assert program.stop() == 0, program.messages()
    recorder.wait()
    sound, pictures = clips.packets(recording, "a"), clips.packets(recording)
    assert sound[-1][0] > pictures[-1][0] + 2


# ---- what is not there

@pytest.mark.parametrize("source,target,says", [
    ("http://127.0.0.1/x.mp4", "out.mp4", "rtmp://, rtmps://, rtsp://, srt://, file:// or a path"),
    ("clip.mp4", "udp://127.0.0.1:5", "rtmp://, rtmps://, rtsp://, srt://, file:// or a path"),
    ("clip.mp4", "out.mkv", ".mp4, .flv or .ts"),
    ("clip.mp4", "srt://127.0.0.1:7001", "--realtime"),
    ("clip.mp4", "rtsp://127.0.0.1/x", "--realtime")])
def test_unknown_locations_name_the_known(worker, source, target, says):
    program = worker(source, target)
    assert program.wait() == 2, program.messages()
    assert says in program.messages()
