# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that mean harm or are broken: silent, deaf, flooding, coming and going. The witness stream must not notice."""
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

from full_test import MOCKS
from http_test import PROCESS, raw_post, request, wait_for_metric
from sts_client import fragment, noise, pcm_of
from sts_raw import PING, Raw, frame, init_of

MIB = 1024 * 1024
KEY = "secret-key"


def memory(service, field="VmRSS"):
    """Bytes, of the process itself."""
    with open(f"/proc/{service.process.pid}/status", encoding="ascii") as status:
        return int(re.search(rf"{field}:\s+(\d+) kB", status.read())[1]) * 1024


def is_sanitized(service):
    """A sanitizer keeps freed memory and is slow by nature: what it finds ends the service, which the fixture sees."""
    with open(f"/proc/{service.process.pid}/maps", encoding="ascii", errors="replace") as maps:
        return "libasan" in (text := maps.read()) or "libtsan" in text


def descriptors(service):
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))


def wait_until(condition, what, timeout=20):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what()


def errors_of(texts):
    """The error events among Socket.IO texts."""
    events = [json.loads(text[2:]) for text in texts if text.startswith("42")]
    return [payload for name, payload in events if name == "error"]


# Short enough for a test to wait for, and long enough for a witness who is kept waiting by a busy machine.
PATIENCE = "3s"


def test_heartbeat_is_as_configured_and_no_answer_ends_the_connection(start_sts, witness):
    service = start_sts("--mode", "echo", STS_PING_INTERVAL="150ms", STS_PING_TIMEOUT=PATIENCE)
    other = witness(service)
    silent = Raw(service)
    opened = json.loads(silent.read()[1][1:])
    assert (opened["pingInterval"], opened["pingTimeout"], opened["maxPayload"]) == (150, 3000, 50 * MIB)
    silent.send("40")
    silent.emit("stream:init", init_of("silent"))
    texts = silent.read_until_closed()
    assert texts[-1] == "2" and texts.count("2") == 1
    service.wait_for_log("connection ended: no answer to the heartbeat")
    wait_for_metric(service, "sts_sessions_active", 1)
    other.wait_for(3)


def test_no_stream_and_no_message_in_time(start_sts, witness):
    service = start_sts("--mode", "echo", STS_INIT_TIMEOUT=PATIENCE, STS_IDLE_TIMEOUT=PATIENCE)
    other = witness(service)
    lingering, idle = Raw(service).connect(), Raw(service).connect()
    idle.emit("stream:init", init_of("idle"))
    (told,) = errors_of(lingering.read_until_closed())
    assert told["code"] == "TIMEOUT" and told["severity"] == "fatal" and "stream:init" in told["message"]
    (told,) = errors_of(idle.read_until_closed())
    assert told["code"] == "TIMEOUT" and told["stream_id"] == "idle" and "no message" in told["message"]
    other.wait_for(3)


def test_who_leaves_frees_the_place(start_sts, witness):
    """Pongs alone would keep it: neither the time for a CONNECT nor that for a stream:init runs any more."""
    service = start_sts("--mode", "echo", "--max-connections", "3")
    other = witness(service)
    for _ in range(3):
        leaving = [once_there_is_room(service).connect() for _ in range(2)]
        for peer in leaving:
            peer.send("41")
            peer.send("40")  # comes too late
            peer.send("3")
        for peer in leaving:
            assert peer.read_until_closed() == [] and peer.closing[:2] == struct.pack("!H", 1000)
            peer.close()
    other.wait_for(3)


def once_there_is_room(service):
    """A peer that is let in; the places of those who left are free a moment later."""
    peers = [Raw(service)]

    def is_in():
        if b"101" not in peers[-1].answer.split(b"\r\n")[0]:
            peers.append(Raw(service))
        return b"101" in peers[-1].answer.split(b"\r\n")[0]

    wait_until(is_in, lambda: "no room")
    return peers[-1]


