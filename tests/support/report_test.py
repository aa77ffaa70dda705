"""The whole judgement, as the demo makes it, on a good and on a bad recording."""

import json

import pytest

from support import media, report, simulated
from support.analyse import Arrival


@pytest.fixture
def evidence(small_sample, tmp_path):
    dubs = simulated.dubs_of(small_sample)
    path = simulated.record(small_sample, simulated.dubbed_sound(small_sample, dubs), tmp_path / "out.mp4")
    packets = media.packets(small_sample.path, "video")
    entered = [Arrival(50.0 + packet.dts, packet.hash) for packet in packets]
    left = [Arrival(53.004 + packet.dts, packet.hash) for packet in packets]
    return report.Evidence(small_sample, path, simulated.ledger_of(small_sample, dubs), entered, left)


def test_a_good_recording_passes_and_its_report_is_json(evidence):
    verdicts, heard = report.judge(evidence)
    assert [verdict.text for verdict in verdicts if not verdict.ok] == []
    facts = json.loads(json.dumps(report.as_json(verdicts, heard, evidence)))
    assert facts["ok"] and len(facts["phrases"]) == 4
    assert {"video identical", "added delay", "no step", "sentences dubbed"} <= {one["name"] for one in facts["checks"]}


def test_the_table_has_a_line_for_each_phrase(evidence):
    lines = report.phrase_table(evidence.ledger, [])
    assert len(lines) == 2 + 4 and "Our team won" in lines[3] and "Nuestro equipo" in lines[3]


def test_an_undubbed_recording_does_not_pass(evidence, small_sample, tmp_path):
    original = media.decode_sound(small_sample.path).samples
    evidence.recording = simulated.record(small_sample, original, tmp_path / "undubbed.mp4")
    verdicts, _ = report.judge(evidence)
    assert {verdict.name for verdict in verdicts if not verdict.ok} == {"sentences dubbed", "ledger holds"}


def test_a_clip_of_ones_own_is_judged_without_our_marks(evidence):
    evidence.sample = type(evidence.sample)(evidence.sample.path, evidence.sample.recipe)
    verdicts, heard = report.judge(evidence)
    assert not heard and {"no drop-out", "phrases dubbed"} <= {verdict.name for verdict in verdicts}
    assert all(verdict.ok for verdict in verdicts)
