"""One stream as its publisher and its viewers see it: published, watched on both sides, recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .processes import Child, StartFailed, wait_until
from .pulse import Pulse
from .report import Evidence
from .rtmp_raw import PlannedPublisher
from .sample import Sample
from .stack import Stack
from .streams import ArrivalLog, Recorder, publish

INPUT_SECONDS = 10.0       # from connecting to a ready input
OUTPUT_SECONDS = 20.0      # from publishing to a playable output, on a machine that is busy


class Broadcast:
    """Use as a context manager: its ffmpeg processes end with it.

    The viewers connect as soon as the output is there, so that the recording holds the stream from its beginning.
    """

    def __init__(self, stack: Stack, stream: str, sample: Sample, folder: Path, latency: float = 3.0,
                 max_lag: float = 2.0, query: str = "", watch_arrivals: bool = True,
                 publisher: Callable[[], Child | PlannedPublisher] | None = None, container: str = "mp4") -> None:
        self.stack, self.stream, self.sample, self.folder = stack, stream, sample, folder
        self.latency, self.max_lag, self.query = latency, max_lag, query
        self.watch_arrivals, self.container = watch_arrivals, container
        self._publisher = publisher or self._ffmpeg
        self.ledger: list[dict] = []
        self.began = 0.0
        self._pulse: Pulse | None = None
        self._children: list[Child | PlannedPublisher] = []

    def __enter__(self) -> "Broadcast":
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._pulse:
            self._pulse.stop()
        for child in self._children:
            child.stop(3.0)

    @property
    def recording(self) -> Path:
        return self.folder / f"{self.stream}-out.{self.container}"

    def _ffmpeg(self) -> Child:
        return publish(self.sample.path, self.stack.url(self.stream, "in") + self.query, self.folder,
                       f"{self.stream}-publisher")

    def publish(self) -> Child | PlannedPublisher:
        """Starts the publisher and waits until the router has taken the stream."""
        self.publisher = self._keep(self._publisher())
        self.began = time.monotonic()
        wait_until(lambda: self.stack.path_ready(f"live/{self.stream}/in"), INPUT_SECONDS,
                   f"the router to take live/{self.stream}/in", self.publisher.running)
        return self.publisher

    def start(self) -> "Broadcast":
        """Publishes, and begins to watch and to record."""
        self.publish()
        return self.watch()

    def watch(self) -> "Broadcast":
        """Begins to watch and to record what is published."""
        self._pulse = Pulse()
        if self.watch_arrivals:
            self.entered = ArrivalLog(self.stack.url(self.stream, "in"), self.folder, f"{self.stream}-viewer-in")
            self._keep(self.entered.child)
        wait_until(lambda: self.stack.path_ready(f"live/{self.stream}/out"), OUTPUT_SECONDS,
                   f"live/{self.stream}/out to be there", self.publisher.running)
        self.recorder = Recorder(self.stack.url(self.stream, "out"), self.recording, self.folder,
                                 f"{self.stream}-recorder")
        self._keep(self.recorder.child)
        if self.watch_arrivals:
            self.left = ArrivalLog(self.stack.url(self.stream, "out"), self.folder, f"{self.stream}-viewer-out")
            self._keep(self.left.child)
        return self

    def sleep_until(self, seconds: float) -> None:
        """Until the publisher has sent that much of the sample: things happen on the stream's clock."""
        time.sleep(max(0.0, self.began + seconds - time.monotonic()))

    def finish(self, on_phrase: Callable[[dict], None] = lambda line: None, linger: float = 25.0) -> Evidence:
        """Waits until all is published and the recording has ended; collects the ledger meanwhile."""
        shown = 0
        ended_at = None
        while ended_at is None or (self.recorder.child.running() and time.monotonic() < ended_at + linger):
            self.ledger = self.stack.phrases(self.stream) or self.ledger
            for line in self.ledger[shown:]:
                on_phrase(line)
            shown = max(shown, len(self.ledger))
            if ended_at is None and not self.publisher.running():
                if self.publisher.finish(1.0) != 0:
                    raise StartFailed(f"the publisher failed:\n{self.publisher.tail()}")
                ended_at = time.monotonic()
            time.sleep(0.2)
        return self._evidence()

    def _evidence(self) -> Evidence:
        self.recorder.finish(3.0)
        entered = left = []
        if self.watch_arrivals:
            self.entered.finish(3.0)
            self.left.finish(3.0)
            entered, left = self.entered.arrivals(), self.left.arrivals()
        if not self.recording.exists():
            raise StartFailed(f"nothing was recorded; the recorder says:\n{self.recorder.child.tail()}")
        return Evidence(self.sample, self.recording, self.ledger, entered, left, self.latency, self.max_lag,
                        pauses=self._pulse.stop() if self._pulse else [])

    def _keep(self, child: Child | PlannedPublisher) -> Child | PlannedPublisher:
        self._children.append(child)
        return child
