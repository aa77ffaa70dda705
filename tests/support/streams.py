"""Publishers and viewers: ffmpeg as people use it, as child processes that cannot be left behind."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .analyse import Arrival
from .processes import Child, wait_until

FFMPEG = ("ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning")


def publish(clip: Path, url: str, folder: Path, name: str = "publisher", options: tuple[str, ...] = ()) -> Child:
    """Pushes the clip once, in real time, unchanged."""
    return Child(name, [*FFMPEG, "-re", *options, "-i", str(clip), "-c", "copy", "-f", "flv", url], folder)


class Recorder:
    """A viewer that keeps what it gets: ffmpeg -c copy into a file."""

    def __init__(self, url: str, path: Path, folder: Path, name: str = "recorder", options: tuple[str, ...] = ()) -> None:
        self.path = path
        self.child = Child(name, [*FFMPEG, "-y", *options, "-i", url, "-map", "0:v", "-map", "0:a", "-c", "copy", str(path)], folder)

    def finish(self, timeout: float) -> int | None:
        """Waits for the stream's end, else makes ffmpeg close the file."""
        return self.child.finish(timeout, signal.SIGINT)


class ArrivalLog:
    """A viewer that notes when each packet comes, by the wall clock, with its hash."""

    def __init__(self, url: str, folder: Path, name: str) -> None:
        # Line by line, so that a log that has to be ended is complete.
        command = ["stdbuf", "-oL", "ffprobe", "-v", "error", "-use_wallclock_as_timestamps", "1", "-show_packets",
                   "-show_data_hash", "sha256", "-show_entries", "packet=codec_type,dts_time,data_hash",
                   "-of", "compact=p=0:nk=1", url]
        self.path = folder / f"{name}.arrivals"
        self.child = Child(name, command, folder, stdout=self.path)

    def finish(self, timeout: float) -> int | None:
        return self.child.finish(timeout, signal.SIGTERM)

    def arrivals(self, kind: str = "video") -> list[Arrival]:
        found = []
        for line in self.path.read_text().splitlines():
            fields = line.strip().split("|")
            if len(fields) == 3 and fields[0] == kind and fields[1] != "N/A":
                found.append(Arrival(float(fields[1]), fields[2]))
        return found


def playable(url: str, timeout: float = 3.0) -> bool:
    """Whether a viewer who connects now sees a picture."""
    try:
        done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", url],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and "video" in done.stdout


def first_picture(url: str, timeout: float = 5.0) -> str | None:
    """The hash of the picture with which a viewer who connects now begins."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", "%+#1", "-show_data_hash", "sha256",
               "-show_entries", "packet=data_hash", "-of", "csv=p=0", url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.split()[0].strip(",") if done.returncode == 0 and done.stdout.strip() else None


def wait_playable(url: str, timeout: float, still: Callable[[], bool] = lambda: True) -> float:
    """Waits until the url can be played; returns how long that took."""
    begin = time.monotonic()
    wait_until(lambda: playable(url), timeout, f"{url} to be playable", still)
    return time.monotonic() - begin
