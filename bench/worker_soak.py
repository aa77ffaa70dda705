#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One live stream in real time, with a random fault every few seconds; was anything of it seen, heard or left behind?

The whole stack runs; a clip without end is published, the output is recorded all the time. Meanwhile the sts-service is
killed, frozen, exchanged for one that lies, the publisher goes and comes back (within the grace period, with other
timestamps), the router throws the worker's output out. Afterwards recordings, ledger and measures must fit together:
worker_soak_checks.py says how. Exits 1 when something does not hold; --seed repeats a run.
"""
import argparse
import json
import random
import signal
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import worker_soak_checks as checks  # noqa: E402  (beside this file)
from support import loop, metrics  # noqa: E402  (needs the path above)
from support.hostile_sts import BEHAVIOURS, HONEST, Hostile  # noqa: E402
from support.processes import wait_until  # noqa: E402
from support.rtmp_raw import PlannedPublisher  # noqa: E402
from support.socketio_monitor import Monitor  # noqa: E402
from support.stack import Layout, Ports, Stack, find_programs, http_json  # noqa: E402
from support.streams import Recorder  # noqa: E402

STREAM = "soak"
LATENCY_S, MAX_LAG_S = 3.0, 2.0
GRACE_S = 30
CALM_S = 25.0            # without faults, before and after; not less than a fifth of a short run
PAUSE_S = (2.0, 6.0)     # between two faults
CLOCK = {"worker_delay_ms": "delay_ms", "worker_dub_lag_ms": "lag_ms", "worker_av_sync_delta_ms": "av_ms",
         "worker_sts_reconnects_total": "sts_reconnects", "worker_input_reconnects_total": "input_reconnects",
         "worker_output_reconnects_total": "output_reconnects", "media_service_worker_restarts_total": "restarts"}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--minutes", default=20.0, type=float, help="how long")
    parser.add_argument("--seed", type=int, help="of the faults; made up and printed without it")
    parser.add_argument("--delay-slack", default=20.0, type=float, help="ms that D may be off; 20 is what is promised")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--keep", type=Path, help="keep logs and recordings in this folder")
    return parser.parse_args()


@dataclass
class History:
    """What was done and seen; seconds since the beginning."""

    samples: list[dict] = field(default_factory=list)            # once a second
    faults: list[tuple[float, str, float]] = field(default_factory=list)     # when, what, how long
    out_ready: list[tuple[float, bool]] = field(default_factory=list)        # changes of the output's path
    recordings: list[Path] = field(default_factory=list)
    workers: set[int] = field(default_factory=set)
    ledger: list[dict] = field(default_factory=list)
    phrases_counted: dict[str, float] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)       # fragments, as they passed on their way to the service

    def durations(self, what):
        return [seconds for _, name, seconds in self.faults if name == what]


class Soak:
    """Runs the stack; everything happens on the caller's thread, between the ticks of sleep()."""

    def __init__(self, stack, monitor, clip, folder, seed):
        self.stack, self.monitor, self.clip, self.folder = stack, monitor, clip, folder
        self.random = random.Random(seed)
        self.history = History()
        self.service = Hostile(stack.layout.ports.sts, folder)
        self.is_hostile = True
        self.bag = []
        self.recorder = None
        self.worker = None
        self.began = self.next_sample = time.monotonic()

    # -- the run

    def run(self, seconds):
        calm = min(CALM_S, seconds / 5)
        self.service.start()
        self.publish()
        self.worker = wait_until(lambda: self.stack.worker_pid(STREAM), 15, "the worker")
        wait_until(lambda: self.stack.path_ready(f"live/{STREAM}/out"), 20, "the output")
        self.sleep(calm)
        while self.now() < seconds - calm:
            self.fault()
            self.sleep(self.random.uniform(*PAUSE_S))
        self.make_well()
        self.sleep(calm)
        self.finish()

    def now(self):
        return time.monotonic() - self.began

    def sleep(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tick()
            time.sleep(0.1)

    def tick(self):
        """Keeps a recorder at the output, and takes a sample each second."""
        ready = self.stack.path_ready(f"live/{STREAM}/out")
        if not self.history.out_ready or self.history.out_ready[-1][1] != ready:
            self.history.out_ready.append((self.now(), ready))
        if ready and not (self.recorder and self.recorder.child.running()):
            path = self.folder / f"out-{len(self.history.recordings)}.flv"
            self.recorder = Recorder(self.stack.url(STREAM, "out"), path, self.folder)
            self.history.recordings.append(path)
        if time.monotonic() >= self.next_sample:
            self.next_sample = time.monotonic() + 1.0
            self.sample()

    def sample(self):
        text = self.stack.metrics("media-service")
        one = {short: metrics.value(text, name, stream_id=STREAM) for name, short in CLOCK.items()}
        one.update(at=self.now(), **process_facts(self.worker))
        for state in ("dubbed", "passthrough", "dropped"):
            one[state] = metrics.value(text, "worker_phrases_total", stream_id=STREAM, state=state)
        self.history.samples.append(one)
        self.history.workers.add(self.stack.worker_pid(STREAM) or 0)

    def publish(self):
        """Timestamps begin somewhere else each time, near their wrap now and then."""
        shift = self.random.choice((0, self.random.randrange(1 << 32), (1 << 32) - self.random.randrange(60_000)))
        self.publisher = PlannedPublisher(self.stack.layout.listener("rtmp"), f"live/{STREAM}/in",
                                          self.clip.live(self.began, shift))
        wait_until(lambda: self.stack.path_ready(f"live/{STREAM}/in"), 10, "the router to take the stream")

    def finish(self):
        """All that was published comes out, then everything is read that was written of it."""
        run_id = self.stack.stream(STREAM)["runId"]
        gone = self.now()
        self.publisher.stop()
        self.sleep(LATENCY_S + MAX_LAG_S + 3)
        self.sample()
        self.history.faults.append((gone, "publisher cut", self.now() - gone))
        last = self.history.samples[-1]
        self.history.phrases_counted = {state: last[state] for state in ("dubbed", "passthrough", "dropped")}
        lines = (self.folder / "stack" / "runs" / run_id / "ledger.ndjson").read_text().splitlines()
        self.history.ledger = [json.loads(line) for line in lines]
        self.history.sent = [event.payload["fragment_id"] for event in self.monitor.events("fragment:data", "up")]
        if self.recorder:
            self.recorder.finish(1.0)
        self.service.stop()

    # -- faults

    def fault(self):
        # Each once, in some order, then again: no kind is forgotten in a short run.
        if not self.bag:
            self.bag = self.random.sample(list(FAULTS), len(FAULTS))
        name = self.bag.pop()
        begin = self.now()
        seconds = self.random.uniform(0.3, 8.0)
        print(f"{begin:7.1f} s  {name}: {FAULTS[name](self, seconds) or f'{seconds:.1f} s'}", flush=True)
        self.history.faults.append((begin, name, self.now() - begin))

    def kill_service(self, seconds):
        self.service.stop()
        self.sleep(seconds)
        return "back as " + self.start_service(self.random.random() < 0.6)

    def start_service(self, hostile):
        self.is_hostile = hostile
        if hostile:
            self.service.start()
            return "the one that can lie"
        self.stack.start("sts-service", sts_mode="echo")
        self.service.child = self.stack.children.pop("sts-service")
        return "sts-service"

    def freeze_service(self, seconds):
        self.service.child.send(signal.SIGSTOP)
        self.sleep(seconds)
        self.service.child.send(signal.SIGCONT)

    def lie(self, seconds):
        if not self.is_hostile:
            self.service.stop()
            self.start_service(True)
        name = self.random.choice([*BEHAVIOURS, "refused", "never_ready"])
        self.service.behave(name)
        self.sleep(seconds + 2.0)
        self.service.behave(HONEST)
        return f"{name}, {seconds + 2:.1f} s"

    def cut_publisher(self, seconds):
        self.publisher.stop()
        self.sleep(seconds)
        self.publish()

    def kick_output(self, _seconds):
        path = http_json(f"{self.stack.layout.http('api')}/v3/paths/get/live/{STREAM}/out") or {}
        source = path.get("source") or {}
        if not source.get("id"):
            return "nobody there"
        request = urllib.request.Request(f"{self.stack.layout.http('api')}/v3/rtmpconns/kick/{source['id']}", method="POST")
        urllib.request.urlopen(request, timeout=5).close()
        # The worker waits 1 s, and then for a key frame.
        self.sleep(6.0)
        return "back" if self.stack.path_ready(f"live/{STREAM}/out") else "not back"

    def make_well(self):
        self.service.stop()
        self.start_service(True)


FAULTS = {"sts killed": Soak.kill_service, "sts frozen": Soak.freeze_service, "sts lies": Soak.lie,
          "publisher cut": Soak.cut_publisher, "output kicked": Soak.kick_output}


def process_facts(pid):
    """Resident MiB, descriptors and threads; zeros when it is gone."""
    folder = Path("/proc") / str(pid)
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return {"rss_mib": int(status["VmRSS"].split()[0]) / 1024, "threads": int(status["Threads"]),
                "descriptors": len(list((folder / "fd").iterdir()))}
    except OSError:
        return {"rss_mib": 0.0, "threads": 0, "descriptors": 0}


def print_table(history):
    rows = [("minute", "faults", "delay ms", "lag ms", "A/V ms", "RSS MiB", "fds", "threads", "dubbed", "passed", "dropped")]
    end = history.samples[-1]["at"]
    for minute in range(int(end // 60) + 1):
        inside = [one for one in history.samples if minute * 60 <= one["at"] < (minute + 1) * 60]
        if not inside:
            continue

        def span(key, digits=0, inside=inside):
            low, high = (f"{pick(one[key] for one in inside):.{digits}f}" for pick in (min, max))
            return low if low == high else f"{low} to {high}"

        faults = sum(minute * 60 <= at < (minute + 1) * 60 for at, _, _ in history.faults)
        rows.append((str(minute), str(faults), span("delay_ms"), span("lag_ms"), span("av_ms", 1), span("rss_mib", 1),
                     span("descriptors"), span("threads"), *(f"{inside[-1][key]:.0f}" for key in (
                         "dubbed", "passthrough", "dropped"))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))


def main():
    arguments = parse_arguments()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}, {arguments.minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        ports = Ports.free()
        with Monitor(ports.sts) as monitor, Stack(Layout(
                find_programs(arguments.build_dir.resolve()), folder / "stack", ports, {
                    "ORCH_GRACE_PERIOD": f"{GRACE_S}s", "LOG_LEVEL": "info", "WORKER_STS_TIMEOUT_MS": "4000",
                    "WORKER_STS_SERVICE_URL": monitor.url})).start("media-router", "media-service") as stack:
            soak = Soak(stack, monitor, loop.make_loop(folder), folder, seed)
            try:
                soak.run(arguments.minutes * 60)
            finally:
                soak.publisher.stop()
                soak.service.stop()
        print_table(soak.history)
        verdicts = checks.judge(soak.history, LATENCY_S, MAX_LAG_S, arguments.delay_slack)
    for verdict in verdicts:
        print(f"{'ok  ' if verdict.ok else 'FAIL'}  {verdict.name}: {verdict.text}")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "seed": seed, "minutes": arguments.minutes, "samples": soak.history.samples, "faults": soak.history.faults,
            "checks": [{"name": one.name, "ok": one.ok, "text": one.text} for one in verdicts]}, indent=1) + "\n")
    failed = [verdict.name for verdict in verdicts if not verdict.ok]
    if failed:
        print(f"worker_soak: {', '.join(failed)} (--seed {seed} repeats the faults)")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
