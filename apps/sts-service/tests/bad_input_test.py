# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input, table driven: every field of every event missing, of the wrong type, out of range, huge, nested.

Each bad payload gets one clear answer that names the field; the connection and every other stream go on.
"""
import copy
import json

import pytest

from sts_client import fragment
from sts_raw import BINARY, Raw, frame, init_of, new_id

HUGE = "x" * 100_000
NESTED = json.loads("[" * 20 + "]" * 20)  # deeper than 32 breaks the protocol itself, see BROKEN
OBJECT, LIST = {"a": 1}, [1]
# What is no string, no whole number, no object, no truth value.
NO_STRING = [1, 1.5, True, OBJECT, LIST, NESTED]
NO_NUMBER = ["1", True, OBJECT, LIST, NESTED, 1.5]
NO_OBJECT = ["text", 1, True, LIST, NESTED]
NO_BOOL = ["true", 1, 0, OBJECT, LIST, NESTED]
NO_LIST = ["text", 1, True, OBJECT]
MISSING = object()  # stands for "leave it out"


def ident():
    return [MISSING, None, "", "a b", "../etc", "ä", "a" * 65, HUGE, *NO_STRING]


def uid():
    return [MISSING, None, "", "x", "0" * 36, HUGE, *NO_STRING]


def language():
    return [MISSING, None, "", "e", "english language", "en_US", "12", "e" * 36, HUGE, *NO_STRING]


def number(low, high, required=False):
    bad = [low - 1, high + 1, -1e300, 1e300, 2**53, 2**63, -2**63 - 1, 10**400, *NO_NUMBER]
    return [MISSING, None, *bad] if required else bad


def text(limit):
    return ["x" * (limit + 1), HUGE, *NO_STRING]


INIT = {
    "stream_id": ident(), "worker_id": ident(),
    "config": [MISSING, None, *NO_OBJECT],
    "config.source_language": language(), "config.target_language": language(),
    "config.voice_profile": text(64),
    "config.chunk_duration_ms": number(100, 10000),
    "config.sample_rate_hz": number(8000, 96000),
    "config.channels": number(1, 2),
    "config.format": ["", "wav", "PCM_S16LE", HUGE, *NO_STRING],
    "config.domain_hints": [["a"] * 65, ["x" * 129], [1], [None], [[]], *NO_LIST],
    "config.glossary": NO_OBJECT,
    "config.glossary.keep": [["a"] * 129, [""], ["x" * 129], [1], [None], [[]], *NO_LIST, NESTED],
    "config.glossary.replace": [{str(i): "x" for i in range(129)}, {"": "x"}, {"a": ""}, {"a": "x" * 129}, {"x" * 129: "a"},
                                {"a": 1}, {"a": None}, {"a": []}, *NO_OBJECT],
    "max_inflight": number(1, 10), "timeout_ms": number(1000, 30000),
}
ADDRESS = {
    "fragment_id": uid(), "stream_id": ident(),
    "sequence_number": [*number(0, 2**31 - 1, True), 0.5],
    "timestamp": [MISSING, None, -1, 1e300, 2**64, 10**400, 253402300800000, "1", True, OBJECT, LIST, NESTED],
    "metadata": NO_OBJECT,
    "metadata.pts_ns": ["1", True, -1, 1.5, 2**63, OBJECT], "metadata.source_pts_ns": ["1", True, -1, 1.5, 2**63, OBJECT],
    "metadata.max_duration_ms": ["1", True, -1, 60001, 2**63, OBJECT],
}
AUDIO = {
    "audio": [MISSING, None, *NO_OBJECT],
    "audio.format": [MISSING, None, "", "mp3", HUGE, *NO_STRING],
    "audio.sample_rate_hz": number(8000, 96000, True),
    "audio.channels": number(1, 2, True),
    "audio.duration_ms": [MISSING, None, -1, 60001, 1e300, "1", True, OBJECT, LIST, NESTED, 500],
    "audio.data_base64": [MISSING, None, "A", "AAA", "AAAA=", "====", "AA==AAAA", "AAA\n", "A AA", "ÄÄÄÄ", "AA", HUGE[:99998],
                          *NO_STRING],
}
ACK = {
    "fragment_id": uid(),
    "status": [MISSING, None, "", "queued", "processing", "eaten", HUGE, *NO_STRING],
    "timestamp": [MISSING, None, -1, 1e300, "1", True, OBJECT, LIST],
}
CONTROL = {"stream_id": ident(), "reason": text(256)}
ERROR_SIMULATION = {
    "enabled": [MISSING, None, *NO_BOOL],
    "rules": [[{}] * 101, [1], [None], [[]], *NO_LIST],
    "rules.0.trigger": [MISSING, None, "", "moon", HUGE, *NO_STRING],
    "rules.0.value": number(0, 2**31 - 1, True),
    "rules.1.value": [MISSING, None, "", HUGE, *NO_STRING],
    "rules.2.value": number(1, 2**31 - 1, True),
    "rules.0.error_code": [MISSING, None, "", "NO_SUCH_CODE", HUGE, *NO_STRING],
    "rules.0.error_message": [HUGE, *NO_STRING],
    "rules.0.retryable": NO_BOOL,
    "rules.0.stage": ["lunch", HUGE, *NO_STRING],
}
PRESSURE_SIMULATION = {
    "enabled": [MISSING, None, *NO_BOOL],
    "threshold": number(1, 10),
    "severity": ["", "awful", HUGE, *NO_STRING], "action": ["", "run", HUGE, *NO_STRING],
    "recommended_delay_ms": number(0, 30000),
}


def good(event):
    """A payload with every field, fine as it is."""
    full_init = init_of("news")
    full_init["config"].update(voice_profile="default", chunk_duration_ms=6000, sample_rate_hz=24000, channels=1,
                               format="pcm_s16le", domain_hints=["goal"],
                               glossary={"keep": ["BBC"], "replace": {"goal": "gol"}})
    rule = {"value": 100, "error_code": "TIMEOUT", "error_message": "m", "retryable": True, "stage": "asr"}
    return {
        "stream:init": {**full_init, "max_inflight": 3, "timeout_ms": 8000},
        "fragment:data": fragment(0, metadata={"pts_ns": 1, "source_pts_ns": 1, "max_duration_ms": 200}),
        "fragment:ack": {"fragment_id": new_id(), "status": "received", "timestamp": 1},
        "stream:pause": {"stream_id": "news", "reason": "advert"},
        "stream:resume": {"stream_id": "news", "reason": "advert"},
        "stream:end": {"stream_id": "news", "reason": "advert"},
        "config:error_simulation": {"enabled": True, "rules": [
            {"trigger": "sequence_number", **rule}, {"trigger": "fragment_id", **rule, "value": new_id()},
            {"trigger": "nth_fragment", **rule}]},
        "config:backpressure_simulation": {"enabled": False, "threshold": 1, "severity": "low", "action": "none",
                                           "recommended_delay_ms": 0},
    }[event]


def spoil(payload, path, value):
    """A copy with the value at the dotted path, where a number is an index."""
    spoilt = copy.deepcopy(payload)
    holder = spoilt
    *way, leaf = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        holder = holder[part]
    if value is MISSING:
        del holder[leaf]
    else:
        holder[leaf] = value
    return spoilt


def says(message, path):
    """Whether the message names the field; in lists the entry, or the field itself with its index."""
    parts = path.split(".")
    named = parts[0] + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in parts[1:])
    return named in message


def each(table):
    return [(path, value) for path, values in table.items() for value in values]


def refuse_all(worker, event, table):
    """Sends every bad payload at once and then looks at the answers, one for each, in order."""
    before = len(worker.received("error"))
    cases = each(table)
    for path, value in cases:
        worker.emit(event, spoil(good(event), path, value))
    worker.wait_for("error", before + len(cases), timeout=30)
    for (path, value), error in zip(cases, worker.received("error")[before:]):
        assert error["code"] == "INVALID_CONFIG" and says(error["message"], path), (path, str(value)[:80], error)
        assert error["retryable"] is False and error["error_id"]
        assert len(error["message"]) < 1000


EVENTS = {
    "fragment:data": ADDRESS, "fragment:ack": ACK, "stream:pause": CONTROL, "stream:resume": CONTROL, "stream:end": CONTROL,
    "config:backpressure_simulation": PRESSURE_SIMULATION,
}


@pytest.mark.parametrize("event", EVENTS)
def test_every_bad_field_is_named(echo, connect, witness, event):
    other = witness(echo)
    worker = connect(echo)
    worker.init()
    refuse_all(worker, event, EVENTS[event])
    # The connection still works, no number was used up, nothing was paused or ended.
    worker.send(0)
    assert worker.wait_for("fragment:processed")["status"] == "success"
    other.wait_for(2)


def test_every_bad_field_of_init_is_named(echo, connect, witness):
    other = witness(echo)
    worker = connect(echo)
    refuse_all(worker, "stream:init", INIT)
    assert not worker.received("stream:ready") and echo.metric("sts_sessions_active") == 1
    worker.init()
    other.wait_for(2)


def test_every_bad_audio_fails_in_its_turn(echo, connect, witness):
    other = witness(echo)
    worker = connect(echo)
    worker.init()
    cases = each(AUDIO)
    for sequence, (path, value) in enumerate(cases):
        payload = spoil(good("fragment:data"), path, value)
        worker.emit("fragment:data", {**payload, "sequence_number": sequence})
    worker.wait_for("fragment:processed", len(cases), timeout=30)
    for sequence, ((path, value), answer) in enumerate(zip(cases, worker.received("fragment:processed"))):
        assert answer["sequence_number"] == sequence and answer["status"] == "failed", (path, str(value)[:80], answer)
        assert answer["error"]["code"] == "INVALID_AUDIO_FORMAT" and answer["error"]["retryable"] is False
        assert says(answer["error"]["message"], path) or "audio" in answer["error"]["message"], (path, answer)
    worker.send(len(cases))
    assert worker.wait_for("fragment:processed", len(cases) + 1)["status"] == "success"
    assert not worker.received("error")
    other.wait_for(2)


def test_every_bad_simulation_is_named(echo, connect):
    worker = connect(echo)
    cases = each(ERROR_SIMULATION)
    for path, value in cases:
        worker.emit("config:error_simulation", spoil(good("config:error_simulation"), path, value))
    worker.wait_for("config:error_simulation:ack", len(cases), timeout=30)
    for (path, value), ack in zip(cases, worker.received("config:error_simulation:ack")):
        assert ack["status"] == "error" and path.split(".")[0] in ack["error_message"], (path, str(value)[:80], ack)
    worker.init()
    worker.send(0)
    assert worker.wait_for("fragment:processed")["status"] == "success"


@pytest.mark.parametrize("event", [*EVENTS, "stream:init", "config:error_simulation"])
def test_the_good_payload_is_good(echo, connect, event):
    """Otherwise the tables above would prove nothing."""
    worker = connect(echo)
    if event != "stream:init":
        worker.init()
    worker.emit(event, good(event))
    worker.emit("stream:dance", {})  # answered after it
    assert "unknown event" in worker.wait_for("error")["message"]
    assert len(worker.received("error")) == 1
    assert all(ack["status"] == "configured" for ack in worker.received("config:error_simulation:ack"))


@pytest.mark.parametrize("event", [*EVENTS, "stream:init", "config:error_simulation"])
def test_what_is_no_object_is_answered(echo, event):
    peer = Raw(echo).connect()
    peer.emit("stream:init", init_of("news"))
    peer.read()
    deep = "[" * 25 + "]" * 25
    for arguments in ("", ",1", ",null", ",[]", ',"x"', ",{},{}", ",true", ",1.5", "," + deep, ",{},1"):
        peer.send(f'42["{event}"{arguments}]')
        answer = json.loads(peer.read()[1][2:])
        assert answer[0] == "error" and "one JSON object" in answer[1]["message"], (arguments, answer)
    peer.send(f'451-["{event}",{{"_placeholder":true,"num":0}}]')
    peer.send(b"\x00\xff", BINARY)
    assert "binary" in json.loads(peer.read()[1][2:])[1]["message"]
    peer.close()


NEWS = json.dumps(["stream:init", init_of("bad")])
BROKEN = {
    "event before CONNECT": [frame("42" + NEWS)],
    "binary before CONNECT": [frame(b"\x01", BINARY)],
    "unknown Engine.IO type": [frame("40"), frame("9")],
    "empty frame": [frame("40"), frame("")],
    "unknown Socket.IO type": [frame("40"), frame('47["a"]')],
    "no JSON": [frame("40"), frame("42[")],
    "cut JSON": [frame("40"), frame(("42" + NEWS)[:-9])],
    "two packets in one": [frame("40"), frame("42" + NEWS + "42" + NEWS)],
    "merged with a separator": [frame("40"), frame("42" + NEWS + "\x1e" + "42" + NEWS)],
    "no array": [frame("40"), frame('42{"stream_id":"bad"}')],
    "empty array": [frame("40"), frame("42[]")],
    "number for a name": [frame("40"), frame("42[1,{}]")],
    "reserved name": [frame("40"), frame('42["disconnect",{}]')],
    "second CONNECT": [frame("40"), frame("40")],
    "not UTF-8": [frame("40"), frame(b'42["stream:init",{"stream_id":"\xff\xfe"}]')],
    "surrogate half": [frame("40"), frame('42["stream:init",{"stream_id":"\\ud800"}]')],
    "absurd nesting": [frame("40"), frame('42["stream:init",' + "[" * 100_000 + "]" * 100_000 + "]")],
    "attachment without a binary event": [frame("40"), frame(b"\x01\x02", BINARY)],
    "too few attachments": [frame("40"), frame('452-["fragment:data",{"_placeholder":true,"num":0}]'),
                            frame(b"\x01", BINARY), frame("42" + NEWS)],
    "many attachments": [frame("40"), frame('4599999999-["fragment:data",{"_placeholder":true,"num":0}]')],
    "answer nobody waits for": [frame("40"), frame('4312345678901234567890["x"]')],
    "CONNECT_ERROR from a client": [frame("40"), frame('44{"message":"no"}')],
    "ping from a client": [frame("40"), frame("2")],
    "open from a client": [frame("40"), frame("0{}")],
    "frame without a mask": [frame("40"), b"\x81\x02" + b"40"],
    "reserved bits": [frame("40"), b"\xf1\x80" + bytes(4)],
    "51 MiB announced": [frame("40"), b"\x81\xff" + (51 * 1024 * 1024).to_bytes(8, "big") + bytes(4)],
    "absurd length": [frame("40"), b"\x81\xff" + b"\x7f" + b"\xff" * 7 + bytes(4)],
}


def test_broken_packets_close_their_connection_and_nothing_else(echo, witness):
    other = witness(echo)
    for name, frames in BROKEN.items():
        peer = Raw(echo)
        peer.socket.sendall(b"".join(frames))
        texts = peer.read_until_closed()
        assert not any("stream:ready" in text for text in texts), (name, texts)
        peer.close()
    other.wait_for(2)
    assert echo.metric("sts_sessions_active") == 1


@pytest.mark.parametrize("name, says_what", [
    ("no JSON", b"invalid JSON"), ("cut JSON", b"invalid JSON"), ("reserved name", b"reserved"),
    ("unknown Engine.IO type", b"packet type 0x39"), ("event before CONNECT", b"namespace"),
    ("attachment without a binary event", b"attachment"),
])
def test_the_close_frame_says_what_broke(echo, name, says_what):
    peer = Raw(echo)
    peer.socket.sendall(b"".join(BROKEN[name]))
    peer.read_until_closed()
    assert peer.closing[:2] == (1002).to_bytes(2, "big") and says_what in peer.closing, peer.closing
    assert len(peer.closing) <= 125 and peer.closing[2:].decode()
    peer.close()


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1e999", "-1e999", "9" * 5000])
def test_a_number_of_any_size_is_refused_by_its_field(echo, number):
    peer = Raw(echo).connect()
    for field in ("max_inflight", "timeout_ms"):
        peer.send("42" + json.dumps(["stream:init", init_of("news", **{field: 1111})]).replace("1111", number))
        event, error = json.loads(peer.read()[1][2:])
        assert event == "error" and error["code"] == "INVALID_CONFIG" and says(error["message"], field), error
    peer.emit("stream:init", init_of("news"))
    assert b"stream:ready" in peer.read()[1]
    peer.close()


def test_a_packet_in_many_frames_is_one_packet(echo):
    peer = Raw(echo).connect()
    whole = "42" + json.dumps(["stream:init", init_of("news")])
    for i, letter in enumerate(whole):
        peer.socket.sendall(frame(letter, 1 if i == 0 else 0, final=i + 1 == len(whole)))
    assert b"stream:ready" in peer.read()[1]
    peer.close()


def test_events_in_the_wrong_order_are_answered(echo, connect, witness):
    other = witness(echo)
    worker = connect(echo)
    for event in ("stream:end", "stream:resume", "fragment:data", "fragment:ack", "stream:pause"):
        worker.emit(event, good(event))
    assert [e["code"] for e in (worker.wait_for("error", n) for n in range(1, 6))] == ["STREAM_NOT_FOUND"] * 5
    worker.init()
    worker.emit("stream:resume", good("stream:resume"))
    worker.emit("stream:pause", good("stream:pause"))
    worker.emit("stream:pause", good("stream:pause"))
    worker.emit("stream:end", good("stream:end"))
    worker.emit("stream:end", good("stream:end"))
    worker.emit("stream:resume", good("stream:resume"))
    assert worker.wait_for("stream:complete")["total_fragments"] == 0
    assert len(worker.received("stream:complete")) == 1
    other.wait_for(2)
