# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile clients beside a good publisher and good readers, who must not notice: every message is compared, by number.

No clock is asked: what counts is which messages came and in which order, and that memory, descriptors, paths and
connections are back where they were.
"""
import contextlib
import json
import os
import re
import resource
import subprocess
from pathlib import Path

import pytest

import hostile_clients
from router_support import DEADLINE, Router, wait_until

GOOD_READERS = 3
# Short for who has no stream; long for the good ones, who may have to wait for a processor.
PATIENT = "{readTimeout: 30s, writeTimeout: 30s}"
LIMITS = {"ROUTER_HANDSHAKE_TIMEOUT": "3s", "ROUTER_MEDIA_TIMEOUT": "30s"}


@contextlib.contextmanager
def good_stream(program, router, app="load"):
    """A publisher and readers for as long as the block runs; afterwards nothing may be missing or changed."""
    command = [program("router-load"), f"--address=127.0.0.1:{router.ports['rtmp']}", f"--app={app}", "--publishers=1",
               f"--readers={GOOD_READERS}", "--bitrate=1500000", "--until-eof"]
    with subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        try:
            assert json.loads(load.stdout.readline()) == {"running": True}
            yield
            load.stdin.close()
            found = json.loads(load.stdout.readline())
        except BaseException:
            load.kill()
            raise
    bad = {key: found[key] for key in ("gaps", "wrong", "readersClosed", "readersShort", "publishersClosed") if found[key]}
    assert not bad, found
    assert found["received"] > found["sent"], found


@pytest.fixture
def many_descriptors():
    """Of this process, which has as many sockets as the clients it plays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def counters(router):
    return {name: int(float(value)) for name, value in re.findall(r"^router_(\w+) (\S+)$", router.metrics(), re.MULTILINE)}


def descriptors(router):
    return len(os.listdir(f"/proc/{router.process.pid}/fd"))


def resident_mib(router):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{router.process.pid}/status").read_text()).group(1)) / 1024


def listen_drops():
    """Connections that the kernel took and threw away, because too many waited to be accepted."""
    names, values = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")]
    return int(dict(zip(names, values))["ListenDrops"])


def leftovers(router, floor):
    """What is there beyond the good stream; [] when nothing is."""
    connections, paths = router.api("/v3/rtmpconns/list")["items"], router.api("/v3/paths/list")["items"]
    found = [f"{len(connections)} connections"] if len(connections) != 1 + GOOD_READERS else []
    found += [f"path {p['name']}" for p in paths if p["name"] != "load/0"]
    return found + ([f"{descriptors(router)} descriptors, not {floor}"] if descriptors(router) > floor else [])


def wait_for_floor(router, floor):
    try:
        wait_until("all of them gone", lambda: not leftovers(router, floor), 60)
    except AssertionError as problem:
        raise AssertionError(f"{problem}: {leftovers(router, floor)}") from problem


def survive(router, waves, clients, at_a_time):
    """After each wave all is as before it; after later ones no more memory is held than after the first."""
    router.api("/v3/paths/list")
    floor = descriptors(router) + 2             # the connections that ask for it
    held = []
    for wave in range(waves):
        outcomes = hostile_clients.attack(("127.0.0.1", router.ports["rtmp"]), clients, at_a_time, seed=wave * clients)
        assert set(outcomes) <= {"done", "closed"}, outcomes
        wait_for_floor(router, floor)
        held.append(resident_mib(router))
    assert held[-1] <= held[0] + 16, held
    return sum(outcomes.values())


def test_hundreds_of_hostile_clients(make_router, program, many_descriptors):
    router = make_router(PATIENT, {**LIMITS, "ROUTER_MAX_CONNECTIONS": "90"})
    with good_stream(program, router):
        survive(router, 2, 150, 150)
        seen = counters(router)
    assert seen["connections_accepted_total"] >= 300
    assert seen["connections_replaced_total"] > 0, "places were taken by clients that did nothing"
    assert seen["connections_timed_out_total"] > 0
    assert seen["protocol_errors_total"] > 0
    assert seen["log_lines_left_out_total"] > 0
    assert len(router.log().splitlines()) < 1000


