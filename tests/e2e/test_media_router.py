"""One stream on each router that the stack can be told to use, and the start script with one program alone.

MediaMTX cannot be had offline: a program of that name starts the built-in router with MediaMTX's arguments and file.
"""

import os
import re
import signal
import subprocess
import sys

import pytest

from support.processes import Child, free_ports, wait_until
from support.router import builtin_config
from support.stack import HOST, ROOT, Layout, Ports, Stack, find_programs, http_json
from support.streams import playable, publish

# What runs before the first picture comes out: the start of the worker, its delay, the first group of pictures.
WORKER = {"WORKER_STS_MODE": "passthrough", "WORKER_LATENCY": "2s", "ORCH_GRACE_PERIOD": "1s"}
DEADLINE = 30

# Takes what MediaMTX takes: one argument, its file, which says where it listens.
STAND_IN = """#!/bin/sh
[ $# -eq 1 ] || { echo "mediamtx takes one file" >&2; exit 64; }
if env | grep -q ^ROUTER_; then echo "mediamtx knows no ROUTER_ variables" >&2; exit 65; fi
exec '%s' --config "$1"
"""


@pytest.fixture
def programs(build_dir):
    return find_programs(build_dir)


@pytest.fixture
def mediamtx(programs, tmp_path):
    """The settings of a stack with a program mediamtx on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "mediamtx"
    program.write_text(STAND_IN % programs["media-router"])
    program.chmod(0o755)
    yield {"MEDIA_ROUTER": "mediamtx", "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def external(programs, tmp_path):
    """The settings of a stack whose router somebody else has started."""
    ports = Ports.free()
    (tmp_path / "theirs.yml").write_text(builtin_config(programs["mtx-hook"]))
    listeners = {"ROUTER_RTMP_ADDRESS": ports.rtmp, "ROUTER_RTSP_ADDRESS": ports.rtsp, "ROUTER_API_ADDRESS": ports.api,
                 "ROUTER_METRICS_ADDRESS": ports.router_metrics}
    environment = {**os.environ, **{name: f"{HOST}:{port}" for name, port in listeners.items()}, "LOG_DIR": "",
                   "ORCHESTRATOR_URL": f"http://{HOST}:{ports.media}", "ROUTER_CONFIG": str(tmp_path / "theirs.yml")}
    router = Child("theirs", [programs["media-router"]], tmp_path, environment)
    yield {"MEDIA_ROUTER": "external", "MEDIAMTX_RTMP_URL": f"rtmp://{HOST}:{ports.rtmp}",
           "MEDIAMTX_RTSP_URL": f"rtsp://{HOST}:{ports.rtsp}", "MEDIAMTX_API_URL": f"http://{HOST}:{ports.api}",
           "ROUTER_METRICS_ADDRESS": f"{HOST}:{ports.router_metrics}", "ORCH_HTTP_ADDR": f"{HOST}:{ports.media}",
           "ORCHESTRATOR_URL": f"http://{HOST}:{ports.media}"}
    assert router.running(), "it is not the stack's to stop"
    assert router.stop() == 0


@pytest.fixture
def builtin():
    return {"MEDIA_ROUTER": "builtin"}


@pytest.mark.parametrize("kind", ["builtin", "mediamtx", "external"])
def test_a_stream_goes_through(kind, request, programs, short_sample, tmp_path):
    settings = {**request.getfixturevalue(kind), **WORKER}
    with Stack(Layout(programs, tmp_path / "stack", settings=settings)).start("media-router", "media-service") as stack:
        publisher = publish(short_sample.path, stack.url("demo", "in") + "?lang=es", tmp_path, options=("-stream_loop", "-1"))
        stack.wait_path("live/demo/out", DEADLINE)
        wait_until(lambda: hook_events(stack, "ready"), DEADLINE, "the hook: the list of paths would do without it")
        assert playable(stack.url("demo", "out"), DEADLINE)
        connections = http_json(stack.layout.http("api") + "/v3/rtmpconns/list")["items"]
        assert {(one["path"], one["state"]) for one in connections} >= {
            ("live/demo/in", "publish"), ("live/demo/in", "read"), ("live/demo/out", "publish")}
        assert 'paths{name="live/demo/out",state="ready"} 1' in stack.metrics("media-router")
        publisher.send(signal.SIGTERM)
        wait_until(lambda: hook_events(stack, "not-ready"), DEADLINE, "the hook at the end")
        stack.wait_path("live/demo/out", DEADLINE, ready=False)
        codes = stack.stop()
    started = {"media-service", *(["media-router"] if kind != "external" else [])}
    assert codes == {name: 0 for name in started}


def hook_events(stack, event):
    """How many of them media-service has taken from the router's hooks."""
    found = re.findall(rf'^media_service_hook_events_total\{{event="{event}",result="accepted"\}} (\d+)$',
                       stack.metrics("media-service"), re.MULTILINE)
    return sum(map(int, found))


