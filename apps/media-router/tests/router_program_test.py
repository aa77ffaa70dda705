"""The program as an operator meets it: hooks, configuration, metrics, exit codes."""
import re
import signal
import socket
import subprocess
import urllib.request

import pytest

from router_support import DEADLINE, wait_until

PATH = "live/demo/in"
HOOKS = """
hls: no
pathDefaults:
  runOnReady: >-
    sh -c 'trap "printf \\"interrupted\\n\\" >> {out}; exit 3" INT;
    printf "ready %s %s %s %s %s %s\\n" $MTX_PATH $MTX_QUERY $MTX_SOURCE_TYPE $MTX_SOURCE_ID $RTSP_PORT $G1 >> {out};
    echo hook says hello; while :; do sleep 0.02; done'
  runOnNotReady: sh -c 'printf "not-ready %s\\n" $MTX_PATH >> {out}'
paths:
  "~^live/([a-z]+)/in$":
"""


def test_hooks(make_router, publish, sample, tmp_path):
    out = tmp_path / "hooks.txt"
    router = make_router(HOOKS.format(out=out))
    publisher = publish(sample, router.url(PATH + "?lang=es&x=a%20b"))
    source = router.wait_ready(PATH)["source"]["id"]
    assert publisher.wait(DEADLINE) == 0
    wait_until("not-ready", lambda: out.exists() and "not-ready" in out.read_text() and "interrupted" in out.read_text())
    router.wait_log("runOnReady command ended with exit code 3")
    router.wait_log("runOnNotReady command ended with exit code 0")
    lines = sorted(out.read_text().splitlines())
    assert lines == ["interrupted", f"not-ready {PATH}",
                     f"ready {PATH} lang%3Des%26x%3Da%2520b rtmpConn {source} {router.ports['rtsp']} demo"]
    assert "runOnReady: hook says hello" in router.log()
    assert "line 2: hls is not known to media-router: ignored" in router.log()


def test_a_path_that_is_not_configured_is_refused(make_router, publish, sample):
    router = make_router("paths: {only/this: {}}")
    assert publish(sample, router.url("live/other")).wait(DEADLINE) != 0
    router.wait_log("path live/other is not configured")
    assert [p["name"] for p in router.api("/v3/paths/list")["items"]] == ["only/this"]


def test_environment_overrides_the_file(make_router, publish, sample, tmp_path):
    router = make_router("pathDefaults: {runOnReady: 'false'}",
                         {"MTX_PATHDEFAULTS_RUNONREADY": f"touch {tmp_path / 'made'}"})
    publish(sample, router.url(PATH))
    wait_until("the hook", (tmp_path / "made").exists)


def test_stop_runs_the_not_ready_command(make_router, publish, sample, tmp_path):
    router = make_router(HOOKS.format(out=tmp_path / "hooks.txt"))
    publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    wait_until("ready", lambda: (tmp_path / "hooks.txt").exists())
    assert router.stop() == 0
    assert {"interrupted", f"not-ready {PATH}"} < set((tmp_path / "hooks.txt").read_text().splitlines())


def test_metrics_pass_promtool(router, publish, sample):
    publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    text = router.metrics()
    assert re.search(r'^paths\{name="live/demo/in",state="ready"\} 1$', text, re.MULTILINE)
    assert re.search(r'^rtmp_conns\{id="[0-9a-f-]{36}",path="live/demo/in",remoteAddr="127.0.0.1:\d+",state="publish"\} 1$',
                     text, re.MULTILINE)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    complaints = [line for line in (checked.stdout + checked.stderr).splitlines() if line]
    # MediaMTX's label remoteAddr is the one thing that promtool would have otherwise.
    assert all("label names should be written in 'snake_case'" in line for line in complaints), complaints


def test_control_api_spellings(router, publish, sample):
    publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    assert router.api("/v3/paths/get/live/demo/in")["name"] == PATH
    assert router.api("/v3/paths/get/live%2Fdemo%2Fin")["name"] == PATH


def test_kick(router, publish, sample):
    publisher = publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    connection = router.api("/v3/rtmpconns/list")["items"][0]["id"]
    request = urllib.request.Request(
        f"http://127.0.0.1:{router.ports['api']}/v3/rtmpconns/kick/{connection}", method="POST")
    assert urllib.request.urlopen(request, timeout=5).status == 200
    assert publisher.wait(DEADLINE) != 0


def run(program, *flags):
    return subprocess.run([str(program), "--log-dir", "", "--log-format", "text", *flags], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)


FLAGS = ["--rtmp-address", "--rtsp-address", "--api-address", "--metrics-address"]


@pytest.mark.parametrize("flag", FLAGS)
def test_busy_port(program, flag):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        free = [part for name in FLAGS if name != flag for part in (name, "127.0.0.1:0")]
        done = run(program("media-router"), flag, busy, *free)
    assert done.returncode == 10
    assert busy in done.stderr and "in use" in done.stderr


@pytest.mark.parametrize("text, word", [("rtmpAddress: nowhere", "rtmpAddress"), ("a: [", "line"),
                                        ("authMethod: jwt", "authMethod")])
def test_bad_configuration(program, tmp_path, text, word):
    (tmp_path / "bad.yml").write_text(text)
    done = run(program("media-router"), "--config", str(tmp_path / "bad.yml"))
    assert done.returncode == 2
    assert word in done.stderr


def test_missing_configuration(program):
    done = run(program("media-router"), "--config", "/nonexistent.yml")
    assert done.returncode == 2
    assert "/nonexistent.yml" in done.stderr


def test_help_names_every_variable(program):
    done = run(program("media-router"), "--help")
    assert done.returncode == 0
    for name in ("ROUTER_CONFIG", "ROUTER_RTMP_ADDRESS", "ROUTER_RTSP_ADDRESS", "ROUTER_API_ADDRESS",
                 "ROUTER_METRICS_ADDRESS"):
        assert name in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it(router, number):
    assert router.stop(number) == 0
