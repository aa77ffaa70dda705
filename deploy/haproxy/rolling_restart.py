#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts the instances behind HAProxy one after the other, over its runtime socket.

Each is taken out (drain: no new sessions), restarted by the command given, which returns when the old process has ended, and
put back when HAProxy's health check has seen the new one. An instance that is told to stop answers what its streams have in
flight and sends them on, to the instances that are left. The first one that does not come back ends everything: the
others go on serving.
"""

from __future__ import annotations

import argparse
import csv
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

POLL_SECONDS = 0.2
ANSWER_SECONDS = 10.0


class Failed(Exception):
    """The message says what is wrong and what to do."""


class Runtime:
    """HAProxy's runtime socket: one connection a command."""

    def __init__(self, path: str) -> None:
        self.path = path

    def ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(ANSWER_SECONDS)
                peer.connect(self.path)
                peer.sendall(command.encode() + b"\n")
                return b"".join(iter(lambda: peer.recv(65536), b"")).decode()
        except OSError as error:
            raise Failed(f"{self.path}: {error.strerror or error}: is HAProxy running, is this its `stats socket`, and may you "
                         "use it (root, or the group of the socket)?") from error

    def tell(self, command: str) -> None:
        """A command that says nothing when it is obeyed."""
        answer = self.ask(command).strip()
        if answer:
            raise Failed(f"HAProxy refuses `{command}`: {answer}")

    def servers(self, backend: str) -> dict[str, dict[str, str]]:
        """The rows of `show stat` for the backend's servers, by name; in HAProxy's order."""
        lines = self.ask("show stat").removeprefix("# ").splitlines()
        rows = {row["svname"]: row for row in csv.DictReader(lines) if row["pxname"] == backend}
        if not rows:
            raise Failed(f"HAProxy has no backend {backend}: name it with --backend")
        return {name: row for name, row in rows.items() if name not in ("FRONTEND", "BACKEND")}


def is_serving(row: dict[str, str]) -> bool:
    """It is healthy and gets new sessions."""
    return row["status"].startswith("UP")


def wait_back(runtime: Runtime, backend: str, name: str, seconds: float) -> None:
    """Until the health check has seen it again. It is in drain, so that its healthy state is called DRAIN."""
    deadline = time.monotonic() + seconds
    while True:
        row = runtime.servers(backend)[name]
        if row["status"].startswith("DRAIN"):
            return
        if time.monotonic() > deadline:
            raise Failed(f"{name} did not come back within {seconds:.0f} s (HAProxy says {row['status']}, its check "
                         f"{row['check_status'] or 'has not run'} {row['check_code']}): the others serve, and it joins them when it "
                         "is ready. Look at its log, then go on with --servers")
        time.sleep(POLL_SECONDS)


def run_restart(command: str) -> None:
    done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Failed(f"`{command}` ended with code {done.returncode}")


def restart_one(runtime: Runtime, backend: str, name: str, restart: Callable[[], None], seconds: float) -> None:
    server = f"{backend}/{name}"
    runtime.tell(f"set server {server} state drain")
    try:
        restart()
        # What the check saw last was the old process.
        runtime.tell(f"set server {server} health down")
        wait_back(runtime, backend, name, seconds)
    finally:
        # However it went: from here on HAProxy's check alone decides whether it serves.
        runtime.tell(f"set server {server} state ready")


def check_before(servers: dict[str, dict[str, str]], chosen: list[str]) -> None:
    unknown = [name for name in chosen if name not in servers]
    if unknown:
        raise Failed(f"no server {', '.join(unknown)} in the backend; there are {', '.join(servers)}")
    for name in chosen:
        if not any(is_serving(row) for other, row in servers.items() if other != name):
            raise Failed(f"nobody would be left while {name} restarts: " +
                         ", ".join(f"{other} is {row['status']}" for other, row in servers.items()) +
                         ". Bring another one up first")


def roll(runtime: Runtime, options: argparse.Namespace) -> None:
    servers = runtime.servers(options.backend)
    chosen = options.servers.split(",") if options.servers else list(servers)
    check_before(servers, chosen)
    for place, name in enumerate(chosen):
        if servers[name]["status"].startswith("MAINT"):
            print(f"{name}: in maintenance by somebody's wish, left alone", flush=True)
            continue
        if place:
            time.sleep(options.settle)
            check_before(runtime.servers(options.backend), [name])
        sessions = runtime.servers(options.backend)[name]["scur"]
        print(f"{name}: taken out with {sessions} sessions", flush=True)
        began = time.monotonic()
        command = options.restart.replace("{server}", name)
        restart_one(runtime, options.backend, name, lambda: run_restart(command), options.timeout)
        print(f"{name}: back after {time.monotonic() - began:.1f} s", flush=True)


def interrupt(*_: object) -> None:
    """As Ctrl-C, which is ignored where a script has started this in the background."""
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--restart", required=True, metavar="COMMAND",
                        help="restarts one instance and returns when the old process has ended; {server} is its name, as in "
                             "'ssh {server} systemctl restart live-dubbing-sts'")
    parser.add_argument("--socket", default="/run/haproxy/admin.sock", help="HAProxy's stats socket (%(default)s)")
    parser.add_argument("--backend", default="sts", help="(%(default)s)")
    parser.add_argument("--servers", default="", help="names, separated by commas; all of the backend without it")
    parser.add_argument("--timeout", type=float, default=120.0,
                        help="seconds for an instance to be ready again, models loaded (%(default)s)")
    parser.add_argument("--settle", type=float, default=10.0, help="seconds between two instances (%(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    try:
        roll(Runtime(options.socket), options)
    except Failed as error:
        print(f"rolling_restart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rolling_restart: interrupted; who was out is back, as far as it is ready", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
