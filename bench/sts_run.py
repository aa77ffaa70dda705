# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks of sts-service share: speech to send, a service with given engines, percentiles."""
import contextlib
import math
import os
import re
import signal
import struct
import subprocess
import sys
import wave
from pathlib import Path

MOCK_MS = {"asr": 120, "translation": 10, "tts": 20}
# As long as the mock voice needs for its text, so that it speaks once.
MOCK_CLIP_MS = 1850
MOCK_TEXT = "Buenos dias a todos ustedes."
SENTENCES = (
    "The weather is very nice today.",
    "We are going to the market this morning.",
    "The president of the country spoke about the new law.",
    "Please close the door when you leave the house.",
    "My brother works in a big hospital near the river.",
)


def program(build_dir, name):
    path = build_dir / name
    if not path.exists():
        sys.exit(f"{path} is missing: build it first (make build)")
    return path.resolve()


def make_speech(folder):
    """The sentences as flite speaks them: (files of mono S16LE, rate in Hz)."""
    files = []
    for i, sentence in enumerate(SENTENCES):
        spoken = folder / f"{i}.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", sentence, "-o", spoken], check=True)
        with wave.open(str(spoken)) as file:
            rate = file.getframerate()
            bare = folder / f"{i}.s16"
            bare.write_bytes(file.readframes(file.getnframes()))
        files.append(bare)
    return files, rate


def make_tone(folder, rate):
    """A fragment that is loud enough for the energy gate."""
    path = folder / "tone.s16"
    count = MOCK_CLIP_MS * rate // 1000
    path.write_bytes(struct.pack(f"<{count}h", *(int(8000 * math.sin(i / 9)) for i in range(count))))
    return [path]


def engines(mock, slow=True):
    """The variables that choose them. slow: mock engines take MOCK_MS."""
    if not mock:
        return {}
    models = {stage: f"delay={ms}ms" if slow else "delay=0ms" for stage, ms in MOCK_MS.items()}
    models["asr"] += ";text=good morning to all of you"
    models["translation"] += f";text={MOCK_TEXT}"
    return {f"STS_{stage.upper()}_ENGINE": "mock" for stage in MOCK_MS} | {
        f"STS_{stage.upper()}_MODEL": model for stage, model in models.items()}


def environment(extra):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("STS_")}
    return clean | {"LOG_DIR": "", "LOG_FORMAT": "json", "STS_RATE_LIMIT": "0"} | extra


@contextlib.contextmanager
def service(build_dir, log, variables):
    """(process, URL) of a running service."""
    command = [program(build_dir, "apps/sts-service/sts-service"), "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(variables))
    try:
        while True:
            found = re.search(r"listening on ([\d.]+:\d+)", Path(log.name).read_text())
            if found:
                break
            if process.poll() is not None:
                sys.exit(f"sts-service ended with {process.returncode}: {Path(log.name).read_text()}")
        yield process, f"http://{found.group(1)}"
    finally:
        process.terminate()
        process.wait(20)


def end_on_sigterm():
    """Ends with an exception, so that nothing that was started is left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def percentile(values, percent):
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else float("nan")
