#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sts-service adds to the time that its engines take.

A worker's view: the round trip of a fragment over Socket.IO, less what the engines took for that fragment, less what it
waited for an engine that was busy with another (that is capacity, not overhead). The reference is the same engines called
one after the other in a loop in C (sts-engine-loop): no sockets, no JSON, no threads. Mock engines take a known time, so
that nothing hides in what an engine says about itself; the real ones are those of the distribution. The largest value stands
beside the p99, which of few fragments is little else; and the processor time per fragment, which does not depend on what else
runs: of mock engines, which sleep, it is what the service itself does.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sts_run import MOCK_MS, end_on_sigterm, engines, environment, make_speech, make_tone, percentile, program, service

GOAL_P99_MS = 10
STREAMS = (1, 3, 10)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--fragments", default=200, type=int, help="of each measurement")
    parser.add_argument("--only", choices=("mock", "real"), help="these engines alone")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when the goal is missed")
    return parser.parse_args()


def run(command, variables):
    done = subprocess.run([str(part) for part in command], env=environment(variables), capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"sts_pipeline: {command[0]} failed: {done.stderr[-2000:]}")
    return [line.split() for line in done.stdout.splitlines()]


def figures(rows, cpu_s):
    """rows: (whole, engines, wait) in ms per fragment; cpu_s: processor time of all of them."""
    added = [whole - took - wait for whole, took, wait in rows]
    return {"fragments": len(rows), "engines50": percentile([row[1] for row in rows], 50),
            "wait99": percentile([row[2] for row in rows], 99), "whole50": percentile([row[0] for row in rows], 50),
            "added50": percentile(added, 50), "added95": percentile(added, 95),
            "added99": percentile(added, 99), "addedMax": max(added, default=float("nan")),
            "cpu": 1000 * cpu_s / max(1, len(rows))}


def engine_time(mock, timings):
    return sum(MOCK_MS.values()) if mock else sum(map(int, timings))


def helpers(build_dir):
    """Where the loop finds the synthesiser's helper, which stands beside the service."""
    return {"PATH": f"{program(build_dir, 'apps/sts-service/sts-espeak').parent}:{os.environ['PATH']}"}


def reference(arguments, mock, clips, rate):
    loop = program(arguments.build_dir, "bench/sts-engine-loop")
    before = os.times()
    lines = run([loop, rate, arguments.fragments, *clips], engines(mock) | helpers(arguments.build_dir))
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return figures([(int(line[0]) / 1000, engine_time(mock, line[1:4]), 0) for line in lines], cpu_s)


def cpu_seconds(pid):
    """User and system time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def waits(folder):
    """By fragment, from the lineage that the service keeps for us: ms that it stood in a queue."""
    found = {}
    for path in folder.glob("*/*.json"):
        entry = json.loads(path.read_text())
        found[entry["fragment_id"]] = sum(stage["waited_ms"] for stage in entry["stages"].values())
    return found


def loaded(arguments, mock, clips, rate, n_streams):
    """Streams that send one fragment at a time, so seldom that the engines keep up."""
    interval_ms = 400 if mock else 1500 * max(1, n_streams / 2)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        variables = engines(mock) | {"STS_ARTIFACT_DIR": folder} | ({"STS_ASR_WORKERS": "16"} if mock else {})
        with service(arguments.build_dir, log, variables) as (process, url):
            before = cpu_seconds(process.pid)
            lines = run([program(arguments.build_dir, "bench/sts-load"), "--streams", n_streams, "--fragments",
                         arguments.fragments + n_streams, "--interval-ms", int(interval_ms), "--rate", rate, url, *clips], {})
            cpu_s = cpu_seconds(process.pid) - before
        waited = waits(Path(folder))
    # Each stream's first fragment finds the engines cold.
    rows = [(int(line[1]) / 1000, engine_time(mock, line[2:5]), waited.get(line[0], 0)) for line in lines[n_streams:]]
    return figures(rows, cpu_s)


def measure(arguments):
    with tempfile.TemporaryDirectory() as folder:
        speech, rate = make_speech(Path(folder))
        for mock in (True, False):
            if arguments.only and mock != (arguments.only == "mock"):
                continue
            clips = make_tone(Path(folder), rate) if mock else speech
            name = "mock" if mock else "real"
            yield f"{name}, in a loop", reference(arguments, mock, clips, rate)
            for n_streams in STREAMS:
                label = f"{name}, {n_streams} stream{'s' if n_streams > 1 else ''}"
                yield label, loaded(arguments, mock, clips, rate, n_streams)


def main():
    end_on_sigterm()
    arguments = parse_arguments()
    columns = [("fragments", "fragments"), ("engines p50", "engines50"), ("wait p99", "wait99"), ("whole p50", "whole50"),
               ("added p50", "added50"), ("added p95", "added95"), ("added p99", "added99"), ("added max", "addedMax"),
               ("CPU", "cpu")]
    print(f"times in ms; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<18}" + "".join(f"{title:>13}" for title, _ in columns), flush=True)
    results = {}
    for name, result in measure(arguments):
        results[name] = {key: round(value, 2) for key, value in result.items()}
        print(f"{name:<18}" + "".join(f"{results[name][key]:>13}" for _, key in columns), flush=True)
    held = all(result["added99"] < GOAL_P99_MS for result in results.values())
    print(f"goal: added p99 under {GOAL_P99_MS} ms: {'held' if held else 'missed'}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if held or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
