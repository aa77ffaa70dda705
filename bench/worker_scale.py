#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost against the number of streams: 1 to 40 media-workers, each with a live 1080p30 stream of 6 Mbit/s, on one
media-router and one sts-service in echo mode; beside `ffmpeg -c:v copy -c:a aac` on one of the streams in the same run.

CPU time is counted by the kernel for each program separately, once everything runs: the publisher and the router are
needed for the measurement, but are not what is measured. What the workers say of themselves each second (late blocks of
sound, delay, audio against video) is kept as extremes over the whole run.
"""
import argparse
import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import worker_cost as cost

HERE = Path(__file__).resolve().parent
GOAL_DELAY_MS = 20
GOAL_SYNC_MS = 10
SETTLE_S = 3  # after the first output of all


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--streams", default="1,5,10,20,40", help="how many, one run each")
    parser.add_argument("--seconds", default=60, type=int, help="how long each run is measured")
    parser.add_argument("--references", default=1, type=int, help="ffmpeg processes beside the workers")
    parser.add_argument("--clip", type=Path, help="an FLV of 16 s to use, made when it is not there")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--plot", type=Path, help="also draw them into this PNG (needs python3-matplotlib)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    return parser.parse_args()


class Statuses(threading.Thread):
    """Reads the workers' control sockets; keeps what they say between begin() and end()."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()
        self.seen = [[] for _ in paths]
        for i, path in enumerate(paths):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(path))
            client.setblocking(False)
            self.selector.register(client, selectors.EVENT_READ, [i, b""])

    def run(self):
        while self.selector.get_map():
            for key, _ in self.selector.select():
                self.read(key)

    def read(self, key):
        try:
            data = key.fileobj.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(key.fileobj)
            return
        i, rest = key.data
        *lines, key.data[1] = (rest + data).split(b"\n")
        for line in map(json.loads, lines):
            if line["type"] == "status":
                with self.lock:
                    self.seen[i].append(line)

    def take(self):
        """A list of statuses for each worker, since the last call."""
        with self.lock:
            taken, self.seen = self.seen, [[] for _ in self.seen]
        return taken


def machine_seconds():
    """(busy, all) processor time of the machine, whoever used it."""
    values = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = values[3] + values[4]
    return (sum(values) - idle) / cost.TICKS, sum(values) / cost.TICKS


