# SPDX-License-Identifier: GPL-3.0-or-later
"""What the interoperability tests share: our echo server as a process, and its address."""
import re
import subprocess

import pytest

HEARTBEAT_MS = 300


@pytest.fixture
def echo_server(program):
    """Starts our echo server on a free port with a fast heartbeat; returns its URL."""
    process = subprocess.Popen(
        [program("socketio-echo-server"), "--port", "0", "--ping-interval", str(HEARTBEAT_MS), "--ping-timeout",
         "2000", "--connect-timeout", "1000", "--max-payload", "1000000"],
        stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    found = re.search(r"http://[\d.:]+", line)
    assert found, f"no address in {line!r}"
    yield found.group(0)
    process.terminate()
    assert process.wait(timeout=10) == 0
    process.stderr.close()
