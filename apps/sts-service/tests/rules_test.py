# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a stream, the same in both modes: in echo mode, and in full mode with mock engines.

What only one mode has is in echo_test.py and full_test.py.
"""
import errno
import json
import os
import time
import urllib.error
import urllib.request

import pytest

from full_test import MOCKS, tone
from sts_client import WAIT_S, Refused, fragment
from sts_raw import Raw, init_of

SPEECH = tone(2000)  # long enough for "good evening" in Spanish


@pytest.fixture(params=["echo", "full"])
def start_mode(request, start_sts):
    """start_mode(delay_ms, VARIABLE=...) -> a service whose answers take so long."""
    def start(delay_ms=0, **variables):
        if request.param == "echo":
            return start_sts("--mode", "echo", "--echo-delay-ms", str(delay_ms), **variables)
        return start_sts(*MOCKS, STS_ASR_MODEL=f"text=good evening;delay={delay_ms}ms", STS_ASR_WORKERS="1", **variables)
    return start


def feed(pipe, text):
    """Hands text to whoever reads the named pipe; waits until somebody does."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            assert error.errno == errno.ENXIO and time.monotonic() < deadline, f"nobody reads {pipe}: {error}"
            time.sleep(0.01)
    os.write(end, text)
    os.close(end)


@pytest.fixture
def start_held(request, start_mode, start_sts, tmp_path):
    """start_held(n, VARIABLE=...) -> (service, release): the first n fragments are under way until release(numbers).

    In full mode the recogniser reads what it hears from a pipe for each fragment; in echo mode a delay has to do.
    """
    pipes = [tmp_path / f"{i}.txt" for i in range(20)]

    def start(n, **variables):
        if request.node.callspec.params["start_mode"] == "echo":
            return start_mode(4000, **variables), lambda *_: None
        for pipe in pipes[:n]:
            os.mkfifo(pipe)
        service = start_sts(*MOCKS, STS_ASR_MODEL=f"fixture={tmp_path}", STS_ASR_WORKERS="1", **variables)
        return service, lambda *released: [feed(pipes[i], b"good evening") for i in released]

    yield start
    for pipe in filter(os.path.exists, pipes):
        os.close(os.open(pipe, os.O_RDWR))  # whoever still waits reads nothing


def numbers(worker):
    return [answer["sequence_number"] for answer in worker.received("fragment:processed")]


def test_defaults_of_init_and_of_the_open_packet(start_mode, connect):
    service = start_mode()
    opened = json.loads(Raw(service).read()[1][1:])
    assert (opened["pingInterval"], opened["pingTimeout"]) == (25000, 10000)
    assert opened["maxPayload"] == 50 * 1024 * 1024 and opened["upgrades"] == []
    ready = connect(service).init()
    assert ready["stream_id"] == "news" and ready["max_inflight"] == 3 and ready["session_id"]
    assert set(ready["capabilities"]) >= {"batch_processing", "async_delivery"}


def test_ack_comes_first_then_answers_in_order_without_any_ack_of_ours(start_mode, connect):
    worker = connect(start_mode())
    worker.init(max_inflight=10)
    sent = []
    for i in range(40):
        sent.append(worker.send(i, SPEECH))
        if i % 8 == 7:
            worker.wait_for("fragment:processed", i + 1)
    assert numbers(worker) == list(range(40))
    for fragment_id in sent:
        mine = [name for name, body in worker.events if body and body.get("fragment_id") == fragment_id]
        assert mine == ["fragment:ack", "fragment:processed"]
    ack = worker.received("fragment:ack")[0]
    assert ack["status"] in ("queued", "processing") and ack["timestamp"] > 0
    assert ack["queue_position"] == 0, "nobody is ahead, the warm-up of the engines neither"
    assert ack["estimated_completion_ms"] == 1000, "half of two seconds: nothing is known yet"
    answer = worker.received("fragment:processed")[0]
    assert all(a["status"] == "success" for a in worker.received("fragment:processed"))
    assert answer["stream_id"] == "news" and answer["processing_time_ms"] >= 0
    assert set(answer["stage_timings"]) == {"asr_ms", "translation_ms", "tts_ms"}
    assert set(answer["metadata"]) >= {"original_duration_ms", "dubbed_duration_ms", "duration_variance_percent",
                                       "asr_model", "translation_model", "tts_model"}
    assert answer["metadata"]["speed_ratio"] > 0 and answer["transcript"] and answer["translated_text"]
    assert not worker.received("error")


