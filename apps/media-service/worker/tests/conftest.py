# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs under test, each in a process of its own on ports of its own."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

DEADLINE_S = 30
# What GStreamer's (1.22) own threads do to each other, by the message of a program that uses such an element.
# rtspclientsink goes on sending while its connection, which the server has left, is closed; rtspsrc, closed while it makes
# its pads, gives their events the number of a seek that there has not been.
NOT_OURS = [
    (re.compile(" into rtsp"), re.compile(r'"domain":"GLib-GIO","message":"g_(socket_[gs]et_timeout|output_stream_writev): '
                                          r"assertion 'G_IS_(SOCKET|OUTPUT_STREAM)")),
    (re.compile('"dubbing rtsp'), re.compile(r'"domain":"GStreamer","message":"gst_event_set_seqnum: assertion '
                                             r"'seqnum != GST_SEQNUM_INVALID'")),
]


def wait_for(condition, what, deadline_s=DEADLINE_S):
    """Polls a condition; its value once it is true."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {deadline_s} s: {what}")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Program:
    """A running program whose messages are kept."""

    def __init__(self, arguments, log_path):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("WORKER_", "ORCH_", "ROUTER_"))}
        environment.update(LOG_DIR="", LOG_FORMAT="json")
        self.log_path = log_path
        self.log = open(log_path, "wb")
        self.process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=environment)

    def messages(self):
        return self.log_path.read_text(errors="replace")

    def misuses(self):
        """Lines in which GLib or GStreamer complains of how the program uses it."""
        messages = self.messages()
        excused = [line for uses, line in NOT_OURS if uses.search(messages)]
        return [line for line in messages.splitlines()
                if '"domain":"G' in line and ('"level":"error"' in line or '"level":"warn"' in line)
                and not any(one.search(line) for one in excused)]

    def wait(self, timeout=DEADLINE_S):
        return self.process.wait(timeout)

    def stop(self, number=signal.SIGTERM, timeout=DEADLINE_S):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


@pytest.fixture
def programs(tmp_path):
    """Starts programs that are gone when the test is over."""
    started = []

    def start(name, *arguments):
        program = Program(arguments, tmp_path / f"{name}-{len(started)}.log")
        started.append(program)
        return program

    yield start
    for program in reversed(started):
        program.close()
    assert [line for program in started for line in program.misuses()] == []


@pytest.fixture
def worker(programs):
    """Starts a media-worker. Without further say it looks for speech but needs no service."""
    path = os.environ["MEDIA_WORKER"]

    def start(source, target, *arguments):
        mode = () if "--sts-mode" in arguments else ("--sts-mode", "passthrough")
        return programs("worker", path, "--input-url", source, "--output-url", target, *mode, *arguments)

    return start


class Router:
    def __init__(self, start):
        self.start_program = start
        self.rtmp, self.rtsp, self.api, self.metrics = free_ports(4)
        self.program = None
        self.start()

    def start(self):
        path = os.environ["MEDIA_ROUTER"]
        self.program = self.start_program(
            "router", path, "--rtmp-address", f"127.0.0.1:{self.rtmp}", "--rtsp-address", f"127.0.0.1:{self.rtsp}",
            "--api-address", f"127.0.0.1:{self.api}", "--metrics-address", f"127.0.0.1:{self.metrics}")
        wait_for(lambda: self.accepts(), "the router listens")

    def accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.rtmp)) == 0

    def url(self, name):
        return f"rtmp://127.0.0.1:{self.rtmp}/live/test/{name}"


@pytest.fixture
def router(programs):
    if "MEDIA_ROUTER" not in os.environ:
        pytest.skip("media-router is not built here: configure with -Dservices=media-router,media-service")
    return Router(programs)


class Control:
    """A client of the worker's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self.socket.connect_ex(str(path)) == 0, f"{path} accepts")
        self.socket.settimeout(DEADLINE_S)
        self.lines = self.socket.makefile("r")

    def read(self, kind):
        """The next message of this kind."""
        for line in self.lines:
            message = json.loads(line)
            if message["type"] == kind:
                return message
        raise AssertionError("the control socket was closed")

    def read_status(self, condition, what, deadline_s=DEADLINE_S):
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            status = self.read("status")
            if condition(status):
                return status
        raise AssertionError(f"not within {deadline_s} s: {what}; last {status}")

    def send(self, **command):
        self.socket.sendall((json.dumps(command) + "\n").encode())

    def close(self):
        self.lines.close()
        self.socket.close()
