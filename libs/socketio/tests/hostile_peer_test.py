# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers that are clumsy, broken or hostile below the level of packets. Each loses at most its own connection: a bystander
is served before and after."""
import pathlib
import re
import time

import pytest

from raw_peer import BINARY, CLOSE, DEADLINE_S, PING, PONG, TEXT, RawPeer, frame, handshake

MAX_PAYLOAD = 1000000  # of the echo server here
MAX_QUEUED = 64 * 1024 * 1024  # of the library
EVENT, ANSWER = '42["message","ü"]', '42["message-back","ü"]'


@pytest.fixture
def heartbeat_ms():
    return 60000  # these tests are about what the frames alone do


@pytest.fixture
def bystander(echo_server):
    """A well-behaved peer that is connected all the time and must not notice anything."""
    with RawPeer(echo_server) as peer:
        peer.connect()
        yield peer
        peer.send(frame(TEXT, EVENT))
        assert peer.text() == ANSWER


@pytest.fixture
def peer(echo_server, bystander):
    with RawPeer(echo_server) as peer:
        yield peer


def test_bytes_that_come_one_by_one_are_served(peer):
    for byte in handshake() + frame(TEXT, "40") + frame(TEXT, EVENT):
        peer.send(bytes([byte]))
    assert "101" in peer.read_head()
    assert [peer.text()[:2] for _ in range(3)] == ["0{", "40", "42"]
    assert peer.text() == ANSWER


def test_bytes_that_come_all_at_once_are_served(peer):
    peer.send(handshake(), frame(TEXT, "40"), frame(TEXT, EVENT), frame(PONG, "x"), frame(TEXT, EVENT), frame(TEXT, "41"))
    peer.read_head()
    assert [peer.text()[:2] for _ in range(3)] == ["0{", "40", "42"]
    assert [peer.text(), peer.text()] == [ANSWER, ANSWER]


def test_control_frames_between_fragments_are_answered(peer):
    peer.connect()
    text = EVENT.encode()
    peer.send(frame(TEXT, text[:1], fin=False))
    for i in range(1, len(text)):
        peer.send(frame(PING, f"p{i}"), frame(PONG), frame(0, text[i:i + 1], fin=i == len(text) - 1))
    answers = [peer.frame() for _ in range(len(text))]
    assert [payload.decode() for opcode, payload in answers if opcode == PONG] == [f"p{i}" for i in range(1, len(text))]
    assert [payload.decode() for opcode, payload in answers if opcode == TEXT] == [ANSWER]


def test_an_attachment_in_fragments_is_put_together(peer):
    peer.connect()
    peer.send(frame(TEXT, '451-["message",{"_placeholder":true,"num":0}]'), frame(BINARY, b"a", fin=False), frame(PING),
              frame(0, b"", fin=False), frame(0, b"b"))
    assert peer.frame() == (PONG, b"")
    assert peer.text() == '451-["message-back",{"_placeholder":true,"num":0}]'
    assert peer.frame() == (BINARY, b"ab")


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe9going", b"\x0f\xa0private"])
def test_a_close_is_answered_whatever_its_reason(peer, payload):
    peer.connect()
    peer.send(frame(CLOSE, payload))
    assert peer.end() in ((1005, 1000) if not payload else (int.from_bytes(payload[:2], "big"),))


@pytest.mark.parametrize("offer", ["permessage-deflate", "permessage-deflate; client_max_window_bits, x-unknown; a=1",
                                   "permessage-deflate; server_max_window_bits=99", ",;=,", "permessage-deflate, " * 200])
def test_extensions_are_declined(peer, offer):
    head = peer.upgrade(f"Sec-WebSocket-Extensions: {offer}\r\n")
    assert "101" in head.splitlines()[0]
    assert "extensions" not in head.lower()
    peer.send(frame(TEXT, "40"))
    assert peer.text().startswith("0{") and peer.text().startswith("40{")


BROKEN_FRAMES = {
    "no-mask": frame(TEXT, EVENT, mask=None),
    "compressed": frame(TEXT, EVENT, rsv=4),
    "reserved-bits": frame(TEXT, EVENT, rsv=1),
    "unknown-opcode": frame(3, EVENT),
    "unknown-control": frame(11, b""),
    "ping-in-fragments": frame(PING, b"a", fin=False),
    "ping-too-long": frame(PING, b"a" * 126),
    "continuation-of-nothing": frame(0, EVENT),
    "message-within-message": frame(TEXT, "42[", fin=False) + frame(TEXT, EVENT),
    "size-2^63": frame(TEXT, b"x", size=1 << 63),
    "size-2^64-1": frame(TEXT, b"x", size=(1 << 64) - 1),
    "size-2^31": frame(BINARY, b"x", size=1 << 31),
    "size-one-too-many": frame(TEXT, b"x", size=MAX_PAYLOAD + 1),
    "not-utf8": frame(TEXT, b'42["\xff"]'),
    "not-utf8-across-fragments": frame(TEXT, b'42["\xc3', fin=False) + frame(0, b'"]'),
    "half-a-close-code": frame(CLOSE, b"\x03"),
    "packet-missing-its-attachments": frame(TEXT, '452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
    + frame(BINARY, b"") + frame(TEXT, EVENT),
    "attachment-before-packet": frame(BINARY, b"x"),
    "http-again": handshake(),
    "noise": bytes(range(200, 256)) * 100,
}


@pytest.mark.parametrize("name", BROKEN_FRAMES)
def test_broken_frames_end_the_connection(peer, name):
    peer.connect()
    peer.send(BROKEN_FRAMES[name])
    assert peer.end() in (None, 1002, 1003, 1007, 1009)


def test_a_message_that_never_ends_is_cut_off(peer):
    peer.connect()
    peer.send(frame(TEXT, b"4", fin=False))
    fragment = frame(0, b"x" * 100000, fin=False)
    with pytest.raises(ConnectionError):
        for _ in range(1000):
            peer.send(fragment)


def test_fragments_of_nothing_do_no_harm(peer):
    peer.connect()
    peer.send(frame(TEXT, b"", fin=False), frame(0, b"", fin=False) * 20000, frame(0, EVENT))
    assert peer.text() == ANSWER


def resident_bytes(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text()).group(1)) * 1024


FLOODS = {
    "pings": frame(PING, b"p" * 125) * 1000,
    "events": frame(TEXT, '42["message","' + "x" * 5000 + '"]') * 20,
    "large-events": frame(TEXT, '42["message","' + "x" * 900000 + '"]'),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_whose_answers_nobody_reads_is_cut_off(peer, echo_process, name):
    peer.connect()
    before = resident_bytes(echo_process)
    with pytest.raises(ConnectionError):
        for _ in range(20000):
            peer.send(FLOODS[name])
    assert resident_bytes(echo_process) < before + 2 * MAX_QUEUED


def test_a_peer_that_reads_slowly_gets_everything(peer):
    peer.connect()
    text = '42["message","' + "x" * 900000 + '"]'
    for _ in range(10):
        peer.send(frame(TEXT, text))
    for _ in range(10):
        assert len(peer.text()) == len(text) + len("-back")


@pytest.mark.parametrize("request_head", [
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    handshake().replace(b"Version: 13", b"Version: 8"),
    handshake().replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short"),
    handshake().replace(b"Connection: keep-alive, Upgrade", b"Connection: close"),
])
def test_a_handshake_that_is_none_gets_400(peer, request_head):
    peer.send(request_head)
    head = peer.read_head()
    assert "400" in head.splitlines()[0]
    assert "application/json" in head


TEN_THOUSAND = 10000
SOCKET_BYTES = 400  # libsoup 3.2.3 keeps the GSocket, closed, of every connection that its server accepted


def open_files(process):
    return len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))


def come_and_go(url, i):
    """One of the ways to be gone again at once."""
    with RawPeer(url) as peer:
        if i % 5 == 1:
            peer.send(handshake()[:i % 150])
        elif i % 5 == 2:
            peer.upgrade()
        elif i % 5 == 3:
            peer.connect()
        elif i % 5 == 4:
            peer.send(handshake(), frame(TEXT, "40"), frame(TEXT, EVENT))
        if i % 2:
            peer.reset()


def test_ten_thousand_that_come_and_go_leave_nothing(echo_server, bystander, echo_process):
    for i in range(200):
        come_and_go(echo_server, i)
    files, memory = open_files(echo_process), resident_bytes(echo_process)
    for i in range(TEN_THOUSAND):
        come_and_go(echo_server, i)
    end = time.monotonic() + DEADLINE_S
    while open_files(echo_process) > files and time.monotonic() < end:
        time.sleep(0.01)  # until the last of them has been noticed
    assert open_files(echo_process) <= files
    assert resident_bytes(echo_process) < memory + 1024 * 1024 + TEN_THOUSAND * SOCKET_BYTES
