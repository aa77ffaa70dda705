# SPDX-License-Identifier: GPL-3.0-or-later
"""The router's hook command against real servers."""
import json
import os
import shutil
import socket
import struct
import subprocess
import time

import pytest

from service_support import MTX_HOOK, clean_environment


def run_hook(event, url, **variables):
    environment = {os.fsencode(name): os.fsencode(value) for name, value in clean_environment(ORCHESTRATOR_URL=url).items()}
    environment.update({name.encode(): value if isinstance(value, bytes) else value.encode()
                        for name, value in variables.items()})
    return subprocess.run([MTX_HOOK, event], env=environment, capture_output=True, timeout=20)


FIELDS = {"MTX_PATH": "live/demo/in", "MTX_QUERY": "lang=es", "MTX_SOURCE_TYPE": "rtmpConn", "MTX_SOURCE_ID": "u-1"}


def test_posts_what_the_router_says(service):
    assert run_hook("ready", service.url, **FIELDS).returncode == 0
    assert service.wait_state("running")["settings"] == {"targetLang": "es"}
    assert run_hook("not-ready", service.url, **FIELDS).returncode == 0
    assert service.stream()["publisherPresent"] is False


def test_encoded_queries_arrive_raw(fake_server):
    server = fake_server(lambda *_request: (202, b"{}"))
    assert run_hook("ready", server.url, **{**FIELDS, "MTX_QUERY": "lang%3Des%26src%3Den"}).returncode == 0
    assert json.loads(server.requests[0][2])["query"] == "lang=es&src=en"


@pytest.mark.parametrize("value", [b'"; rm -rf /', b"\\", b"\x01\x1f\x7f", b"\xff\xfe\xc3", "é€😀".encode(), b"a\r\nX-Evil: 1",
                                   b"x" * 60000])
def test_any_value_is_valid_json(fake_server, value):
    server = fake_server(lambda *_request: (202, b"{}"))
    result = run_hook("ready", server.url, **{**FIELDS, "MTX_PATH": value, "MTX_SOURCE_ID": value})
    assert result.returncode == 0, result.stderr
    method, path, body, headers = server.requests[0]
    assert (method, path) == ("POST", "/v1/mediamtx/events/ready")
    assert json.loads(body)["path"] == value.decode(errors="replace") or b"\xff" in value
    assert headers["Content-Type"] == "application/json" and "X-Evil" not in headers


def test_key_is_sent(start_service):
    service = start_service(ORCH_API_KEY="s3cret")
    result = run_hook("ready", service.url, **FIELDS)
    assert result.returncode == 1 and b"401" in result.stderr
    assert run_hook("ready", service.url, ORCH_API_KEY="s3cret", **FIELDS).returncode == 0


def test_key_is_read_from_a_file(start_service, folder):
    service = start_service(ORCH_API_KEY="s3cret")
    key = folder / "key"
    key.write_text("s3cret\n")
    assert run_hook("ready", service.url, ORCH_API_KEY_FILE=str(key), **FIELDS).returncode == 0
    key.write_text("")
    for path in (key, folder / "nothing"):
        result = run_hook("ready", service.url, ORCH_API_KEY_FILE=str(path), **FIELDS)
        assert result.returncode == 1 and b"ORCH_API_KEY_FILE" in result.stderr
    result = run_hook("ready", service.url, ORCH_API_KEY="k" * 2000, **FIELDS)
    assert result.returncode == 1 and b"too long" in result.stderr


def test_messages_are_one_line_without_secrets(fake_server):
    server = fake_server(lambda *_request: (400, b"\x1b[2Jno\x07\nsecond line"))
    result = run_hook("ready", server.url, **{**FIELDS, "MTX_PATH": "a\nb\x1b[31m"})
    assert result.returncode == 1 and result.stderr.count(b"\n") == 1 and b"\x1b" not in result.stderr
    result = run_hook("ready", "http://user:s3cret@127.0.0.1:1", **FIELDS)
    assert result.returncode == 1 and b"s3cret" not in result.stderr