class Script:
    """scripts/stack.py on ports of its own, with a folder of its own for its pid files."""

    def __init__(self, build_dir, folder, **variables):
        self.build_dir, self.folder = build_dir, folder
        names = ("ROUTER_RTMP_ADDRESS", "ROUTER_RTSP_ADDRESS", "ROUTER_API_ADDRESS", "ROUTER_METRICS_ADDRESS", "ORCH_HTTP_ADDR")
        *ports, sts = free_ports(6)
        addresses = {name: f"{HOST}:{port}" for name, port in zip(names, ports)}
        self.env = {**os.environ, **addresses, "STS_PORT": str(sts), "STACK_RUN_DIR": str(folder / "run"), "STS_MODE": "echo",
                    "ORCH_STATE_DIR": str(folder / "state"), "LOG_DIR": str(folder / "logs"), **variables}

    def command(self, *arguments):
        return [sys.executable, str(ROOT / "scripts" / "stack.py"), *arguments, "--build-dir", str(self.build_dir)]

    def run(self, *arguments):
        done = subprocess.run(self.command(*arguments), env=self.env, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def up(self, only, name):
        """In the background, once it says that the program is ready."""
        child = Child(name, self.command("up", "--only", only), self.folder, {**self.env, "PYTHONUNBUFFERED": "1"},
                      stdout=self.folder / f"{name}.out")
        wait_until(lambda: f"{only} is ready" in (self.folder / f"{name}.out").read_text(), DEADLINE, f"{only} to be ready",
                   child.running)
        return child


def test_one_program_of_the_stack_by_itself(build_dir, tmp_path):
    script = Script(build_dir, tmp_path, MEDIA_ROUTER="builtin")
    router, service = script.up("media-router", "first"), script.up("sts-service", "second")
    code, shown = script.run("ps")
    assert code == 0 and re.search(r"media-router +\d+", shown) and re.search(r"media-service +- +stopped", shown), shown
    code, said = script.run("up", "--only", "media-router")
    assert code == 2 and "media-router of this folder is up already" in said
    assert script.run("down", "--only", "media-router")[0] == 0
    wait_until(lambda: not router.running(), DEADLINE, "the router's script to end")
    assert service.running(), "the other goes on"
    assert script.run("down")[0] == 0
    wait_until(lambda: not service.running(), DEADLINE, "the other script to end")


@pytest.mark.parametrize("variables, word", [
    ({"MEDIA_ROUTER": "nginx"}, "builtin, mediamtx, external"),
    ({"MEDIA_ROUTER": "mediamtx", "PATH": "/nonexistent"}, "no program mediamtx on PATH"),
    ({"MEDIA_ROUTER": "external"}, "MEDIAMTX_API_URL")])
def test_a_router_that_cannot_be_had_is_refused_before_anything_starts(build_dir, tmp_path, variables, word):
    code, said = Script(build_dir, tmp_path, **variables).run("up", "--only", "media")
    assert code in (1, 2) and word in said, said
    assert not list((tmp_path / "run").glob("*.pid")) and "is ready" not in said
