# SPDX-License-Identifier: GPL-3.0-or-later
"""The forwarder as a program, between a real router and destinations of every kind."""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import DEADLINE_S, wait_for
from rtmp_sink import AUDIO, DATA, VIDEO, Destination

MIB = 1 << 20


def is_part_of(part, whole):
    """Whether part is a run of whole."""
    return any(whole[start] == part[0] and whole[start:start + len(part)] == part for start in range(len(whole)))


def assert_proper(session, sent):
    """Metadata, codec headers and a key picture first; then every body as it was sent, none missing, in time."""
    kinds = [message.kind for message in session.messages[:3]]
    assert kinds == [DATA, VIDEO, AUDIO] and b"onMetaData" in session.messages[0].body
    assert all(message.is_header for message in session.messages[1:3])
    media = session.media()
    assert media[0].is_key_picture and media[0].time_ms == 0
    for kind in (VIDEO, AUDIO):
        assert is_part_of([message.body for message in media if message.kind == kind], sent[kind])
        times = [message.time_ms for message in media if message.kind == kind]
        assert all(0 <= b - a < 100 for a, b in zip(times, times[1:]))


def pictures(session):
    return sum(message.kind == VIDEO for message in session.media())


def wait_pictures(destination, sessions, count, forwarder):
    """Until that many sessions have begun and the last one holds so many pictures."""
    def reached():
        found = destination.published()
        return found if len(found) >= sessions and pictures(found[-1]) >= count else None
    return wait_for(reached, f"{count} pictures in session {sessions}", forwarder.child.running)


def is_sanitized(child):
    """A sanitizer keeps freed memory and surrounds each piece."""
    return "san.so" in Path(f"/proc/{child.pid}/maps").read_text()


