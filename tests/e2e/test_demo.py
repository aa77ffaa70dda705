"""The demo as a newcomer runs it, and as one who loses patience does."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from support.processes import wait_until
from support.stack import ROOT
from support.voice_provider import VoiceProvider

pytestmark = pytest.mark.slow


def command(build_dir, folder):
    return [sys.executable, ROOT / "scripts" / "demo.py", "--build-dir", build_dir, "--work-dir", folder]


def processes_of(folder):
    """Everything on this machine that has the folder in its command line or its variables."""
    def mentions(entry):
        try:
            return any(str(folder).encode() in (pathlib.Path("/proc") / entry / name).read_bytes()
                       for name in ("cmdline", "environ"))
        except OSError:
            return False

    return [entry for entry in os.listdir("/proc") if entry.isdigit() and mentions(entry)]


def test_the_demo_holds_and_says_where_to_look(build_dir, tmp_path):
    done = subprocess.run(command(build_dir, tmp_path), capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads((tmp_path / "report.json").read_text())
    assert facts["ok"] and len(facts["sentences"]) >= 8 and len(facts["phrases"]) >= 8
    last = done.stdout.strip().splitlines()[-1]
    assert f"{tmp_path}/out.mp4" in last and f"{tmp_path}/sample.mp4" in last
    assert processes_of(tmp_path) == []


def test_engines_of_the_surroundings_dub_and_what_they_said_is_heard(build_dir, tmp_path):
    with VoiceProvider("fr") as provider:
        done = subprocess.run(
            command(build_dir, tmp_path), capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
            env={**os.environ, "STS_ASR_ENGINE": "pocketsphinx", "STS_TRANSLATION_ENGINE": "apertium",
                 "STS_TTS_ENGINE": "openai,espeak-ng", "OPENAI_BASE_URL": provider.url})
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads((tmp_path / "report.json").read_text())
    dubbed = {line["translatedText"] for line in facts["ledger"] if line["state"] == "dubbed"}
    assert dubbed and dubbed == set(provider.said)
    assert "tts by openai tts-1" in done.stdout


def test_an_engine_that_is_not_here_is_named(build_dir, tmp_path):
    done = subprocess.run(command(build_dir, tmp_path), capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, env={**os.environ, "STS_TTS_ENGINE": "elevenlabs"})
    assert done.returncode == 1
    assert "sts-service did not come up" in done.stderr and "ELEVENLABS_API_KEY" in done.stderr
    assert processes_of(tmp_path) == []


def test_an_interrupted_demo_leaves_nothing_running(build_dir, tmp_path):
    output = tmp_path / "said"
    with open(output, "wb") as said:
        demo = subprocess.Popen(command(build_dir, tmp_path), stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    wait_until(lambda: b"recording rtmp" in output.read_bytes(), 120, "the demo to be on air",
               lambda: demo.poll() is None)
    assert len(processes_of(tmp_path)) >= 7, "four programs, the publisher, three viewers, the demo"
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) == 130
    assert processes_of(tmp_path) == []
