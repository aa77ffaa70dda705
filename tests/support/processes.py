"""Child processes with a log each, that end when we end; and waiting for conditions with a deadline."""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PORT_RANGE = (20000, 32000)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class StartFailed(Exception):
    """A program did not come up; the message holds the end of its log."""


def _begin() -> None:
    """In the child: it ends when we do, and a SIGINT reaches it also where a script has started us in the background."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Child:
    """One process. Its stderr (and stdout, where no file is given for that) goes to <folder>/<name>.log.

    A Child belongs to the thread that made it: the kernel ends it when that thread ends.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, env: dict[str, str] | None = None,
                 stdout: Path | None = None, cwd: Path | None = None) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log = folder / f"{name}.log"
        folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log, open(stdout, "wb") if stdout else open(os.devnull, "wb") as output:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output if stdout else log, stderr=log, env=env, cwd=cwd,
                start_new_session=True, preexec_fn=_begin)

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: int) -> None:
        if self.running():
            self.process.send_signal(number)

    def wait(self, timeout: float) -> int:
        return self.process.wait(timeout)

    def finish(self, timeout: float, number: int = signal.SIGTERM, grace: float = 5.0) -> int | None:
        """Waits for a natural end; then asks with a signal, then kills. The exit code, None when it was killed."""
        for step in (lambda: None, lambda: self.send(number)):
            step()
            try:
                return self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                timeout = grace
        self.kill()
        return None

    def stop(self, grace: float = 10.0) -> int | None:
        """SIGTERM, and SIGKILL after grace. The exit code, None when it had to be killed."""
        self.send(signal.SIGTERM)
        return self.finish(grace, signal.SIGKILL, 1.0)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait(10)

    def tail(self, lines: int = 12) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def complaint(self) -> str:
        """What its log calls an error, each once; the end of the log where that says nothing of the kind."""
        found = [record["message"] for record in map(_record, self.tail(200).splitlines()) if record.get("level") == "error"]
        return "\n".join(f"  {message}" for message in dict.fromkeys(found)) or self.tail()


def _record(line: str) -> dict:
    """A line of a log that is JSON, else nothing."""
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError):
        return {}


def resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def wait_until(condition: Callable[[], object], timeout: float, what: str,
               still: Callable[[], bool] = lambda: True, step: float = 0.05) -> object:
    """Polls until the condition is true and returns its value; TimeoutError says what was waited for.

    still() turning false means that it can no longer happen.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        if not still():
            raise TimeoutError(f"waited for {what}, which can no longer happen")
        time.sleep(step)
    raise TimeoutError(f"waited {timeout:.0f} s for {what}")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now, under the range that the kernel gives to clients."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(*PORT_RANGE)
        if port not in ports and port_is_free("127.0.0.1", port):
            ports.append(port)
    return ports


def port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