def program_headers(path):
    """The types of an ELF file's program headers (64 bit, little endian)."""
    data = open(path, "rb").read()
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return [struct.unpack_from("<I", data, offset + size * number)[0] for number in range(count)]


def test_it_needs_no_library():
    """It is copied into the router's container, whatever is in there."""
    if os.environ.get("MTX_HOOK_IS_STATIC") == "no":
        pytest.skip("a sanitizer's build is linked dynamically")
    assert 3 not in program_headers(MTX_HOOK)  # PT_INTERP: the dynamic linker


def test_it_runs_where_nothing_else_is(service, folder):
    if os.environ.get("MTX_HOOK_IS_STATIC") == "no" or os.geteuid() != 0:
        pytest.skip("needs the static build, and chroot")
    root = folder / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "hosts").write_text("127.0.0.1 control-plane\n")
    shutil.copy(MTX_HOOK, root / "mtx-hook")
    url = service.url.replace("127.0.0.1", "control-plane")
    result = subprocess.run(["/mtx-hook", "ready"], capture_output=True, timeout=20, preexec_fn=lambda: os.chroot(root),
                            env=clean_environment(ORCHESTRATOR_URL=url, **FIELDS))
    assert result.returncode == 0, result.stderr
    service.wait_state("running")


def test_server_error_is_retried_once(fake_server):
    answers = iter([(500, b"broken"), (202, b"{}")])
    server = fake_server(lambda *_request: next(answers))
    assert run_hook("ready", server.url, **FIELDS).returncode == 0
    assert len(server.requests) == 2


def test_gives_up_after_two_server_errors(fake_server):
    server = fake_server(lambda *_request: (503, b"too busy"))
    result = run_hook("ready", server.url, **FIELDS)
    assert result.returncode == 1 and b"503" in result.stderr and b"too busy" in result.stderr
    assert len(server.requests) == 2


def test_refusal_is_not_retried(fake_server):
    server = fake_server(lambda *_request: (400, b'{"error":{"code":"X","message":"no such path"}}'))
    result = run_hook("ready", server.url, **FIELDS)
    assert result.returncode == 1 and b"no such path" in result.stderr and b"live/demo/in" in result.stderr
    assert len(server.requests) == 1


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = run_hook("ready", f"http://127.0.0.1:{taken.getsockname()[1]}", **FIELDS)
    assert result.returncode == 1 and b"Connection refused" in result.stderr


def test_silent_server_costs_five_seconds_at_most():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        begin = time.monotonic()
        result = run_hook("ready", f"http://127.0.0.1:{silent.getsockname()[1]}", **FIELDS)
        assert time.monotonic() - begin < 5.5
    assert result.returncode == 1 and b"no answer" in result.stderr


@pytest.mark.parametrize("url", ["https://127.0.0.1", "127.0.0.1:8080", "http://", "http://h:x", "http://[::1", "http://h\r\nA: b",
                                 "http://" + "h" * 400, "ftp://h"])
def test_bad_urls_are_named(url):
    result = run_hook("ready", url, **FIELDS)
    assert result.returncode == 1 and b"ORCHESTRATOR_URL" in result.stderr


def test_unknown_host_is_named():
    result = run_hook("ready", "http://name.invalid:80", **FIELDS)
    assert result.returncode == 1 and result.stderr


def test_prefix_and_ipv6(fake_server):
    server = fake_server(lambda *_request: (200, b"{}"))
    assert run_hook("ready", server.url + "/prefix//", **FIELDS).returncode == 0
    assert server.requests[0][1] == "/prefix/v1/mediamtx/events/ready"


@pytest.mark.parametrize("arguments", [[], ["started"], ["ready", "again"]])
def test_usage(arguments):
    result = subprocess.run([MTX_HOOK, *arguments], capture_output=True)
    assert result.returncode == 2 and b"usage" in result.stderr
