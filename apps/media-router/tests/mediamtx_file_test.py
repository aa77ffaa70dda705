"""The configuration for MediaMTX in production, as the built-in router reads it: what it lets in, what it starts."""
import base64
import hashlib
import os
import pathlib
import re

import pytest

from router_support import DEADLINE, wait_until

FILE = pathlib.Path(__file__).resolve().parents[3] / "deploy" / "mediamtx" / "mediamtx.yml"
NOBODYS = "sha256:" + base64.b64encode(bytes(32)).decode()
PASSWORD = "broad cast&1"

# What only MediaMTX has; each stands in the file to be off, or to say how it logs.
ONLY_IN_MEDIAMTX = {"logLevel", "logDestinations", "logStructured", "pprof", "playback", "hls", "webrtc", "srt",
                    "pathDefaults.record"}


@pytest.fixture
def hooks(tmp_path):
    """The environment with a program mtx-hook that writes down how it was called, and where it does."""
    calls = tmp_path / "calls"
    program = tmp_path / "mtx-hook"
    program.write_text(f"#!/bin/sh\necho \"$1 $MTX_PATH $MTX_QUERY\" >> '{calls}'\n")
    program.chmod(0o755)
    return {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}, calls


@pytest.fixture
def router(make_router, hooks):
    """As it stands in deploy, with a password of a publisher."""
    digest = base64.b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode()
    text = FILE.read_text()
    assert text.count(NOBODYS) == 1
    return make_router(text.replace(NOBODYS, f"sha256:{digest}"), hooks[0])


def test_nothing_in_it_is_unknown_but_what_only_mediamtx_has(make_router):
    warned = set(re.findall(r"line \d+: (\S+) is not known to media-router", make_router(FILE.read_text()).log()))
    assert warned == ONLY_IN_MEDIAMTX


def test_nobody_publishes_before_a_password_is_set(make_router, publish, sample):
    router = make_router(FILE.read_text())
    assert publish(sample, router.url("live/demo/in?user=publisher&pass=")).wait(DEADLINE) != 0
    assert not router.api("/v3/paths/list")["items"]


def test_a_publisher_without_the_password_is_refused(router, publish, sample):
    queries = ["", "?user=publisher&pass=wrong", "?user=other&pass=broad%20cast%261"]
    peers = [publish(sample, router.url(f"live/demo{number}/in{query}")) for number, query in enumerate(queries)]
    assert all(peer.wait(DEADLINE) != 0 for peer in peers)
    assert not router.api("/v3/paths/list")["items"]


def test_a_publisher_starts_and_ends_his_stream(router, hooks, publish, sample):
    publisher = publish(sample, router.url("live/demo/in?lang=es&user=publisher&pass=broad%20cast%261"))
    assert router.wait_ready("live/demo/in")["confName"].startswith("~^live/")
    # A stream that ends at once interrupts its ready command.
    wait_until("the hook of the start", lambda: hooks[1].exists() and "\n" in hooks[1].read_text())
    publisher.kill()
    wait_until("the hook of the end", lambda: len(hooks[1].read_text().splitlines()) == 2)
    calls = sorted(hooks[1].read_text().splitlines())
    assert [call.split()[:2] for call in calls] == [["not-ready", "live/demo/in"], ["ready", "live/demo/in"]]
    assert all(call.split()[2].startswith("lang%3Des") for call in calls), "the query is the stream's settings"
    assert not any("broad" in call for call in calls), "the password is nobody else's business"


def test_the_worker_publishes_the_output_and_starts_no_hook(router, hooks, publish, record, sample, tmp_path):
    publisher = publish(sample, router.url("live/demo/out"))
    router.wait_ready("live/demo/out")
    assert record(router.url("live/demo/out"), tmp_path / "seen.flv").wait(DEADLINE) == 0
    assert publisher.wait(DEADLINE) == 0
    assert not hooks[1].exists()


def test_other_paths_are_not_there(router, publish, sample):
    paths = ["cam/demo/in", f"live/{'x' * 65}/in", "live/demo/in/out"]
    peers = [publish(sample, router.url(path + "?user=publisher&pass=broad%20cast%261")) for path in paths]
    assert all(peer.wait(DEADLINE) != 0 for peer in peers)
    assert not router.api("/v3/paths/list")["items"]
