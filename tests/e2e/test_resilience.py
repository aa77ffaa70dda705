"""The speech service slow, dead or failing: the stream goes on, with the original voice, and the dub comes back."""

import signal

import pytest

from support import account, analyse, dubbing, media, metrics, report, sample
from support.broadcast import Broadcast
from support.hostile_sts import SLOW_DELAY_MS, Hostile
from support.processes import wait_until
from support.socketio_monitor import Monitor
from support.stack import Layout, Ports, Stack, find_programs

pytestmark = pytest.mark.p2

GRACE = {"ORCH_GRACE_PERIOD": "4s"}
IN_FLIGHT = 0.3         # seconds in which something may be on its way, and clocks of a busy machine differ
HELD = 0.5              # seconds that nothing but being held back explains


def test_the_service_killed_and_back(make_stack, long_sample, tmp_path):
    stack = make_stack(**GRACE).start()
    with Broadcast(stack, "killed", long_sample, tmp_path) as broadcast:
        broadcast.start()
        broadcast.sleep_until(11.0)
        stack.children["sts-service"].send(signal.SIGKILL)
        broadcast.sleep_until(20.0)
        stack.launch("sts-service", ("--mode", "full"))
        evidence = broadcast.finish()
    recording = report.Recording(evidence)
    bed = report.bed_of(recording)
    assert report.interruptions(recording, bed) == []

    _, heard = report.dub_verdicts(recording, bed)
    dubbed = [one.phrase.start for one in heard if one.present]
    assert any(start < 9 for start in dubbed), "the dub before the outage"
    assert any(start > 30 for start in dubbed), "the dub after it"
    meanwhile = [one for one in heard if 12.0 < one.phrase.start < 19.5]
    assert meanwhile and {one.phrase.state for one in meanwhile} == {"passthrough"}
    for one in meanwhile:
        assert bed.mean_db(one.phrase.start, one.phrase.end) > analyse.FULL_DB, "the original voice meanwhile"
    assert dubbing.claims_hold(heard).ok


def test_the_network_to_the_service_cut_and_frozen(build_dir, spoken_sample, tmp_path):
    ports = Ports.free()
    with Monitor(ports.sts) as monitor:
        layout = Layout(find_programs(build_dir), tmp_path / "stack", ports,
                        {"WORKER_STS_SERVICE_URL": monitor.url, "WORKER_STS_TIMEOUT_MS": "2000",
                         "STS_ECHO_DELAY_MS": "700", **GRACE})
        with Stack(layout).start(sts_mode="echo") as stack:
            with Broadcast(stack, "cut", spoken_sample, tmp_path) as broadcast:
                broadcast.start()
                fragment_after(monitor, 0)
                lost = fragment_after(monitor, 1)
                monitor.cut()
                wait_until(lambda: len(monitor.events("stream:init", "up")) == 2, 15, "the worker to be back")
                unheard = fragment_after(monitor, 2)
                monitor.freeze()
                wait_until(lambda: line_of(stack, "cut", unheard), 10, "the phrase of the frozen connection to end")
                monitor.thaw()
                evidence = broadcast.finish()
    recording = report.Recording(evidence)
    assert report.interruptions(recording, report.bed_of(recording)) == []
    reasons = {line["fragmentId"]: (line["state"], line["reason"]) for line in evidence.ledger}
    assert reasons[lost] == ("passthrough", "UNAVAILABLE"), "what was under way when the connection broke"
    assert reasons[unheard] == ("passthrough", "TIMEOUT"), "what was under way when nothing came any more"
    assert evidence.ledger[0]["state"] == evidence.ledger[-1]["state"] == "dubbed", "before and after"
    assert account.complaints(evidence.ledger, sent_by(monitor)) == []


def fragment_after(monitor, count):
    """The id of the next fragment that goes up after that many, while its answer is still to come."""
    wait_until(lambda: len(monitor.events("fragment:data", "up")) > count, 20, f"fragment {count}")
    return monitor.events("fragment:data", "up")[count].payload["fragment_id"]


def line_of(stack, stream, fragment):
    return [line for line in stack.phrases(stream) if line["fragmentId"] == fragment]


def sent_by(monitor):
    return [event.payload["fragment_id"] for event in monitor.events("fragment:data", "up")]


