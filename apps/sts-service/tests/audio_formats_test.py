# SPDX-License-Identifier: GPL-3.0-or-later
"""Every form of audio in and out, with ffmpeg as the reference encoder and decoder of M4A; and audio that is bad."""
import base64
import functools
import itertools
import subprocess
import uuid
import wave

import numpy
import pytest

from full_test import MOCKS
from sts_client import Service, Worker, fragment, pcm_of

RATES = (8000, 16000, 22050, 24000, 44100, 48000, 96000)
FORMS = list(itertools.product(("pcm_s16le", "m4a"), RATES, (1, 2)))
MS = 240
PEAK = 0.5


def name_of(form):
    return "{}-{}-{}".format(*form)


@functools.lru_cache(None)
def sweep(rate, channels, ms=MS):
    """A tone that rises from 300 to 1500 Hz, the second channel 1.5 times as high: (frames, channels) of -1..1."""
    t = numpy.arange(rate * ms // 1000) / rate
    phase = 2 * numpy.pi * (300 * t + 600 * t * t / (ms / 1000))
    return numpy.stack([PEAK * numpy.sin(phase * (1 + 0.5 * c)) for c in range(channels)], axis=1)


def to_pcm(signal):
    return numpy.rint(signal * 32767).astype("<i2").tobytes()


def from_pcm(data, channels):
    return numpy.frombuffer(data, "<i2").reshape(-1, channels) / 32768


def ffmpeg(data, *arguments):
    """Data through ffmpeg's pipes; M4A needs files, which can be wound back."""
    return subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], input=data, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def encode(tmp_path_factory):
    """encode(signal, rate, *options) -> M4A by ffmpeg."""
    folder = tmp_path_factory.mktemp("m4a")

    def make(signal, rate, *options, codec=("-c:a", "aac", "-aac_coder", "fast", "-b:a", "128k")):
        path = folder / f"{uuid.uuid4()}.m4a"
        ffmpeg(to_pcm(signal), "-f", "s16le", "-ar", str(rate), "-ac", str(signal.shape[1]), "-i", "-", *codec, *options,
               "-f", "mp4", str(path))
        return path.read_bytes()

    return make


@pytest.fixture(scope="module")
def decode(tmp_path_factory):
    """decode(m4a) -> (signal, rate) by ffmpeg, in the file's own form; the padding after the end is left in."""
    folder = tmp_path_factory.mktemp("decoded")

    def read(m4a):
        path = folder / "in.m4a"
        path.write_bytes(m4a)
        seen = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels", "-of",
                               "csv=p=0", str(path)], capture_output=True, check=True, text=True).stdout
        codec, rate, channels = seen.strip().split(",")
        assert codec == "aac"
        return from_pcm(ffmpeg(b"", "-i", str(path), "-f", "s16le", "-"), int(channels)), int(rate)

    return read


@pytest.fixture(scope="module")
def sent(encode):
    """The sweep in every form, as audio members."""
    def audio(form):
        encoding, rate, channels = form
        signal = sweep(rate, channels)
        return audio_of(to_pcm(signal) if encoding == "pcm_s16le" else encode(signal, rate), *form)

    return {form: audio(form) for form in FORMS}


@pytest.fixture(scope="module")
def service(program):
    running = Service(program("sts-service"), ("--mode", "echo")).wait_until_listening()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def full(program):
    running = Service(program("sts-service"), MOCKS).wait_until_listening()
    yield running
    running.stop()


def audio_of(data, encoding, rate, channels, ms=MS):
    return {"format": encoding, "sample_rate_hz": rate, "channels": channels, "duration_ms": ms,
            "data_base64": base64.b64encode(data).decode()}


def config_of(form):
    return dict(zip(("format", "sample_rate_hz", "channels"), form))


def assert_same_sound(heard, expected, longer=1):
    """The same in place and level: a shift by one sample at 1500 Hz and 24 kHz leaves 8 dB."""
    assert heard.shape[1] == expected.shape[1] and abs(len(heard) - len(expected)) <= longer
    n = min(len(heard), len(expected))
    error = heard[:n] - expected[:n]
    assert 10 * numpy.log10(numpy.sum(expected[:n] ** 2) / (numpy.sum(error ** 2) + 1e-9)) > 15
    assert abs(numpy.sqrt(numpy.mean(heard ** 2)) / numpy.sqrt(numpy.mean(expected ** 2)) - 1) < 0.05


