#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""media-router's RTSP server beside a relay made with gst-rtsp-server: what a 6 Mbit/s stream costs.

ffmpeg publishes over TCP, one small program of plain sockets reads; both servers in turns. CPU time is counted by the
kernel over all threads; memory is what the server's process holds at the end, shared pages in equal parts.

    rtsp_server.py --build-dir build-release [--seconds 10] [--turns 2]
"""
import argparse
import contextlib
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# name, publishers, readers
ROWS = [("1 publisher", 1, 0), ("1 publisher, 1 reader", 1, 1), ("1 publisher, 10 readers", 1, 10),
        ("1 publisher, 100 readers", 1, 100), ("10 publishers", 10, 0)]
FFMPEG = ["ffmpeg", "-nostdin", "-v", "error"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--seconds", default=10, type=float, help="how long each row of each turn is measured")
    parser.add_argument("--turns", default=1, type=int, help="each server has so many, one after the other")
    return parser.parse_args()


def make_clip(folder):
    """30 pictures a second, constant rate: an access unit of 25 kB every 33 ms."""
    clip = folder / "clip.mp4"
    subprocess.run([*FFMPEG, "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=20", "-f", "lavfi", "-i",
                    "anoisesrc=sample_rate=48000:duration=20:amplitude=0.3", "-c:v", "libx264", "-preset", "ultrafast", "-g", "60",
                    "-b:v", "6M", "-minrate", "6M", "-maxrate", "6M", "-bufsize", "6M", "-x264-params", "nal-hrd=cbr",
                    "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", clip], check=True)
    return clip


class Server:
    """name, command and the paths of what is published and read."""

    def __init__(self, name, command, publish, read):
        self.name, self.command, self.publish, self.read = name, command, publish, read


def servers(build_dir, port):
    router = build_dir / "apps/media-router/media-router"
    relay = build_dir / "bench/rtsp-server-gst"
    for program in (router, relay):
        if not program.exists():
            sys.exit(f"rtsp_server: {program} is missing: build it first")
    others = [f"--{name}-address=127.0.0.1:0" for name in ("rtmp", "api", "metrics")]
    return [Server("media-router", [router, f"--rtsp-address=127.0.0.1:{port}", *others, "--log-dir="],
                   lambda i: f"load/{i}", "load/0"),
            Server("gst-rtsp-server", [relay, str(port), "10"], lambda i: f"in/{i}" if i else "in", "out")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(port):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("rtsp_server: the server does not listen")


@contextlib.contextmanager
def running(command):
    with open(os.devnull, "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Reader:
    """One player of both tracks that throws away what it gets."""

    def __init__(self, port, path):
        self.url = f"rtsp://127.0.0.1:{port}/{path}"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.number, self.session, self.bytes = 0, "", 0
        described = self.ask("DESCRIBE", self.url, "Accept: application/sdp\r\n")
        controls = [line.partition(":")[2] for line in described.splitlines() if line.startswith("a=control:")]
        for i, control in enumerate(c for c in controls if c != "*"):
            url = control if "://" in control else f"{self.url}/{control}"
            answer = self.ask("SETUP", url, f"Transport: RTP/AVP/TCP;unicast;interleaved={2 * i}-{2 * i + 1}\r\n")
            self.session = next(line.split(":")[1].split(";")[0].strip() for line in answer.splitlines()
                                if line.lower().startswith("session:"))
        self.send("PLAY", self.url)
        self.socket.setblocking(False)

    def send(self, method, url, headers=""):
        self.number += 1
        session = f"Session: {self.session}\r\n" if self.session else ""
        self.socket.sendall(f"{method} {url} RTSP/1.0\r\nCSeq: {self.number}\r\n{session}{headers}\r\n".encode())

    def ask(self, method, url, headers=""):
        self.send(method, url, headers)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.receive()
        head, _, body = answer.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")), 0)
        while len(body) < length:
            body += self.receive()
        if not head.startswith(b"RTSP/1.0 200"):
            sys.exit(f"rtsp_server: {method} {url}: {head.decode(errors='replace').splitlines()[0]}")
        return (head + b"\r\n\r\n" + body).decode()

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            sys.exit(f"rtsp_server: {self.url} has been closed")
        return data


def read_for(readers, seconds):
    """Bytes that the slowest of the readers got in that time."""
    selector = selectors.DefaultSelector()
    before = [reader.bytes for reader in readers]
    for reader in readers:
        selector.register(reader.socket, selectors.EVENT_READ, reader)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for key, _ in selector.select(left) if readers else [time.sleep(left) or (None, None)]:
            if key:
                key.data.bytes += len(key.data.receive())
    return min((reader.bytes - b for reader, b in zip(readers, before)), default=0)


def cpu_ns(pid):
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def memory_mib(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure(server, port, clip, row, seconds):
    _, publishers, n_readers = row
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(running(server.command))
        wait_listening(port)
        for i in range(publishers):
            stack.enter_context(running([*FFMPEG, "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "rtsp",
                                         "-rtsp_transport", "tcp", f"rtsp://127.0.0.1:{port}/{server.publish(i)}"]))
        time.sleep(3)  # gst-rtsp-server's media has to be there before the first reader
        readers = [Reader(port, server.read) for _ in range(n_readers)]
        read_for(readers, 2)
        begin, before = time.monotonic(), cpu_ns(process.pid)
        least = read_for(readers, seconds)
        took = time.monotonic() - begin
        return {"cpu": (cpu_ns(process.pid) - before) / took / 1e7, "memory": memory_mib(process.pid),
                "threads": len(list(Path(f"/proc/{process.pid}/task").iterdir())), "least": least * 8 / took / 1e6}


def main():
    arguments = parse_arguments()
    print("| | server | CPU of one core | memory | threads | slowest reader |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder))
        for row in ROWS:
            port = free_port()
            found = {}
            for _ in range(arguments.turns):
                for server in servers(arguments.build_dir, port):
                    found.setdefault(server.name, []).append(measure(server, port, clip, row, arguments.seconds))
            for name, turns in found.items():
                value = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
                slowest = f"{value['least']:.1f} Mbit/s" if row[2] else ""
                print(f"| {row[0]} | {name} | {value['cpu']:.1f} % | {value['memory']:.1f} MiB | {value['threads']:.0f} | {slowest} |",
                      flush=True)


main()