@pytest.mark.slow
def test_thousands_of_hostile_clients(make_router, program, many_descriptors):
    router = make_router(PATIENT, LIMITS)
    dropped_before = listen_drops()
    with good_stream(program, router):
        survive(router, 3, 3000, 1500)
        seen = counters(router)
    assert seen["connections_accepted_total"] + listen_drops() - dropped_before >= 9000, "each came to us or to the kernel's end"
    assert len(router.log().splitlines()) < 20000


def test_answers_are_not_piled_up(make_router, program, many_descriptors):
    """Commands without end from peers that read nothing: closed before the answers fill the memory."""
    router = make_router(None, {"ROUTER_HANDSHAKE_TIMEOUT": "60s"})
    with good_stream(program, router):
        before = resident_mib(router)
        outcomes = hostile_clients.attack(("127.0.0.1", router.ports["rtmp"]), 4, 4, [hostile_clients.command_flood])
        assert sum(outcomes.values()) == 4, outcomes
        wait_until("all closed", lambda: len(router.api("/v3/rtmpconns/list")["items"]) == 1 + GOOD_READERS, 60)
        assert resident_mib(router) < before + 32
    router.wait_log("the peer asks and does not read")


def limited_router(program, folder, descriptors_allowed):
    """A router that may not open more files than that."""
    script = folder / "limited"
    script.write_text(f'#!/bin/sh\nulimit -n {descriptors_allowed}\nexec {program("media-router")} "$@"\n')
    script.chmod(0o755)
    return Router(script, folder, PATIENT, LIMITS)


def test_out_of_descriptors(program, tmp_path, many_descriptors):
    """Beyond what the system allows: said at start and once when it comes to pass; clients that do nothing make room."""
    router = limited_router(program, tmp_path, 60)
    try:
        assert "only 60 files may be open" in router.log() and "LimitNOFILE" in router.log()
        with good_stream(program, router):
            outcomes = hostile_clients.attack(("127.0.0.1", router.ports["rtmp"]), 200, 200, [hostile_clients.silent])
            assert sum(outcomes.values()) == 200, outcomes
            assert counters(router)["connections_replaced_total"] > 0
    finally:
        assert router.stop() == 0


def test_one_address_alone(make_router, program, many_descriptors):
    router = make_router(PATIENT, {**LIMITS, "ROUTER_MAX_CONNECTIONS_PER_ADDRESS": str(1 + GOOD_READERS)})
    with good_stream(program, router):
        outcomes = hostile_clients.attack(("127.0.0.1", router.ports["rtmp"]), 20, 20, [hostile_clients.slow_publisher])
        assert outcomes == {"closed": 20}
    assert counters(router)["connections_refused_total"] == 20
    assert "ROUTER_MAX_CONNECTIONS_PER_ADDRESS" in router.log()


def test_publishers_of_too_many_paths(make_router, program, many_descriptors):
    router = make_router(PATIENT, {**LIMITS, "ROUTER_MAX_PATHS": "3"})
    with good_stream(program, router):
        hostile_clients.attack(("127.0.0.1", router.ports["rtmp"]), 20, 20, [hostile_clients.slow_publisher])
        assert counters(router)["paths_refused_total"] >= 10
    router.wait_log("ROUTER_MAX_PATHS")


@pytest.mark.parametrize("flag, value", [("--max-connections", "0"), ("--max-message", "1k"), ("--gop-cache", "1GiB"),
                                         ("--handshake-timeout", "0s")])
def test_limits_out_of_range(program, flag, value):
    done = subprocess.run([str(program("media-router")), flag, value], capture_output=True, text=True, timeout=DEADLINE,
                          check=False)
    assert done.returncode == 2
    assert flag.strip("-").replace("-", "_").upper() in done.stderr
