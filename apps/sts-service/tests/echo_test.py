# SPDX-License-Identifier: GPL-3.0-or-later
"""What only echo mode has, and what is the same whatever the mode, seen by the reference client.

The rules of a stream are in rules_test.py, bad payloads in bad_input_test.py.
"""
import ssl
import subprocess
import threading
import urllib.request
import uuid

import pytest
import socketio

from sts_client import Refused, noise, pcm_of


def test_a_fragment_comes_back_as_it_was(echo, connect):
    worker = connect(echo)
    ready = worker.init()
    assert ready["stream_id"] == "news" and ready["max_inflight"] == 3 and ready["session_id"]
    assert ready["capabilities"]["async_delivery"] is True

    sent = worker.send(0, noise(2000))
    ack = worker.wait_for("fragment:ack")
    assert ack["fragment_id"] == sent and ack["status"] == "queued" and ack["queue_position"] == 0
    processed = worker.wait_for("fragment:processed")
    assert processed["status"] == "success" and processed["fragment_id"] == sent
    assert pcm_of(processed) == noise(2000)
    assert worker.events.index(("fragment:ack", ack)) < worker.events.index(("fragment:processed", processed))


def test_answers_come_in_order_and_complete_counts_them(echo, connect):
    worker = connect(echo)
    worker.init(max_inflight=10)
    sent = [worker.send(i, noise(100 + i)) for i in range(10)]
    worker.wait_for("fragment:processed", 10)
    assert [p["fragment_id"] for p in worker.received("fragment:processed")] == sent
    assert [len(pcm_of(p)) for p in worker.received("fragment:processed")] == [(100 + i) * 48 for i in range(10)]
    worker.emit("stream:end", {"stream_id": "news"})
    complete = worker.wait_for("stream:complete")
    assert complete["total_fragments"] == complete["success_count"] == 10
    assert complete["total_duration_ms"] == sum(100 + i for i in range(10))
    assert complete["statistics"]["success_count"] == 10 and complete["failed_count"] == 0
    worker.wait_for("disconnect", timeout=10)


def test_audio_is_converted_to_what_the_stream_asked_for(echo, connect):
    worker = connect(echo)
    worker.init(config={"sample_rate_hz": 48000, "channels": 2})
    worker.send(0, noise(500))
    processed = worker.wait_for("fragment:processed")
    assert processed["dubbed_audio"]["sample_rate_hz"] == 48000 and processed["dubbed_audio"]["channels"] == 2
    assert len(pcm_of(processed)) == 500 * 48 * 4


def test_two_arguments_and_binary_and_unknown_events_are_answered(echo, connect):
    worker = connect(echo)
    worker.init()
    worker.emit("stream:pause", ({"stream_id": "news"}, {"stream_id": "news"}))
    assert "one JSON object" in worker.wait_for("error", 1)["message"]
    worker.emit("fragment:data", {"data": b"\x00\x01"})
    assert "binary" in worker.wait_for("error", 2)["message"]
    worker.emit("stream:dance", {})
    assert "unknown event" in worker.wait_for("error", 3)["message"]
    worker.send(0)
    worker.wait_for("fragment:processed")


def test_the_workers_acknowledgement_is_read_but_not_needed(echo, connect):
    worker = connect(echo)
    worker.init()
    sent = worker.send(0)
    worker.wait_for("fragment:processed")
    worker.emit("fragment:ack", {"fragment_id": sent, "status": "applied", "timestamp": 1})
    worker.emit("fragment:ack", {"fragment_id": sent, "status": "eaten", "timestamp": 1})
    error = worker.wait_for("error")
    assert "status" in error["message"] and error["severity"] == "warning"
    worker.send(1)
    worker.wait_for("fragment:processed", 2)


def test_a_stream_can_start_again_on_its_connection(echo, connect):
    worker = connect(echo)
    worker.init()
    worker.emit("stream:init", {"stream_id": "news", "worker_id": "w",
                                "config": {"source_language": "en", "target_language": "es"}})
    assert "already carries" in worker.wait_for("error")["message"]
    worker.emit("stream:end", {"stream_id": "news"})
    worker.wait_for("stream:complete")
    worker.init()
    worker.send(0)
    worker.wait_for("fragment:processed")


