#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of sts-service over 24 simulated hours of fragments, as fast as they go, reconnects included.

A live speaker makes a fragment about every 4 s, so a day has some 20000. Mock engines take most of them, the engines of the
distribution a stretch. Streams vanish with fragments in flight and come back, as workers do that are restarted. Resident
memory is sampled along the way; the first tenth is warm-up, what counts is the growth after it. The reference is the same
service before: its own memory at the end of the warm-up. "Floor" is the least of each quarter: what is in flight comes and
goes, what leaks stays under it.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sts_run import end_on_sigterm, engines, make_speech, program, service

DAY_FRAGMENTS = 20000
GOAL_MIB = 4
STREAMS = 4
WINDOW = 3
RECONNECT_EVERY = 25
SAMPLES = 200


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--fragments", default=DAY_FRAGMENTS, type=int, help="with mock engines")
    parser.add_argument("--real", default=None, type=int, help="with the real engines (default: a fiftieth as many)")
    parser.add_argument("--artifacts", action="store_true", help="keep lineage, too, in a folder of 64 MiB")
    parser.add_argument("--json", type=Path, help="also write the numbers and all samples to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when memory grows by more than the goal")
    return parser.parse_args()


def memory_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def slope(samples):
    """MiB per 1000 fragments, least squares."""
    n = len(samples)
    if n < 2:
        return 0.0
    mean_x, mean_y = (sum(sample[i] for sample in samples) / n for i in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return 1000 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread


def floors(samples):
    """The least of each quarter, in MiB."""
    n = len(samples)
    return [round(min(m for _, m in samples[n * i // 4:n * (i + 1) // 4]), 1) for i in range(4)] if n >= 4 else []


def load(arguments, process, url, clips, rate, n_fragments):
    """(samples of (answers, MiB), counts by status and, of failures, stage and code)."""
    command = [program(arguments.build_dir, "bench/sts-load"), "--streams", STREAMS, "--window", WINDOW, "--fragments",
               n_fragments, "--reconnect-every", RECONNECT_EVERY, "--rate", rate, url, *clips]
    samples, statuses = [], {}
    every = max(1, n_fragments // SAMPLES)
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True) as client:
        for n, line in enumerate(client.stdout, 1):
            status = " ".join(line.split()[5:])
            statuses[status] = statuses.get(status, 0) + 1
            if n % every == 0:
                samples.append((n, memory_mib(process.pid)))
    if client.returncode != 0:
        sys.exit("sts_soak: the client failed")
    return samples, statuses


def soak(arguments, mock, n_fragments):
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        clips, rate = make_speech(Path(folder))
        variables = engines(mock, slow=False)
        if arguments.artifacts:
            variables |= {"STS_ARTIFACT_DIR": f"{folder}/artifacts", "STS_ARTIFACT_MAX_BYTES": "64MiB"}
        with service(arguments.build_dir, log, variables) as (process, url):
            begun = time.monotonic()
            samples, statuses = load(arguments, process, url, clips, rate, n_fragments)
            seconds = time.monotonic() - begun
    warm = [sample for sample in samples if sample[0] > n_fragments // 10]
    return {"fragments": n_fragments, "seconds": round(seconds, 1), "statuses": statuses,
            "reconnects": n_fragments // RECONNECT_EVERY, "warmMiB": warm[0][1], "maxMiB": max(m for _, m in warm),
            "endMiB": warm[-1][1], "grownMiB": round(warm[-1][1] - warm[0][1], 2),
            "slopeMiBPer1000": round(slope(warm), 4), "floorsMiB": floors(samples), "samples": samples}


def main():
    end_on_sigterm()
    arguments = parse_arguments()
    n_real = arguments.fragments // 50 if arguments.real is None else arguments.real
    results = {}
    print(f"{STREAMS} streams, {WINDOW} fragments in flight each, a reconnect after {RECONNECT_EVERY}; {os.cpu_count()} cores")
    print(f"{'':<7}{'fragments':>10}{'reconnects':>11}{'seconds':>9}{'warm MiB':>10}{'max':>8}{'end':>8}{'grown':>8}"
          f"{'per 1000':>10}  answers")
    for name, n_fragments in (("mock", arguments.fragments), ("real", n_real)):
        if n_fragments < 20:
            continue
        result = results[name] = soak(arguments, name == "mock", n_fragments)
        print(f"{name:<7}{n_fragments:>10}{result['reconnects']:>11}{result['seconds']:>9}{result['warmMiB']:>10.1f}"
              f"{result['maxMiB']:>8.1f}{result['endMiB']:>8.1f}{result['grownMiB']:>8}{result['slopeMiBPer1000']:>10}  "
              f"{result['statuses']}\n{'':<7}floor of each quarter: {result['floorsMiB']} MiB", flush=True)
    held = all(result["grownMiB"] <= GOAL_MIB for result in results.values())
    print(f"goal: no more than {GOAL_MIB} MiB after the first tenth: {'held' if held else 'missed'}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if held or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
