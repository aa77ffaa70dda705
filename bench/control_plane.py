#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control plane with hundreds of streams: they start, flap and stop through hooks; media-service is killed and stopped.

media-service is the real one, its workers are stand-ins that only serve their control sockets. Each hook is posted twice at
the same moment, to media-service and to a server that answers 202 and does nothing (hook_floor.c): what the machine and this
client add is in both. Meanwhile Prometheus scrapes, a dashboard lists the streams, and a listener gets the events.
"""
import argparse
import json
import multiprocessing
import os
import random
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sts_run import end_on_sigterm, percentile, program

GOAL_P99_MS = 20
GRACE_S = 1.0
WAIT_S = 120
WATCHED_S = {"/metrics": 5.0, "/health": 5.0, "/api/v1/streams": 15.0}     # how often each is asked for
TICKS = os.sysconf("SC_CLK_TCK")
OURS = ("ORCH_", "MEDIAMTX_", "WORKER_", "STUB_", "LOG_", "ASSET_", "CAPTURE_", "RUN_ID", "INSTANCE_ID")
STATE = re.compile(rb"event: state\ndata: ({.*})")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--streams", default=500, type=int)
    parser.add_argument("--rate", default=200, type=int, help="hooks a second")
    parser.add_argument("--flap-seconds", default=20, type=float)
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when the goal is missed")
    return parser.parse_args()


class Publishers:
    """Who publishes, as the router would tell it: a number per stream, 0 for nobody. Shared with the router's process."""

    def __init__(self, count):
        self.names = [f"s{number:03}" for number in range(count)]
        self.sources = multiprocessing.Array("q", count)

    def present(self):
        return [(name, source) for name, source in zip(self.names, self.sources[:]) if source]


def serve_router(publishers, port):
    """The router's list of paths, in pages, for ever."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            per_page, page = (int(re.search(rf"{name}=(\d+)", self.path).group(1)) for name in ("itemsPerPage", "page"))
            items = [{"name": f"live/{name}/in", "ready": True, "source": {"type": "rtmpConn", "id": f"c{source}"}}
                     for name, source in publishers.present()]
            body = json.dumps({"itemCount": len(items), "pageCount": -(-len(items) // per_page),
                               "items": items[page * per_page:(page + 1) * per_page]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.value = server.server_address[1]
    server.serve_forever()


class Router:
    def __init__(self, publishers):
        port = multiprocessing.Value("i", 0)
        self.process = multiprocessing.Process(target=serve_router, args=(publishers, port), daemon=True)
        self.process.start()
        wait_for(lambda: port.value, "the router's list")
        self.url = f"http://127.0.0.1:{port.value}"


class Service:
    """media-service with stand-in workers."""

    def __init__(self, build_dir, folder, router_url):
        self.command = program(build_dir, "apps/media-service/media-service")
        self.log = folder / "service.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment = inherited | {
            "ORCH_HTTP_ADDR": "127.0.0.1:0", "ORCH_STATE_DIR": str(folder / "state"), "LOG_DIR": str(folder / "logs"),
            "ORCH_STREAMS_DIR": str(folder / "streams.d"), "ASSET_STORE_ROOT": str(folder / "runs"), "LOG_FORMAT": "json",
            "ORCH_WORKER_COMMAND": str(program(build_dir, "apps/media-service/stub-worker")), "STUB_STATUS_MS": "1000",
            "MEDIAMTX_API_URL": router_url, "ORCH_GRACE_PERIOD": f"{GRACE_S}s"}
        self.start()

    def start(self):
        offset = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.command], env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        found = wait_for(lambda: re.search(rb"listening on 127\.0\.0\.1:(\d+)", self.log.read_bytes()[offset:]),
                         "media-service to listen", self.process)
        self.port = int(found.group(1))

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_S) as answer:
            return answer.read()

    def in_state(self, state):
        return int(re.search(rb'media_service_streams{state="%s"} (\d+)' % state.encode(), self.get("/metrics")).group(1))

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def facts(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return {"residentMib": round(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024, 1),
                "peakMib": round(int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024, 1),
                "descriptors": len(os.listdir(f"/proc/{self.process.pid}/fd")),
                "threads": int(re.search(r"Threads:\s+(\d+)", status).group(1))}


def workers_of(folder):
    """The pids of the stand-ins that serve the folder's state directory."""
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"ORCH_STATE_DIR={folder}/".encode() in Path(f"/proc/{entry}/environ").read_bytes() and \
                    b"stub-worker" in Path(f"/proc/{entry}/cmdline").read_bytes():
                found.add(int(entry))
        except OSError:
            continue
    return found


