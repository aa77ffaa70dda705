# SPDX-License-Identifier: GPL-3.0-or-later
"""Interoperability with the reference implementation (npm: socket.io, engine.io and their clients), which `make setup`
fetches into tests/interop."""
import json
import pathlib
import queue
import shutil
import subprocess
import threading

import pytest

INTEROP = pathlib.Path(__file__).resolve().parent / "interop"
DEADLINE_S = 30

BUFFER = {"type": "Buffer", "data": [0, 1, 255]}
ROUND = [["message", 1, "2", {"3": [True, None, "ü"]}],
         ["message", {"inner": BUFFER}, {"type": "Buffer", "data": [2]}],
         ["message", f"<{300 * 1024}>"],
         ["ask", 1, "2", {"3": [True, None, "ü"]}],
         ["ask", {"inner": BUFFER}, {"type": "Buffer", "data": [2]}],
         ["answer", {"type": "Buffer", "data": [7]}]]


@pytest.fixture(scope="session")
def node():
    """Node.js, with the reference implementation beside the scripts that use it."""
    program = shutil.which("node")
    assert program, "Node.js is missing: run make setup"
    for name in json.loads((INTEROP / "package.json").read_text())["dependencies"]:
        assert (INTEROP / "node_modules" / name).is_dir(), f"{name} is missing: run make setup"
    return program


class Lines:
    """What a process writes, a line of JSON at a time, each within the deadline."""

    def __init__(self, process):
        self.lines = queue.Queue()
        self.thread = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        for line in stream:
            self.lines.put(json.loads(line))

    def take(self, n):
        return [self.lines.get(timeout=DEADLINE_S) for _ in range(n)]


@pytest.fixture
def reference_server(node):
    """The reference server, started; what it has heard, and its URL."""
    process = subprocess.Popen([node, INTEROP / "reference_server.js"], stdout=subprocess.PIPE, text=True)
    lines = Lines(process)
    yield lines, lines.take(1)[0][0]
    process.kill()
    process.wait()
    lines.thread.join()
    process.stdout.close()


def run_our_client(program, *arguments):
    return subprocess.run([program("socketio-interop-client"), *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_S, check=True).stdout.splitlines()


def run_their_client(node, url, scenario):
    done = subprocess.run([node, INTEROP / "reference_client.js", url, scenario], timeout=DEADLINE_S, check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("scenario", ["exchange", "compressing", "namespaces", "questions", "heartbeat", "limits", "polling",
                                      "engine"])
def test_reference_client_with_our_server(node, echo_server, scenario):
    run_their_client(node, echo_server, scenario)


def test_our_client_exchanges_everything_with_the_reference_server(program, reference_server):
    server, url = reference_server
    lines = run_our_client(program, url, "secret", "/")
    what = server.take(len(ROUND) + 2)
    assert what[0] == ["/", "connect", "stream-1"]
    assert [event[1:] for event in what[1:-1]] == ROUND
    assert what[-1][1] == "disconnect"
    assert lines[0] == "connect / sid -"
    assert lines[-4:] == ['event / question [{"_placeholder":true,"num":0}] 07', "event / bye []",
                          "disconnect / closed by us -", "closed - well -"]
    assert sum(line.startswith("ack / ask") for line in lines) == 2


def test_our_client_uses_several_namespaces_of_the_reference_server(program, reference_server):
    server, url = reference_server
    lines = run_our_client(program, url, "secret", "/", "/custom", "/none")
    assert "connect_error /none Invalid namespace -" in lines
    assert {line.split()[1] for line in lines if line.startswith("ack")} == {"/", "/custom"}
    assert {event[0] for event in server.take(8)} == {"/", "/custom"}


def test_our_client_is_refused_by_the_reference_server(program, reference_server):
    lines = run_our_client(program, reference_server[1], "wrong", "/")
    assert lines[0] == "connect_error / AUTH_FAILED E1"


@pytest.mark.parametrize("token,end", [("kick", "disconnect / the peer closed it -"),
                                       ("cut", "disconnect / the peer closed it -"),
                                       ("huge", "disconnect / the peer broke the protocol -")])
def test_our_client_notices_what_the_reference_server_does(program, reference_server, token, end):
    lines = run_our_client(program, reference_server[1], token, "/")
    assert end in lines
    assert lines[-1].startswith("closed - ") and lines[-1] != "closed - well -"
