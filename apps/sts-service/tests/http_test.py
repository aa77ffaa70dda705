# SPDX-License-Identifier: GPL-3.0-or-later
"""REST, health and metrics, in echo mode and with the mock engines."""
import http.client
import json
import re
import signal
import socket
import struct
import subprocess
import time
import urllib.error

import pytest

from full_test import MOCKS, tone
from sts_client import fragment, noise, pcm_of
from sts_raw import Raw, init_of

PROCESS = "/api/v1/sts/process"


def request(pcm=None, **members):
    body = fragment(0, pcm)
    del body["timestamp"]
    return {**body, "config": {"source_language": "en", "target_language": "es"}, **members}


def test_process_returns_the_audio(echo):
    status, _, body = echo.post(PROCESS, request(noise(500)))
    assert status == 200 and body["status"] == "success" and pcm_of(body) == noise(500)
    assert body["stage_timings"].keys() == {"asr_ms", "translation_ms", "tts_ms"}


def test_process_with_engines(start_sts):
    service = start_sts(*MOCKS)
    status, _, body = service.post(PROCESS, request(tone(3000), timeout_ms=5000))
    assert status == 200 and body["translated_text"] and len(pcm_of(body)) > 0
    assert service.metric("sts_fragments_in_flight") == 0


@pytest.mark.parametrize("change, status, code, says", [
    ({"fragment_id": "x"}, 400, "INVALID_CONFIG", "fragment_id"),
    ({"config": {"source_language": "en"}}, 400, "INVALID_CONFIG", "config.target_language"),
    ({"audio": {}}, 400, "INVALID_AUDIO_FORMAT", "audio.format"),
    ({"timeout_ms": 1}, 400, "INVALID_CONFIG", "timeout_ms"),
])
def test_bad_requests_name_the_field(echo, change, status, code, says):
    got, _, body = echo.post(PROCESS, request(**change))
    assert got == status and body["status"] == "error"
    assert body["error"]["code"] == code and says in body["error"]["message"] and body["error"]["retryable"] is False


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"{" * 1000, b'{"a":1}x'])
def test_bodies_that_are_no_object(echo, body):
    status, _, answer = echo.post(PROCESS, body)
    assert status == 400 and answer["status"] == "error" and answer["error"]["message"]
    assert answer["error"]["code"] == "INVALID_CONFIG" and answer["error"]["retryable"] is False


def test_fragment_id_is_in_the_error(echo):
    body = request(noise(100))
    body["audio"]["duration_ms"] = 5000
    status, _, answer = echo.post(PROCESS, body)
    assert status == 400 and answer["fragment_id"] == body["fragment_id"]
    assert answer["error"]["code"] == "INVALID_AUDIO_FORMAT"


def test_too_large(echo):
    body = request()
    body["audio"]["data_base64"] = "A" * (10 * 1024 * 1024 + 4)
    status, _, answer = echo.post(PROCESS, body)
    assert status == 413 and answer["error"]["code"] == "FRAGMENT_TOO_LARGE"
    try:
        status, _, answer = echo.post(PROCESS, b" " * (12 * 1024 * 1024))
        assert status == 413 and answer["error"]["code"] == "FRAGMENT_TOO_LARGE"
    except urllib.error.URLError:
        pass  # closed while we were still sending: also a way to refuse


def test_key(start_sts):
    service = start_sts("--mode", "echo", STS_API_KEY="secret-key")
    status, _, body = service.post(PROCESS, request())
    assert status == 401 and body["error"]["code"] == "AUTH_FAILED"
    status, _, _ = service.post(PROCESS, request(), {"Authorization": "Bearer secret-key"})
    assert status == 200


def test_unsupported_pair(start_sts):
    service = start_sts()
    status, _, body = service.post(PROCESS, request(config={"source_language": "de", "target_language": "es"}))
    assert status == 400 and body["error"]["code"] == "UNSUPPORTED_LANGUAGE_PAIR"


