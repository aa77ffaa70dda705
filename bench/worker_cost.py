#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a media-worker costs beside `ffmpeg -c:v copy -c:a aac`, on the same live stream at the same time.

One 1080p30 stream of 6 Mbit/s is published over RTMP. At once, a worker in passthrough, a worker with the echo service
(when sts-service is built) and ffmpeg read it, and write a stream of their own. CPU time is counted by the kernel, from
when all of them run until the end; nothing of their start is in it.
"""
import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

GOAL_RATIO = 1.5
GOAL_RSS_MIB = 60
LATENCY_S = 3
BITRATE = 6_000_000
CLIP_S = 16  # whole frames of both tracks
SENTENCES = ("Good evening and welcome to the late news.", "The river rose again during the night.",
             "Trains between the two cities run every hour.", "More about this after the weather.")
TICKS = os.sysconf("SC_CLK_TCK")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--seconds", default=60, type=int, help="how long is measured")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"worker_cost: {what} did not happen within {seconds} s")
        time.sleep(0.05)


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def speak(folder):
    """A sentence every 4 s, mono."""
    inputs, delays = [], []
    for i, sentence in enumerate(SENTENCES):
        spoken = folder / f"sentence{i}.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", sentence, "-o", spoken], check=True)
        inputs += ["-i", str(spoken)]
        delays.append(f"[{i}:a]adelay={i * 4000}[{i}d]")
    mix = "".join(f"[{i}d]" for i in range(len(SENTENCES))) + f"amix={len(SENTENCES)}:normalize=0"
    subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", ";".join([*delays, mix]), "-ar", "48000",
                    str(folder / "speech.wav")], check=True, stdin=subprocess.DEVNULL)
    return folder / "speech.wav"


def make_clip(path):
    """A busy picture at a constant bit rate; sentences over a soft stereo background."""
    print(f"making {CLIP_S} s of 1080p30 at {BITRATE // 1_000_000} Mbit/s ...", flush=True)
    bed = "anoisesrc=color=pink:amplitude=0.02:sample_rate=48000"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30,noise=alls=12:allf=t",
         "-i", speak(path.parent), "-f", "lavfi", "-i", f"{bed}:seed=1", "-f", "lavfi", "-i", f"{bed}:seed=2",
         "-filter_complex", "[2:a][3:a]amerge[bed];[1:a]apad,pan=stereo|c0=c0|c1=c0[voice];"
         "[bed][voice]amix=2:normalize=0[sound]", "-map", "0:v", "-map", "[sound]", "-t", str(CLIP_S), "-c:v",
         "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-b:v", str(BITRATE), "-minrate",
         str(BITRATE), "-maxrate", str(BITRATE), "-bufsize", str(BITRATE // 2), "-x264-params", "nal-hrd=cbr", "-c:a",
         "aac", "-b:a", "128k", "-ac", "2", str(path)], check=True, stdin=subprocess.DEVNULL)


class Stack(contextlib.ExitStack):
    """Processes that are gone at the end, with their messages in files."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.processes = []

    def start(self, name, *arguments, stdin=subprocess.DEVNULL, stdout=None):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("WORKER_", "ORCH_", "ROUTER_", "STS_"))}
        environment.update(LOG_DIR="", LOG_FORMAT="json")
        log = self.enter_context(open(self.folder / f"{name}.log", "wb"))
        process = subprocess.Popen([str(a) for a in arguments], stdin=stdin, stdout=stdout or log, stderr=log,
                                   env=environment)
        self.callback(self.end, process)
        self.processes.append(process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid):
    values = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(values["VmRSS"].split()[0]) / 1024, int(values["VmHWM"].split()[0]) / 1024


