# SPDX-License-Identifier: GPL-3.0-or-later
"""REST, health and metrics, in echo mode and with the mock engines."""
import json
import socket
import subprocess
import time
import urllib.error

import pytest

from full_test import MOCKS, tone
from sts_client import fragment, noise, pcm_of

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


def raw_post(service, body):
    """A POST on a socket of ours, without waiting for the answer."""
    data = json.dumps(body).encode()
    peer = socket.create_connection(("127.0.0.1", service.port), timeout=10)
    peer.sendall(b"POST /api/v1/sts/process HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(data) + data)
    return peer


def wait_for_metric(service, name, value):
    deadline = time.monotonic() + 10
    while service.metric(name) != value:
        assert time.monotonic() < deadline, f"{name} is {service.metric(name)}, not {value}"


def test_a_client_that_goes_away_is_forgotten(start_sts):
    service = start_sts("--mode", "echo", "--echo-delay-ms", "60000")
    peers = [raw_post(service, request()) for _ in range(3)]
    wait_for_metric(service, "sts_fragments_in_flight", 3)
    for peer in peers[:2]:
        peer.close()
    wait_for_metric(service, "sts_fragments_in_flight", 1)
    service.stop()
    peers[2].close()


def test_too_many_requests_are_told_to_come_back(start_sts):
    service = start_sts("--mode", "echo", "--echo-delay-ms", "60000")
    peers = [raw_post(service, request()) for _ in range(64)]
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
