#!/usr/bin/env python3
"""Brings the stack up on its default ports and keeps it in the foreground; looks at it and stops it from elsewhere.

up stays until Ctrl-C. down, ps, logs and status work from another terminal. Variables come from the environment, then
from .env; every variable of the programs is passed on to them. MEDIA_ROUTER says which router: builtin, mediamtx (from
PATH, configured from deploy/mediamtx) or external (nothing is started).

STACK=native runs the programs that are built here as processes, found again by the pid files in .local/run;
STACK=docker runs their images (stack_docker.py). Without it: images, where a container engine runs and has them.
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import time

sys.dont_write_bytecode = True

import stack_docker                                                                                  # noqa: E402
from stack_settings import (PARTS, PROGRAMS, ROOT, RUN, Refused, check_ports, make_layout,           # noqa: E402
                            print_addresses, print_health, read_settings, shown_name)
from support import router                                                                           # noqa: E402
from support.processes import StartFailed                                                            # noqa: E402
from support.stack import NotBuilt, Stack, find_programs, http_json, is_in_use, stop_workers         # noqa: E402


def native_layout(args):
    return make_layout(find_programs(pathlib.Path(args.build_dir)), read_settings())


def check_router(layout, names):
    """That the chosen router can be had, before anything is started."""
    if "media-router" in names and layout.starts("media-router"):
        layout.command("media-router")
    elif "media-router" in names:
        Stack(layout).wait_external("media-router", timeout=3.0)


# -- pid files

def started_at(pid):
    """The process's start time, which tells it from a later process with the same number; None when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def write_pid(name, pid):
    RUN.mkdir(parents=True, exist_ok=True)
    (RUN / f"{name}.pid").write_text(f"{pid} {started_at(pid)}\n")


def read_pid(name):
    """The pid of a process that we started and that still runs, else None."""
    try:
        pid, start = (RUN / f"{name}.pid").read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if started_at(int(pid)) == start else None


def supervisor(part):
    return f"stack-{part}"


def end_process(pid, grace=15.0):
    """SIGTERM, then SIGKILL. Waits until it is gone."""
    start = started_at(pid)
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if started_at(pid) != start:
                return
            time.sleep(0.05)


# -- logs

class Follower:
    """Prints what is appended to the log files, each line with its program's name in front."""

    def __init__(self, names, from_end):
        self.offsets = {name: self._size(name) if from_end else 0 for name in names}

    @staticmethod
    def _path(name):
        return RUN / f"{name}.log"

    def _size(self, name):
        return self._path(name).stat().st_size if self._path(name).exists() else 0

    def show(self):
        for name in self.offsets:
            self._show(name)
        sys.stdout.flush()

    def _show(self, name):
        size = self._size(name)
        if size < self.offsets[name]:
            self.offsets[name] = 0
        if size == self.offsets[name]:
            return
        with open(self._path(name), "rb") as log:
            log.seek(self.offsets[name])
            data = log.read(1 << 20)
        whole = data[:data.rfind(b"\n") + 1]
        self.offsets[name] += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            print(f"{name:<13} | {line}")


# -- commands

def up(args):
    names = PARTS[args.only]
    running = [name for name in names if read_pid(name)]
    if running:
        raise Refused(f"{', '.join(running)} of this folder is up already: `make ps` shows it, `make down` stops it")
    layout = native_layout(args)
    if not any(map(layout.starts, names)):
        raise Refused("there is nothing to start: with MEDIA_ROUTER=external the router runs elsewhere")
    check_router(layout, names)
    check_ports(layout, names)
    for name in names:
        (RUN / f"{name}.log").unlink(missing_ok=True)
    stack = Stack(layout)
    write_pid(supervisor(args.only), os.getpid())
    follower = Follower(names, from_end=False)
    try:
        bring_up(stack, names, follower)
        print_addresses(layout, names)
        print("stack: Ctrl-C stops everything", flush=True)
        watch(stack, follower)
    finally:
        codes = stack.stop()
        follower.show()
        for name in (*names, supervisor(args.only)):
            (RUN / f"{name}.pid").unlink(missing_ok=True)
        print("stack: stopped" + "".join(f", {name} had to be killed" for name, code in codes.items() if code is None))
    return 1