def mixed(signal, channels):
    """As the service changes the number of channels."""
    if signal.shape[1] == channels:
        return signal
    return signal.mean(axis=1, keepdims=True) if channels == 1 else numpy.repeat(signal, 2, axis=1)


@pytest.mark.parametrize("form", FORMS, ids=name_of)
def test_every_form_comes_back_in_every_form(service, connect, sent, decode, form):
    encoding, rate, channels = form
    worker = connect(service, stream=name_of(form))
    worker.init(config=config_of(form))
    for number, came in enumerate(FORMS):
        worker.send(number, audio=sent[came])
        processed = worker.wait_for("fragment:processed", number + 1)
        audio = processed.get("dubbed_audio")
        assert processed["status"] == "success", (came, processed)
        assert (audio["format"], audio["sample_rate_hz"], audio["channels"]) == form
        assert abs(audio["duration_ms"] - MS) <= 1
        expected = mixed(sweep(rate, came[2]), channels)
        if encoding == "pcm_s16le":
            assert_same_sound(from_pcm(pcm_of(processed), channels), expected)
        elif came[1] == rate:
            heard, heard_rate = decode(pcm_of(processed))
            assert heard_rate == rate and 0 <= len(heard) - len(expected) < 1024
            assert_same_sound(heard[:len(expected)], expected)
    assert not worker.received("error")


def test_bytes_pass_untouched_where_the_form_is_right(service, connect, sent):
    for form in (("pcm_s16le", 96000, 2), ("m4a", 22050, 2)):
        worker = connect(service, stream=name_of(form))
        worker.init(config=config_of(form))
        worker.send(0, audio=sent[form])
        assert worker.wait_for("fragment:processed")["dubbed_audio"]["data_base64"] == sent[form]["data_base64"]


@pytest.mark.parametrize("rate, becomes", [(8001, 11025), (23000, 24000), (50000, 64000), (95999, 96000)])
def test_a_rate_that_aac_lacks_becomes_the_next_higher(service, connect, decode, sent, rate, becomes):
    worker = connect(service)
    worker.init(config={"format": "m4a", "sample_rate_hz": rate})
    worker.send(0, audio=sent["pcm_s16le", 24000, 1])
    audio = worker.wait_for("fragment:processed")["dubbed_audio"]
    assert audio["sample_rate_hz"] == becomes and audio["duration_ms"] == MS
    assert decode(base64.b64decode(audio["data_base64"]))[1] == becomes


