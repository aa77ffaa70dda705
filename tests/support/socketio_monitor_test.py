"""The monitor reads what passes, in pieces of any size, and can break what it relays."""

import json
import socket
import threading

import pytest

from support import socketio_monitor
from support.processes import wait_until
from support.socketio_monitor import FrameReader, Monitor, parse_event, unmask


def frame(text, mask=b"", first=0x81):
    data = text.encode()
    masked = 0x80 if mask else 0
    if len(data) < 126:
        head = bytes([first, masked | len(data)])
    elif len(data) < 65536:
        head = bytes([first, masked | 126]) + len(data).to_bytes(2, "big")
    else:
        head = bytes([first, masked | 127]) + len(data).to_bytes(8, "big")
    return head + mask + (unmask(data, mask) if mask else data)


@pytest.mark.parametrize("size", [3, 200, 70000])
@pytest.mark.parametrize("mask", [b"", b"\x01\x02\x03\xff"])
def test_frames_of_every_length_form_are_read_byte_by_byte(size, mask):
    seen = []
    reader = FrameReader(seen.append)
    data = frame("x" * size, mask) + frame("next", mask)
    for start in range(0, len(data), 7):
        reader.feed(data[start:start + 7])
    assert seen == ["x" * size, "next"]


def test_a_message_in_parts_with_a_ping_between():
    seen = []
    FrameReader(seen.append).feed(frame("one ", first=0x01) + frame("", first=0x89) + frame("two", first=0x80))
    assert seen == ["one two"]


def test_events_are_told_from_other_packets():
    assert parse_event('42["stream:ready",{"max_inflight":3}]') == ("stream:ready", {"max_inflight": 3})
    assert parse_event('42/custom,17["x",{}]') == ("x", {})
    assert parse_event("2") is None and parse_event('40{"token":"t"}') is None
    _, payload = parse_event('42["fragment:data",{"audio":{"data_base64":"AAAA"}}]')
    assert payload["audio"]["data_base64"] == "(4 characters)"


@pytest.fixture
def upstream():
    """A server that answers the handshake and then sends back every byte."""
    listener = socket.create_server(("127.0.0.1", 0))
    heads = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            head, rest = socketio_monitor._read_head(connection)
            heads.append(head)
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + rest)
            try:
                while data := connection.recv(4096):
                    connection.sendall(data)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], heads
    listener.close()


def connect(monitor):
    client = socket.create_connection(("127.0.0.1", monitor.port))
    client.settimeout(5)
    client.sendall(b"GET /socket.io/ HTTP/1.1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    assert b"101" in client.recv(4096)
    return client


def test_what_passes_is_written_down_and_counted(upstream):
    port, heads = upstream
    with Monitor(port) as monitor:
        client = connect(monitor)
        for number in range(3):
            client.sendall(frame("42" + json.dumps(["fragment:data", {"fragment_id": str(number)}]), b"abcd"))
        wait_until(lambda: len(monitor.events(direction="up")) == 3, 5, "three events")
        assert b"permessage-deflate" not in heads[0]
        assert monitor.most_in_flight() == 3


def test_a_cut_connection_ends_for_the_client(upstream):
    with Monitor(upstream[0]) as monitor:
        client = connect(monitor)
        monitor.cut()
        assert client.recv(10) == b""
