# SPDX-License-Identifier: GPL-3.0-or-later
"""Full mode: the pipeline with mock engines, whose answers are known, and with the engines of the distribution."""
import json
import math
import re
import struct
import subprocess
import threading
import wave

import pytest

from sts_client import fragment, noise, pcm_of

MOCKS = ("--asr-engine", "mock", "--translation-engine", "mock", "--tts-engine", "mock")


def tone(duration_ms, level=8000):
    """Loud enough for the energy gate."""
    return struct.pack(f"<{duration_ms * 24}h", *(int(level * math.sin(i / 9)) for i in range(duration_ms * 24)))


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A two-second English sentence as flite speaks it: (mono S16LE, rate in Hz)."""
    path = tmp_path_factory.mktemp("speech") / "a.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", "The weather is very nice today.", "-o", path], check=True)
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2
        return file.readframes(file.getnframes()), file.getframerate()


def samples_of(processed):
    data = pcm_of(processed)
    return struct.unpack(f"<{len(data) // 2}h", data)


def test_mock_engines_answer(start_sts, connect):
    service = start_sts(*MOCKS)
    worker = connect(service)
    worker.init()
    worker.send(0, tone(2000))
    processed = worker.wait_for("fragment:processed")
    assert processed["status"] == "success", processed
    assert processed["transcript"] and processed["translated_text"]
    assert max(map(abs, samples_of(processed))) > 1000
    assert processed["metadata"]["original_duration_ms"] == 2000
    assert abs(processed["dubbed_audio"]["duration_ms"] - len(pcm_of(processed)) / 48) <= 1
    assert service.metric("sts_asr_duration_seconds_count") == 1
    assert 'sts_engine_info{stage="asr",engine="mock"' in service.get("/metrics")


def test_silence_is_success_without_words(start_sts, connect):
    service = start_sts(*MOCKS)
    worker = connect(service)
    worker.init(config={"sample_rate_hz": 48000, "channels": 2})
    worker.send(0, bytes(48 * 1000))
    processed = worker.wait_for("fragment:processed")
    assert processed["status"] == "success" and processed["transcript"] == processed["translated_text"] == ""
    assert pcm_of(processed) == bytes(1000 * 48 * 4) and processed["dubbed_audio"]["duration_ms"] == 1000
    assert "asr_model" not in processed["metadata"] and service.metric("sts_asr_duration_seconds_count") == 0, "nobody was asked"


def test_only_the_protocols_codes_leave_the_service(start_sts, connect):
    service = start_sts(*MOCKS, STS_ASR_MODEL="fail=always;error=INTERNAL_ERROR")
    worker = connect(service)
    worker.init()
    worker.send(0, tone(2000))
    assert worker.wait_for("fragment:processed")["error"]["code"] == "MODEL_ERROR"
    worker.emit("stream:end", {"stream_id": "news"})
    breakdown = worker.wait_for("stream:complete")["error_breakdown"]
    assert breakdown == {"by_stage": {"asr": 1}, "by_code": {"MODEL_ERROR": 1}}
    assert 'sts_fragment_errors_total{stage="asr",error_code="MODEL_ERROR"} 1' in service.get("/metrics")


def test_single_requests_teach_the_recogniser_nothing(start_sts, connect):
    """What it has learnt of a session is heard in the mock's "{n}"; it is not what a request with its stream_id brings."""
    service = start_sts(*MOCKS, STS_ASR_MODEL="text=good take {n}", STS_ASR_WORKERS="1")
    body = {**fragment(0, tone(3000)), "config": {"source_language": "en", "target_language": "es"}}
    for session in range(2):
        worker = connect(service)
        worker.init()
        for n in range(2):
            worker.send(n, tone(3000))
            assert worker.wait_for("fragment:processed", n + 1)["transcript"] == f"Good take {n + 1}.", session
            assert service.post("/api/v1/sts/process", body)[2]["transcript"] == "Good take 1."
        worker.close()
        service.wait_for_log("connection ended")


def test_unsupported_pair_is_refused_naming_the_supported(start_sts, connect):
    worker = connect(start_sts())
    for count, (source, target) in enumerate([("xx", "es"), ("en", "xx"), ("es", "en")], 1):
        worker.emit("stream:init", {"stream_id": "news", "worker_id": "w", "config": {
            "source_language": source, "target_language": target}})
        error = worker.wait_for("error", count)
        assert error["code"] == "UNSUPPORTED_LANGUAGE_PAIR" and "en" in error["message"], error
    worker.init()


def test_simulation_is_for_echo_mode_only(start_sts, connect):
    worker = connect(start_sts(*MOCKS))
    worker.emit("config:error_simulation", {"enabled": True, "rules": []})
    ack = worker.wait_for("config:error_simulation:ack")
    assert ack["status"] == "error" and "echo" in ack["error_message"]
    worker.emit("config:backpressure_simulation", {"enabled": True})
    assert "echo" in worker.wait_for("error")["message"]