def test_error_simulation(echo, connect):
    worker = connect(echo)
    marked = str(uuid.uuid4())
    worker.emit("config:error_simulation", {"enabled": True, "rules": [
        {"trigger": "sequence_number", "value": 1, "error_code": "TIMEOUT", "error_message": "slow", "stage": "asr"},
        {"trigger": "fragment_id", "value": marked, "error_code": "ASR_FAILED"},
        {"trigger": "nth_fragment", "value": 4, "error_code": "MODEL_ERROR", "retryable": False},
    ]})
    assert worker.wait_for("config:error_simulation:ack") == {"status": "configured", "rules_count": 3}
    worker.init(max_inflight=10)
    for i in range(5):
        worker.send(i, fragment_id=marked if i == 2 else None)
    worker.wait_for("fragment:processed", 5)
    errors = [p.get("error") for p in worker.received("fragment:processed")]
    assert errors[0] is None and errors[4] is None
    assert errors[1] == {"stage": "asr", "code": "TIMEOUT", "message": "slow", "retryable": True}
    assert errors[2]["code"] == "ASR_FAILED" and errors[3] == {
        "code": "MODEL_ERROR", "message": "simulated error", "retryable": False}
    worker.emit("config:error_simulation", {"enabled": True, "rules": [{"trigger": "moon"}]})
    ack = worker.wait_for("config:error_simulation:ack", 2)
    assert ack["status"] == "error" and "rules[0].trigger" in ack["error_message"]


def test_backpressure_simulation(start_sts, connect):
    worker = connect(start_sts("--mode", "echo", "--echo-delay-ms", "100"))
    worker.init()
    worker.emit("config:backpressure_simulation", {"enabled": True, "threshold": 1, "severity": "high",
                                                   "action": "pause", "recommended_delay_ms": 321})
    worker.send(0)
    pressure = worker.wait_for("backpressure")
    assert (pressure["severity"], pressure["action"], pressure["recommended_delay_ms"]) == ("high", "pause", 321)
    assert worker.wait_for("backpressure", 2)["action"] == "none"


def test_api_key(start_sts, connect):
    service = start_sts("--mode", "echo", STS_API_KEY="secret-key")
    for options in ({}, {"token": "wrong"}, {"headers": {"Authorization": "Bearer wrong"}}):
        with pytest.raises(Refused, match="AUTH_FAILED"):
            connect(service, **options)
    connect(service, stream="a", token="secret-key").init()
    connect(service, stream="b", headers={"Authorization": "Bearer secret-key"}).init()
    assert service.metric("sts_connections_total") == 5
    assert not any("secret-key" in line for line in service.lines)


def test_tls(start_sts, connect, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    service = start_sts("--mode", "echo", "--tls-cert", cert, "--tls-key", key)
    service.url = f"https://127.0.0.1:{service.port}"
    worker = connect(service, ssl_verify=False)
    worker.init()
    worker.send(0, noise(2000))
    assert pcm_of(worker.wait_for("fragment:processed")) == noise(2000)
    trusting = ssl.create_default_context(cafile=cert)
    trusting.check_hostname = False
    with urllib.request.urlopen(service.url + "/health", timeout=10, context=trusting) as answer:
        assert answer.status == 200


def test_too_many_connections_are_refused(start_sts, connect):
    service = start_sts("--mode", "echo", "--max-connections", "2")
    workers = [connect(service, stream=f"s{i}") for i in range(2)]
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect(service, stream="s3")
    workers[0].init()


def test_other_path_works(echo, connect):
    worker = connect(echo, path="ws/sts")
    worker.init()
    worker.send(0)
    worker.wait_for("fragment:processed")


def test_ten_sessions_at_once(echo, connect):
    workers = [connect(echo, stream=f"stream-{i}") for i in range(10)]

    def run(worker):
        worker.init(max_inflight=10)
        for i in range(10):
            worker.send(i, noise(1000))
        worker.wait_for("fragment:processed", 10, timeout=60)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        assert [p["sequence_number"] for p in worker.received("fragment:processed")] == list(range(10))
        assert all(pcm_of(p) == noise(1000) for p in worker.received("fragment:processed"))
        assert not worker.received("error")