class Run:
    """All programs for n streams; entered, everything flows."""

    def __init__(self, stack, build_dir, clip, n, n_references):
        self.stack, self.n = stack, n
        self.ports = cost.start_router(stack, build_dir)
        self.base = f"rtmp://127.0.0.1:{self.ports['rtmp']}/live"
        self.groups = {"router": [stack.processes[-1]]}
        echo_url = cost.start_echo(stack, build_dir)
        if not echo_url:
            sys.exit("worker_scale: sts-service is not built: build it first (make build)")
        self.groups["echo"] = [stack.processes[-1]]
        self.groups["publisher"] = [self.start_publisher(clip)]
        self.groups["worker"] = [self.start_worker(build_dir, i, echo_url) for i in range(n)]
        self.groups["ffmpeg"] = [self.start_reference(i) for i in range(min(n_references, n))]
        self.wait_for_output()

    def start_publisher(self, clip):
        publisher = self.stack.start("publisher", sys.executable, HERE / "worker_publisher.py", "--port",
                                     self.ports["rtmp"], "--loop-ms", cost.CLIP_S * 1000, clip,
                                     *[f"live/s{i}/in" for i in range(self.n)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)
        cost.wait_for(lambda: all(self.received(f"s{i}/in") > 0 for i in range(self.n)), "publishing", 120)
        return publisher

    def start_worker(self, build_dir, i, echo_url):
        return self.stack.start(
            f"worker{i}", cost.program(build_dir, "apps/media-service/worker/media-worker"), "--input-url",
            f"{self.base}/s{i}/in", "--output-url", f"{self.base}/s{i}/out", "--stream-id", f"s{i}", "--latency",
            f"{cost.LATENCY_S}s", "--sts-service-url", echo_url, "--state-dir", self.stack.folder)

    def start_reference(self, i):
        return self.stack.start(f"ffmpeg{i}", "ffmpeg", "-v", "error", "-i", f"{self.base}/s{i}/in", "-c:v", "copy",
                                "-c:a", "aac", "-b:a", "128k", "-f", "flv", f"{self.base}/s{i}/ffmpeg")

    def received(self, path):
        return cost.path_bytes(self.ports["api"], path, prefix="live")

    def wait_for_output(self):
        outputs = [f"s{i}/out" for i in range(self.n)] + [f"s{i}/ffmpeg" for i in range(len(self.groups["ffmpeg"]))]
        cost.wait_for(lambda: all(self.received(path) > 0 for path in outputs), "output of all of them", 120)
        time.sleep(cost.LATENCY_S + SETTLE_S)

    def cpu(self):
        for name, processes in self.groups.items():
            if any(process.poll() is not None for process in processes):
                sys.exit(f"worker_scale: {name} ended during the measurement")
        return {name: [cost.cpu_seconds(process.pid) for process in processes]
                for name, processes in self.groups.items()}

    def end(self):
        """How late the publisher was, at most, in ms."""
        output, _ = self.groups["publisher"][0].communicate(b"", 10)
        for process in self.groups["worker"] + self.groups["ffmpeg"]:
            process.terminate()
        return json.loads(output)["latestMs"]


def extremes(values):
    return [min(values), max(values)]


def summarise(statuses):
    each = [status for of_worker in statuses for status in of_worker]
    gained = [(of_worker[-1], of_worker[0]) for of_worker in statuses]
    return {
        "lateBlocks": sum(last["lateBlocks"] - first["lateBlocks"] for last, first in gained),
        "fragments": sum(last["sts"]["fragments"] - first["sts"]["fragments"] for last, first in gained),
        "dubbed": sum(last["phrases"]["dubbed"] - first["phrases"]["dubbed"] for last, first in gained),
        "notDubbed": sum(last["phrases"][state] - first["phrases"][state] for last, first in gained
                         for state in ("passthrough", "dropped")),
        "delayMs": extremes([status["delayMs"] for status in each]),
        "avSyncDeltaMs": [round(value, 2) for value in extremes([status["avSyncDeltaMs"] for status in each])],
    }


def measure(run, seconds):
    statuses = Statuses([run.stack.folder / "workers" / f"s{i}.sock" for i in range(run.n)])
    statuses.start()
    time.sleep(2)
    statuses.take()
    begin, machine, started = run.cpu(), machine_seconds(), time.monotonic()
    time.sleep(seconds)
    end, machine_end, elapsed = run.cpu(), machine_seconds(), time.monotonic() - started
    percent = {name: [100 * (after - before) / elapsed for after, before in zip(end[name], begin[name], strict=True)]
               for name in end}
    resident = [cost.resident_mib(process.pid) for process in run.groups["worker"]]
    result = {
        "streams": run.n,
        "workerCpuPercent": round(sum(percent["worker"]) / run.n, 2),
        "workerCpuPercentMax": round(max(percent["worker"]), 2),
        "ffmpegCpuPercent": round(sum(percent["ffmpeg"]) / max(len(percent["ffmpeg"]), 1), 2),
        **{f"{name}CpuPercent": round(sum(percent[name]), 1) for name in ("router", "echo", "publisher")},
        "allCpuPercent": round(sum(map(sum, percent.values())), 1),
        "machineBusyPercent": round(100 * (machine_end[0] - machine[0]) / (machine_end[1] - machine[1]), 1),
        "rssMiB": round(sum(now for now, _ in resident) / run.n, 1),
        "rssMiBMax": round(max(peak for _, peak in resident), 1),
        **summarise(statuses.take()),
        "publisherLateMs": run.end(),
    }
    result["ratio"] = round(result["workerCpuPercent"] / result["ffmpegCpuPercent"], 2) if percent["ffmpeg"] else None
    return result


COLUMNS = (("streams", "streams"), ("workerCpuPercent", "worker"), ("workerCpuPercentMax", "max"),
           ("ffmpegCpuPercent", "ffmpeg"), ("ratio", "ratio"), ("routerCpuPercent", "router"),
           ("echoCpuPercent", "echo"), ("publisherCpuPercent", "publ."), ("allCpuPercent", "all"),
           ("machineBusyPercent", "machine"), ("rssMiB", "RSS"), ("rssMiBMax", "max"), ("lateBlocks", "late"),
           ("delayMs", "delay ms"), ("avSyncDeltaMs", "A/V ms"), ("fragments", "sent"), ("dubbed", "dubbed"))


def as_text(value):
    return f"{value[0]}..{value[1]}" if isinstance(value, list) else str(value)


def print_table(results, seconds):
    print(f"\n{seconds} s of 1080p30 at 6 Mbit/s each, D = {cost.LATENCY_S} s, {os.cpu_count()} cores; CPU in % of one "
          "core (machine: of all), per worker and per ffmpeg; memory in MiB\n")
    print("| " + " | ".join(title for _, title in COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for result in results:
        print("| " + " | ".join(as_text(result[name]) for name, _ in COLUMNS) + " |")


def missed(result):
    delayed_mib = cost.BITRATE / 8 * cost.LATENCY_S / (1 << 20)
    wanted_ms = cost.LATENCY_S * 1000
    ratio = result["ratio"] or 0
    checks = (
        (ratio > cost.GOAL_RATIO, f"{ratio} times the CPU of ffmpeg"),
        (result["rssMiBMax"] > cost.GOAL_RSS_MIB + delayed_mib, f"{result['rssMiBMax']} MiB resident"),
        (result["lateBlocks"] > 0, f"{result['lateBlocks']} late blocks"),
        (any(abs(value - wanted_ms) > GOAL_DELAY_MS for value in result["delayMs"]), f"delay {result['delayMs']} ms"),
        (any(abs(value) > GOAL_SYNC_MS for value in result["avSyncDeltaMs"]), f"A/V {result['avSyncDeltaMs']} ms"),
        (result["fragments"] == 0, "no fragment was sent"),
    )
    return [text for failed, text in checks if failed]


def report(results, seconds):
    print_table(results, seconds)
    for result in results:
        problems = missed(result)
        print(f"{result['streams']} streams: " + ("missed: " + "; ".join(problems) if problems else "all goals held")
              + f" (publisher at most {result['publisherLateMs']} ms late)")
    return not any(map(missed, results))


def draw(results, path):
    try:
        import matplotlib
    except ImportError:
        print("no plot: install python3-matplotlib")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, (total, each) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    streams = [result["streams"] for result in results]
    total.plot(streams, [result["workerCpuPercent"] * result["streams"] for result in results], "o-", label="workers")
    for name in ("router", "echo", "publisher"):
        total.plot(streams, [result[f"{name}CpuPercent"] for result in results], "o-", label=name)
    total.plot(streams, [result["allCpuPercent"] for result in results], "k--", label="all of it")
    total.set(xlabel="streams", ylabel="CPU, % of one core", title="Together", ylim=(0, None))
    each.plot(streams, [result["workerCpuPercent"] for result in results], "o-", label="a worker")
    each.plot(streams, [result["ffmpegCpuPercent"] for result in results], "s-", label="ffmpeg, copy and AAC")
    each.set(xlabel="streams", ylabel="CPU, % of one core", title="Each", ylim=(0, None))
    for axes in (total, each):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def main():
    arguments = parse_arguments()
    cost.need_tools()
    results = []
    with contextlib.ExitStack() as outer:
        clip = arguments.clip or Path(outer.enter_context(tempfile.TemporaryDirectory())) / "clip.flv"
        if not clip.exists():
            cost.make_clip(clip)
        for n in map(int, arguments.streams.split(",")):
            print(f"{n} streams ...", flush=True)
            with tempfile.TemporaryDirectory() as name, cost.Stack(Path(name)) as stack:
                run = Run(stack, arguments.build_dir, clip, n, arguments.references)
                results.append(measure(run, arguments.seconds))
    held = report(results, arguments.seconds)
    if arguments.json:
        arguments.json.write_text(json.dumps({"seconds": arguments.seconds, "results": results}, indent=2) + "\n")
    if arguments.plot:
        draw(results, arguments.plot)
    return 0 if held or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