def test_the_ack_estimates_by_what_came_before(start_mode, connect):
    """Of a delay of 300 ms: by the time of the first answer, not more than it took, one after the other where it is one."""
    worker = connect(start_mode(300))
    worker.init()
    worker.send(0, SPEECH)
    took = worker.wait_for("fragment:processed")["processing_time_ms"]
    worker.send(1, SPEECH)
    first, second = (worker.wait_for("fragment:ack", n) for n in (1, 2))
    assert first["queue_position"] == 0 and first["estimated_completion_ms"] == 1000
    assert second["queue_position"] == 0 and 300 <= second["estimated_completion_ms"] <= took + 1


def test_complete_counts_and_the_server_closes_after_five_seconds(start_mode, connect):
    worker = connect(start_mode(150))
    worker.init()
    for i in range(3):
        worker.send(i, SPEECH)
    ended = time.monotonic()  # when the client hears of the completion says more about the machine
    worker.emit("stream:end", {"stream_id": "news", "reason": "over"})
    complete = worker.wait_for("stream:complete")
    assert numbers(worker) == [0, 1, 2], "in-flight work completes first"
    counts = {name: complete[name] for name in (
        "total_fragments", "total_duration_ms", "success_count", "partial_count", "failed_count", "avg_processing_time_ms",
        "p95_processing_time_ms", "error_breakdown")}
    assert complete["statistics"] == counts and set(counts["error_breakdown"]) == {"by_stage", "by_code"}
    assert counts["total_fragments"] == 3 and counts["total_duration_ms"] == 6000
    assert (counts["success_count"], counts["partial_count"], counts["failed_count"]) == (3, 0, 0)
    worker.wait_for("disconnect", timeout=20)
    assert time.monotonic() - ended > 4.8


def test_before_init_and_for_another_stream(start_mode, connect):
    worker = connect(start_mode())
    worker.send(0, SPEECH)
    assert worker.wait_for("error")["code"] == "STREAM_NOT_FOUND"
    worker.init()
    worker.send(0, SPEECH, stream_id="other")
    assert worker.wait_for("error", 2)["code"] == "STREAM_NOT_FOUND"
    worker.emit("stream:end", {"stream_id": "other"})
    error = worker.wait_for("error", 3)
    assert error["code"] == "STREAM_NOT_FOUND" and error["retryable"] is False
    worker.send(0, SPEECH)
    worker.wait_for("fragment:processed")


def test_gaps_steps_back_and_duplicates(start_held, connect):
    service, release = start_held(3)
    worker = connect(service)
    worker.init(timeout_ms=30000)
    worker.send(1, SPEECH)
    error = worker.wait_for("error", 1)
    assert error["code"] == "INVALID_SEQUENCE" and "expected 0, got 1" in error["message"]
    same = worker.send(0, SPEECH)
    again = worker.send(1, SPEECH, fragment_id=same.upper())
    error = worker.wait_for("error", 2)
    assert error["code"] == "INVALID_SEQUENCE" and "duplicate" in error["message"] and error["fragment_id"] == again
    worker.send(0, SPEECH)
    assert "expected 1, got 0" in worker.wait_for("error", 3)["message"]
    worker.send(1, SPEECH)
    release(0, 1)
    worker.wait_for("fragment:processed", 2)
    worker.send(2, SPEECH, fragment_id=same)
    release(2)
    worker.wait_for("fragment:processed", 3)
    assert numbers(worker) == [0, 1, 2], "what was refused has used no number; an id that is answered may come again"


def test_in_flight_levels(start_held, connect):
    service, release = start_held(11)
    worker = connect(service)
    worker.init(max_inflight=2, timeout_ms=30000)
    for i in range(11):
        worker.send(i, SPEECH)
    error = worker.wait_for("error")
    assert error["code"] == "BACKPRESSURE_EXCEEDED" and error["retryable"] is True
    release(*range(10))
    worker.wait_for("fragment:processed", 10)
    worker.wait_for("backpressure", 4)
    said = worker.received("backpressure")
    assert [(p["severity"], p["action"], p["current_inflight"]) for p in said] == [
        ("medium", "slow_down", 3), ("high", "pause", 7), ("medium", "slow_down", 6), ("low", "none", 2)]
    assert all(p["stream_id"] == "news" and p["max_inflight"] == 2 and p["queue_depth"] >= 0 for p in said)
    assert said[0]["threshold_exceeded"] and said[0]["recommended_delay_ms"] > 0
    worker.send(10, SPEECH)
    release(10)
    worker.wait_for("fragment:processed", 11)


