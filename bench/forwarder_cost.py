#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an egress-forwarder costs beside `ffmpeg -c copy`, on the same live stream at the same time.

One stream of 6 Mbit/s (30 pictures a second, sound) is published over RTMP to a media-router. A forwarder and ffmpeg read it,
and each sends it on to a path of the same router. CPU time and context switches are counted by the kernel, from when all of
them run; nothing of their start is in it.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support.processes import Child, wait_until  # noqa: E402

CLIP_S = 10
DEADLINE_S = 60


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--also", default=[], action="append", type=Path, help="another egress-forwarder to measure beside it")
    parser.add_argument("--seconds", default=30, type=int, help="how long is measured")
    return parser.parse_args()


def make_clip(path):
    """Noise that makes a constant 6 Mbit/s of pictures."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=440",
         "-t", str(CLIP_S), "-vf", "noise=alls=60:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "6M", "-maxrate",
         "6M", "-bufsize", "1M", "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", str(path)],
        check=True, stdin=subprocess.DEVNULL)


class Router:
    def __init__(self, program, folder):
        listeners = [f"--{name}-address=127.0.0.1:0" for name in ("rtmp", "rtsp", "api", "metrics")]
        environment = {**os.environ, "LOG_DIR": "", "LOG_FORMAT": "json"}
        self.child = Child("router", [program, *listeners], folder, environment)
        self._rtmp, self._api = (self._port(name) for name in ("RTMP", "API"))

    def _port(self, name):
        pattern = re.compile(rf'"{name} listening on 127\.0\.0\.1:(\d+)"')
        return wait_until(lambda: pattern.search(self.child.log.read_text()), DEADLINE_S, name, self.child.running).group(1)

    def url(self, name):
        return f"rtmp://127.0.0.1:{self._rtmp}/live/{name}"

    def wait(self, name):
        def has():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._api}/v3/paths/get/live/{name}", timeout=5) as answer:
                    return json.loads(answer.read())["ready"]
            except OSError:
                return False
        wait_until(has, DEADLINE_S, f"live/{name}", self.child.running)


def counted(pid):
    """CPU seconds, how often its threads began to wait, resident MiB, threads."""
    cpu_ns = waits = threads = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        threads += 1
        cpu_ns += int((task / "schedstat").read_text().split()[0])
        waits += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M).group(1))
    resident = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))
    return cpu_ns / 1e9, waits, resident / 1024, threads


def start(arguments, router, folder):
    clip = folder / "clip.flv"
    make_clip(clip)
    children = [Child("publisher", ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv",
                                    router.url("in")], folder)]
    router.wait("in")
    programs = [arguments.build_dir / "apps/media-service/egress/egress-forwarder", *arguments.also]
    for number, program in enumerate(programs):
        environment = {**os.environ, "LOG_DIR": "", "EGRESS_ENABLED": "true", "EGRESS_INPUT_URL": router.url("in"),
                       "EGRESS_DEST_URL": router.url(f"out{number}")}
        children.append(Child(f"forwarder-{number}", [program], folder, environment))
        router.wait(f"out{number}")
    children.append(Child("ffmpeg", ["ffmpeg", "-v", "error", "-i", router.url("in"), "-c", "copy", "-f", "flv",
                                     router.url("ffmpeg")], folder))
    router.wait("ffmpeg")
    return children, dict(zip([str(program) for program in programs] + ["ffmpeg -c copy"], children[1:]))


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        router = Router(arguments.build_dir / "apps/media-router/media-router", folder)
        children, measured = start(arguments, router, folder)
        time.sleep(5)  # until the pictures that a new reader is given at once are through
        before = {label: counted(child.pid) for label, child in measured.items()}
        time.sleep(arguments.seconds)
        print(f"{'':60} {'CPU':>8} {'waits/s':>8} {'resident':>9} {'threads':>8}")
        for label, child in measured.items():
            cpu_s, waits, resident, threads = counted(child.pid)
            print(f"{label[-60:]:60} {100 * (cpu_s - before[label][0]) / arguments.seconds:7.2f}% "
                  f"{(waits - before[label][1]) / arguments.seconds:8.0f} {resident:5.1f} MiB {threads:8}")
        for child in reversed(children):
            child.kill()
        router.child.kill()


if __name__ == "__main__":
    main()
