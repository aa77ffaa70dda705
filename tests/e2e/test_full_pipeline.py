"""The main job with real engines: a live stream and a file, judged by what is in the recording."""

import os
import time

import pytest

from support import report
from support.broadcast import Broadcast
from support.processes import Child

pytestmark = pytest.mark.p1


def complaints(verdicts):
    return [f"{verdict.name}: {verdict.text} {verdict.facts.get('problems', '')}" for verdict in verdicts if not verdict.ok]


def test_a_live_stream_is_dubbed(make_stack, spoken_sample, tmp_path):
    stack = make_stack(ORCH_GRACE_PERIOD="4s").start()
    with Broadcast(stack, "full", spoken_sample, tmp_path) as broadcast:
        evidence = broadcast.start().finish()
    verdicts, heard = report.judge(evidence)
    assert complaints(verdicts) == []
    assert all(one.phrase.transcript and one.phrase.translated for one in heard)


def test_a_file_is_dubbed_faster_than_it_plays(make_stack, spoken_sample, tmp_path):
    stack = make_stack()
    stack.start("sts-service")
    ledger_folder = tmp_path / "worker"
    begin = time.monotonic()
    worker = Child("worker", [stack.layout.programs["media-worker"], "--input-url", spoken_sample.path,
                              "--output-url", tmp_path / "out.mp4", "--target-lang", "es"],
                   ledger_folder, stack.layout.environment() | {"PATH": os.environ["PATH"]})
    assert worker.wait(120) == 0, worker.tail()
    took = time.monotonic() - begin
    assert took < spoken_sample.recipe.duration
    recording = report.Recording(report.Evidence(spoken_sample, tmp_path / "out.mp4", []))
    bed = report.bed_of(recording)
    assert complaints(report.stream_verdicts(recording) + report.sample_verdicts(recording, bed)) == []
    ducked = bed.times[bed.gain_db < -10]
    for sentence in spoken_sample.sentences:
        assert ((ducked > sentence.start) & (ducked < sentence.end)).sum() * 0.02 > 0.5, f"not dubbed at {sentence.start}"