def test_in_flight_levels_are_configurable(start_held, connect):
    service, release = start_held(4, STS_INFLIGHT_PAUSE="3", STS_INFLIGHT_MAX="4")
    worker = connect(service)
    assert worker.init(max_inflight=2, timeout_ms=30000)["max_inflight"] == 2
    for i in range(5):
        worker.send(i, SPEECH)
    assert "at most 4" in worker.wait_for("error")["message"]
    assert worker.wait_for("backpressure")["severity"] == "high"
    release(*range(4))
    worker.wait_for("fragment:processed", 4)


def test_pause_resume_end(start_held, connect):
    service, release = start_held(2)
    worker = connect(service)
    worker.init(timeout_ms=30000)
    worker.send(0, SPEECH)
    worker.emit("stream:pause", {"stream_id": "news", "reason": "advert"})
    worker.send(1, SPEECH)
    error = worker.wait_for("error")
    assert error["code"] == "STREAM_PAUSED" and error["retryable"] is True
    assert not numbers(worker)
    release(0)
    assert worker.wait_for("fragment:processed")["status"] == "success", "in-flight work completes"
    worker.emit("stream:resume", {"stream_id": "news"})
    worker.send(1, SPEECH)
    worker.emit("stream:end", {"stream_id": "news"})
    worker.send(2, SPEECH)
    assert worker.wait_for("error", 2)["code"] == "STREAM_NOT_FOUND"
    release(1)
    assert worker.wait_for("stream:complete")["total_fragments"] == 2


def test_newer_connection_wins(start_mode, connect):
    service = start_mode(4000)  # between the older one's fragment and the newer one's init
    older, newer = connect(service), connect(service)
    older.init()
    older.send(0, SPEECH)
    older.wait_for("fragment:ack")
    newer.init()
    told = older.wait_for("error")
    assert told["severity"] == "fatal" and told["code"] == "STREAM_NOT_FOUND" and "newer connection" in told["message"]
    older.wait_for("disconnect")
    newer.send(0, SPEECH)
    newer.wait_for("fragment:processed")
    assert numbers(older) == [] and service.metric("sts_sessions_active") == 1


def test_a_vanished_client_and_its_return(start_mode, connect):
    service = start_mode(5000)
    worker = connect(service)
    worker.init(max_inflight=5)
    for i in range(5):
        worker.send(i, SPEECH)
    worker.wait_for("fragment:ack", 5)
    worker.close()
    service.wait_for_log("connection ended")
    assert service.metric("sts_sessions_active") == 0 and service.metric("sts_fragments_in_flight") == 0
    again = connect(service)
    again.init()
    again.send(5, SPEECH)
    assert "expected 0, got 5" in again.wait_for("error")["message"]
    again.send(0, SPEECH)
    again.wait_for("fragment:ack")


def test_a_retryable_failure_is_processed_again(start_sts, connect):
    """In full mode; echo's own is below."""
    service = start_sts(*MOCKS, STS_ASR_MODEL="text=good evening;fail=first:1;error=MODEL_ERROR", STS_ASR_WORKERS="1")
    worker = connect(service)
    worker.init(max_inflight=5)
    first = worker.send(0, tone(2000))
    assert worker.wait_for("fragment:processed")["error"]["code"] == "MODEL_ERROR"
    worker.send(1, tone(2000))
    worker.send(0, tone(2000), fragment_id=first)
    worker.wait_for("fragment:processed", 3)
    answers = {a["sequence_number"]: a["status"] for a in worker.received("fragment:processed")[1:]}
    assert set(answers) == {0, 1} and "failed" not in answers.values() and not worker.received("error")
    worker.send(0, tone(2000), fragment_id=first)
    assert worker.wait_for("error")["code"] == "INVALID_SEQUENCE", "it has not failed this time"


def test_a_simulated_retryable_failure_is_processed_again(echo, connect):
    worker = connect(echo)
    worker.emit("config:error_simulation", {"enabled": True, "rules": [
        {"trigger": "nth_fragment", "value": 1, "error_code": "GPU_OOM"},
        {"trigger": "nth_fragment", "value": 3, "error_code": "ASR_FAILED"}]})
    worker.init()
    first = worker.send(0, SPEECH)
    assert worker.wait_for("fragment:processed")["error"]["retryable"] is True
    worker.send(0, SPEECH, fragment_id=first)
    assert worker.wait_for("fragment:processed", 2)["status"] == "success"
    last = worker.send(1, SPEECH)
    assert worker.wait_for("fragment:processed", 3)["error"]["code"] == "ASR_FAILED"
    worker.send(1, SPEECH, fragment_id=last)
    assert worker.wait_for("error")["code"] == "INVALID_SEQUENCE", "it may not be tried again"


