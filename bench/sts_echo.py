#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The echo round trip of sts-service, beside the reference Socket.IO server (Node.js) echoing the same messages.

40 streams stay open and send a fragment of 2 s (mono, 24 kHz, base64 in JSON) every 2 s, as live speakers would. One client
program loads both servers, in turns: it is in C, on libs/socketio, because that is what a worker is, and because a client
with pauses of its own would hide what the servers do.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GOAL_P99_MS = 15
TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).resolve().parent
REFERENCE = HERE.parent / "libs/socketio/tests/interop/node_modules/socket.io"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--streams", default=40, type=int)
    parser.add_argument("--seconds", default=20, type=int, help="of each turn")
    parser.add_argument("--turns", default=2, type=int, help="of each server")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when the goal is missed")
    return parser.parse_args()


def program(build_dir, name):
    path = build_dir / name
    if not path.exists():
        sys.exit(f"sts_echo: {path} is missing: build it first (make build)")
    return path.resolve()


def environment():
    clean = {key: value for key, value in os.environ.items() if not key.startswith("STS_")}
    return clean | {"LOG_DIR": "", "LOG_FORMAT": "json"}


@contextlib.contextmanager
def running(log, *command, stdout=None):
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log,
                               env=environment(), text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def service_url(process, log):
    """From the line of its log that says where it listens."""
    while process.poll() is None:
        found = re.search(r"listening on ([\d.]+:\d+)", Path(log.name).read_text())
        if found:
            return f"http://{found.group(1)}"
    sys.exit(f"sts_echo: sts-service ended with {process.returncode}: {Path(log.name).read_text()}")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid, name):
    return int(re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def turn(load, url, process, arguments):
    """One turn: the client's figures, and the server's processor time per fragment."""
    before = cpu_seconds(process.pid)
    done = subprocess.run([load, url, str(arguments.streams), str(arguments.seconds)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"sts_echo: the client failed: {done.stderr}")
    result = json.loads(done.stdout)
    # Each stream's first fragment is answered, but not counted.
    result["cpuMs"] = (cpu_seconds(process.pid) - before) * 1000 / (result["fragments"] + arguments.streams)
    result["rssMiB"] = memory_mib(process.pid, "VmRSS")
    result["peakMiB"] = memory_mib(process.pid, "VmHWM")
    return result


def measure(arguments):
    load = program(arguments.build_dir, "bench/sts-echo-load")
    service = program(arguments.build_dir, "apps/sts-service/sts-service")
    turns = {"sts-service": [], "reference": []}
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.NamedTemporaryFile("w+", suffix=".log"))
        ours = stack.enter_context(running(log, service, "--mode", "echo", "--port", 0))
        theirs = stack.enter_context(running(log, "node", HERE / "sts_echo_reference.js", stdout=subprocess.PIPE))
        servers = {"sts-service": (ours, service_url(ours, log)), "reference": (theirs, theirs.stdout.readline().strip())}
        for _ in range(arguments.turns):
            for name, (process, url) in servers.items():
                turns[name].append(turn(load, url, process, arguments))
        theirs.stdout.close()
    return turns


def summary(turns):
    """The mean of the turns' medians and of the processor time, the worst of the rest."""
    mean = {key: sum(t[key] for t in turns) / len(turns) for key in ("p50Ms", "cpuMs")}
    worst = {key: max(t[key] for t in turns) for key in ("p99Ms", "maxMs", "rssMiB", "peakMiB", "overtaken")}
    return {"fragments": sum(t["fragments"] for t in turns)} | {k: round(v, 2) for k, v in (mean | worst).items()}


def report(results, arguments):
    columns = [("fragments", "fragments"), ("p50 ms", "p50Ms"), ("p99 ms", "p99Ms"), ("max ms", "maxMs"),
               ("CPU ms each", "cpuMs"), ("RSS MiB", "rssMiB"), ("peak", "peakMiB")]
    print(f"\n{arguments.streams} streams, a fragment of 2 s (128000 characters of base64) each 2 s; {arguments.turns} turns of "
          f"{arguments.seconds} s; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<13}" + "".join(f"{title:>13}" for title, _ in columns))
    for name, result in results.items():
        print(f"{name:<13}" + "".join(f"{result[key]:>13}" for _, key in columns))
    ours, theirs = results["sts-service"], results["reference"]
    print(f"{'ratio':<13}{'':>13}" + "".join(f"{ours[key] / max(theirs[key], 0.01):>13.2f}" for _, key in columns[1:]))
    held = ours["p99Ms"] < GOAL_P99_MS and ours["overtaken"] == 0
    print(f"goal: p99 under {GOAL_P99_MS} ms: {'held' if held else 'missed'}")
    return held


def main():
    arguments = parse_arguments()
    if not shutil.which("node") or not REFERENCE.is_dir():
        sys.exit("sts_echo: the reference server is not there: run make setup")
    results = {name: summary(turns) for name, turns in measure(arguments).items()}
    held = report(results, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if held or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
