# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference JavaScript client, current release, against the service; `make setup` fetches it."""
import json
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
DEADLINE_S = 30


def talk(service, path="/socket.io/", token=""):
    return subprocess.run(["node", HERE / "js_client.js", service.url, path, token], capture_output=True, text=True,
                          timeout=DEADLINE_S, check=False)


@pytest.mark.parametrize("path", ["/socket.io/", "/ws/sts"])
def test_reference_client_has_its_fragments_echoed(echo, path):
    done = talk(echo, path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_reference_client_needs_the_key(start_sts):
    service = start_sts("--mode", "echo", STS_API_KEY="right")
    assert talk(service, token="right").returncode == 0
    refused = talk(service, token="wrong")
    assert refused.returncode == 3
    message, data = json.loads(refused.stdout)
    assert message == "AUTH_FAILED" and data["code"] == "AUTH_FAILED"