def test_wrong_keys_are_answered_a_few_times(start_sts):
    """However many, on however many connections: the log says so in a few lines."""
    service = start_sts("--mode", "echo", STS_API_KEY=KEY)
    for _ in range(20):
        peer = Raw(service)
        send_all(peer, frame('40{"token":"wrong"}') * 5000)
        opened, *answers = peer.read_until_closed()
        assert opened.startswith("0{") and len(answers) == 8
        assert all(json.loads(answer[2:])["message"] == "AUTH_FAILED" for answer in answers)
        peer.close()
    assert service.metric("sts_connections_total") == 160
    service.stop()
    told = [line for line in service.lines if line and "refused" in line]
    assert 10 <= len(told) <= 25, told
    left_out = re.findall(r"(\d+) more refusals were not logged", "\n".join(filter(None, service.lines)))
    assert sum(map(int, left_out)) + sum("AUTH_FAILED" in line for line in told) == 160


def test_who_is_not_let_in_sends_no_large_message(start_sts, witness):
    service = start_sts("--mode", "echo", STS_API_KEY=KEY)
    for size in (65 * 1024, 10 * MIB):
        peer = Raw(service)
        send_all(peer, frame('40{"token":"' + "x" * size + '"}'))
        assert [text[:2] for text in peer.read_until_closed()] == ["0{"]
        peer.close()
    peer = Raw(service)
    peer.send('40{"token":"%s","more":"' % KEY + "x" * 60 * 1024 + '"}')
    assert [peer.read()[1][:2] for _ in range(2)] == [b"0{", b"40"]
    peer.emit("stream:init", init_of("large"))
    peer.emit("fragment:data", fragment(0, noise(10000), "large"))
    events = [json.loads(peer.read()[1][2:])[0] for _ in range(3)]
    assert events == ["stream:ready", "fragment:ack", "fragment:processed"]
    peer.close()


def test_the_address_is_looked_at_before_anything_else(echo, connect):
    """Megabytes of audio are not decoded for a fragment that is refused anyway."""
    worker = connect(echo)
    worker.init()
    worker.send(3, noise(10000), timestamp="never")
    error = worker.wait_for("error")
    assert error["code"] == "INVALID_SEQUENCE" and "expected 0, got 3" in error["message"]


def test_bytes_beyond_the_rate_wait(start_sts, connect):
    """Nothing is refused; ten fragments of 10 s of 48 kHz stereo are less than a burst."""
    service = start_sts("--mode", "echo", STS_RATE_LIMIT_BYTES="1MiB")
    worker = connect(service)
    worker.init()
    sound = noise(10000)  # 640 kB on the wire: the fourth is beyond the burst, the eighth three seconds later
    started = time.monotonic()
    for sequence in range(8):
        worker.send(sequence, sound)
    for sequence in range(8):
        assert pcm_of(worker.wait_for("fragment:processed", sequence + 1)) == sound
    assert time.monotonic() - started > 2 and not worker.received("error")


def test_the_default_rate_holds_up_no_burst_of_a_worker(echo, connect):
    worker = connect(echo)
    audio = {"sample_rate_hz": 48000, "channels": 2}
    worker.init(max_inflight=10, config=audio)
    sound = noise(40000)  # 10 s of 48 kHz stereo
    started = time.monotonic()
    for sequence in range(10):
        worker.send(sequence, sound, audio={**audio, "duration_ms": 10000})
    for sequence in range(10):
        assert pcm_of(worker.wait_for("fragment:processed", sequence + 1)) == sound
    took = time.monotonic() - started
    assert not worker.received("error") and (is_sanitized(echo) or took < 12), f"{took:.1f} s"


def send_all(peer, data):
    """False when the peer has hung up on us before it was all out."""
    try:
        peer.socket.sendall(data)
        return True
    except (ConnectionError, TimeoutError):
        return False


