# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP clients that are slow, silent, endless or not allowed: nobody else may notice them."""
import os
import re
import resource
import socket
import urllib.parse

import pytest

from service_support import DEADLINE_S, http, wait_for

CLIENTS = 700
# More than the service lets in, fewer than the clients: without its limits it would run out of them.
FILES = 400
BEGINNINGS = [b"", b"GET /api/v1/str", b"GET /api/v1/streams HTTP/1.1\r\nHost: x\r\nX-Drip: ",
              b"POST /v1/mediamtx/events/ready HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
              b"POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
              b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]


def connect(service, address="127.0.0.1"):
    target = urllib.parse.urlsplit(service.url)
    return socket.create_connection((target.hostname, target.port), timeout=DEADLINE_S, source_address=(address, 0))


def ask(service, request, address="127.0.0.1"):
    """The whole answer; what is left of the request may meet a closed door."""
    with connect(service, address) as client:
        try:
            client.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass
        received = b""
        try:
            while chunk := client.recv(1 << 16):
                received += chunk
        except ConnectionResetError:
            pass
        return received


def open_files(service):
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9"])
def test_slow_clients_by_the_hundred_disturb_nobody(service, address):
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    clients = []
    try:
        for number in range(CLIENTS):
            clients.append(connect(service, address))
            clients[-1].sendall(BEGINNINGS[number % len(BEGINNINGS)])
            if number % 100 == 0:
                assert service.get("/health").status == 200
        assert service.get("/health").status == 200
        assert service.hook("ready").status == 202
        assert service.wait_state("running")
        assert b"media_service_build_info" in service.get("/metrics").body
        wait_for(lambda: open_files(service) < 200, "the oldest are closed", tell=lambda: open_files(service))
        assert clients[0].recv(1 << 16) == b""
    finally:
        for client in clients:
            client.close()
    assert service.call("DELETE", "/api/v1/streams/demo").status == 202


def test_long_answers_are_whole_whoever_leaves_meanwhile(start_service):
    """They are made in parts; other calls come between, and streams and phrases may go."""
    service = start_service(STUB_PHRASES=800, ORCH_GRACE_PERIOD="100ms")
    for number in range(20):
        service.hook("ready", stream=f"s{number:02}", source="c")
    wait_for(lambda: all(stream["phrases"]["dubbed"] == 800 for stream in service.get("/api/v1/streams").json["streams"]),
             "all phrases")
    leaving = []
    for path in ("/api/v1/streams", "/api/v1/streams/s00/phrases") * 20:
        leaving.append(connect(service))
        leaving[-1].sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if len(leaving) % 2 == 0:
            leaving[-1].close()
    found = service.get("/api/v1/streams").json["streams"]
    assert [stream["streamId"] for stream in found] == [f"s{number:02}" for number in range(20)]
    lines = service.get("/api/v1/streams/s00/phrases").json
    assert lines["streamId"] == "s00" and lines["lastSeq"] == 800
    assert [line["seq"] for line in lines["phrases"]] == list(range(1, 801))
    assert service.get("/api/v1/streams/s00/phrases?after=800").json["phrases"] == []
    assert ask(service, b"HEAD /api/v1/streams HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert service.stop() == 0, "with answers that are still being made"
    for client in leaving:
        client.close()


def test_answers_that_nobody_reads_disturb_nobody(service):
    """The answer waits in the service until its time is over or a newer client comes."""
    for number in range(200):
        service.hook("ready", stream=f"s{number}", source=f"c{number}")
    clients = []
    try:
        for _ in range(300):
            clients.append(connect(service))
            clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            clients[-1].sendall(b"GET /api/v1/streams HTTP/1.1\r\nHost: x\r\n\r\n")
        assert service.get("/health").status == 200
        assert service.hook("ready", stream="s0", source="c0").status == 202
    finally:
        for client in clients:
            client.close()


def test_a_client_that_says_nothing_is_closed(service):
    with connect(service) as silent, connect(service) as slow:
        slow.sendall(BEGINNINGS[2])
        assert silent.recv(1) == b"" and slow.recv(1) == b""


def test_endless_requests_are_cut(service):
    assert b" 431 " in ask(service, b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n")
    assert b" 200 " not in ask(service, b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200000 + b"\r\n")
    assert b" 200 " not in ask(service, b"GET /health HTTP/1.1\r\nHost: x\r\nA: " + b"a" * (1 << 20) + b"\r\n\r\n")
    assert b" 200 " not in ask(service, b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 413 " in ask(service, b"POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Length: 131073\r\n\r\n" + b" " * 131073)
    assert service.get("/health").status == 200


@pytest.mark.parametrize("stream", ["..", ".", "..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", "a%0d%0aX-Evil:%201", "%ff", "a" * 5000,
                                    "%3Cscript%3E", "demo%2f", "..\\..\\x", "live/demo/in"])
def test_hostile_stream_ids_in_paths_find_nothing(service, folder, stream):
    before = sorted(path for path in folder.rglob("*") if path.name != "service.log")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/restart"), ("GET", "/phrases")):
        answer = ask(service, f"{method} /api/v1/streams/{stream}{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        assert re.match(rb"HTTP/1\.1 40[045] ", answer), answer
        assert b"X-Evil" not in answer.split(b"\r\n\r\n")[0] and len(answer) < 2000
    assert sorted(path for path in folder.rglob("*") if path.name != "service.log") == before


def other_address():
    """An address of this machine that is not loopback, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


def test_without_a_key_only_loopback_may_change_something(start_service):
    address = other_address()
    if address is None:
        pytest.skip("this machine has loopback only")
    service = start_service(ORCH_HTTP_ADDR="0.0.0.0:0")
    assert "ORCH_API_KEY is not set" in service.messages()
    port = urllib.parse.urlsplit(service.url).port
    remote = f"http://{address}:{port}"
    hook = {"path": "live/demo/in", "query": "", "sourceType": "rtmpConn", "sourceId": "s"}
    for method, path, body in (("POST", "/v1/mediamtx/events/ready", hook), ("POST", "/api/v1/streams", {"streamId": "a"}),
                               ("DELETE", "/api/v1/streams/a", None), ("POST", "/api/v1/streams/a/restart", None)):
        assert http(method, remote + path, body).status == 403, path
    assert http("GET", remote + "/api/v1/streams").json == {"streams": []}
    assert service.hook("ready").status == 202


def test_what_is_passed_on_is_not_local(service):
    body = b'{"streamId":"a"}'
    for header in (b"X-Forwarded-For: 127.0.0.1", b"Forwarded: for=203.0.113.9", b"Origin: http://far.example", b"Origin: null"):
        request = b"POST /api/v1/streams HTTP/1.1\r\nHost: x\r\n" + header + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        assert b" 403 " in ask(service, request), header
    assert service.get("/api/v1/streams").json == {"streams": []}