def raw_post(service, body, key=""):
    """A POST on a socket of ours, without waiting for the answer."""
    data = json.dumps(body).encode()
    peer = socket.create_connection(("127.0.0.1", service.port), timeout=10)
    peer.sendall(b"POST /api/v1/sts/process HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (key.encode(), len(data)))
    try:
        peer.sendall(data)
    except ConnectionError:
        pass  # refused while it was still being sent; the answer has come before
    return peer


def wait_for_metric(service, name, value):
    deadline = time.monotonic() + 10
    while service.metric(name) != value:
        assert time.monotonic() < deadline, f"{name} is {service.metric(name)}, not {value}"


def test_a_client_that_goes_away_is_forgotten(start_sts):
    service = start_sts("--mode", "echo", "--echo-delay-ms", "60000")
    peers = [raw_post(service, request(timeout_ms=30000)) for _ in range(3)]
    wait_for_metric(service, "sts_fragments_in_flight", 3)
    for peer in peers[:2]:
        peer.close()
    wait_for_metric(service, "sts_fragments_in_flight", 1)
    service.stop()
    peers[2].close()


def logged(service, pattern):
    return json.loads(service.wait_for_log(pattern).string)


def test_refusals_are_logged_with_what_is_known_and_no_secret(start_sts):
    service = start_sts("--mode", "echo", STS_API_KEY="secret-key", STS_HTTP_RATE_LIMIT="4")
    key = {"Authorization": "Bearer secret-key"}
    service.post(PROCESS + "?token=another-secret", request(), {"Authorization": "Bearer wrong-key"})
    logged(service, "POST /api/v1/sts/process refused: HTTP 401 Unauthorized")
    bad = request(config={})
    service.post(PROCESS, bad, key)
    line = logged(service, "request refused: HTTP 400 INVALID_CONFIG: config.source_language: is missing")
    assert line["level"] == "warn" and line["fragmentId"] == bad["fragment_id"] and line["streamId"] == bad["stream_id"]
    with raw_post(service, "x" * (12 * 1024 * 1024), "secret-key") as peer:
        assert b" 413 " in peer.recv(100)
    logged(service, "POST /api/v1/sts/process refused: HTTP 413")
    for _ in range(9):
        service.post(PROCESS, request(), key)
    logged(service, "request refused: HTTP 429 RATE_LIMIT_EXCEEDED")
    log = "\n".join(filter(None, service.lines))
    assert not [secret for secret in ("secret-key", "another-secret", "wrong-key") if secret in log]


def test_the_log_of_refusals_is_bounded(echo):
    for _ in range(300):
        assert echo.post(PROCESS, b"{")[0] in (400, 429)
    echo.stop()
    told = [line for line in echo.lines if line and "request refused" in line]
    assert 10 <= len(told) <= 50
    left_out = re.findall(r"(\d+) more refusals were not logged", "\n".join(filter(None, echo.lines)))
    assert sum(map(int, left_out)) + len(told) == 300


def read_answer(peer):
    """(status, headers, body) of a raw_post."""
    answer = http.client.HTTPResponse(peer)
    answer.begin()
    return answer.status, answer.headers, json.loads(answer.read())


def test_a_request_is_finished_before_the_service_goes(start_sts):
    service = start_sts("--mode", "echo", "--echo-delay-ms", "1000")
    with raw_post(service, request()) as peer:
        wait_for_metric(service, "sts_fragments_in_flight", 1)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for_log("stopping")
        late = service.post(PROCESS, request())
        assert late[0] == 503 and late[1]["Retry-After"] == "1" and late[2]["error"]["code"] == "QUEUE_FULL"
        status, _, body = read_answer(peer)
        assert status == 200 and body["status"] == "success"
    assert service.process.wait(15) == 0


def test_a_request_that_takes_too_long_is_told_to_come_back_at_the_end(start_sts):
    service = start_sts("--mode", "echo", "--echo-delay-ms", "60000")
    body = request(timeout_ms=30000)
    with raw_post(service, body) as peer:
        wait_for_metric(service, "sts_fragments_in_flight", 1)
        service.process.send_signal(signal.SIGTERM)
        status, headers, answer = read_answer(peer)
        assert status == 503 and headers["Retry-After"] == "1" and answer["fragment_id"] == body["fragment_id"]
        assert answer["error"]["code"] == "QUEUE_FULL" and answer["error"]["retryable"] is True
    assert service.process.wait(15) == 0


def test_streams_are_finished_and_told_when_the_service_stops(start_sts):
    """While a request over REST still holds the end up: nobody is sent here any more, and who is here goes elsewhere as soon
    as what it has in flight is answered."""
    service = start_sts("--mode", "echo", "--echo-delay-ms", "2000")
    streaming, connected = Raw(service).connect(), Raw(service).connect()
    streaming.emit("stream:init", init_of("live", timeout_ms=30000))
    streaming.emit("fragment:data", fragment(0, stream="live"))
    wait_for_metric(service, "sts_fragments_in_flight", 1)
    with raw_post(service, request()) as post:
        wait_for_metric(service, "sts_fragments_in_flight", 2)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for_log("stopping")
        assert b" 503 " in Raw(service).answer.split(b"\r\n")[0]
        with pytest.raises(urllib.error.HTTPError) as refused:
            service.get("/ready")
        assert refused.value.code == 503 and json.loads(refused.value.read())["status"] == "stopping"
        assert json.loads(service.get("/health"))["status"] == "ok"
        events = [json.loads(text[2:]) for text in streaming.read_until_closed()]
        assert [name for name, _ in events] == ["stream:ready", "fragment:ack", "backpressure", "fragment:processed", "error"]
        assert events[2][1]["action"] == "pause" and events[3][1]["status"] == "success"
        told = events[-1][1]
        assert told["code"] == "QUEUE_FULL" and told["severity"] == "fatal" and told["retryable"] is True
        assert told["stream_id"] == "live" and "stopping" in told["message"]
        assert connected.read_until_closed() == []
        for peer in (streaming, connected):
            assert peer.closing[:2] == struct.pack("!H", 1001)
            peer.close()
        assert read_answer(post)[0] == 200
    assert service.process.wait(15) == 0


def test_a_stream_that_reads_nothing_does_not_hold_up_the_end(start_sts):
    service = start_sts("--mode", "echo", "--echo-delay-ms", "60000")
    deaf = Raw(service).connect()
    deaf.emit("stream:init", init_of("deaf"))
    wait_for_metric(service, "sts_sessions_active", 1)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(15) == 0
    deaf.close()


def test_too_many_requests_are_told_to_come_back(start_sts):
    service = start_sts("--mode", "echo", "--echo-delay-ms", "60000")
    peers = [raw_post(service, request(timeout_ms=30000)) for _ in range(64)]
    wait_for_metric(service, "sts_fragments_in_flight", 64)
    status, headers, body = service.post(PROCESS, request())
    assert status == 503 and headers["Retry-After"] == "1"
    assert body["error"]["code"] == "QUEUE_FULL" and body["error"]["retryable"] is True
    for peer in peers:
        peer.close()
    wait_for_metric(service, "sts_fragments_in_flight", 0)


def test_health_ready_engines(echo, start_sts):
    assert json.loads(echo.get("/health"))["status"] == "ok"
    assert json.loads(echo.get("/ready")) == {"mode": "echo", "stages": {}, "status": "ready", "depth": 0}
    service = start_sts(*MOCKS)
    stages = json.loads(service.get("/api/v1/engines"))["stages"]
    for stage in ("asr", "translation", "tts"):
        active = [engine for engine in stages[stage] if engine["state"] == "active"]
        assert [engine["name"] for engine in active] == ["mock"] and active[0]["model"]
        assert all(engine["name"] and engine["summary"] for engine in stages[stage])
    assert json.loads(service.get("/ready"))["stages"] == stages


def test_metrics_pass_promtool(start_sts, connect):
    service = start_sts(*MOCKS)
    worker = connect(service)
    worker.init()
    worker.send(0, tone(1000))
    worker.send(1, tone(1000), audio={"data_base64": "!"})
    worker.send(7)
    worker.wait_for("fragment:processed", 2)
    worker.wait_for("error")
    text = service.get("/metrics")
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name in ("sts_fragment_processing_seconds", "sts_asr_duration_seconds", "sts_translation_duration_seconds",
                 "sts_tts_duration_seconds", "sts_queue_wait_seconds", "sts_fragments_in_flight",
                 "sts_sessions_active", "sts_queue_depth", "sts_fragment_errors_total", "sts_connections_total",
                 "sts_engine_info"):
        assert f"# TYPE {name} " in text
    assert 'sts_fragment_errors_total{stage="none",error_code="INVALID_SEQUENCE"} 1' in text