def bring_up(stack, names, follower):
    for name in filter(stack.layout.starts, names):
        child = stack.launch(name)
        write_pid(name, child.pid)
    for name in names:
        stack.wait_ready(name)
        follower.show()
        print(f"stack: {shown_name(stack.layout, name)} is ready")


def watch(stack, follower):
    """Until Ctrl-C, or until nothing is left to watch."""
    ended = set()
    while len(ended) < len(stack.children):
        follower.show()
        for name, child in stack.children.items():
            if name not in ended and not child.running():
                ended.add(name)
                print(f"stack: {name} has ended (code {child.process.returncode}); the others go on", flush=True)
        time.sleep(0.2)


def down(args):
    parts = PARTS if args.only == "all" else (args.only,)
    stopped = [part for part in parts if read_pid(supervisor(part))]
    for part in stopped:
        end_process(read_pid(supervisor(part)), grace=40.0)
    # Programs whose supervisor was killed.
    left = [name for name in PARTS[args.only] if read_pid(name)]
    for name in left:
        end_process(read_pid(name))
        (RUN / f"{name}.pid").unlink(missing_ok=True)
    state = pathlib.Path(os.environ.get("ORCH_STATE_DIR", ROOT / ".local" / "state"))
    if "media-service" in PARTS[args.only] and is_in_use(state):
        print(f"stack: a media-service that was not started here uses {state}: its workers are left alone")
    elif "media-service" in PARTS[args.only]:
        stop_workers(state)
    print("stack: stopped" if stopped or left else "stack: nothing is running")
    return 0


def ps(args):
    print(f"{'program':<18}{'pid':>8}  {'up':>8}  {'memory':>9}")
    found = False
    for name in PARTS[args.only]:
        pid = read_pid(name)
        found = found or bool(pid)
        print(f"{name:<18}{pid or '-':>8}  {uptime(pid) if pid else 'stopped':>8}  {memory(pid) if pid else '':>9}")
        for child, command in children_of(pid) if pid and name == "media-service" else []:
            print(f"  {command:<16}{child:>8}  {uptime(child):>8}  {memory(child):>9}")
    return 0 if found else 1


def uptime(pid):
    ticks = int(started_at(pid) or 0) / os.sysconf("SC_CLK_TCK")
    seconds = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]) - ticks)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def memory(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return ""
    return next((f"{int(line.split()[1]) // 1024} MiB" for line in lines if line.startswith("VmRSS")), "")


def children_of(pid):
    """(pid, name) of the children: workers and forwarders."""
    try:
        pids = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [(int(one), process_name(one)) for one in pids]
    except OSError:
        return []


def process_name(pid):
    # "comm" is cut after 15 bytes, but "cmdline" is empty in a process that is just starting or has ended.
    process = pathlib.Path(f"/proc/{pid}")
    command = (process / "cmdline").read_text().split("\0")[0]
    return os.path.basename(command) or (process / "comm").read_text().strip()


def logs(args):
    follower = Follower(PARTS[args.only], from_end=False)
    follower.show()
    while any(read_pid(name) for name in PARTS[args.only]):
        time.sleep(0.2)
        follower.show()
    return 0


def status(args):
    layout = native_layout(args)
    print_health(layout, PARTS[args.only])
    asked = "media-service" in PARTS[args.only]
    streams = http_json(layout.http("media") + "/api/v1/streams") if asked else None
    if streams is not None:
        print(json.dumps(streams, indent=1, ensure_ascii=False))
    return 0 if all(read_pid(name) for name in PARTS[args.only] if layout.starts(name)) else 1


def kind(_args):
    """Says which kind of stack the other commands mean."""
    print(which_kind())
    return 0


def which_kind():
    native_runs = any(read_pid(name) for name in (*PROGRAMS, *map(supervisor, PARTS)))
    return stack_docker.chosen(stack_docker.stack_settings(), native_runs)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = {command.__name__: command for command in (up, down, ps, logs, status, kind)}
    parser.add_argument("command", choices=commands)
    parser.add_argument("--build-dir", default=str(ROOT / "build"), help="the Meson build folder")
    parser.add_argument("--only", choices=PARTS, default="all", help="one side of the stack, or one program")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    try:
        if args.command != "kind" and which_kind() == "docker":
            return stack_docker.COMMANDS[args.command](args)
        return commands[args.command](args)
    except (Refused, NotBuilt, router.RouterUnavailable) as error:
        print(f"stack: {error}", file=sys.stderr)
        return 2
    except StartFailed as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
