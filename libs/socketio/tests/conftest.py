# SPDX-License-Identifier: GPL-3.0-or-later
"""What the interoperability tests share: our echo server as a process, and its address."""
import re
import subprocess
import threading

import pytest


def start(program, heartbeat_ms, patience_ms):
    return subprocess.Popen(
        [program("socketio-echo-server"), "--port", "0", "--ping-interval", str(heartbeat_ms), "--ping-timeout",
         str(patience_ms), "--connect-timeout", "1000", "--max-payload", "1000000"],
        stderr=subprocess.PIPE, text=True)


def stop(process):
    process.terminate()
    assert process.wait(timeout=10) == 0
    process.stderr.close()


def drain(stream):
    """A log that nobody reads would stop its writer."""
    for _ in stream:
        pass


def url_of(process):
    line = process.stderr.readline()
    found = re.search(r"http://[\d.:]+", line)
    assert found, f"no address in {line!r}"
    threading.Thread(target=drain, args=(process.stderr,), daemon=True).start()
    return found.group(0)


@pytest.fixture
def heartbeat_ms():
    """How often the echo server pings; a test file may say otherwise."""
    return 300


@pytest.fixture
def echo_process(program, heartbeat_ms):
    """Our echo server on a free port, patient: a busy machine is no silent peer."""
    process = start(program, heartbeat_ms, 2000)
    yield process
    stop(process)


@pytest.fixture
def echo_server(echo_process):
    """Its URL."""
    return url_of(echo_process)


@pytest.fixture
def quick_server(program):
    """The URL of an echo server with the options that the public protocol test-suites ask for."""
    process = start(program, 300, 200)
    yield url_of(process)
    stop(process)