def wait_for(condition, what, process=None, timeout_s=WAIT_S):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        if process and process.poll() is not None:
            raise SystemExit(f"control_plane: waited for {what}, but it ended with {process.returncode}")
        time.sleep(0.01)
    raise SystemExit(f"control_plane: waited {timeout_s} s for {what}")


class Exchange:
    """One request and its answer, without waiting: the loop calls step() when the socket can go on."""

    def __init__(self, kind, port, request):
        self.kind, self.request, self.answer, self.began = kind, request, b"", time.monotonic()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))

    def step(self, events):
        """True once the answer is whole: both servers close the connection then."""
        if events & selectors.EVENT_WRITE:
            self.socket.sendall(self.request)      # a few hundred bytes: they fit into the socket's buffer
            return False
        part = self.socket.recv(1 << 16)
        self.answer += part
        return not part


class Client:
    """Posts hooks, scrapes and listens, all in one loop; keeps what each answer took."""

    def __init__(self, ports):
        self.ports = ports                    # kind -> port
        self.selector = selectors.DefaultSelector()
        self.took_ms = {}                     # (phase, kind) -> [ms]
        self.bad = []
        self.open = 0
        self.phase = ""
        self.states = {}
        self.listener = None
        self.next_scrape = dict.fromkeys(WATCHED_S, 0.0)

    def listen(self):
        """Asks for the events of all streams, from now on."""
        if self.listener:
            self.selector.unregister(self.listener)
            self.listener.close()
        self.received = b""
        self.listener = socket.create_connection(("127.0.0.1", self.ports["media-service"]))
        self.listener.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\n\r\n")
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self.take_events)

    def take_events(self, _events):
        part = self.listener.recv(1 << 20)
        if not part:
            raise SystemExit("control_plane: media-service sent its listener away")
        *lines, self.received = (self.received + part).split(b"\n\n")
        for found in filter(None, map(STATE.search, lines)):
            stream = json.loads(found.group(1))
            self.states[stream["streamId"]] = stream["state"]

    def send(self, kind, server, request):
        exchange = Exchange(kind, self.ports[server], request)
        self.selector.register(exchange.socket, selectors.EVENT_WRITE, lambda events: self.take(exchange, events))
        self.open += 1

    def take(self, exchange, events):
        try:
            done = exchange.step(events)
        except OSError as error:
            exchange.answer, done = str(error).encode(), True
        if not done:
            self.selector.modify(exchange.socket, selectors.EVENT_READ, lambda ready: self.take(exchange, ready))
            return
        self.selector.unregister(exchange.socket)
        exchange.socket.close()
        self.open -= 1
        if exchange.answer.split(b" ", 2)[1:2] not in ([b"202"], [b"200"]):
            self.bad.append(f"{exchange.kind}: {exchange.answer[:200]!r}")
        self.took_ms.setdefault((self.phase, exchange.kind), []).append(1000 * (time.monotonic() - exchange.began))

    def hook(self, event, name, source):
        body = json.dumps({"path": f"live/{name}/in", "query": "lang=es", "sourceType": "rtmpConn",
                           "sourceId": f"c{source}"}).encode()
        request = b"POST /v1/mediamtx/events/%s HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%s" % (
            event.encode(), len(body), body)
        kinds = ["media-service", "floor"]
        for kind in kinds if random.random() < 0.5 else reversed(kinds):
            self.send(kind, kind, request)

    def scrape(self):
        """What watches a control plane, now and then."""
        now = time.monotonic()
        for path in [path for path, due in self.next_scrape.items() if now >= due]:
            self.next_scrape[path] = now + WATCHED_S[path]
            self.send(path, "media-service", f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def run(self, seconds, done=lambda: False):
        """Serves the sockets for so long, or until it is done; whether it is."""
        end = time.monotonic() + seconds
        while not done():
            now = time.monotonic()
            if now >= end:
                return False
            self.scrape()
            for key, events in self.selector.select(min(0.02, max(0.0, end - now))):
                key.data(events)
        return True

    def wait(self, done, what):
        if not self.run(WAIT_S, done):
            raise SystemExit(f"control_plane: waited {WAIT_S} s for {what}")

    def settle(self):
        self.wait(lambda: self.open == 0, "the last answers")

    def count(self, state):
        return sum(found == state for found in self.states.values())


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.random = random.Random(5)
        self.publishers = Publishers(arguments.streams)
        self.router = Router(self.publishers)
        self.service = Service(arguments.build_dir, folder, self.router.url)
        self.floor = subprocess.Popen([program(arguments.build_dir, "bench/hook-floor")], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, text=True)
        self.client = Client({"media-service": self.service.port, "floor": int(self.floor.stdout.readline())})
        self.results = {"streams": arguments.streams, "rate": arguments.rate}
        self.last_source = 0

    def come(self, index):
        """A publisher, a new one each time; the router knows of it before it calls the hook."""
        self.last_source += 1
        self.publishers.sources[index] = self.last_source
        self.client.hook("ready", self.publishers.names[index], self.last_source)

    def go(self, index):
        source = self.publishers.sources[index]
        self.publishers.sources[index] = 0
        self.client.hook("not-ready", self.publishers.names[index], source)

    def paced(self, actions):
        """One action after another at the rate, whether or not the answers have come."""
        due = time.monotonic()
        for act in actions:
            self.client.run(due - time.monotonic())
            act()
            due += 1 / self.arguments.rate

    def phase(self, name, actions, state, count):
        """Runs a phase to its end, when so many streams are in the state, and notes what it cost."""
        client, cpu, began = self.client, self.service.cpu_s(), time.monotonic()
        client.phase = name
        self.paced(actions)
        sent = time.monotonic()
        client.wait(lambda: client.count(state) == count, f"{count} streams to be {state}; {client.count(state)} are")
        ended = time.monotonic()
        client.settle()
        self.results[name] = {"sendingS": round(sent - began, 2), "untilAllS": round(ended - began, 2),
                              "cpuS": round(self.service.cpu_s() - cpu, 2), **self.service.facts()}

    def start(self):
        self.client.listen()
        count = self.arguments.streams
        self.phase("start", [lambda index=index: self.come(index) for index in range(count)], "running", count)
        self.results["idle"] = self.idle_cost(min(5.0, self.arguments.flap_seconds))

    def idle_cost(self, seconds):
        """What media-service takes while nothing changes."""
        self.client.phase = "idle"
        cpu = self.service.cpu_s()
        self.client.run(seconds)
        self.client.settle()
        return {"cpuPercent": round(100 * (self.service.cpu_s() - cpu) / seconds, 1)}

    def flap(self):
        """Publishers that come back within the grace period, after it, and that are replaced by another."""
        def act():
            index = self.random.randrange(self.arguments.streams)
            if not self.publishers.sources[index] or self.random.random() < 0.2:
                self.come(index)
            else:
                self.go(index)
        cpu = self.service.cpu_s()
        self.client.phase = "flap"
        self.paced([act] * int(self.arguments.rate * self.arguments.flap_seconds))
        missing = [index for index, source in enumerate(self.publishers.sources[:]) if not source]
        self.phase("flap back", [lambda index=index: self.come(index) for index in missing], "running",
                   self.arguments.streams)
        self.results["flap"] = self.results.pop("flap back") | {"cpuS": round(self.service.cpu_s() - cpu, 2)}

    def kill(self):
        """A crash: the next one adopts all."""
        before = workers_of(self.folder)
        self.service.process.kill()
        self.service.process.wait()
        began = time.monotonic()
        self.service.start()
        listening = time.monotonic()
        self.client.ports["media-service"] = self.service.port
        wait_for(lambda: self.service.in_state("running") == self.arguments.streams, "all to be adopted")
        self.results["adopt"] = {"untilListeningS": round(listening - began, 2),
                                 "untilAllS": round(time.monotonic() - began, 2), **self.service.facts()}
        if workers_of(self.folder) != before:
            raise SystemExit("control_plane: the workers are not the same after the crash")

    def stop_half(self):
        self.client.listen()
        half = self.arguments.streams // 2
        self.phase("stop", [lambda index=index: self.go(index) for index in range(half)], "idle", half)

    def terminate(self):
        """A clean stop with the other half running."""
        self.client.selector.unregister(self.client.listener)
        began = time.monotonic()
        self.service.process.send_signal(signal.SIGTERM)
        code = self.service.process.wait(WAIT_S)
        self.results["terminate"] = {"seconds": round(time.monotonic() - began, 2), "code": code,
                                     "workersLeft": len(workers_of(self.folder))}

    def close(self):
        self.floor.terminate()
        self.floor.wait(10)
        if self.service.process.poll() is None:
            self.service.process.kill()
            self.service.process.wait()
        self.router.process.terminate()
        for pid in workers_of(self.folder):
            os.kill(pid, signal.SIGKILL)


def spread(values):
    return {"n": len(values), "p50": round(percentile(values, 50), 2), "p99": round(percentile(values, 99), 2),
            "max": round(max(values), 2)}


def summarise(bench):
    took = bench.client.took_ms
    hooks = {kind: [ms for (_phase, of), found in took.items() if of == kind for ms in found]
             for kind in ("media-service", "floor", *WATCHED_S)}
    results = bench.results
    results["answersMs"] = {kind: spread(found) for kind, found in hooks.items() if found}
    results["hooksMs"] = {phase: {kind: spread(took[(phase, kind)]) for kind in ("media-service", "floor")}
                          for phase in ("start", "flap", "flap back", "stop") if took.get((phase, "media-service"))}
    results["badAnswers"] = bench.client.bad
    return results


def report(results):
    print(f"{results['streams']} streams, {results['rate']} hooks a second, each to both servers\n")
    print(f"{'hooks, ms':24} {'n':>6} {'p50':>8} {'p99':>8} {'max':>8}")
    rows = [(f"{phase}: {kind}", found) for phase, kinds in results["hooksMs"].items() for kind, found in kinds.items()]
    for name, found in rows + [(f"all: {kind}", found) for kind, found in results["answersMs"].items()]:
        print(f"{name:24} {found['n']:6} {found['p50']:8.2f} {found['p99']:8.2f} {found['max']:8.2f}")
    both = results["answersMs"]
    print(f"{'ratio':24} {'':6} " + " ".join(f"{both['media-service'][key] / both['floor'][key]:8.2f}"
                                             for key in ("p50", "p99", "max")))
    print()
    for name in ("start", "idle", "flap", "adopt", "stop", "terminate"):
        print(f"{name:10}", ", ".join(f"{key} {value}" for key, value in results[name].items()))
    print(f"\nGoal: p99 under {GOAL_P99_MS} ms: {'held' if is_held(results) else 'missed'}.")


def is_held(results):
    return results["answersMs"]["media-service"]["p99"] < GOAL_P99_MS


def main():
    arguments = parse_arguments()
    end_on_sigterm()
    folder = Path(tempfile.mkdtemp(prefix="dub-"))
    bench = Bench(arguments, folder)
    try:
        for phase in (bench.start, bench.flap, bench.kill, bench.stop_half, bench.terminate):
            phase()
        results = summarise(bench)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    report(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    faults = results["badAnswers"] + [f"{results['terminate']}"] * (results["terminate"]["workersLeft"] > 0 or
                                                                   results["terminate"]["code"] != 0)
    for fault in faults[:5]:
        print(f"control_plane: {fault}", file=sys.stderr)
    return 1 if faults or (arguments.check and not is_held(results)) else 0


if __name__ == "__main__":
    sys.exit(main())
