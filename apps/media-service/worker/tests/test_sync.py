# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker says of sound against picture, on a publisher whose sound leaves its place in mid-stream."""
import os

import pytest

import clips
from conftest import Control

OFF_MS = 7
OFF_AFTER_MS = 6000
pytestmark = pytest.mark.skipif("MEDIA_ROUTER" not in os.environ, reason="media-router is not built here")


@pytest.fixture
def status(programs, worker, router, tmp_path):
    """The next status of a worker on such a stream."""
    clip = tmp_path / "clip.flv"
    clips.make_flash_beep(clip, seconds=25)
    programs("publisher", "ffmpeg", "-v", "error", "-re", "-i", clip, "-c", "copy", "-bsf:a",
             f"setts=ts=PTS+{OFF_MS}*gte(PTS\\,{OFF_AFTER_MS})", "-f", "flv", router.url("in"))
    state = tmp_path / "state"
    worker(router.url("in"), router.url("out"), "--latency", "2s", "--stream-id", "test", "--state-dir", state)
    control = Control(state / "workers" / "test.sock")
    yield lambda: control.read("status")
    control.close()


def test_error_is_measured_at_the_output_and_slewed_away(status):
    for _ in range(20):
        last = status()
        if last["state"] == "running" and last["delayMs"] > 0:
            break
    seen = [last["avSyncDeltaMs"]] + [status()["avSyncDeltaMs"] for _ in range(16)]
    assert abs(seen[0]) < 1
    assert -OFF_MS - 1 <= min(seen) <= -OFF_MS / 2, seen
    # The slew of 0.5 ms a second has begun to take it away.
    assert seen[-1] > min(seen) + 0.5, seen
