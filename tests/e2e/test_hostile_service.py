"""A speech service that lies, confuses and hangs up: what it sends is not heard, and nobody watching notices more than
the original language. Three streams at once, each with a script of what is done to its fragments one after the other."""

import pytest

from support import account, analyse, dubbing, metrics, report
from support.broadcast import Broadcast
from support.hostile_sts import HUGE_BYTES, Hostile
from support.processes import resident_mib, wait_until
from support.stack import Layout, Ports, Stack, find_programs

pytestmark = pytest.mark.p2

DUBBED = {("dubbed", "")}
BAD_AUDIO = {("passthrough", "INVALID_AUDIO_FORMAT")}
NO_ANSWER = {("passthrough", "TIMEOUT")}
CONNECTION_LOST = {("passthrough", "UNAVAILABLE")}
# What becomes of a fragment (state, reason) to which that is done.
OUTCOMES = {
    "honest": DUBBED, "duplicated": DUBBED, "unknown_ids": DUBBED, "nonsense": DUBBED, "storm": DUBBED,
    "fewer_at_once": DUBBED,
    "wrong_duration": BAD_AUDIO, "too_long": BAD_AUDIO, "wrong_rate": BAD_AUDIO, "white_noise": BAD_AUDIO,
    "not_a_number": BAD_AUDIO, "all_zero": BAD_AUDIO, "clipped": BAD_AUDIO, "no_audio": BAD_AUDIO,
    "garbage_base64": BAD_AUDIO, "huge": BAD_AUDIO | {("passthrough", "FRAGMENT_TOO_LARGE")},
    "failed": {("passthrough", "TTS_SYNTHESIS_FAILED")},
    "wrong_sequence": NO_ANSWER, "wrong_stream": NO_ANSWER, "silent": NO_ANSWER, "late": NO_ANSWER,
    "hang_up": CONNECTION_LOST, "hang_up_midway": CONNECTION_LOST, "broken_frames": CONNECTION_LOST,
    "broken_packet": CONNECTION_LOST,
}
SCRIPTS = {
    "lies": ["wrong_duration", "honest", "huge", "wrong_rate", "white_noise", "not_a_number", "all_zero", "clipped", "too_long",
             "garbage_base64", "huge", "honest"],
    "confusion": ["duplicated", "wrong_sequence", "unknown_ids", "nonsense", "wrong_stream", "storm", "fewer_at_once",
                  "silent", "no_audio", "late", "failed"],
    "hangups": ["honest", "hang_up", "hang_up_midway", "honest", "broken_frames", "broken_packet", "honest"],
}


@pytest.fixture(scope="module")
def evening(build_dir, long_sample, tmp_path_factory):
    """All three streams from their beginning to their end; evidence, applied behaviours and metrics by stream."""
    folder = tmp_path_factory.mktemp("hostile")
    ports = Ports.free()
    layout = Layout(find_programs(build_dir), folder / "stack", ports, {"ORCH_GRACE_PERIOD": "10s"})
    with Hostile(ports.sts, folder) as service, Stack(layout).start("media-router", "media-service") as stack:
        for stream, script in SCRIPTS.items():
            service.script(stream, list(script))
        streams = {stream: Broadcast(stack, stream, long_sample, folder) for stream in SCRIPTS}
        try:
            yield watch(stack, service, streams)
        finally:
            for broadcast in streams.values():
                broadcast.__exit__()


def watch(stack, service, streams):
    for broadcast in streams.values():
        broadcast.start()
    workers = {stream: stack.worker_pid(stream) for stream in streams}
    for broadcast in streams.values():
        assert broadcast.publisher.finish(80) == 0, broadcast.publisher.tail()

    def settled(stream):
        text = stack.metrics("media-service")
        found = metrics.value(text, "worker_phrases_total", stream_id=stream)
        phrases = stack.phrases(stream)
        last = phrases[-1]["endMs"] if phrases else 0
        return (phrases, text) if len(phrases) == found and last > 40000 else None

    ends = {stream: wait_until(lambda: settled(stream), 8, f"{stream}'s phrases") for stream in streams}
    resident = {stream: resident_mib(pid) for stream, pid in workers.items()}
    assert {stream: stack.worker_pid(stream) for stream in streams} == workers, "no worker was started anew"
    collected = {}
    for stream, broadcast in streams.items():
        phrases, text = ends[stream]
        evidence = broadcast.finish()
        evidence.ledger = phrases
        recording = report.Recording(evidence)
        collected[stream] = Collected(recording, report.bed_of(recording), phrases, text,
                                      {one["fragmentId"]: one["behaviour"] for one in service.seen(stream)}, resident)
    return collected


class Collected:
    def __init__(self, recording, bed, ledger, metrics_text, applied, resident):
        self.recording, self.bed, self.ledger, self.metrics, self.applied = recording, bed, ledger, metrics_text, applied
        self.resident = resident
        origin = dubbing.origin_of(ledger, recording.evidence.sample.sentences)
        self.phrases = dubbing.phrases_of(ledger, origin)


@pytest.fixture(params=SCRIPTS)
def stream(request, evening):
    return request.param, evening[request.param]


def test_picture_and_sound_go_on(stream):
    _, seen = stream
    assert report.interruptions(seen.recording, seen.bed) == []


def test_each_phrase_ends_as_its_answer_deserves(stream):
    name, seen = stream
    done = {line["fragmentId"]: (line["state"], line.get("reason") or "") for line in seen.ledger if line["fragmentId"]}
    wrong = [(behaviour, done.get(fragment)) for fragment, behaviour in seen.applied.items()
             if done.get(fragment) not in OUTCOMES[behaviour]]
    assert wrong == []
    assert set(SCRIPTS[name]) <= set(seen.applied.values()), "the whole script was played"
    unsent = {(line["state"], line.get("reason")) for line in seen.ledger if line["fragmentId"] not in seen.applied}
    assert unsent <= CONNECTION_LOST, "only what had no connection was not sent"


def test_the_original_is_heard_where_nothing_good_came(stream):
    _, seen = stream
    for phrase in seen.phrases:
        middle = (phrase.start + phrase.end) / 2
        if phrase.state != "dubbed":
            assert seen.bed.mean_db(phrase.start + 0.3, phrase.end - 0.1) > analyse.FULL_DB, phrase
        else:
            assert seen.bed.mean_db(middle - 0.2 + phrase.lag, middle + 0.2 + phrase.lag) < analyse.DUCKED_DB, phrase


def test_memory_of_huge_answers_goes_back(evening):
    resident = next(iter(evening.values())).resident
    # libsoup keeps the room for the largest message of a connection until the connection closes.
    one_message = HUGE_BYTES / (1 << 20) * 4 / 3
    assert resident["lies"] <= min(resident.values()) + one_message + 8, f"MiB: {resident}"


def test_the_ledger_is_complete(stream):
    name, seen = stream
    for state in ("dubbed", "passthrough", "dropped"):
        counted = metrics.value(seen.metrics, "worker_phrases_total", stream_id=name, state=state)
        assert counted == sum(1 for line in seen.ledger if line["state"] == state), state
    assert len(seen.ledger) >= len(seen.recording.evidence.sample.sentences) - 1, "as many as was spoken; some may be joined"
    assert account.complaints(seen.ledger, list(seen.applied)) == []
    assert metrics.value(seen.metrics, "media_service_worker_restarts_total", stream_id=name) == 0