@pytest.mark.parametrize("rate", [8001, 11111, 23000, 50000, 95999])
def test_pcm_may_have_any_rate(service, connect, rate):
    worker = connect(service)
    worker.init(config={"sample_rate_hz": 96000})
    worker.send(0, audio=audio_of(to_pcm(sweep(rate, 1)), "pcm_s16le", rate, 1))
    # Up to one sample of the lower rate is missing from the whole 240 ms.
    assert_same_sound(from_pcm(pcm_of(worker.wait_for("fragment:processed")), 1), sweep(96000, 1), longer=96000 // rate + 1)


@pytest.mark.parametrize("options", [
    ("-movflags", "+faststart"),
    ("-movflags", "+frag_keyframe+delay_moov", "-frag_duration", "100000"),
    ("-movie_timescale", "44100"),
    ("-brand", "M4A "),
], ids=["directory-first", "fragmented", "fine-time", "brand"])
def test_files_of_other_shapes(service, connect, encode, options):
    worker = connect(service)
    worker.init(config=config_of(("pcm_s16le", 24000, 1)))
    worker.send(0, audio=audio_of(encode(sweep(24000, 1), 24000, *options), "m4a", 24000, 1))
    processed = worker.wait_for("fragment:processed")
    assert processed["status"] == "success", processed
    assert_same_sound(from_pcm(pcm_of(processed), 1), sweep(24000, 1))


FULL_FORMS = [("pcm_s16le", 8000, 1), ("pcm_s16le", 44100, 2), ("m4a", 16000, 1), ("m4a", 48000, 2), ("m4a", 22050, 1)]


@pytest.mark.parametrize("form", FULL_FORMS, ids=name_of)
def test_full_mode_speaks_in_every_form(full, connect, encode, decode, form):
    encoding, rate, channels = form
    worker = connect(full, stream=name_of(form))
    worker.init(config=config_of(form))
    for number, (came, came_rate, came_channels) in enumerate(FULL_FORMS):
        signal = sweep(came_rate, came_channels, 3000)
        data = to_pcm(signal) if came == "pcm_s16le" else encode(signal, came_rate)
        worker.send(number, audio=audio_of(data, came, came_rate, came_channels, 3000))
        processed = worker.wait_for("fragment:processed", number + 1, timeout=40)
        audio = processed.get("dubbed_audio")
        assert processed["status"] in ("success", "partial"), processed
        assert (audio["format"], audio["sample_rate_hz"], audio["channels"]) == form
        heard, heard_rate = (from_pcm(pcm_of(processed), channels), rate) if encoding == "pcm_s16le" else decode(pcm_of(processed))
        assert heard_rate == rate and heard.shape[1] == channels
        assert -rate / 2000 - 1 <= len(heard) - audio["duration_ms"] * rate / 1000 < 1024 + rate / 2000
        assert abs(heard).max() > 0.03


def test_full_mode_returns_silence_in_the_asked_form(full, connect, encode, decode):
    worker = connect(full)
    worker.init(config=config_of(("m4a", 24000, 2)))
    worker.send(0, audio=audio_of(encode(numpy.zeros((16000, 1)), 16000), "m4a", 16000, 1, 1000))
    processed = worker.wait_for("fragment:processed")
    heard, _ = decode(pcm_of(processed))
    assert processed["status"] == "success" and processed["transcript"] == ""
    assert processed["dubbed_audio"]["duration_ms"] == 1000 and abs(heard).max() < 0.001


@pytest.mark.parametrize("form", [("m4a", 24000, 2), ("pcm_s16le", 96000, 2)], ids=name_of)
def test_rest_answers_in_the_form_of_the_question(service, full, encode, decode, form):
    encoding, rate, channels = form
    signal = sweep(rate, channels, 3000)
    data = to_pcm(signal) if encoding == "pcm_s16le" else encode(signal, rate)
    body = fragment(0, audio=audio_of(data, *form, ms=3000))
    body["config"] = {"source_language": "en", "target_language": "es"}
    for running in (service, full):
        status, _, answer = running.post("/api/v1/sts/process", body)
        assert status == 200, answer
        audio = answer["dubbed_audio"]
        assert (audio["format"], audio["sample_rate_hz"], audio["channels"]) == form
        if encoding == "m4a":
            assert decode(base64.b64decode(audio["data_base64"]))[0].shape[1] == channels
    body["audio"]["data_base64"] = base64.b64encode(b"\0" * 1000).decode()
    body["audio"]["format"] = "m4a"
    for running in (service, full):
        status, _, answer = running.post("/api/v1/sts/process", body)
        assert status == 400 and answer["error"]["code"] == "INVALID_AUDIO_FORMAT" and answer["error"]["stage"] == "input"


def wav_file(folder, signal, rate):
    path = folder / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((signal.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes(to_pcm(signal))
    return path.read_bytes()


@pytest.fixture(scope="module")
def bad_audio(encode, tmp_path_factory):
    """(what the message says, an audio member) of every kind that must be refused."""
    folder = tmp_path_factory.mktemp("bad")
    signal = sweep(24000, 1)
    good, pcm = encode(signal, 24000), to_pcm(signal)
    first = encode(signal, 24000, "-movflags", "+faststart")
    packet_size, sound = first.index(b"stsz") + 16, first.index(b"mdat") + 4
    picture = folder / "picture.mp4"
    ffmpeg(b"", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", "-c:v", "mpeg4", str(picture))
    m4a = functools.partial(audio_of, encoding="m4a", rate=24000, channels=1)
    bare = functools.partial(audio_of, encoding="pcm_s16le", rate=24000, channels=1)
    return [
        ("data_base64", {**m4a(good), "data_base64": "not base64!"}),
        ("ftyp", m4a(b"")),
        ("ftyp", m4a(pcm)),
        ("ftyp", m4a(wav_file(folder, signal, 24000))),
        ("is a WAV file", bare(wav_file(folder, signal, 24000))),
        ("is a MP4 file", bare(good[:len(good) // 2 * 2], ms=len(good) // 48)),
        ("cut off", m4a(good[:len(good) // 2])),
        ("cut off", m4a(first[:-100])),
        ("0 audio tracks", m4a(picture.read_bytes())),
        ("2 audio tracks", m4a(encode(signal, 24000, "-map", "0", "-map", "0"))),
        ("6 channels", m4a(encode(numpy.repeat(signal, 6, axis=1), 24000))),
        ("alac", m4a(encode(signal, 24000, codec=("-c:a", "alac")))),
        ("audio.duration_ms", m4a(good, ms=MS * 13 // 10)),
        ("audio.duration_ms", m4a(good, ms=MS * 7 // 10)),
        ("audio.duration_ms", bare(pcm, ms=MS * 13 // 10)),
        ("whole frames", bare(pcm + b"\0")),
        ("M4A", m4a(first[:packet_size] + b"\x00\xff\xff\xff" + first[packet_size + 4:])),
        ("packet", m4a(first[:sound] + bytes(byte ^ 0xa5 for byte in first[sound:]))),
        ("audio.format", {**m4a(good), "format": "opus"}),
        ("audio.channels", {**m4a(good), "channels": 6}),
        ("audio.sample_rate_hz", {**m4a(good), "sample_rate_hz": 96001}),
        ("audio.duration_ms", {**m4a(good), "duration_ms": 60001}),
    ]


@pytest.mark.parametrize("mode", ["service", "full"])
def test_bad_audio_fails_in_turn_and_nobody_else(request, connect, sent, bad_audio, mode):
    running = request.getfixturevalue(mode)
    worker, other = connect(running, stream="bad"), connect(running, stream="good")
    good = sent["m4a", 24000, 1]
    worker.init(max_inflight=10)
    other.init(max_inflight=10)
    for number, (says, audio) in enumerate(bad_audio):
        worker.send(2 * number, audio=audio)
        worker.send(2 * number + 1, audio=good)
        other.send(number, audio=good)
        failed = worker.wait_for("fragment:processed", 2 * number + 1)
        assert failed["status"] == "failed", (says, failed)
        error = failed["error"]
        assert error["code"] == "INVALID_AUDIO_FORMAT" and not error["retryable"] and says in error["message"], error
        assert worker.wait_for("fragment:processed", 2 * number + 2)["status"] != "failed" or mode == "full"
    other.wait_for("fragment:processed", len(bad_audio))
    assert [p["sequence_number"] for p in worker.received("fragment:processed")] == list(range(2 * len(bad_audio)))
    assert all(p.get("error", {}).get("code") != "INVALID_AUDIO_FORMAT" for p in other.received("fragment:processed"))
    assert not worker.received("error") and not other.received("error")
    assert running.metric("sts_fragments_in_flight") == 0
    running.get("/health")


def test_the_libraries_say_nothing_on_stderr(service, connect, bad_audio):
    worker = connect(service)
    worker.init(max_inflight=10)
    for number, (_, audio) in enumerate(bad_audio):
        worker.send(number, audio=audio)
        worker.wait_for("fragment:processed", number + 1)
    assert all(line.startswith("{") for line in service.lines)


def test_long_m4a_does_not_hold_up_others(service, connect, encode):
    """While a minute of M4A is decoded and encoded, the small ones of another stream go through."""
    long, small = connect(service, stream="long"), connect(service, stream="small")
    long.init(config=config_of(("m4a", 44100, 2)))
    small.init()
    minute = audio_of(encode(numpy.tile(sweep(48000, 2), (250, 1)), 48000), "m4a", 48000, 2, 60000)
    long.send(0, audio=minute)
    for number in range(5):
        small.send(number)
        small.wait_for("fragment:processed", number + 1)
    assert not long.received("fragment:processed")
    audio = long.wait_for("fragment:processed", timeout=60)["dubbed_audio"]
    assert audio["duration_ms"] == 60000
