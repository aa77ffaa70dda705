# SPDX-License-Identifier: GPL-3.0-or-later
"""The element as its README shows it: gst-inspect-1.0, and every gst-launch-1.0 line, against a real sts-service."""
import math
import os
import pathlib
import re
import struct
import subprocess
import wave

import pytest

from exchange_service_test import Echo

HERE = pathlib.Path(__file__).resolve().parent
RATE_HZ = 48000
SECONDS = 5
# What the README's lines hold that a test machine has not.
NO_SOUND_CARD = {
    "autoaudiosrc": f"audiotestsrc is-live=true wave=pink-noise num-buffers={SECONDS * RATE_HZ // 1024}",
    "autoaudiosink": "fakesink sync=true",
}


@pytest.fixture
def environment(program, tmp_path):
    return {**os.environ, "GST_PLUGIN_PATH": str(program("libgstdub.so").parent),
            "GST_REGISTRY": str(tmp_path / "registry.bin"), "LC_ALL": "C"}


@pytest.fixture
def echo(program, tmp_path):
    service = Echo(program("sts-service"), tmp_path)
    yield service.start()
    service.kill()


def examples():
    """The gst-launch-1.0 lines of the README, joined."""
    text = (HERE.parent / "README.md").read_text()
    block = re.search(r"```sh\n(.*?)```", text, re.S).group(1).replace("\\\n", " ")
    return [line for line in block.splitlines() if line.startswith("gst-launch-1.0")]


def write_speech(path):
    """Something with the pitch and the syllables of a voice, from 1 s to 3.5 s, beside a tone on the left."""
    frames = bytearray()
    for i in range(SECONDS * RATE_HZ):
        t = i / RATE_HZ
        voice = 0.0
        if 1 <= t < 3.5:
            pitch = 120 + 30 * math.sin(2 * math.pi * 0.7 * t)
            syllable = max(0.0, math.sin(2 * math.pi * 4 * t))
            voice = syllable * sum(math.sin(2 * math.pi * pitch * k * t) / k for k in range(1, 12)) * 3000
        frames += struct.pack("<hh", int(voice + 1500 * math.sin(2 * math.pi * 3000 * t)), int(voice))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(bytes(frames))


@pytest.mark.parametrize("number", range(len(examples())))
def test_examples_of_the_readme_run(number, echo, environment, tmp_path):
    line = examples()[number].replace("http://127.0.0.1:8000", echo.url)
    if "sts-url" not in line:
        line = line.replace("stsdub ", f"stsdub sts-url={echo.url} ")
    for theirs, ours in NO_SOUND_CARD.items():
        line = line.replace(theirs, ours)
    write_speech(tmp_path / "in.wav")
    done = subprocess.run(line.split(), cwd=tmp_path, env=environment, timeout=60, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    assert "ERROR" not in done.stdout
    if "filesink" in line:
        with wave.open(str(tmp_path / "out.wav")) as out:
            assert out.getnframes() >= SECONDS * RATE_HZ


def inspect(environment):
    return subprocess.run(["gst-inspect-1.0", "--no-colors", "stsdub"], env=environment, timeout=60, check=True,
                          capture_output=True, text=True).stdout


def properties(text):
    """name -> (blurb, flags) of the element's own properties."""
    found = {}
    listing = text[text.index("Element Properties"):]
    for name, blurb, flags in re.findall(r"^  (\S+) +: (.*)\n +flags: (.*)$", listing, re.M):
        if name not in ("name", "parent"):
            found[name] = (blurb, flags)
    return found


def test_every_property_is_described(environment):
    found = properties(inspect(environment))
    assert len(found) == 22
    for name, (blurb, _) in found.items():
        assert len(blurb) > 20, name
    units = {"latency": "in ns", "max-lag": "in ns", "segment-duration": "in ns", "sts-timeout-ms": "in ms",
             "duck-gain": "in dB", "dub-gain": "in dB", "max-inflight": "1 to 10"}
    for name, unit in units.items():
        assert unit in found[name][0], name
        assert re.search(r": \S.* to \S", found[name][0]), f"{name} has no range"


def test_what_may_change_while_playing_says_so(environment):
    found = properties(inspect(environment))
    playing = {name for name, (_, flags) in found.items() if "PLAYING" in flags}
    assert playing == {"mix-mode", "fallback", "duck-gain", "dub-gain", "bypass", "max-lag"}
