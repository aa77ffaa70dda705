#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""media-router beside nginx with its RTMP module: what streams of 6 Mbit/s cost, how late they are, how soon one sees.

One program (`router_load.c`) publishes and reads, on both servers in turns; a message carries the time at which it was
sent. CPU time is counted by the kernel from when all streams run until the end; memory is what the server's processes
hold then, shared pages in equal parts, and what of it nobody else can share. nginx keeps no pictures for readers to begin
with: memory is compared with a media-router that keeps none either (ROUTER_GOP_CACHE=0), and shown for both. Readers that
come one by one have a row for their first picture alone: what they are sent, nginx has not got to send.
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
    parser.add_argument("--turns", default=2, type=int, help="each server has so many, one after the other")
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
        process = subprocess.Popen([*realtime(), *command], stdout=log, stderr=log, env=environment)
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


def measure(process, load_program, port, row, seconds):
    _, publishers, readers, joins = row
    pids = family(process.pid)
    command = [*realtime(), str(load_program), f"--address=127.0.0.1:{port}", f"--publishers={publishers}",
               f"--readers={readers}", f"--joins={min(joins, 2 * seconds)}", f"--seconds={seconds}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        load.stdout.readline()
        begin, before = time.monotonic(), cpu_ns(pids)
        time.sleep(seconds * 0.9)
        spent, took = cpu_ns(pids) - before, time.monotonic() - begin
        memory, own = memory_mib(pids), memory_mib(pids, "Private_Dirty:")
        text = load.stdout.read()
    if load.returncode != 0:
        sys.exit(f"router: the load ended with {load.returncode}")
    return {"cpuPercent": spent / took / 1e7, "memoryMiB": memory, "ownMiB": own, **json.loads(text)}


def complain(name, row, result):
    for key in ("gaps", "wrong", "readersClosed", "readersShort", "publishersClosed"):
        if result[key]:
            print(f"{name}, {row[0]}: {key} {result[key]}", flush=True)


def measure_memory(build_dir, row, seconds, folder):
    port = free_port()
    with running(router_command(build_dir, port, "--gop-cache=0"), folder, port) as process:
        result = measure(process, built(build_dir, "bench/router-load"), port, row, seconds)
    return {key: result[key] for key in MEMORY}


def run(servers, build_dir, seconds, turns, folder):
    """{row: {server: {figure: median of the turns}}}"""
    results = {}
    for row in ROWS:
        found = {name: [] for name in servers}
        for _ in range(turns):
            for name, make in servers.items():
                port = free_port()
                with running(make(port), folder, port) as process:
                    found[name].append(measure(process, built(build_dir, "bench/router-load"), port, row, seconds))
                complain(name, row, found[name][-1])
        if not is_missing(row, MEMORY[0]):
            found[KEEPS_NOTHING] = [measure_memory(build_dir, row, min(seconds, 6), folder)]
        results[row[0]] = {name: {key: statistics.median(one[key] for one in list_) for key in list_[0]}
                           for name, list_ in found.items()}
        print_row(row, results[row[0]])
    return results


MEMORY = ("memoryMiB", "ownMiB")
FIGURES = [("CPU %", "cpuPercent", 2), ("memory MiB", "memoryMiB", 1), ("its own MiB", "ownMiB", 1),
           ("delay p50 ms", "delayP50Ms", 3),
           ("delay p99 ms", "delayP99Ms", 3), ("first picture ms", "joinP50Ms", 1), ("its worst", "joinMaxMs", 1)]


def print_head():
    print(f"{'':<26}{'':<16}" + "".join(f"{title:>17}" for title, _, _ in FIGURES))


def print_row(row, by_server):
    for name, result in by_server.items():
        cells = "".join(f"{'':>17}" if key not in result or is_missing(row, key) else f"{result[key]:>17.{digits}f}"
                        for _, key, digits in FIGURES)
        print(f"{row[0]:<26}{name:<16}{cells}", flush=True)


def is_missing(row, key):
    comes_one_by_one = row[3] > 0
    return key.startswith("join") != comes_one_by_one or (key.startswith("delay") and row[2] == 0)


def missed(results):
    def is_worse(by_server, key):
        ours = by_server[KEEPS_NOTHING if key in MEMORY else "media-router"]
        return ours[key] > by_server["nginx-rtmp"][key]
    return [f"{row[0]}: {title}" for row in ROWS for title, key, _ in FIGURES
            if not is_missing(row, key) and is_worse(results[row[0]], key)]


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers = {"nginx-rtmp": lambda port: nginx_command(folder, port),
                   "media-router": lambda port: router_command(arguments.build_dir, port)}
        if nginx_command(folder, 1) is None:
            print("nginx with its RTMP module is not here (apt-get install nginx libnginx-mod-rtmp): media-router alone")
            del servers["nginx-rtmp"]
        print(f"streams of 6 Mbit/s (1080p30-like, key frame every 2 s), {arguments.seconds} s, {arguments.turns} turns, "
              f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print_head()
        results = run(servers, arguments.build_dir, arguments.seconds, arguments.turns, folder)
    worse = missed(results) if "nginx-rtmp" in servers else []
    if "nginx-rtmp" in servers:
        print("goal: no worse than nginx-rtmp in any row: " + ("missed: " + "; ".join(worse) if worse else "held"))
    if arguments.json:
        arguments.json.write_text(json.dumps({"seconds": arguments.seconds, "results": results}, indent=2) + "\n")
    return 1 if worse and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
