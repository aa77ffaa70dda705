# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service keeps and says about each fragment: artifacts, log lines, metrics; one stream beside another."""
import json
import time
import wave

from full_test import MOCKS, tone

WAIT_S = 15


def wait_until(condition):
    give_up = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_artifacts_of_a_fragment(start_sts, connect, tmp_path):
    folder = tmp_path / "artifacts"
    service = start_sts(*MOCKS, STS_ARTIFACT_DIR=str(folder), STS_API_KEY="very-secret", RUN_ID="run-1")
    worker = connect(service, token="very-secret")
    session = worker.init()["session_id"]
    fragment = worker.send(0, tone(2000))
    processed = worker.wait_for("fragment:processed")
    wait_until(lambda: list(folder.glob("news/*.json")))
    [path] = folder.glob("news/*.json")
    text = path.read_text()
    entry = json.loads(text)
    assert entry["fragment_id"] == fragment and entry["stream_id"] == "news" and entry["session_id"] == session
    assert entry["worker_id"] == "worker-1" and entry["run_id"] == "run-1"
    assert entry["prepared_text"] == processed["transcript"]
    assert entry["translation"] == processed["translated_text"]
    assert entry["transcript"] and entry["prepared_translation"]
    assert [entry["stages"][stage]["engine"] for stage in ("asr", "translation", "tts")] == ["mock"] * 3
    assert entry["instance_id"] == json.loads(next(line for line in service.lines if line))["instanceId"]
    assert "very-secret" not in text
    with wave.open(str(folder / "news" / entry["fragment"]["file"])) as file:
        assert file.readframes(file.getnframes()) == tone(2000)
    with wave.open(str(folder / "news" / entry["dub"]["file"])) as file:
        assert file.getnframes() > 0
    assert service.metric("sts_artifacts_total") == 1


def test_artifacts_that_cannot_be_written_stop_nothing(start_sts, connect, tmp_path):
    service = start_sts(*MOCKS, STS_ARTIFACT_DIR=str(tmp_path / "file"))
    (tmp_path / "file").write_text("in the way")
    worker = connect(service)
    worker.init()
    for i in range(3):
        worker.send(i, tone(500))
        assert worker.wait_for("fragment:processed", i + 1)["sequence_number"] == i
    wait_until(lambda: service.metric("sts_artifacts_total") == 3)
    assert 'sts_artifacts_total{result="failed"} 3' in service.get("/metrics")
    said = [line for line in service.lines if line and "cannot be written" in line]
    assert len(said) == 1, said


def test_log_lines_can_be_found_by_every_id(start_sts, connect):
    service = start_sts(*MOCKS, RUN_ID="run-1")
    worker = connect(service)
    session = worker.init()["session_id"]
    fragment = worker.send(0, tone(1000))
    worker.wait_for("fragment:processed")
    worker.send(7, tone(1000))
    worker.wait_for("error")
    service.wait_for_log("INVALID_SEQUENCE")
    lines = [json.loads(line) for line in service.lines if line]
    about = [line for line in lines if line.get("sessionId") == session]
    assert len(about) >= 2
    for line in about:
        assert line["streamId"] == "news" and line["workerId"] == "worker-1" and line["runId"] == "run-1"
        assert line["component"] == "sts-service" and line["instanceId"]
    assert [line for line in about if line.get("fragmentId") == fragment and "fragment 0" in line["message"]], about


def test_a_flooding_stream_delays_nobody(start_sts, connect):
    """One stream keeps ten fragments in flight, the other has one at a time: it waits for its own share only."""
    service = start_sts(*MOCKS, "--asr-model", "delay=200ms", STS_ASR_WORKERS="2")
    flood, other = connect(service, stream="flood"), connect(service, stream="other")
    flood.init(max_inflight=10)
    other.init()
    for i in range(10):
        flood.send(i, tone(500))
    for i in range(3):
        other.send(i, tone(500))
        other.wait_for("fragment:processed", i + 1)
    # Three at 200 ms each, while the flood has used one thread for itself.
    assert len(flood.received("fragment:processed")) <= 8
    flood.wait_for("fragment:processed", 10)
    assert [p["sequence_number"] for p in flood.received("fragment:processed")] == list(range(10))
