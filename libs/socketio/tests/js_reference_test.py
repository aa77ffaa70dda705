# SPDX-License-Identifier: GPL-3.0-or-later
"""Interoperability with the reference implementation (npm: socket.io, socket.io-client), when it has been fetched:
cd libs/socketio/tests/interop && npm ci"""
import json
import pathlib
import shutil
import subprocess

import pytest

INTEROP = pathlib.Path(__file__).resolve().parent / "interop"
NODE = shutil.which("node")
DEADLINE_S = 30

pytestmark = pytest.mark.skipif(
    NODE is None or not (INTEROP / "node_modules" / "socket.io").is_dir(),
    reason=f"the reference implementation is not there: install node and run npm ci in {INTEROP.relative_to(INTEROP.parents[3])}")

BUFFER = {"type": "Buffer", "data": [0, 1, 255]}
ROUND = [["message", 1, "2", {"3": [True, None, "ü"]}],
         ["message", {"inner": BUFFER}, {"type": "Buffer", "data": [2]}],
         ["message", f"<{300 * 1024}>"],
         ["ask", 1, "2", {"3": [True, None, "ü"]}],
         ["ask", {"inner": BUFFER}, {"type": "Buffer", "data": [2]}],
         ["answer", {"type": "Buffer", "data": [7]}]]


@pytest.fixture
def reference_server():
    process = subprocess.Popen([NODE, INTEROP / "reference_server.js"], stdout=subprocess.PIPE, text=True)
    yield process, json.loads(process.stdout.readline())[0]
    process.kill()
    process.wait()
    process.stdout.close()


def heard(process, n):
    return [json.loads(process.stdout.readline()) for _ in range(n)]


def run_our_client(program, *arguments):
    return subprocess.run([program("socketio-interop-client"), *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_S, check=True).stdout.splitlines()


def test_reference_client_exchanges_everything_with_our_server(echo_server):
    subprocess.run([NODE, INTEROP / "reference_client.js", echo_server], timeout=DEADLINE_S, check=True)


def test_our_client_exchanges_everything_with_the_reference_server(program, reference_server):
    process, url = reference_server
    lines = run_our_client(program, url, "secret", "/")
    what = heard(process, len(ROUND) + 2)
    assert what[0] == ["/", "connect", "stream-1"]
    assert [event[1:] for event in what[1:-1]] == ROUND
    assert what[-1][1] == "disconnect"
    assert lines[0] == "connect / sid -"
    assert lines[-4:] == ['event / question [{"_placeholder":true,"num":0}] 07', "event / bye []",
                          "disconnect / closed by us -", "closed - well -"]
    assert sum(line.startswith("ack / ask") for line in lines) == 2


def test_our_client_uses_several_namespaces_of_the_reference_server(program, reference_server):
    process, url = reference_server
    lines = run_our_client(program, url, "secret", "/", "/custom", "/none")
    assert "connect_error /none Invalid namespace -" in lines
    assert {line.split()[1] for line in lines if line.startswith("ack")} == {"/", "/custom"}
    assert {event[0] for event in heard(process, 8)} == {"/", "/custom"}


def test_our_client_is_refused_by_the_reference_server(program, reference_server):
    lines = run_our_client(program, reference_server[1], "wrong", "/")
    assert lines[0] == "connect_error / AUTH_FAILED -"