def test_the_streams_timeout_fails_in_turn(start_mode, connect):
    worker = connect(start_mode(60000))
    worker.init(timeout_ms=1000)
    worker.send(0, SPEECH)
    worker.send(1, SPEECH)
    for n in (1, 2):
        answer = worker.wait_for("fragment:processed", n)
        assert answer["status"] == "failed" and answer["error"]["code"] == "TIMEOUT" and answer["error"]["retryable"] is True
        assert answer["processing_time_ms"] >= 1000 and "dubbed_audio" not in answer
    assert numbers(worker) == [0, 1]


def test_the_requests_timeout_is_504(start_mode):
    body = {**fragment(0, SPEECH), "config": {"source_language": "en", "target_language": "es"}, "timeout_ms": 1000}
    status, _, answer = start_mode(60000).post("/api/v1/sts/process", body)
    assert status == 504 and answer["error"]["code"] == "TIMEOUT" and answer["error"]["retryable"] is True


@pytest.mark.parametrize("changes, code", [
    ({"data_base64": "A" * (10 * 1024 * 1024 + 4)}, "FRAGMENT_TOO_LARGE"), ({"data_base64": "?"}, "INVALID_AUDIO_FORMAT"),
    ({"duration_ms": 2401}, "INVALID_AUDIO_FORMAT"), ({"duration_ms": 1599}, "INVALID_AUDIO_FORMAT"),
    ({"format": "m4a"}, "INVALID_AUDIO_FORMAT"), ({"data_base64": "AAAA"}, "INVALID_AUDIO_FORMAT"),
])
def test_bad_audio_fails_in_its_turn(start_mode, connect, changes, code):
    worker = connect(start_mode(100))
    worker.init()
    worker.send(0, SPEECH)
    worker.send(1, SPEECH, audio=changes)
    worker.send(2, SPEECH)
    worker.wait_for("fragment:processed", 3)
    bad = worker.received("fragment:processed")[1]
    assert numbers(worker) == [0, 1, 2] and bad["status"] == "failed" and "dubbed_audio" not in bad
    assert bad["error"]["code"] == code and bad["error"]["retryable"] is False


@pytest.mark.parametrize("duration_ms", [1600, 2400])
def test_a_duration_up_to_a_fifth_off_is_taken(echo, connect, duration_ms):
    worker = connect(echo)
    worker.init()
    worker.send(0, SPEECH, audio={"duration_ms": duration_ms})
    assert worker.wait_for("fragment:processed")["status"] == "success"


@pytest.mark.parametrize("value, fine", [
    ("a", True), ("A-b_9", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("a.b", False), ("../x", False),
])
@pytest.mark.parametrize("header", ["X-Stream-ID", "X-Worker-ID"])
def test_handshake_headers(echo, connect, header, value, fine):
    if fine:
        connect(echo, headers={header: value}).init()
        return
    with pytest.raises(Refused, match=header):
        connect(echo, headers={header: value})


@pytest.mark.parametrize("path", ["/socket.io/", "/ws/sts", "/ws/sts/"])
@pytest.mark.parametrize("query", ["?EIO=4&transport=polling", "?EIO=3&transport=websocket", "", "?EIO=4&transport=websocket"])
def test_what_is_no_websocket_handshake_gets_400_and_json(echo, path, query):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(echo.url + path + query, timeout=10)
    assert caught.value.code == 400 and caught.value.headers["Content-Type"] == "application/json"
    body = json.loads(caught.value.read())
    assert set(body) == {"code", "message"} and body["message"]


def test_wrong_key_is_a_connect_error(start_sts):
    service = start_sts("--mode", "echo", STS_API_KEY="secret-key")
    peer = Raw(service)
    peer.read()
    for auth in ("", "{}", '{"token":"wrong"}', '{"token":1}', '{"token":null}'):
        peer.send("40" + auth)
        refused = json.loads(peer.read()[1][2:])
        assert refused["message"] == "AUTH_FAILED" and refused["data"]["code"] == "AUTH_FAILED"
    peer.send('40{"token":"secret-key"}')
    assert "sid" in json.loads(peer.read()[1][2:])
    peer.emit("stream:init", init_of("news"))
    assert b"stream:ready" in peer.read()[1]
    peer.close()
