"""The speech service slow, dead or failing: the stream goes on, with the original voice, and the dub comes back."""

import signal

import pytest

from support import analyse, dubbing, media, metrics, report, sample
from support.broadcast import Broadcast
from support.processes import wait_until
from support.socketio_monitor import Monitor
from support.stack import Layout, Ports, Stack, find_programs

pytestmark = pytest.mark.p2

GRACE = {"ORCH_GRACE_PERIOD": "4s"}


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
                        {"WORKER_STS_SERVICE_URL": monitor.url, "WORKER_STS_TIMEOUT_MS": "2000", **GRACE})
        with Stack(layout).start(sts_mode="echo") as stack:
            with Broadcast(stack, "cut", spoken_sample, tmp_path) as broadcast:
                broadcast.start()
                broadcast.sleep_until(9.0)
                monitor.cut()
                broadcast.sleep_until(16.0)
                monitor.freeze()
                broadcast.sleep_until(20.0)
                monitor.thaw()
                evidence = broadcast.finish()
            recording = report.Recording(evidence)
            assert report.interruptions(recording, report.bed_of(recording)) == []
            states = {line["state"] for line in evidence.ledger}
            assert states == {"dubbed", "passthrough"}
            assert len(monitor.events("stream:init", "up")) >= 2
            reasons = {line["reason"] for line in evidence.ledger if line["state"] == "passthrough"}
            assert "TIMEOUT" in reasons or len(reasons) > 0


def test_a_slow_service_gets_one_at_a_time_when_told_so(build_dir, brief_sample, tmp_path):
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
