# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's exchange against the real sts-service in echo mode."""
import json
import queue
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

DEADLINE_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Echo:
    """An sts-service in echo mode on a port of ours, to be killed and started again."""

    def __init__(self, path, log_dir):
        self.path, self.log_dir, self.port = path, log_dir, free_port()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments):
        self.process = subprocess.Popen([self.path, "--mode", "echo", "--port", str(self.port), "--log-dir",
                                         str(self.log_dir), *arguments], stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up:
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=1) as answer:
                    assert answer.status == 200
                    return self
            except OSError:
                time.sleep(0.02)
        raise AssertionError("sts-service does not answer /health")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Probe:
    """exchange_probe as a process."""

    def __init__(self, path, url, key="", stream="probe"):
        self.process = subprocess.Popen([path, url, key, stream], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.lines = queue.Queue()
        self.results = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def wait(self, n):
        """The next n results."""
        taken = []
        while len(taken) < n:
            line = self.lines.get(timeout=DEADLINE_S)
            if "stats" not in line:
                taken.append(line)
        self.results += taken
        return taken

    def stats(self):
        self.say("stats")
        while "stats" not in (line := self.lines.get(timeout=DEADLINE_S)):
            self.results.append(line)
        return line["stats"]

    def wait_for_stats(self, **wanted):
        give_up = time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up:
            stats = self.stats()
            if all(stats[name] == value for name, value in wanted.items()):
                return stats
            time.sleep(0.02)
        raise AssertionError(f"{stats} is never {wanted}")

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=DEADLINE_S) == 0


@pytest.fixture
def echo(program, tmp_path):
    service = Echo(program("sts-service"), tmp_path)
    yield service
    service.kill()


@pytest.fixture
def start_probe(program):
    probes = []

    def start(url, **options):
        probes.append(Probe(program("gst-dub-exchange-probe"), url, **options))
        return probes[-1]

    yield start
    for probe in probes:
        probe.process.kill()
        probe.process.wait()
        probe.process.stdin.close()
        probe.process.stdout.close()


def test_fragments_come_back_dubbed(echo, start_probe):
    probe = start_probe(echo.start().url)
    probe.say("send 20 2000 0")
    results = probe.wait(20)
    assert all(result["dubbed"] and result["samples"] == 48000 for result in results)
    assert [result["id"] for result in results] == list(range(20))
    stats = probe.wait_for_stats(inflight=0)
    assert (stats["sent"], stats["ignored"], stats["late"]) == (20, 0, 0)
    probe.close()


@pytest.mark.p2
def test_killed_service_is_found_again(echo, start_probe):
    echo.start("--echo-delay-ms", "5000")
    probe = start_probe(echo.url)
    probe.wait_for_stats(connected=True)
    probe.say("send 5 1000 0")
    probe.wait_for_stats(inflight=3)
    echo.kill()
    assert {result["code"] for result in probe.wait(5)} == {"UNAVAILABLE"}
    echo.start()
    stats = probe.wait_for_stats(connected=True)
    assert (stats["reconnects"], stats["breaker"]) == (1, "closed")
    probe.say("send 3 1000 0")
    assert all(result["dubbed"] for result in probe.wait(3))
    probe.close()


@pytest.mark.p2
def test_slow_service_misses_the_deadline(echo, start_probe):
    echo.start("--echo-delay-ms", "700")
    probe = start_probe(echo.url)
    probe.wait_for_stats(connected=True)
    probe.say("send 1 1000 300")
    assert probe.wait(1)[0]["code"] == "TIMEOUT"
    assert probe.wait_for_stats(late=1)["inflight"] == 0
    probe.say("send 1 1000 5000")
    assert probe.wait(1)[0]["dubbed"]
    probe.close()


def test_wrong_key_is_the_reason(echo, start_probe, monkeypatch):
    monkeypatch.setenv("STS_API_KEY", "right")
    echo.start()
    probe = start_probe(echo.url, key="wrong")
    probe.say("send 1 1000 0")
    assert probe.wait(1)[0]["code"] == "AUTH_FAILED"
    probe.close()
    probe = start_probe(echo.url, key="right")
    probe.say("send 1 1000 0")
    assert probe.wait(1)[0]["dubbed"]
    probe.close()


def test_forty_streams_at_once(echo, start_probe):
    echo.start()
    probes = [start_probe(echo.url, stream=f"stream-{i}") for i in range(40)]
    for probe in probes:
        probe.wait_for_stats(connected=True)
    for _ in range(3):
        for probe in probes:
            probe.say("send 1 2000 0")
    for probe in probes:
        assert all(result["dubbed"] for result in probe.wait(3))
        probe.close()