def test_a_client_that_reads_nothing_is_dropped_and_memory_stays_bounded(start_sts, witness):
    service = start_sts("--mode", "echo", STS_RATE_LIMIT="0")
    other = witness(service)
    before = memory(service)
    deaf = Raw(service).connect()
    deaf.emit("stream:init", init_of("deaf", max_inflight=10))
    sound = noise(10000)
    for sequence in range(400):  # 250 MiB of answers, if it were let
        if not send_all(deaf, frame("42" + json.dumps(["fragment:data", fragment(sequence, sound, "deaf")]))):
            break
        wait_until(lambda: service.metric("sts_fragments_in_flight") < 8, lambda: "nothing is answered")
    service.wait_for_log("connection ended: the peer reads too slowly", 60)
    deaf.close()
    grown = memory(service, "VmHWM") - before
    if not is_sanitized(service):
        assert grown < 160 * MIB, f"{grown / MIB:.0f} MiB"  # 64 MiB may wait, and each once more while it is made
        wait_until(lambda: memory(service) - before < 48 * MIB, lambda: f"{(memory(service) - before) / MIB:.0f} MiB kept")
    other.wait_for(3)


def test_a_flood_of_events_is_answered_and_then_closed(start_sts, witness):
    service = start_sts("--mode", "echo", STS_RATE_LIMIT="100")
    other = witness(service)
    flood = Raw(service).connect()
    ack = frame("42" + json.dumps(["stream:resume", {"stream_id": "flood"}]))
    writer = threading.Thread(target=send_all, args=(flood, ack * 20000))
    writer.start()
    told = errors_of(flood.read_until_closed())
    flood.close()
    writer.join(20)
    codes = [error["code"] for error in told]
    # Two seconds' worth are looked at, ten seconds' worth are refused, then it is over.
    assert codes[:200] == ["STREAM_NOT_FOUND"] * 200
    assert codes.count("RATE_LIMIT_EXCEEDED") >= 1000 and len(codes) < 5000
    assert told[-1]["severity"] == "fatal" and all(error["severity"] == "error" for error in told[:-1])
    limited = [line for line in service.lines if line and "RATE_LIMIT_EXCEEDED" in line]
    assert len(limited) < 50, "the log is flooded"
    other.wait_for(3)


def test_a_fragment_beyond_the_rate_can_be_sent_again(start_sts, connect):
    service = start_sts("--mode", "echo", STS_RATE_LIMIT="5")
    worker = connect(service)
    worker.init()
    for sequence in range(9):  # the tenth event is the last of the burst
        worker.send(sequence)
        worker.wait_for("fragment:processed", sequence + 1)
    refused = worker.send(9)
    error = worker.wait_for("error")
    assert error["code"] == "RATE_LIMIT_EXCEEDED" and error["retryable"] is True and error["fragment_id"] == refused
    for attempt in range(2, 200):
        worker.send(9, fragment_id=refused)
        with worker.changed:
            worker.changed.wait_for(lambda: len(worker.received("fragment:processed")) == 10
                                    or len(worker.received("error")) >= attempt, 15)
        if len(worker.received("fragment:processed")) == 10:
            return
        time.sleep(0.05)  # what the error asks for: send less
    pytest.fail("never taken")


FLOODS = {
    "pongs": frame("3"), "noops": frame("6"), "pings": frame("x" * 50, PING), "no-packets": frame("9"),
    "connects": frame("40"), "leaving-and-coming": frame("41") + frame('40{"token":"%s"}' % KEY),
    "wrong-keys": frame('40{"token":"wrong"}'),
}


def pour(service, kind, stop):
    """Sends without a pause and reads nothing; hung up on, it comes again."""
    data = FLOODS[kind] * 2000
    while not stop.is_set():
        try:
            peer = Raw(service)
            if kind != "wrong-keys":
                peer.connect('{"token":"%s"}' % KEY)
            while not stop.is_set():
                peer.socket.sendall(data)
        except (OSError, EOFError, AssertionError):
            pass  # closed, or no room for us
        finally:
            peer.close()


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_below_the_events_does_not_hold_up_others(start_sts, witness, kind):
    service = start_sts("--mode", "echo", STS_API_KEY=KEY)
    other = witness(service, token=KEY)
    stop = threading.Event()
    writer = threading.Thread(target=pour, args=(service, kind, stop))
    writer.start()
    try:
        other.wait_for(20)
        assert json.loads(service.get("/health"))["status"] == "ok"
    finally:
        stop.set()
        writer.join(20)


