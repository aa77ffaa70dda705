#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""media-router beside nginx with its RTMP module: what streams of 6 Mbit/s cost, how late they are, how soon one sees.

One program (`router_load.c`) publishes and reads, on both servers at once, so that a host that is slow for a while is slow
for both, the servers on one CPU and their load on another: what counts is the ratio of a turn. A message carries the time
at which it was sent. CPU time is counted by the kernel while all streams run; memory is what the server's processes hold
then, shared pages in equal parts, and what of it nobody else can share. nginx keeps no pictures for readers to begin with:
memory is compared with a media-router that keeps none either (ROUTER_GOP_CACHE=0), and shown for both. Readers that come
one by one have a row for their first picture alone: what they are sent, nginx has not got to send.
"""
import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
# name, publishers, readers, readers that come one by one
ROWS = [("1 publisher, 1 reader", 1, 1, 0), ("1 publisher, 10 readers", 1, 10, 0),
        ("1 publisher, 100 readers", 1, 100, 0), ("100 publishers", 100, 0, 0), ("1 publisher, newcomers", 1, 1, 20)]
KEEPS_NOTHING = "router, no GOPs"
RATIO = "router : nginx"
NGINX_CONFIG = """load_module {module};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 4096; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; access_log off; application load {{ live on; }} }} }}
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--seconds", default=20, type=int, help="how long each row of each turn is measured")
    parser.add_argument("--turns", default=2, type=int, help="how often that is done, with new processes")
    parser.add_argument("--copies", default=1, type=int, help="how many of each server, each with its own load, at once: "
                        "a difference of a few per cent is seen in the mean of several")
    parser.add_argument("--quick", action="store_true", help="one turn of 4 s each")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.turns = 4, 1
    return arguments


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def realtime():
    """A prefix that runs a program ahead of everything else, where that is allowed: builds beside it matter less."""
    prefix = ["chrt", "-r", "1"]
    allowed = shutil.which("chrt") and subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return prefix if allowed else []


def on_cpu(which):
    """A prefix that keeps a program on the first (0) or the last (-1) of the CPUs that we may use.

    Where the kernel puts a server, beside its load or apart from it, it stays for the whole turn, and what waking the other
    costs then differs by more than the servers do.
    """
    cpus = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cpus[which])] if shutil.which("taskset") else []


def nginx_command(folder, port):
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not program or not NGINX_MODULE.exists():
        return None
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(module=NGINX_MODULE, folder=folder, port=port))
    return [program, "-c", str(config), "-e", str(folder / "nginx-error.log")]


def router_command(build_dir, port, *more):
    options = [f"--{name}-address=127.0.0.1:0" for name in ("rtsp", "api", "metrics")]
    return [str(built(build_dir, "apps/media-router/media-router")), f"--rtmp-address=127.0.0.1:{port}", *options,
            "--log-dir=", *more]


def built(build_dir, name):
    path = build_dir / name
    if not path.exists():
        sys.exit(f"router: {path} is missing: build it first (make build)")
    return path


@contextlib.contextmanager
def running(command, folder, port):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ROUTER_", "MTX_"))}
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen([*realtime(), *on_cpu(-1), *command], stdout=log, stderr=log, env=environment)
    try:
        end = time.monotonic() + 10
        while not accepts(port):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"router: {command[0]} does not listen: {(folder / 'server.log').read_text()[-500:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def family(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def cpu_ns(pids):
    return sum(int((task / "schedstat").read_text().split()[0]) for pid in pids
               for task in Path(f"/proc/{pid}/task").iterdir())


