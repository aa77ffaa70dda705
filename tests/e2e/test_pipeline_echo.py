"""A live stream through the whole stack with the echo service: everything but the engines."""

import pytest

from support import account, metrics, report
from support.broadcast import Broadcast
from support.socketio_monitor import Monitor

pytestmark = pytest.mark.p1


@pytest.fixture(scope="module")
def run(request, build_dir, tmp_path_factory, spoken_sample):
    """One broadcast for all tests of this file: they look at it from different sides."""
    from support.stack import Layout, Ports, Stack, find_programs
    folder = tmp_path_factory.mktemp("echo")
    ports = Ports.free()
    with Monitor(ports.sts) as monitor:
        layout = Layout(find_programs(build_dir), folder / "stack", ports, {
            "WORKER_STS_SERVICE_URL": monitor.url, "ORCH_GRACE_PERIOD": "4s"})
        with Stack(layout).start(sts_mode="echo") as stack, Broadcast(stack, "echo", spoken_sample, folder) as broadcast:
            broadcast.start()
            broadcast.sleep_until(spoken_sample.recipe.duration - 2)
            facts, figures = stack.stream("echo"), stack.metrics("media-service")
            evidence = broadcast.finish()
            codes = stack.stop()
        yield evidence, monitor, facts, figures, codes


@pytest.fixture(scope="module")
def recording(run):
    return report.Recording(run[0])


@pytest.fixture(scope="module")
def bed(recording):
    return report.bed_of(recording)


def complaints(verdicts):
    return [f"{verdict.name}: {verdict.text}" for verdict in verdicts if not verdict.ok]


def test_the_picture_and_the_delay(recording):
    assert complaints(report.stream_verdicts(recording)) == []


def test_the_sound_and_the_clock(recording, bed):
    assert complaints(report.sample_verdicts(recording, bed)) == []


def test_every_sentence_is_in_the_ledger_once(run):
    evidence = run[0]
    assert len(evidence.ledger) == len(evidence.sample.sentences)
    assert [line["state"] for line in evidence.ledger] == ["dubbed"] * len(evidence.ledger)
    assert account.complaints(evidence.ledger, [event.payload["fragment_id"] for event in
                                                run[1].events("fragment:data", "up")]) == []


def test_the_original_is_ducked_under_each_phrase_and_nowhere_else(run, bed):
    ducked = bed.times[bed.gain_db < -10]
    for sentence in run[0].sample.sentences:
        inside = (ducked > sentence.start + 0.4) & (ducked < sentence.end + 0.4)
        assert inside.sum() * 0.02 > 0.6 * (sentence.end - sentence.start), f"not ducked at {sentence.start} s"
    before = run[0].sample.sentences[0].start - 0.8
    assert not (ducked < before).any()


def test_the_exchange_follows_the_protocol(run):
    monitor = run[1]
    init = monitor.events("stream:init", "up")
    assert len(init) == 1 and init[0].payload["config"]["target_language"] == "es"
    assert len(monitor.events("stream:ready", "down")) == 1
    sent = [event.payload["sequence_number"] for event in monitor.events("fragment:data")]
    answered = [event.payload["sequence_number"] for event in monitor.events("fragment:processed")]
    assert sent == list(range(len(sent))) and answered == sent
    assert 1 <= monitor.most_in_flight() <= 3


def test_the_stream_facts_and_the_metrics_agree_with_the_ledger(run):
    evidence, _, facts, figures, _ = run
    assert facts["state"] == "running"
    assert metrics.value(figures, "worker_phrases_total", stream_id="echo", state="dubbed") == len(evidence.ledger)
    assert metrics.value(figures, "worker_delay_ms", stream_id="echo") == pytest.approx(3000, abs=25)
    families = metrics.parse(figures)
    assert [name for name, family in families.items() if not family.help or family.type == "untyped"] == []


def test_everything_ends_by_itself_when_told(run):
    assert {"media-service", "sts-service"} <= set(run[4]) and set(run[4].values()) == {0}, run[4]
