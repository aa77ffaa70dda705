"""Every kind of input and output with a dub in it: judged by the recording, as the router's streams are."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest

from support import media, report
from support.processes import Child, free_ports, wait_until
from support.stack import HOST, ROOT
from support.streams import FFMPEG

LATENCY = 3.0
RTSP_SERVER = ROOT / "apps/media-service/worker/tests/rtsp_server.py"


def complaints(verdicts):
    return [f"{verdict.name}: {verdict.text}" for verdict in verdicts if not verdict.ok]


@pytest.fixture
def stack(make_stack):
    return make_stack().start("sts-service", sts_mode="echo")


@pytest.fixture
def start_worker(stack, tmp_path):
    started = []

    def start(source, target, *arguments):
        child = Child("worker", [stack.layout.programs["media-worker"], "--input-url", source, "--output-url", target,
                                 "--target-lang", "es", "--ledger", tmp_path / "ledger.ndjson", *arguments],
                      tmp_path / "worker", stack.layout.environment() | {"PATH": os.environ["PATH"]})
        started.append(child)
        return child

    yield start
    for child in started:
        child.stop()


@pytest.fixture
def peer(tmp_path):
    started = []

    def start(name, *command):
        child = Child(name, list(command), tmp_path)
        started.append(child)
        return child

    yield start
    for child in started:
        child.stop()


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


def plain(recording, tmp_path):
    """The recording as the clip is framed: without the delimiters and parameter sets that MPEG-TS wants."""
    path = tmp_path / "plain.mp4"
    subprocess.run([*FFMPEG, "-y", "-copyts", "-i", recording, "-map", "0:v", "-map", "0:a", "-c", "copy", "-bsf:v",
                    "filter_units=remove_types=7-9", path], check=True)
    return path


def judge(sample, recording, tmp_path):
    """Every phrase is dubbed and heard; the verdicts on picture and sound by name."""
    ledger = [json.loads(line) for line in (tmp_path / "ledger.ndjson").read_text().splitlines()]
    assert {line["state"] for line in ledger} == {"dubbed"}
    found = report.Recording(report.Evidence(sample, recording, ledger))
    bed = report.bed_of(found)
    ducked = bed.times[bed.gain_db < -10]
    for sentence in sample.sentences:
        assert ((ducked > sentence.start) & (ducked < sentence.end)).sum() * 0.02 > 0.5, f"no dub at {sentence.start}"
    return {verdict.name: verdict for verdict in report.stream_verdicts(found) + report.sample_verdicts(found, bed)}


def assert_dubbed(sample, recording, tmp_path):
    """The picture is the clip's, the sound is whole and in sync, and the ledger's phrases are dubbed and heard."""
    assert complaints(judge(sample, recording, tmp_path).values()) == []


def assert_dubbed_but_for_the_end(sample, recording, tmp_path):
    """The same of a stream whose publisher closed its connection with the last pictures under way."""
    verdicts = judge(sample, recording, tmp_path)
    video, clock = verdicts.pop("video identical").facts, verdicts.pop("visible clock").facts
    assert complaints(verdicts.values()) == []
    # The first picture of MPEG-TS may lose the SEI that comes before the first parameter sets.
    assert video["missing"] == 0 and video["foreign"] <= 1 and video["startsWithKeyFrame"], video
    assert video["shortSeconds"] <= 0.4, video
    assert video["timestampWanderMs"] <= 0.5 * sample.recipe.duration, "moved faster than a publisher is followed"
    assert clock["unreadable"] == 0 and clock["jumps"] <= 2, clock


@pytest.mark.parametrize("kind", ["mp4", "flv", "ts"])
def test_file_to_file_faster_than_it_plays(start_worker, brief_sample, tmp_path, kind):
    out = tmp_path / f"out.{kind}"
    begin = time.monotonic()
    worker = start_worker(brief_sample.path, out)
    assert worker.wait(60) == 0, worker.tail()
    assert time.monotonic() - begin < brief_sample.recipe.duration
    assert media.duration(out) == pytest.approx(brief_sample.recipe.duration, abs=0.1)
    assert_dubbed(brief_sample, plain(out, tmp_path) if kind == "ts" else out, tmp_path)


@pytest.mark.parametrize("kind", ["mp4", "flv", "ts"])
def test_file_to_file_at_its_own_speed(start_worker, brief_sample, tmp_path, kind):
    out = tmp_path / f"out.{kind}"
    begin = time.monotonic()
    worker = start_worker(brief_sample.path, out, "--realtime")
    assert worker.wait(60) == 0, worker.tail()
    assert time.monotonic() - begin >= brief_sample.recipe.duration + LATENCY - 0.5
    assert_dubbed(brief_sample, plain(out, tmp_path) if kind == "ts" else out, tmp_path)


def test_srt_to_srt(start_worker, peer, brief_sample, tmp_path):
    source, target, recording = free_udp_port(), free_udp_port(), tmp_path / "recording.ts"
    recorder = peer("recorder", *FFMPEG, "-y", "-i", f"srt://{HOST}:{target}?mode=listener", "-c", "copy", recording)
    worker = start_worker(f"srt://{HOST}:{source}?mode=listener", f"srt://{HOST}:{target}", "--input-grace", "5s")
    wait_until(lambda: "dubbing" in worker.tail(), 10, "the worker", worker.running)
    publisher = peer("publisher", *FFMPEG, "-re", "-i", brief_sample.path, "-c", "copy", "-f", "mpegts",
                     f"srt://{HOST}:{source}")
    assert publisher.wait(60) == 0, publisher.tail()
    assert worker.wait(30) == 10, "nobody came again"
    recorder.finish(10, signal.SIGINT)
    assert_dubbed_but_for_the_end(brief_sample, plain(recording, tmp_path), tmp_path)


def test_rtsp_to_file(start_worker, peer, brief_sample, tmp_path):
    port, out = free_ports(1)[0], tmp_path / "out.mp4"
    server = peer("rtsp-server", "/usr/bin/python3", RTSP_SERVER, "--port", port, "--clip", brief_sample.path)
    wait_until(lambda: socket.socket().connect_ex((HOST, port)) == 0, 10, "the RTSP server", server.running)
    worker = start_worker(f"rtsp://{HOST}:{port}/clip", out, "--input-grace", "4s")
    wait_until(lambda: "input lost" in worker.tail(), 40, "the clip's end", worker.running)
    server.stop()
    assert worker.wait(20) == 10, worker.tail()
    assert_dubbed_but_for_the_end(brief_sample, out, tmp_path)
