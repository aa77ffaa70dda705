"""A worker that takes its input from the router's RTSP and gives its output back by RTSP; who watches by RTMP sees the
publisher's pictures, none missing and none changed."""
import subprocess
import threading

import pytest

from support.processes import Child, wait_until
from support.streams import FFMPEG


def pictures(source, done=None):
    """Hashes of the decoded pictures, in the order in which they are shown; of a live stream, until it ends."""
    command = [*FFMPEG, "-i", str(source), "-map", "0:v", "-fps_mode", "passthrough", "-f", "framehash", "-hash", "md5", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    found = [line.split(",")[5].strip() for line in text.splitlines() if line and not line.startswith("#")]
    if done is not None:
        done.extend(found)
    return found


@pytest.fixture
def peer(tmp_path):
    started = []

    def start(name, *command):
        started.append(Child(name, [str(part) for part in command], tmp_path))
        return started[-1]

    yield start
    for child in started:
        child.stop()


@pytest.mark.slow
def test_in_and_out_by_rtsp(make_stack, peer, short_sample):
    stack = make_stack().start("media-router")
    rtsp, seen = "rtsp://{}:{}/live/rtsp".format(*stack.layout.listener("rtsp")), []
    publisher = peer("publisher", *FFMPEG, "-re", "-stream_loop", "1", "-i", short_sample.path, "-c", "copy", "-f", "rtsp",
                     "-rtsp_transport", "tcp", f"{rtsp}/a")
    stack.wait_path("live/rtsp/a", 20)
    worker = peer("worker", stack.layout.programs["media-worker"], "--input-url", f"{rtsp}/a", "--output-url", f"{rtsp}/b",
                  "--stream-id", "rtsp", "--sts-mode", "disabled", "--input-grace", "4s")
    wait_until(lambda: stack.path_ready("live/rtsp/b"), 30, "the worker's output", worker.running)
    watcher = threading.Thread(target=pictures, args=(stack.layout.rtmp("live/rtsp/b"), seen))
    watcher.start()
    assert publisher.wait(60) == 0, publisher.tail()
    assert worker.wait(30) == 10, worker.tail()  # nobody publishes any more
    watcher.join(60)
    clip = pictures(short_sample.path)
    start = clip.index(seen[0])
    assert len(seen) > len(clip) / 2
    assert seen == (clip * 3)[start:start + len(seen)]
