"""Which router, and the configuration that the stack writes for MediaMTX."""

import base64
import os

import pytest

from support import router
from support.processes import StartFailed
from support.stack import Layout, Ports, Stack

ADDRESSES = {"rtmpAddress": "127.0.0.1:1", "rtspAddress": "127.0.0.1:2", "apiAddress": "127.0.0.1:3",
             "metricsAddress": "127.0.0.1:4"}


@pytest.fixture
def make_layout(tmp_path):
    programs = {name: tmp_path / name for name in ("media-router", "media-worker", "mtx-hook")}
    return lambda **settings: Layout(programs, tmp_path, Ports(rtmp=20001, api=20002, media=20003), settings)


def test_the_kinds(monkeypatch, make_layout):
    monkeypatch.delenv("MEDIA_ROUTER", raising=False)
    assert make_layout().router_kind == "builtin"
    monkeypatch.setenv("MEDIA_ROUTER", "external")
    assert make_layout().router_kind == "external"
    assert make_layout(MEDIA_ROUTER="mediamtx").router_kind == "mediamtx"
    with pytest.raises(router.RouterUnavailable, match="builtin, mediamtx, external"):
        router.kind_of("nginx")


def test_a_missing_mediamtx_says_what_to_do(make_layout, tmp_path):
    with pytest.raises(router.RouterUnavailable, match="no program mediamtx on PATH.*MEDIA_ROUTER=builtin"):
        make_layout(MEDIA_ROUTER="mediamtx", PATH=str(tmp_path)).command("media-router")


def test_a_mediamtx_on_path_is_given_its_file(make_layout, tmp_path):
    program = tmp_path / "mediamtx"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    layout = make_layout(MEDIA_ROUTER="mediamtx", PATH=f"{tmp_path}{os.pathsep}/bin")
    assert layout.command("media-router") == [str(program), str(tmp_path / "mediamtx.yml")]
    text = layout.write_router_config().read_text()
    assert "rtmpAddress: 127.0.0.1:20001\n" in text and "apiAddress: 127.0.0.1:20002\n" in text


def test_the_file_is_the_one_of_deploy_but_for_this_machine(tmp_path):
    hook = tmp_path / "it's here" / "mtx-hook"
    text = router.mediamtx_config(hook, ADDRESSES)
    for key, address in ADDRESSES.items():
        assert f"\n{key}: {address}\n" in text
    quoted = str(hook).replace("'", "''")
    assert f"    runOnAvailable: '\"{quoted}\" ready'\n" in text
    assert f"    runOnUnavailable: '\"{quoted}\" not-ready'\n" in text
    assert "sha256:" not in text and text.count("- user:") == 1, "nobody needs a password on his own machine"
    assert "\nhls: no\n" in text and "# Control API and metrics" in text, "the rest is as it was"


def test_a_file_without_what_is_replaced_is_refused():
    with pytest.raises(ValueError, match="rtmpAddress stands 0 times"):
        router.mediamtx_config("hook", ADDRESSES, "authInternalUsers:\n- user: any\n")
    with pytest.raises(ValueError, match="0 hooks"):
        router.mediamtx_config("hook", {}, "authInternalUsers:\n- user: any\n")


def test_a_key_is_replaced_with_all_that_belongs_to_it():
    text = "a: 1\nb:\n- c: 2\n\n- d\n  # inside\n\n# of e\ne: 3\nbb: 4\n"
    assert router.replace_key(text, "b", "b: 9\n") == "a: 1\nb: 9\n\n# of e\ne: 3\nbb: 4\n"
    assert router.replace_key("a: 1\nb: 2", "b", "b: 3\n") == "a: 1\nb: 3\n"


def test_an_external_router_is_where_the_variables_say(make_layout, monkeypatch):
    monkeypatch.setenv("MEDIAMTX_RTMP_URL", "rtmp://router.example:1940/")
    monkeypatch.setenv("MEDIAMTX_API_URL", "http://router.example:9000")
    layout = make_layout(MEDIA_ROUTER="external")
    assert layout.rtmp("live/x/in") == "rtmp://router.example:1940/live/x/in"
    assert layout.http("api") == "http://router.example:9000"
    assert layout.environment()["MEDIAMTX_RTMP_URL"] == "rtmp://router.example:1940/"
    assert not layout.starts("media-router") and layout.starts("media-service")
    assert make_layout(MEDIA_ROUTER="builtin").http("api") == "http://127.0.0.1:20002", "only when it is asked for"


def test_credentials_of_an_external_routers_api_are_sent():
    from support.stack import _request
    request = _request("http://admin:s%40crt@127.0.0.1:9997/v3/info")
    assert request.full_url == "http://127.0.0.1:9997/v3/info"
    assert request.get_header("Authorization") == "Basic " + base64.b64encode(b"admin:s@crt").decode()
    assert _request("http://127.0.0.1:9997/v3/info").get_header("Authorization") is None


def test_an_external_router_that_does_not_answer_is_named(make_layout):
    layout = make_layout(MEDIA_ROUTER="external", MEDIAMTX_API_URL="http://127.0.0.1:1")
    with pytest.raises(StartFailed, match="no router answers at http://127.0.0.1:1/v3/info.*MEDIAMTX_API_URL"):
        Stack(layout).wait_external("media-router", timeout=0.2)