def test_a_message_too_large_closes_its_connection_only(echo, witness):
    other = witness(echo)
    peer = Raw(echo).connect()
    send_all(peer, b"\x81\xff" + struct.pack("!Q", 50 * MIB + 1) + bytes(4) + bytes(MIB))
    peer.read_until_closed()
    peer.close()
    other.wait_for(3)


def test_connections_are_bounded(start_sts, witness):
    service = start_sts("--mode", "echo", "--max-connections", "3")
    other = witness(service)
    inside = [Raw(service).connect() for _ in range(2)]
    refused = Raw(service)
    assert b"503" in refused.answer.split(b"\r\n")[0]
    body = json.loads(refused._exactly(int(re.search(rb"Content-Length: (\d+)", refused.answer)[1])))
    assert body["message"] == "Too many connections"
    for one in inside:
        one.close()
    once_there_is_room(service)
    other.wait_for(3)


def come_and_go(service, number):
    """One visit, of a different kind each time; most end without a word."""
    kind = number % 6
    if kind == 0:
        socket.create_connection(("127.0.0.1", service.port)).close()
        return
    peer = Raw(service)
    if kind == 1:
        peer.close()
        return
    peer.connect()
    if kind == 2:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
    if kind >= 3:
        peer.emit("stream:init", init_of(f"visitor-{number % 7}"))
        assert b"stream:ready" in peer.read()[1]
    if kind >= 4:
        peer.emit("fragment:data", fragment(0, stream=f"visitor-{number % 7}"))
    if kind == 5:
        peer.send("41")
    peer.close()


KEPT_BYTES = 205  # of a connection; what is left is the allocator's play


def visit_many(service, count, others):
    """others: streams that go on all the while."""
    for number in range(100):  # what is made once: types, caches, pools
        come_and_go(service, number)
    wait_for_metric(service, "sts_sessions_active", others)
    fds, rss = descriptors(service), memory(service)
    for number in range(count):
        come_and_go(service, number)
    wait_for_metric(service, "sts_sessions_active", others)
    wait_for_metric(service, "sts_fragments_in_flight", 0)
    wait_until(lambda: descriptors(service) <= fds + 2, lambda: f"{fds} descriptors before, {descriptors(service)} after")
    grown = memory(service) - rss
    assert is_sanitized(service) or grown < count * KEPT_BYTES, f"{grown / count:.0f} bytes grown per connection"


def test_ten_thousand_connections_leave_nothing_behind(start_sts, witness):
    service = start_sts("--mode", "echo", STS_RATE_LIMIT="0")
    other = witness(service)
    visit_many(service, 10000, others=1)
    other.wait_for(3)


def test_ten_thousand_connections_leave_nothing_in_the_pipeline(start_sts):
    visit_many(start_sts(*MOCKS, STS_RATE_LIMIT="0"), 10000, others=0)


def test_http_clients_that_stay_or_leave_are_not_kept(start_sts):
    service = start_sts("--mode", "echo", STS_HTTP_TIMEOUT="500ms")
    service.get("/health")
    fds = descriptors(service)
    get = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    for text in [b"", get[:9], get[:-3], get, b"POST " + PROCESS.encode() + b" HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"] * 10:
        peer = socket.create_connection(("127.0.0.1", service.port))
        peer.sendall(text)
        peer.close()
    waiting = [socket.create_connection(("127.0.0.1", service.port), timeout=15) for _ in range(20)]
    for i, peer in enumerate(waiting):
        peer.sendall(get[:i])
    for peer in waiting:
        while peer.recv(1000):
            pass
        peer.close()
    wait_until(lambda: descriptors(service) <= fds, lambda: f"{fds} descriptors before, {descriptors(service)} after")