@pytest.fixture(scope="module")
def lively_sample(samples_folder):
    """A sentence every three seconds or so."""
    recipe = sample.Recipe(duration=42.0, width=320, height=180, sentences=sample.SENTENCES[:11], pauses=(0.7,))
    return sample.make_sample(samples_folder / "lively.mp4", recipe)


@pytest.fixture(scope="module")
def paced(build_dir, lively_sample, tmp_path_factory):
    """A run in which the service first pauses the worker for a while, then slows it down."""
    folder = tmp_path_factory.mktemp("paced")
    ports = Ports.free()
    layout = Layout(find_programs(build_dir), folder / "stack", ports, GRACE)
    with Hostile(ports.sts, folder) as service, Stack(layout).start("media-router", "media-service") as stack:
        service.script("paced", ["honest", "pause_for_a_while", "honest", "slow_down_for_a_while"])
        with Broadcast(stack, "paced", lively_sample, folder) as broadcast:
            evidence = broadcast.start().finish()
        yield evidence, service.seen("paced"), service.pressures("paced")


def waited(seen):
    """How much longer each fragment took from its last sample to the service than the quickest one, in seconds."""
    took = [one["at"] - one["endMs"] / 1000 for one in seen]
    return [one - min(took) for one in took]


def test_a_pause_holds_everything_back_until_it_is_lifted(paced):
    evidence, seen, pressures = paced
    paused, lifted = [one["at"] for one in pressures][:2]
    assert [one["action"] for one in pressures][:2] == ["pause", "none"]
    assert [one for one in seen if paused + IN_FLIGHT < one["at"] < lifted] == []
    first = next(place for place, one in enumerate(seen) if one["at"] >= lifted)
    assert seen[first - 1]["behaviour"] == "pause_for_a_while"
    assert waited(seen)[first] > HELD, "something was held back, and came when it might"
    assert [one["sequence"] for one in seen] == list(range(len(seen)))


def test_a_slow_down_keeps_the_recommended_distance(paced):
    evidence, seen, pressures = paced
    slowed, lifted = [one["at"] for one in pressures][2:4]
    assert [one["action"] for one in pressures][2:] == ["slow_down", "none"]
    told = next(place for place, one in enumerate(seen) if one["behaviour"] == "slow_down_for_a_while")
    meanwhile = [one["at"] for one in seen[told:] if one["at"] < lifted]
    distances = [right - left for left, right in zip(meanwhile, meanwhile[1:])]
    assert len(distances) >= 2 and min(distances) > SLOW_DELAY_MS / 1000 - IN_FLIGHT, distances
    assert max(waited(seen)[told:]) > HELD, "it would have gone faster"
    afterwards = [one["at"] for one in seen if one["at"] >= lifted]
    assert min(right - left for left, right in zip(afterwards, afterwards[1:])) < SLOW_DELAY_MS / 1000


def test_who_has_to_wait_is_accounted_for_and_disturbs_nobody(paced):
    evidence, seen, _ = paced
    recording = report.Recording(evidence)
    assert report.interruptions(recording, report.bed_of(recording)) == []
    assert account.complaints(evidence.ledger, [one["fragmentId"] for one in seen]) == []
    assert evidence.ledger[-1]["state"] == "dubbed"


def test_a_phrase_that_is_open_when_the_stream_is_stopped_is_accounted_for(build_dir, brief_sample, tmp_path):
    ports = Ports.free()
    layout = Layout(find_programs(build_dir), tmp_path / "stack", ports, GRACE)
    with Hostile(ports.sts, tmp_path) as service, Stack(layout).start("media-router", "media-service") as stack:
        service.behave("silent")
        with Broadcast(stack, "stopped", brief_sample, tmp_path, watch_arrivals=False) as broadcast:
            broadcast.start()
            run = wait_until(lambda: stack.stream("stopped").get("runId"), 10, "the run")
            wait_until(lambda: len(service.seen("stopped")) == 2, 20, "two phrases at the service")
            stack.children["media-service"].send(signal.SIGTERM)
            assert stack.children["media-service"].finish(15) == 0
            sent = [one["fragmentId"] for one in service.seen("stopped")]
    ledger = account.bundle_ledger(tmp_path / "stack" / "runs", run)
    assert account.complaints(ledger, sent) == []
    assert {line["reason"] for line in ledger} & {"CANCELLED", "FLUSHED"}, "one was open to the end"


