"""How the stack is put together: what a test sets wins, nothing of the surroundings leaks in."""

import fcntl

import pytest

from support.stack import Layout, NotBuilt, Ports, Stack, engine_settings, find_programs


@pytest.fixture
def layout(tmp_path):
    programs = {name: tmp_path / name for name in ("media-worker", "mtx-hook")}
    return Layout(programs, tmp_path, Ports(rtmp=20001, media=20002, sts=20003), {"WORKER_LATENCY": "5s"})


def test_the_programs_find_each_other(layout):
    environment = layout.environment()
    assert environment["ROUTER_RTMP_ADDRESS"] == "127.0.0.1:20001"
    assert environment["MEDIAMTX_RTMP_URL"] == "rtmp://127.0.0.1:20001"
    assert environment["ORCHESTRATOR_URL"] == "http://127.0.0.1:20002"
    assert environment["WORKER_STS_SERVICE_URL"] == "http://127.0.0.1:20003"


def test_settings_win_and_the_surroundings_stay_out(layout, monkeypatch):
    monkeypatch.setenv("WORKER_LATENCY", "9s")
    monkeypatch.setenv("STS_ASR_ENGINE", "mock")
    monkeypatch.setenv("UNRELATED", "kept")
    environment = layout.environment()
    assert environment["WORKER_LATENCY"] == "5s" and environment["UNRELATED"] == "kept"
    assert "STS_ASR_ENGINE" not in environment


def test_engines_are_taken_over_where_asked_for(layout, monkeypatch):
    monkeypatch.setenv("STS_TTS_ENGINE", "piper,espeak-ng")
    monkeypatch.setenv("STS_ASR_ENGINE", "")
    monkeypatch.setenv("STS_PORT", "1")
    assert engine_settings() == {"STS_TTS_ENGINE": "piper,espeak-ng"}


def test_a_providers_key_goes_nowhere_unless_an_engine_is_named(layout, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "OPENAI_API_KEY" not in layout.environment() and "OPENAI_API_KEY" not in engine_settings()
    monkeypatch.setenv("STS_TTS_ENGINE", "openai,espeak-ng")
    assert engine_settings()["OPENAI_API_KEY"] == "secret"


def test_listeners_are_where_the_variables_say(layout):
    layout.settings["ROUTER_API_ADDRESS"] = "0.0.0.0:20009"
    assert layout.http("api") == "http://127.0.0.1:20009"
    assert layout.rtmp("live/x/in") == "rtmp://127.0.0.1:20001/live/x/in"


def test_the_routers_file_wires_the_hooks(layout):
    text = layout.write_router_config().read_text()
    assert "runOnReady" in text and "runOnNotReady" in text and str(layout.programs["mtx-hook"]) in text


def test_a_program_that_is_not_built_is_named(tmp_path):
    (tmp_path / "apps").mkdir()
    with pytest.raises(NotBuilt, match="make build"):
        find_programs(tmp_path, ("media-router",))


def test_only_the_stack_of_the_workers_stops_them(layout, monkeypatch, tmp_path):
    looked = []
    monkeypatch.setattr("support.stack.stop_workers", looked.append)
    layout.settings["ORCH_STATE_DIR"] = str(tmp_path)
    stack = Stack(layout)
    stack.stop()
    assert looked == [], "a router or sts-service by itself leaves the workers of others alone"
    stack.has_workers = True
    with open(tmp_path / "media-service.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stack.stop()
    assert looked == [], "another media-service has them now"
    stack.stop()
    assert looked == [tmp_path]