def test_http_connections_are_bounded(start_sts):
    service = start_sts("--mode", "echo", STS_HTTP_MAX_CONNECTIONS="4")
    holding = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(4)]
    wait_until(lambda: service.post(PROCESS, request())[0] == 503, lambda: "let in")
    status, headers, body = service.post(PROCESS, request())
    assert status == 503 and headers["Retry-After"] == "1" and body["error"]["retryable"] is True
    assert body["error"]["code"] == "QUEUE_FULL"
    for path in ("/health", "/ready", "/metrics", "/api/v1/engines"):
        assert service.get(path)
    for peer in holding:
        peer.close()
    wait_until(lambda: service.post(PROCESS, request())[0] == 200, lambda: "not let in again")


def test_http_rate(start_sts):
    service = start_sts("--mode", "echo", STS_HTTP_RATE_LIMIT="2")
    answers = [service.post(PROCESS, request()) for _ in range(12)]
    statuses = [status for status, _, _ in answers]
    assert statuses[:4] == [200] * 4 and 429 in statuses
    _, headers, body = next(answer for answer in answers if answer[0] == 429)
    assert headers["Retry-After"] == "1" and body["status"] == "error"
    assert body["error"]["code"] == "RATE_LIMIT_EXCEEDED" and body["error"]["retryable"] is True


@pytest.mark.parametrize("method, path, status, code", [
    ("GET", "/nothing", 404, "INVALID_CONFIG"), ("GET", PROCESS, 405, "INVALID_CONFIG"),
    ("DELETE", "/health", 405, "INVALID_CONFIG"), ("POST", "/metrics", 405, "INVALID_CONFIG"),
])
def test_wrong_paths_and_methods_get_json(echo, method, path, status, code):
    shown = subprocess.run(["curl", "-s", "-X", method, "-w", "\n%{http_code}", echo.url + path],
                           capture_output=True, text=True, check=True, timeout=20)
    body, got = shown.stdout.rsplit("\n", 1)
    assert int(got) == status
    assert json.loads(body)["error"]["code"] == code


def test_health_answers_when_everything_is_busy(start_sts):
    """All connections taken and working, REST full, a flood running: still each within a second."""
    service = start_sts("--mode", "echo", "--echo-delay-ms", "60000", "--max-connections", "20")
    streams = [Raw(service).connect() for _ in range(19)]
    for number, peer in enumerate(streams):
        peer.emit("stream:init", init_of(f"s{number}", max_inflight=10, timeout_ms=30000))
        for sequence in range(10):
            peer.emit("fragment:data", fragment(sequence, stream=f"s{number}"))
    posts = [raw_post(service, request(timeout_ms=30000)) for _ in range(64)]
    wait_for_metric(service, "sts_fragments_in_flight", 190 + 64)
    flood = Raw(service).connect()
    writer = threading.Thread(target=send_all, args=(flood, frame('42["x",{}]') * 20000))
    writer.start()
    slowest = 0
    for _ in range(10):
        for path in ("/health", "/ready", "/metrics"):
            started = time.monotonic()
            assert service.get(path)
            slowest = max(slowest, time.monotonic() - started)
    flood.close()
    writer.join(20)
    for peer in [*streams, *posts]:
        getattr(peer, "close")()
    assert is_sanitized(service) or slowest < 5, f"{slowest:.2f} s"  # one second is the aim; the rest is for a busy machine


def test_the_log_of_bad_events_is_bounded(start_sts):
    """The most of one connection's thousand is only counted; every one is answered."""
    service = start_sts("--mode", "echo", STS_RATE_LIMIT="10000")
    peer = Raw(service).connect()
    for _ in range(500):
        peer.emit("stream:dance", {})
        peer.emit("fragment:ack", {})
    assert all(b'"error"' in peer.read()[1] for _ in range(1000))
    peer.close()
    service.wait_for_log(r"\d+ more refusals were not logged")
    service.stop()
    log = "\n".join(filter(None, service.lines))
    told = re.findall("unknown event|before stream:init", log)
    left_out = re.findall(r"(\d+) more refusals were not logged", log)
    assert 10 <= len(told) <= 50 and len(told) + sum(map(int, left_out)) == 1000