def test_a_service_gets_one_at_a_time_when_configured_so(build_dir, brief_sample, tmp_path):
    ports = Ports.free()
    with Monitor(ports.sts) as monitor:
        layout = Layout(find_programs(build_dir), tmp_path / "stack", ports,
                        {"WORKER_STS_SERVICE_URL": monitor.url, "STS_ECHO_DELAY_MS": "1200", "WORKER_MAX_INFLIGHT": "1",
                         **GRACE})
        with Stack(layout).start(sts_mode="echo") as stack:
            with Broadcast(stack, "slow", brief_sample, tmp_path) as broadcast:
                evidence = broadcast.start().finish()
    recording = report.Recording(evidence)
    assert report.interruptions(recording, report.bed_of(recording)) == []
    assert monitor.most_in_flight() == 1
    assert {line["state"] for line in evidence.ledger} == {"dubbed"}
    assert account.complaints(evidence.ledger, sent_by(monitor)) == []


def test_answers_that_come_too_late_are_not_heard(make_stack, brief_sample, tmp_path):
    stack = make_stack(STS_ECHO_DELAY_MS=6000, **GRACE).start(sts_mode="echo")
    with Broadcast(stack, "late", brief_sample, tmp_path) as broadcast:
        evidence = broadcast.start().finish()
    recording = report.Recording(evidence)
    bed = report.bed_of(recording)
    assert report.interruptions(recording, bed) == []
    assert {line["state"] for line in evidence.ledger} == {"passthrough"}
    assert {line["reason"] for line in evidence.ledger} == {"TIMEOUT"}
    assert (bed.gain_db > analyse.FULL_DB).all(), "the original, at full level, all the time"


@pytest.mark.slow
def test_the_breaker_opens_tries_again_and_closes(build_dir, samples_folder, tmp_path):
    recipe = sample.Recipe(duration=84.0, width=320, height=180, pauses=(1.5,),
                           sentences=sample.SENTENCES + sample.SENTENCES[:6])
    clip = sample.make_sample(samples_folder / "breaker.mp4", recipe)
    ports = Ports.free()
    with Monitor(ports.sts) as monitor:
        layout = Layout(find_programs(build_dir), tmp_path / "stack", ports,
                        {"WORKER_STS_SERVICE_URL": monitor.url, "WORKER_STS_TIMEOUT_MS": "1000",
                         "STS_ECHO_DELAY_MS": "0", **GRACE})
        with Stack(layout).start(sts_mode="echo") as stack:
            with Broadcast(stack, "breaker", clip, tmp_path) as broadcast:
                broadcast.start()

                def breaker():
                    return metrics.value(stack.metrics("media-service"), "worker_sts_breaker_state", stream_id="breaker")

                monitor.freeze()
                wait_until(lambda: breaker() == 2, 40, "the breaker to open")
                monitor.thaw()
                sent = len(monitor.events("fragment:data"))
                wait_until(lambda: breaker() == 0, 60, "the breaker to close again")
                evidence = broadcast.finish()
    recording = report.Recording(evidence)
    assert report.interruptions(recording, report.bed_of(recording)) == []
    assert len(monitor.events("fragment:data")) > sent
    assert evidence.ledger[-1]["state"] == "dubbed"
    assert {"TIMEOUT", "BREAKER_OPEN"} <= {line["reason"] for line in evidence.ledger}
    assert account.complaints(evidence.ledger, sent_by(monitor)) == []


def test_two_streams_do_not_share_a_fate(make_stack, brief_sample, short_sample, tmp_path):
    stack = make_stack(**GRACE).start(sts_mode="echo")
    with Broadcast(stack, "steady", brief_sample, tmp_path) as steady, Broadcast(stack, "doomed", short_sample,
                                                                                   tmp_path) as doomed:
        steady.start()
        doomed.start()
        steady.sleep_until(7.0)
        doomed.publisher.kill()
        evidence = steady.finish()
    recording = report.Recording(evidence)
    assert report.interruptions(recording, report.bed_of(recording)) == []
    assert media.packets(doomed.recording, "video")