def path_bytes(api_port, name, prefix="live/bench"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{api_port}/v3/paths/get/{prefix}/{name}", timeout=2) as answer:
            return json.load(answer)["bytesReceived"]
    except OSError:
        return 0


def need_tools():
    missing = [name for name in ("ffmpeg", "flite") if not shutil.which(name)]
    if missing:
        sys.exit(f"worker_cost: install {' and '.join(missing)}")


def program(build_dir, name):
    path = build_dir / name
    if not path.exists():
        sys.exit(f"worker_cost: {path} is missing: build it first (make build)")
    return path


def start_router(stack, build_dir):
    """Its ports by name."""
    ports = {name: free_port() for name in ("rtmp", "rtsp", "api", "metrics")}
    options = [f"--{name}-address=127.0.0.1:{port}" for name, port in ports.items()]
    stack.start("router", program(build_dir, "apps/media-router/media-router"), *options)
    wait_for(lambda: accepts(ports["rtmp"]), "listening of the router")
    return ports


def start_echo(stack, build_dir):
    """The echo service's address, or None when it is not built."""
    path = build_dir / "apps/sts-service/sts-service"
    if not path.exists():
        return None
    port = free_port()
    stack.start("sts-service", path, "--mode", "echo", "--port", port)
    wait_for(lambda: accepts(port), "listening of the sts-service")
    return f"http://127.0.0.1:{port}"


def start_readers(stack, build_dir, base, echo_url):
    worker = program(build_dir, "apps/media-service/worker/media-worker")
    common = ["--input-url", f"{base}/in", "--latency", f"{LATENCY_S}s"]
    readers = {
        "ffmpeg": stack.start("ffmpeg", "ffmpeg", "-v", "error", "-i", f"{base}/in", "-c:v", "copy", "-c:a", "aac",
                              "-b:a", "128k", "-f", "flv", f"{base}/ffmpeg"),
        "passthrough": stack.start("passthrough", worker, *common, "--stream-id", "passthrough", "--output-url",
                                   f"{base}/passthrough", "--sts-mode", "passthrough"),
    }
    if echo_url:
        readers["echo"] = stack.start("echo", worker, *common, "--stream-id", "echo", "--output-url", f"{base}/echo",
                                      "--sts-service-url", echo_url)
    return readers


def measure(readers, api_port, seconds):
    wait_for(lambda: all(path_bytes(api_port, name) > 0 for name in readers), "output of all of them")
    time.sleep(LATENCY_S)
    before = {name: (cpu_seconds(p.pid), path_bytes(api_port, name)) for name, p in readers.items()}
    time.sleep(seconds)
    results = {}
    for name, process in readers.items():
        if process.poll() is not None:
            sys.exit(f"worker_cost: {name} ended with {process.returncode} during the measurement")
        cpu, got = before[name]
        resident, peak = resident_mib(process.pid)
        results[name] = {
            "cpuSeconds": round(cpu_seconds(process.pid) - cpu, 2),
            "rssMiB": round(resident, 1),
            "peakRssMiB": round(peak, 1),
            "outputMbitPerS": round((path_bytes(api_port, name) - got) * 8 / seconds / 1e6, 2),
        }
    for result in results.values():
        result["cpuPercent"] = round(result["cpuSeconds"] / seconds * 100, 2)
        result["ratio"] = round(result["cpuSeconds"] / max(results["ffmpeg"]["cpuSeconds"], 0.01), 2)
    return results


def report(results, seconds):
    delayed_mib = BITRATE / 8 * LATENCY_S / (1 << 20)
    print(f"\n{seconds} s of 1080p30 at 6 Mbit/s, D = {LATENCY_S} s ({delayed_mib:.1f} MiB of stream), "
          f"{os.cpu_count()} cores")
    print(f"{'':<13}{'CPU s':>8}{'CPU %':>8}{'ratio':>8}{'RSS MiB':>9}{'peak':>8}{'Mbit/s':>8}")
    for name, r in results.items():
        print(f"{name:<13}{r['cpuSeconds']:>8}{r['cpuPercent']:>8}{r['ratio']:>8}{r['rssMiB']:>9}{r['peakRssMiB']:>8}"
              f"{r['outputMbitPerS']:>8}")
    if "echo" not in results:
        print("echo: sts-service is not built here, left out")
    missed = [f"{name}: {r['ratio']} times the CPU" for name, r in results.items() if r["ratio"] > GOAL_RATIO]
    missed += [f"{name}: {r['rssMiB']} MiB resident" for name, r in results.items()
               if name != "ffmpeg" and r["rssMiB"] > GOAL_RSS_MIB + delayed_mib]
    print(f"goal: at most {GOAL_RATIO} times the CPU of ffmpeg, {GOAL_RSS_MIB} MiB and the stream of D: "
          + ("missed: " + "; ".join(missed) if missed else "held"))
    return not missed


def main():
    arguments = parse_arguments()
    need_tools()
    with tempfile.TemporaryDirectory() as name, Stack(Path(name)) as stack:
        clip = Path(name) / "clip.flv"
        make_clip(clip)
        ports = start_router(stack, arguments.build_dir)
        base = f"rtmp://127.0.0.1:{ports['rtmp']}/live/bench"
        echo_url = start_echo(stack, arguments.build_dir)
        stack.start("publisher", "ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f",
                    "flv", f"{base}/in")
        wait_for(lambda: path_bytes(ports["api"], "in") > 0, "publishing")
        readers = start_readers(stack, arguments.build_dir, base, echo_url)
        results = measure(readers, ports["api"], arguments.seconds)
    held = report(results, arguments.seconds)
    if arguments.json:
        arguments.json.write_text(json.dumps({"seconds": arguments.seconds, "results": results}, indent=2) + "\n")
    return 0 if held or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
