"""What the router's tests with real peers share: the running program, samples made by ffmpeg, their packets."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.request

DEADLINE = 20.0
LISTENING = {"rtmp": r"RTMP listening on \S*:(\d+)", "rtsp": r"RTSPS? listening on \S*:(\d+)", "api": r"API listening on \S*:(\d+)",
             "metrics": r"metrics listening on \S*:(\d+)"}


def wait_until(what, condition, deadline=DEADLINE):
    """The first true value of condition(); fails when there is none in time."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {deadline} s in vain for {what}"
        time.sleep(0.02)


class Router:
    """A running media-router. Its log is in log_path; arguments are flags and a configuration file's text."""

    def __init__(self, program, folder, yaml=None, env=None):
        self.log_path = folder / "router.log"
        command = [str(program), "--rtmp-address", "127.0.0.1:0", "--rtsp-address", "127.0.0.1:0", "--api-address", "127.0.0.1:0",
                   "--metrics-address", "127.0.0.1:0", "--log-dir", "", "--log-format", "text"]
        if yaml is not None:
            (folder / "router.yml").write_text(yaml)
            command += ["--config", str(folder / "router.yml")]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env={**os.environ, **(env or {})})
        self.ports = {name: self._port(pattern) for name, pattern in LISTENING.items()}

    def log(self):
        return self.log_path.read_text(errors="replace")

    def _port(self, pattern):
        def find():
            assert self.process.poll() is None, self.log()
            return re.search(pattern, self.log())
        return int(wait_until(pattern, find).group(1))

    def port(self, name):
        """The port of a listener that not every configuration has: "RTMPS"."""
        return self._port(name + r" listening on \S*:(\d+)")

    def url(self, path):
        return f"rtmp://127.0.0.1:{self.ports['rtmp']}/{path}"

    def api(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['api']}{path}", timeout=5) as answer:
            return json.load(answer)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['metrics']}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def path(self, name):
        """The path as the Control API shows it, None while there is none."""
        return next((p for p in self.api("/v3/paths/list")["items"] if p["name"] == name), None)

    def wait_ready(self, name):
        return wait_until(f"{name} ready", lambda: (p := self.path(name)) and p["ready"] and p)

    def wait_gone(self, name):
        wait_until(f"{name} gone", lambda: not ((p := self.path(name)) and p["ready"]))

    def wait_log(self, text):
        wait_until(text, lambda: text in self.log())

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)


def make_sample(path, *options):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y",
                    "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6",
                    "-f", "lavfi", "-i", "anoisesrc=color=pink:seed=7:amplitude=0.3:sample_rate=48000:duration=6",
                    "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p",
                    "-c:a", "aac", *options, str(path)], check=True)
    return path


def packets(path, kind):
    """[(dts in ms, hash of the bytes)] of the first "v"ideo or "a"udio stream."""
    text = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", str(path), "-map", f"0:{kind}:0", "-c",
                           "copy", "-f", "framehash", "-hash", "sha256", "-"], check=True, capture_output=True,
                          text=True).stdout
    base = re.search(r"^#tb 0: (\d+)/(\d+)", text, re.MULTILINE)
    to_ms = 1000 * int(base.group(1)) / int(base.group(2))
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return [(round(int(row[1]) * to_ms), row[5].strip()) for row in rows]


def assert_continues(sent, seen, complete=False):
    """seen is a run of sent without a hole up to its last packet, with the same distances in time."""
    assert seen
    hashes = [h for _, h in sent]
    start = len(sent) - len(seen)
    assert [h for _, h in seen] == hashes[start:], "packets are missing or changed"
    shifts = {b[0] - a[0] for a, b in zip(sent[start:], seen)}
    assert len(shifts) == 1, f"timestamps moved by {shifts}"
    if complete:
        assert start == 0
    return start
