# SPDX-License-Identifier: GPL-3.0-or-later
"""The forwarder under test, the router it reads from, a clip and its publisher."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests")]

from rtmp_sink import Destination  # noqa: E402
from support.processes import Child, wait_until  # noqa: E402
from support.rtmp_raw import flv_tags  # noqa: E402

DEADLINE_S = 30
SECONDS = 40


def wait_for(condition, what, still=lambda: True):
    return wait_until(condition, DEADLINE_S, what, still, step=0.02)


@pytest.fixture
def children(tmp_path):
    """Starts programs that are gone when the test is over."""
    started = []

    def start(name, *command, **variables):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("EGRESS_", "ORCH_", "ROUTER_", "LOG_", "RUN_ID", "INSTANCE_ID"))}
        environment.update(LOG_DIR="", LOG_FORMAT="json", LOG_LEVEL="debug", **variables)
        started.append(Child(f"{name}-{len(started)}", [str(part) for part in command], tmp_path, environment))
        return started[-1]

    yield start
    for child in reversed(started):
        if child.running():
            child.kill()


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Large enough for a stalled peer to be felt: 8 Mbit/s, a key picture each second."""
    path = tmp_path_factory.mktemp("clip") / "clip.flv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=440",
         "-t", str(SECONDS), "-vf", "noise=alls=60:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2",
         "-b:v", "8M", "-maxrate", "8M", "-bufsize", "1M", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)],
        check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="session")
def sent(clip):
    """The bodies of the clip's pictures and sounds, each in its order."""
    tags = list(flv_tags(clip))
    return {kind: [tag.body for tag in tags if tag.kind == kind and tag.body[1:2] != b"\0"] for kind in (8, 9)}


class Router:
    """On ports that it chooses itself, so that nobody else can have taken them."""

    def __init__(self, start):
        listeners = [f"--{name}-address=127.0.0.1:0" for name in ("rtmp", "rtsp", "api", "metrics")]
        self.child = start("router", os.environ["MEDIA_ROUTER"], *listeners)
        self.rtmp, self.api = (self._port(name) for name in ("RTMP", "API"))

    def _port(self, listener):
        pattern = re.compile(rf'"{listener} listening on 127\.0\.0\.1:(\d+)"')
        return wait_for(lambda: pattern.search(self.child.log.read_text()), f"{listener} of the router",
                        self.child.running).group(1)

    def url(self, path="live/test/out"):
        return f"rtmp://127.0.0.1:{self.rtmp}/{path}"

    def has(self, path="live/test/out"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/v3/paths/get/{path}", timeout=5) as answer:
                return json.loads(answer.read())["ready"]
        except OSError:
            return False


@pytest.fixture
def router(children):
    if "MEDIA_ROUTER" not in os.environ:
        pytest.skip("media-router is not built here: configure with -Dservices=media-router,media-service")
    return Router(children)


@pytest.fixture
def publish(children, router, clip):
    """Publishes the clip in real time; the router has it when the call returns."""
    def start():
        publisher = children("publisher", "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv",
                             router.url())
        wait_for(router.has, "the stream at the router", publisher.running)
        return publisher
    return start


class Forwarder:
    """A running egress-forwarder and what its control socket says."""

    def __init__(self, child, socket_path):
        self.child = child
        self.control = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self.control.connect_ex(str(socket_path)) == 0, "the control socket", child.running)
        self._lines = self.control.makefile("r")
        self._statuses = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self._lines:
                message = json.loads(line)
                if message["type"] == "status":
                    self._statuses.append(message)
        except (OSError, ValueError):
            pass

    def wait_status(self, condition, what):
        """A status of which the condition is true, of those that come from now on; one comes each second."""
        begin = len(self._statuses)

        def reached():
            return next((status for status in self._statuses[begin:] if condition(status)), None)
        return wait_for(reached, what, self.child.running)

    def log(self):
        return self.child.log.read_text(errors="replace")

    def close(self):
        try:
            self.control.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.control.close()


@pytest.fixture
def forward(children, router):
    """Starts a forwarder of the router's live/test/out."""
    folder = tempfile.mkdtemp(prefix="dub-", dir="/tmp")
    started = []

    def start(dest_url, **variables):
        child = children("forwarder", os.environ["EGRESS_FORWARDER"], **{
            "EGRESS_ENABLED": "true", "EGRESS_STREAM_ID": "test", "EGRESS_INPUT_URL": router.url(),
            "EGRESS_DEST_URL": dest_url, "EGRESS_RETRY_BASE": "100ms", "EGRESS_RETRY_MAX": "500ms",
            "ORCH_STATE_DIR": folder, **variables})
        started.append(Forwarder(child, Path(folder) / "egress" / "test.sock"))
        return started[-1]

    yield start
    for forwarder in started:
        forwarder.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def destination():
    with Destination() as one:
        yield one
