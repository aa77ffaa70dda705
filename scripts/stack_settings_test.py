"""What the start script knows of the stack in either form: .env, addresses that move together, busy ports."""
import contextlib
import re
import socket

import pytest

import stack_settings
from support.processes import free_ports


def test_dotenv_is_read_as_a_shell_reads_it(tmp_path):
    path = tmp_path / ".env"
    path.write_text("# comment\n\nWORKER_LATENCY=5s\nexport STS_PORT=8100  # why\nSTS_API_KEY=\"two words\"\n#X=1\nEMPTY=\n")
    assert stack_settings.read_dotenv(path) == {"WORKER_LATENCY": "5s", "STS_PORT": "8100", "STS_API_KEY": "two words", "EMPTY": ""}


def test_all_bad_lines_of_dotenv_are_named(tmp_path):
    path = tmp_path / ".env"
    path.write_text("GOOD=1\nno equals sign\nA=1 B=2\nBAD='open\n")
    with pytest.raises(stack_settings.Refused) as refusal:
        stack_settings.read_dotenv(path)
    assert all(f".env:{number}" in str(refusal.value) for number in (2, 3, 4))


def test_no_dotenv_is_fine(tmp_path):
    assert stack_settings.read_dotenv(tmp_path / ".env") == {}


def test_a_moved_listener_is_told_to_those_that_connect():
    moved = stack_settings.derived({"ROUTER_RTMP_ADDRESS": "0.0.0.0:1936", "ORCH_HTTP_ADDR": "127.0.0.1:8081", "STS_PORT": "8001"})
    assert moved["MEDIAMTX_RTMP_URL"] == "rtmp://127.0.0.1:1936"
    assert moved["ORCHESTRATOR_URL"] == "http://127.0.0.1:8081"
    assert moved["WORKER_STS_SERVICE_URL"] == "http://127.0.0.1:8001"


@pytest.fixture
def layout(tmp_path):
    programs = {name: tmp_path / name for name in (*stack_settings.PROGRAMS, "media-worker", "mtx-hook")}
    ports = stack_settings.Ports(*free_ports(6))
    return stack_settings.Layout(programs, tmp_path, ports, {"MEDIA_ROUTER": "builtin"})


def test_all_busy_ports_are_named_with_ports_that_are_free(layout):
    """Also where the ports after a busy one are busy, or wanted by another listener."""
    layout.settings["ROUTER_API_ADDRESS"] = f"127.0.0.1:{layout.ports.rtmp + 1}"
    with socket.create_server(("127.0.0.1", layout.ports.rtmp)), taken_after(layout.ports.rtmp + 1), \
            socket.create_server(("127.0.0.1", layout.ports.sts)):
        with pytest.raises(stack_settings.Refused) as refusal:
            stack_settings.check_ports(layout, ("sts-service", "media-router"))
        said = str(refusal.value)
        proposed = {name: int(port) for name, port in re.findall(r"set (\w+)=(?:127\.0\.0\.1:)?(\d+) in", said)}
        assert set(proposed) == {"ROUTER_RTMP_ADDRESS", "STS_PORT"}, said
        assert all(stack_settings.port_is_free("127.0.0.1", port) for port in proposed.values())
        assert not set(proposed.values()) & {layout.listener(name)[1] for name in stack_settings.LISTENERS}
        assert proposed["ROUTER_RTMP_ADDRESS"] > layout.ports.rtmp + 2


def taken_after(port):
    """A listener on the port after that one; what somebody else has there is as good."""
    try:
        return socket.create_server(("127.0.0.1", port + 1))
    except OSError:
        return contextlib.nullcontext()


def test_the_ports_of_an_external_router_are_its_own(layout):
    layout.settings["MEDIA_ROUTER"] = "external"
    with socket.create_server(("127.0.0.1", layout.ports.rtmp)):
        stack_settings.check_ports(layout, ("media-router",))


def test_a_dotenv_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff\xfe")
    with pytest.raises(stack_settings.Refused, match=".env cannot be read"):
        stack_settings.read_dotenv(path)
    with pytest.raises(stack_settings.Refused, match="cannot be read"):
        stack_settings.read_dotenv(tmp_path)


def test_every_documented_variable_of_dotenv_is_a_setting(tmp_path, monkeypatch):
    path = tmp_path / ".env"
    path.write_text("LIBRETRANSLATE_URL=http://a\nDEEPL_AUTH_KEY_FILE=/k\nWORKER_NEW=1\nLOG_DIR=\nHOMEPAGE=x\n")
    monkeypatch.setattr(stack_settings, "ENV_FILE", path)
    found = stack_settings.read_settings()
    assert {"LIBRETRANSLATE_URL", "DEEPL_AUTH_KEY_FILE", "WORKER_NEW"} <= set(found) and not {"LOG_DIR", "HOMEPAGE"} & set(found)
