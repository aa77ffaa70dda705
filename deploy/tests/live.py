"""A stream through a tested machine: published by this machine's ffmpeg, watched through media-service."""
import json
import subprocess

import machine as _machine  # noqa: F401  (puts tests/ on the path)
from support.processes import Child, wait_until
from support.sample import SENTENCES, Recipe, make_sample
from support.streams import FFMPEG

PUBLISH = "rtmp://127.0.0.1:1935/live/demo/in?lang=es"
PLAY = "rtmp://127.0.0.1:1935/live/demo/out"


def make_clip(folder):
    """20 s of test picture with three English sentences."""
    recipe = Recipe(duration=20.0, width=320, height=240, fps=25, sentences=SENTENCES[:3], first_speech=2.0)
    return make_sample(folder / "clip.mp4", recipe).path


class Publisher:
    """Publishes the clip over and over into the machine."""

    def __init__(self, machine, clip, folder, url=PUBLISH):
        self.child = Child("publisher", machine.in_network(*FFMPEG, "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv",
                                                           url), folder)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.child.kill()


def stream(machine):
    """What media-service says of the stream; empty when it says nothing."""
    done = machine.sh("curl -fsS http://127.0.0.1:8080/api/v1/streams/demo", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def wait_dubbed(machine, phrases=1):
    """Until the stream runs and so many phrases have been dubbed."""
    def dubbed():
        found = stream(machine)
        return found if found.get("state") == "running" and found["phrases"]["dubbed"] >= phrases else None
    return wait_until(dubbed, 120, f"{phrases} dubbed phrases", step=0.3)


def packet_hashes(machine, source, seconds=0):
    """The hashes of a source's video packets, from a file of this machine or a stream of the tested one."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", *(["-read_intervals", f"%+{seconds}"] if seconds else []),
               "-show_data_hash", "sha256", "-show_entries", "packet=data_hash", "-of", "csv=p=0", str(source)]
    out = subprocess.run(machine.in_network(*command), check=True, capture_output=True, text=True, timeout=60).stdout
    return [line.strip(",") for line in out.split()]