def test_many_streams_at_once_each_in_order(start_sts, connect):
    service = start_sts(*MOCKS)
    workers = [connect(service, stream=f"stream-{i}") for i in range(6)]

    def run(worker):
        worker.init(max_inflight=10)
        for i in range(10):
            worker.send(i, tone(3000 + 10 * i))
        worker.wait_for("fragment:processed", 10, timeout=60)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        results = worker.received("fragment:processed")
        assert [r["sequence_number"] for r in results] == list(range(10))
        assert [r["metadata"]["original_duration_ms"] for r in results] == [3000 + 10 * i for i in range(10)]
        assert all(r["status"] != "failed" for r in results), results
        assert not worker.received("error")
    assert service.metric("sts_fragments_in_flight") == 0


VOICES = {"voices": {
    "es-una": {"engine": "espeak-ng", "language": "es", "model": "es", "speaker": "f3"},
    "en-one": {"engine": "espeak-ng", "language": "en", "model": "en-us"}}}


@pytest.fixture
def spoken(start_sts, tmp_path):
    """A service with espeak-ng and two profiles of its own; what is heard is known."""
    voices = tmp_path / "voices.json"
    voices.write_text(json.dumps(VOICES))
    return start_sts("--asr-engine", "mock", "--translation-engine", "apertium", "--voices-file", str(voices))


@pytest.mark.parametrize("profile", ["nobody", "en-one", "ES-UNA"])
def test_an_unknown_voice_is_refused_naming_the_known(spoken, connect, profile):
    worker = connect(spoken)
    worker.emit("stream:init", {"stream_id": "news", "worker_id": "worker-1", "config": {
        "source_language": "en", "target_language": "es", "voice_profile": profile}})
    error = worker.wait_for("error")
    assert error["code"] == "INVALID_CONFIG" and not error["retryable"] and not worker.received("stream:ready")
    assert "config.voice_profile" in error["message"] and profile in error["message"]
    assert error["message"].endswith("allowed: default, es-una")
    status, _, body = spoken.post("/api/v1/sts/process", {**fragment(0), "config": {
        "source_language": "en", "target_language": "es", "voice_profile": profile}})
    assert status == 400 and body["error"]["code"] == "INVALID_CONFIG"
    assert body["error"]["message"] == error["message"]


def test_the_metadata_names_the_voice_and_the_pair(spoken, connect):
    worker = connect(spoken)
    for profile, used in (("default", "es+f3 (es-una)"), ("es-una", "es+f3 (es-una)")):
        worker.init(config={"voice_profile": profile})
        worker.send(0, tone(3000))
        metadata = worker.wait_for("fragment:processed", len(worker.received("fragment:processed")) + 1)["metadata"]
        assert metadata["asr_model"] == "mock" and metadata["translation_model"] == "apertium eng-spa"
        assert re.fullmatch(r"espeak-ng [\d.]+\S* " + re.escape(used), metadata["tts_model"]), metadata
        worker.emit("stream:end", {"stream_id": "news"})
        worker.wait_for("stream:complete", len(worker.received("stream:complete")) + 1)
    assert 'sts_engine_info{stage="translation",engine="apertium",model="eng-spa"} 1' in spoken.get("/metrics")


def test_a_vanished_client_leaves_nothing_behind(start_sts, connect):
    service = start_sts(*MOCKS)
    for round_ in range(5):
        worker = connect(service)
        worker.init(max_inflight=10)
        for i in range(10):
            worker.send(i, tone(1000))
        worker.wait_for("fragment:ack", 10)
        worker.close()
    survivor = connect(service, stream="survivor")
    survivor.init()
    survivor.send(0, tone(500))
    survivor.wait_for("fragment:processed")
    assert service.metric("sts_fragments_in_flight") == 0 and service.metric("sts_sessions_active") == 1


def test_english_speech_comes_back_in_spanish(start_sts, connect, speech):
    pcm, rate = speech
    duration_ms = len(pcm) * 500 // rate
    service = start_sts()
    worker = connect(service)
    worker.init()
    worker.send(0, pcm, audio={"sample_rate_hz": rate, "duration_ms": duration_ms},
                metadata={"max_duration_ms": duration_ms + 1000})
    processed = worker.wait_for("fragment:processed", timeout=40)
    assert processed["status"] in ("success", "partial"), processed
    assert "weather" in processed["transcript"].lower() and "tiempo" in processed["translated_text"].lower()
    samples = samples_of(processed)
    assert max(map(abs, samples)) > 2000 and len(samples) > 24000
    assert processed["stage_timings"]["asr_ms"] > 0
    assert processed["processing_time_ms"] >= processed["stage_timings"]["asr_ms"]
    worker.emit("stream:end", {"stream_id": "news"})
    assert worker.wait_for("stream:complete")["total_fragments"] == 1


def test_loud_noise_never_becomes_an_unguarded_dub(start_sts, connect):
    """Whatever the recogniser makes of noise: nothing of it is spoken."""
    worker = connect(start_sts())
    worker.init()
    worker.send(0, noise(1500))
    processed = worker.wait_for("fragment:processed", timeout=40)
    if processed["status"] == "failed":
        assert processed["error"]["code"] == "HALLUCINATION_SUSPECTED"
    else:
        assert processed["transcript"] == processed["translated_text"] == "" and not any(pcm_of(processed))
