# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-sent events over real sockets: many listeners, listeners that come back, listeners that do not read."""
import re
import socket
import urllib.parse

import pytest

from service_support import DEADLINE_S, Listener, http, wait_for


@pytest.fixture
def listen(service):
    opened = []

    def connect(address="127.0.0.1", last_id=None, method="GET"):
        opened.append(Listener(service.url, address, last_id, method))
        return opened[-1]

    yield connect
    for listener in opened:
        listener.close()


def test_all_listeners_hear_the_same(service, listen):
    listeners = [listen() for _ in range(16)]
    for listener in listeners:
        listener.read_until(b": welcome")
    service.hook("ready")
    for listener in listeners:
        listener.read_until(b'"state":"running"')
    first = [listener.events() for listener in listeners]
    assert all(events[:2] == first[0][:2] for events in first) and first[0][0][1] == "state"


def test_listeners_are_limited(service, listen):
    for _ in range(16):
        listen().read_until(b": welcome")
    refused = listen()
    refused.read_until(b"LIMIT_EXCEEDED")
    assert b" 503 " in refused.received
    # One address may not have them all.
    listen("127.0.0.2").read_until(b": welcome")


def test_a_listener_that_comes_back_is_told_what_it_missed(service, listen):
    first = listen()
    first.read_until(b": welcome")
    service.hook("ready", stream="one")
    first.read_until(b'"state":"running"')
    last_id = first.events()[-1][0]
    first.close()
    service.call("DELETE", "/api/v1/streams/one")
    service.wait_state("idle", "one")
    second = listen(last_id=last_id)
    second.read_until(b'"state":"idle"')
    ids = [int(number) for number in re.findall(rb"\nid: \d+-(\d+)\n", second.received)]
    assert ids == list(range(int(last_id.rsplit("-", 1)[1]) + 1, ids[-1] + 1))
    # What nobody can know any more is said to be unknown.
    for unknown in ("1-1", "nonsense", last_id.rsplit("-", 1)[0] + "-99999"):
        listen(last_id=unknown).read_until(b"event: missed\ndata: {}\n\n")


def test_head_is_no_listener(service, listen):
    for _ in range(40):
        head = listen(method="HEAD")
        head.read_until(b"\r\n\r\n")
        assert b" 200 " in head.received and b"text/event-stream" in head.received
        head.close()


def test_quiet_listeners_are_kept_alive(listen):
    listener = listen()
    listener.read_until(b": still here\n\n")


def test_a_deaf_listener_disturbs_nobody(start_service):
    service = start_service(STUB_PHRASES=20000, LOG_LEVEL="info")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = urllib.parse.urlsplit(service.url)
        deaf.connect((address.hostname, address.port))
        deaf.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert deaf.recv(1)
        other = Listener(service.url)
        other.read_until(b": welcome")
        service.hook("ready")
        other.read_until(b'"seq":20000,', deadline_s=3 * DEADLINE_S)
        assert len(set(re.findall(rb'"seq":(\d+),', other.received))) == 20000
        other.close()
        deaf.settimeout(DEADLINE_S)
        with pytest.raises((ConnectionResetError, EOFError)):
            while True:
                if not deaf.recv(1 << 20):
                    raise EOFError
    assert wait_for(lambda: http("GET", service.url + "/health").status == 200, "health")