def memory_mib(pids, kind="Pss:"):
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def start_load(program, port, row, seconds):
    _, publishers, readers, joins = row
    command = [*realtime(), *on_cpu(0), str(program), f"--address=127.0.0.1:{port}", f"--publishers={publishers}",
               f"--readers={readers}", f"--joins={min(joins, 2 * seconds)}", f"--seconds={seconds}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def measure(pids, loads, seconds):
    """What each server's processes have spent and hold while its load runs, beside what the load says at its end."""
    for load in loads.values():
        load.stdout.readline()
    begin, before = time.monotonic(), {name: cpu_ns(own) for name, own in pids.items()}
    time.sleep(seconds * 0.8)
    took, after = time.monotonic() - begin, {name: cpu_ns(own) for name, own in pids.items()}
    found = {name: {"cpuPercent": (after[name] - before[name]) / took / 1e7, "memoryMiB": memory_mib(own),
                    "ownMiB": memory_mib(own, "Private_Dirty:")} for name, own in pids.items()}
    for name, load in loads.items():
        text = load.stdout.read()
        if load.wait() != 0:
            sys.exit(f"router: the load of {name} ended with {load.returncode}")
        found[name].update(json.loads(text))
    return found


def run_turn(servers, build_dir, row, seconds, folder, copies=1):
    """{server: {figure: mean of its copies}}, all of them at once."""
    with contextlib.ExitStack() as stack:
        ports, pids, loads = {}, {}, {}
        for copy in range(copies):
            for name, make in servers.items():
                own = folder / f"{name.replace(' ', '-')}-{copy}"
                own.mkdir(exist_ok=True)
                port = ports[name, copy] = free_port()
                pids[name, copy] = family(stack.enter_context(running(make(own, port), own, port)).pid)
        for key, port in ports.items():
            loads[key] = stack.enter_context(start_load(built(build_dir, "bench/router-load"), port, row, seconds))
        found = measure(pids, loads, seconds)
    for (name, _), result in found.items():
        complain(name, row, result)
    return {name: {figure: statistics.mean(found[name, copy][figure] for copy in range(copies))
                   for figure in found[name, 0]} for name in servers}


def complain(name, row, result):
    for key in ("gaps", "wrong", "readersClosed", "readersShort", "publishersClosed"):
        if result[key]:
            print(f"{name}, {row[0]}: {key} {result[key]}", flush=True)


def measure_memory(build_dir, row, seconds, folder):
    servers = {KEEPS_NOTHING: lambda _, port: router_command(build_dir, port, "--gop-cache=0")}
    result = run_turn(servers, build_dir, row, seconds, folder)[KEEPS_NOTHING]
    return {key: result[key] for key in MEMORY}


def compare(turns):
    """{figure: the router's by nginx's, the median of the turns}; what nginx has none of is left out."""
    ratios = {}
    for turn in turns:
        ours, theirs = turn["media-router"], turn["nginx-rtmp"]
        for key in ours:
            if theirs[key]:
                ratios.setdefault(key, []).append(ours[key] / theirs[key])
    return {key: statistics.median(values) for key, values in ratios.items()}


def run(servers, build_dir, seconds, turns, copies, folder):
    """{row: {server or RATIO: {figure: median of the turns}}}"""
    results = {}
    for row in ROWS:
        found = [run_turn(dict(list(servers.items())[::1 if turn % 2 else -1]), build_dir, row, seconds, folder, copies)
                 for turn in range(turns)]
        by_server = {name: {key: statistics.median(turn[name][key] for turn in found) for key in found[0][name]}
                     for name in servers}
        if len(servers) > 1:
            by_server[RATIO] = compare(found)
        if not is_missing(row, MEMORY[0]):
            by_server[KEEPS_NOTHING] = measure_memory(build_dir, row, min(seconds, 6), folder)
        results[row[0]] = by_server
        print_row(row, by_server)
    return results


MEMORY = ("memoryMiB", "ownMiB")
FIGURES = [("CPU %", "cpuPercent", 2), ("memory MiB", "memoryMiB", 1), ("its own MiB", "ownMiB", 1),
           ("delay p50 ms", "delayP50Ms", 3),
           ("delay p99 ms", "delayP99Ms", 3), ("first picture ms", "joinP50Ms", 1), ("its worst", "joinMaxMs", 1)]


def print_head():
    print(f"{'':<26}{'':<16}" + "".join(f"{title:>17}" for title, _, _ in FIGURES))


def print_row(row, by_server):
    for name, result in by_server.items():
        cells = "".join(f"{'':>17}" if key not in result or is_missing(row, key) or (name == RATIO and key in MEMORY)
                        else f"{result[key]:>17.{3 if name == RATIO else digits}f}"
                        for _, key, digits in FIGURES)
        print(f"{row[0]:<26}{name:<16}{cells}", flush=True)


def is_missing(row, key):
    comes_one_by_one = row[3] > 0
    return key.startswith("join") != comes_one_by_one or (key.startswith("delay") and row[2] == 0)


def missed(results):
    def is_worse(by_server, key):
        if key in MEMORY:
            return by_server[KEEPS_NOTHING][key] > by_server["nginx-rtmp"][key]
        return by_server[RATIO].get(key, 0) > 1
    return [f"{row[0]}: {title}" for row in ROWS for title, key, _ in FIGURES
            if not is_missing(row, key) and is_worse(results[row[0]], key)]


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers = {"nginx-rtmp": nginx_command,
                   "media-router": lambda _, port: router_command(arguments.build_dir, port)}
        if nginx_command(folder, 1) is None:
            print("nginx with its RTMP module is not here (apt-get install nginx libnginx-mod-rtmp): media-router alone")
            del servers["nginx-rtmp"]
        print(f"streams of 6 Mbit/s (1080p30-like, key frame every 2 s), {arguments.seconds} s, {arguments.turns} turns, "
              f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print_head()
        results = run(servers, arguments.build_dir, arguments.seconds, arguments.turns, arguments.copies, folder)
    worse = missed(results) if "nginx-rtmp" in servers else []
    if "nginx-rtmp" in servers:
        print("goal: no worse than nginx-rtmp in any row: " + ("missed: " + "; ".join(worse) if worse else "held"))
    if arguments.json:
        arguments.json.write_text(json.dumps({"seconds": arguments.seconds, "results": results}, indent=2) + "\n")
    return 1 if worse and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