def resident(child):
    return 0 if is_sanitized(child) else int(Path(f"/proc/{child.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_stream_arrives_bit_for_bit(forward, publish, destination, sent):
    forwarder = forward(destination.url())
    publish()
    session = wait_pictures(destination, 1, 60, forwarder)[0]
    status = forwarder.wait_status(lambda s: s["output"]["connected"] and s["state"] == "running", "running")
    assert session.key == "s3cretkey" and "lastError" not in status["output"]
    assert forwarder.wait_status(lambda s: s["output"]["bytes"] > status["output"]["bytes"], "more bytes")
    assert forwarder.child.stop() == 0
    wait_for(lambda: session.closed_in_order, "the end in order")
    assert_proper(session, sent)
    assert len(destination.sessions) == 1


def test_the_key_is_shown_nowhere(forward, publish, destination):
    destination.refusing = True
    publish()
    forwarder = forward(destination.url("s3cretkey?sign=abcdefgh"))
    status = forwarder.wait_status(lambda s: s["output"].get("lastError"), "the refusal")
    assert "s3cretkey" not in str(status) and "abcdefgh" not in str(status)
    assert status["output"]["url"].endswith("/app/***")
    for name in ("cmdline", "comm"):
        assert b"s3cretkey" not in Path(f"/proc/{forwarder.child.pid}/{name}").read_bytes()
    assert forwarder.child.stop() == 0
    assert "s3cretkey?sign=abcdefgh" in {session.key for session in destination.sessions}, "a real attempt"
    assert "s3cretkey" not in forwarder.log() and "abcdefgh" not in forwarder.log()


def test_a_destination_that_refuses_is_tried_until_it_accepts(forward, publish, destination, sent):
    destination.refusing = True
    publish()
    forwarder = forward(destination.url())
    wait_for(lambda: len(destination.sessions) >= 4, "attempts", forwarder.child.running)
    assert forwarder.wait_status(lambda s: s["output"].get("lastError"), "why")["state"] == "connecting"
    destination.refusing = False
    session = wait_pictures(destination, 1, 20, forwarder)[0]
    assert_proper(session, sent)
    warnings = [line for line in forwarder.log().splitlines() if '"warn"' in line and "destination" in line]
    assert 1 <= len(warnings) <= 3, "once for the outage, not for each attempt"


def test_a_certificate_that_nobody_vouches_for_is_refused(forward, publish, tmp_path):
    certificate = tmp_path / "own.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
                   check=True, capture_output=True)
    certificate.write_bytes((tmp_path / "key.pem").read_bytes() + (tmp_path / "cert.pem").read_bytes())
    with Destination(certificate=certificate) as destination:
        publish()
        forwarder = forward(destination.url())
        status = forwarder.wait_status(lambda s: s["output"].get("lastError"), "why")
        assert "certificate" in status["output"]["lastError"]
        wait_for(lambda: len(destination.sessions) >= 2, "another attempt", forwarder.child.running)
        assert all(session.key is None for session in destination.sessions), "the key has not been told"


def test_a_destination_that_cuts_goes_and_comes_back(forward, publish, destination, sent):
    publish()
    forwarder = forward(destination.url())
    wait_pictures(destination, 1, 30, forwarder)[0].reset()
    wait_pictures(destination, 2, 30, forwarder)
    forwarder.wait_status(lambda s: s["output"]["reconnects"] == 1, "the reconnection")
    destination.go()
    status = forwarder.wait_status(lambda s: not s["output"]["connected"], "the loss")
    assert status["input"]["connected"] and status["state"] == "reconnecting"
    destination.come_back()
    sessions = wait_pictures(destination, 3, 30, forwarder)
    status = forwarder.wait_status(lambda s: s["output"]["connected"], "running again")
    assert status["output"]["reconnects"] == 2 and status["input"]["reconnects"] == 0
    for session in sessions:
        assert_proper(session, sent)


def test_a_destination_that_hangs_costs_bounded_memory_and_is_left(forward, publish, destination, sent):
    publish()
    forwarder = forward(destination.url())
    wait_pictures(destination, 1, 30, forwarder)
    calm = resident(forwarder.child)
    destination.reading.clear()
    hung = []

    def left():
        hung.append(resident(forwarder.child))
        return "destination" in forwarder.log().partition("being written")[2]
    wait_for(left, "the hanging destination is left", forwarder.child.running)
    assert max(hung) - calm < 30 * MIB
    destination.reading.set()
    sessions = wait_pictures(destination, 2, 20, forwarder)
    assert_proper(sessions[-1], sent)


def test_sigterm_ends_it_although_the_destination_hangs(forward, publish, destination):
    publish()
    forwarder = forward(destination.url())
    wait_pictures(destination, 1, 30, forwarder)
    destination.reading.clear()
    begin = time.monotonic()
    forwarder.child.send(signal.SIGTERM)
    assert forwarder.child.wait(DEADLINE_S) == 0
    assert time.monotonic() - begin < 5


def test_an_input_that_comes_back_goes_on_in_the_same_connection(forward, publish, destination, sent):
    publisher = publish()
    forwarder = forward(destination.url())
    session = wait_pictures(destination, 1, 30, forwarder)[0]
    publisher.kill()
    forwarder.wait_status(lambda s: not s["input"]["connected"], "the loss")
    before = len(session.media())
    publish()
    forwarder.wait_status(lambda s: s["input"]["reconnects"] == 1, "the input is back")
    wait_for(lambda: len(session.media()) > before + 60, "the stream goes on", forwarder.child.running)
    assert len(destination.sessions) == 1
    again = [place for place, message in enumerate(session.messages) if message.kind == DATA]
    after = session.messages[again[1]:]
    assert len(again) == 2 and [message.kind for message in after[:3]] == [DATA, VIDEO, AUDIO]
    video = [message for message in after[3:] if message.kind == VIDEO]
    assert video[0].is_key_picture and is_part_of([message.body for message in video], sent[VIDEO])
    times = [message.time_ms for message in session.media() if message.kind == VIDEO]
    assert all(b >= a for a, b in zip(times, times[1:]))


def test_without_an_input_it_ends_with_a_code_of_its_own(forward, destination):
    forwarder = forward(destination.url(), EGRESS_INPUT_GRACE="500ms")
    assert forwarder.child.wait(DEADLINE_S) == 10
    assert "never came" in forwarder.log() and destination.sessions == []


def test_an_input_that_stays_away_ends_it(forward, publish, destination):
    publisher = publish()
    forwarder = forward(destination.url(), EGRESS_INPUT_GRACE="1s")
    session = wait_pictures(destination, 1, 10, forwarder)[0]
    publisher.kill()
    assert forwarder.child.wait(DEADLINE_S) == 10
    assert "did not come back" in forwarder.log()
    wait_for(lambda: session.closed_in_order, "the end in order")


def test_only_one_forwards_a_stream(forward, publish, destination):
    publish()
    first = forward(destination.url())
    wait_pictures(destination, 1, 5, first)
    second = forward(destination.url("other"))
    assert second.child.wait(DEADLINE_S) == 1
    assert first.child.running() and {session.key for session in destination.published()} == {"s3cretkey"}


def run(*arguments, **variables):
    environment = {"PATH": os.environ["PATH"], "LOG_DIR": "", "LOG_FORMAT": "json", **variables}
    return subprocess.run([os.environ["EGRESS_FORWARDER"], *arguments], env=environment, capture_output=True, text=True,
                          timeout=DEADLINE_S)


def test_switched_off_it_ends_at_once():
    done = run(EGRESS_DEST_URL="whatever")
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1 and "EGRESS_ENABLED is false" in done.stderr


def test_a_wrong_configuration_is_refused_as_a_whole(tmp_path):
    key = tmp_path / "key"
    key.write_text("http://host/app/s3cretkey\n")
    done = run("--enabled=true", "--retry-base=1m", EGRESS_DEST_URL_FILE=str(key))
    assert done.returncode == 2
    for name in ("EGRESS_INPUT_URL", "EGRESS_DEST_URL", "EGRESS_RETRY_BASE"):
        assert name in done.stderr
    assert "s3cretkey" not in done.stderr


def test_the_configuration_is_printed_without_the_key():
    done = run("--print-config", "--enabled=true", "--input-url=rtmp://r/live/id/out", EGRESS_DEST_URL="rtmp://h/app/s3cretkey")
    assert done.returncode == 0 and "EGRESS_DEST_URL=***" in done.stdout and "s3cretkey" not in done.stdout


@pytest.mark.parametrize("form", ["--dest-url={}", "--dest-url {}"])
def test_a_key_given_as_an_option_leaves_the_process_title(children, router, form):
    arguments = form.format("rtmp://127.0.0.1:9/app/s3cretkey").split(" ")
    child = children("forwarder", os.environ["EGRESS_FORWARDER"], "--enabled=true", "--input-url", router.url(), *arguments)
    wait_for(lambda: "forwarding" in child.log.read_text(), "the start", child.running)
    assert b"s3cretkey" not in Path(f"/proc/{child.pid}/cmdline").read_bytes()
