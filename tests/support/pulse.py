"""How late the machine itself wakes somebody who sleeps: measured beside a run, so that what the machine could not do is
not laid to the programs under test."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

STEP = 0.01
NOTED = 0.01      # seconds late, from which on it is written down


@dataclass(frozen=True)
class Pause:
    """Nobody was woken from start to end, wall clock seconds."""

    start: float
    end: float


class Pulse:
    """Wakes every STEP seconds on a thread of its own, and keeps the pauses in which it was not woken."""

    def __init__(self) -> None:
        self._pauses: list[Pause] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def stop(self) -> list[Pause]:
        self._stop.set()
        self._thread.join()
        return self._pauses

    def _beat(self) -> None:
        while not self._stop.is_set():
            due = time.time() + STEP
            time.sleep(STEP)
            now = time.time()
            if now > due + NOTED:
                self._pauses.append(Pause(due, now))
