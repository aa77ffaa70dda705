# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers that flood, lie on or close their control socket, beside one that does its work."""
import sys
from pathlib import Path

import pytest

from service_support import STUB_WORKER, alive, wait_for

COMMAND = f"{sys.executable} {Path(__file__).parent / 'lying_worker.py'} {STUB_WORKER}"


def memory_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


@pytest.fixture
def service(start_service):
    service = start_service(ORCH_WORKER_COMMAND=COMMAND, STUB_PHRASES=2)
    service.hook("ready", stream="good", source="g")
    service.wait_state("running", "good")
    yield service
    # The other stream has not noticed, and new ones start.
    good = service.stream("good")
    assert good["state"] == "running" and good["restarts"] == 0 and good["phrases"]["dubbed"] == 2
    assert service.hook("ready", stream="late", source="l").status == 202
    service.wait_state("running", "late")
    assert service.get("/health").status == 200
    assert service.stop() == 0


def start(service, name):
    assert service.hook("ready", stream=name, source=name).status == 202
    return lambda: service.stream(name)


@pytest.mark.parametrize("name, complaint", [
    ("lies-json", "control socket"), ("lies-nan", "control socket"), ("lies-huge", "uptimeMs"), ("lies-line", "a line is longer")])
def test_what_breaks_the_protocol_ends_the_connection_and_not_the_stream(service, name, complaint):
    stream = start(service, name)
    wait_for(lambda: stream().get("state") == "running", "what it said before")
    wait_for(lambda: service.messages().count(f"{name}.sock: ") >= 3, "it is connected to again and again")
    assert complaint in service.messages()
    assert stream()["state"] == "running" and stream()["restarts"] == 0 and alive(stream()["workerPid"])


@pytest.mark.parametrize("name", ["lies-stream", "lies-first"])
def test_who_is_not_the_worker_is_not_believed(service, name):
    stream = start(service, name)
    wait_for(lambda: service.messages().count(f"{name}.sock: ") >= 2, "refused")
    assert stream()["state"] == "starting" and "workerState" not in stream()


def test_a_closed_door_is_tried_again_but_not_all_the_time(service):
    stream = start(service, "lies-closes")
    wait_for(lambda: stream().get("workerPid"), "a worker")
    assert stream()["state"] == "starting"


def test_giant_numbers_are_left_out(service):
    stream = start(service, "lies-seq")
    wait_for(lambda: stream().get("phrases", {}).get("dubbed") == 1, "the other phrase")
    assert service.get("/api/v1/streams/lies-seq/phrases").json["lastSeq"] == 7


def test_another_version_is_understood(service):
    stream = start(service, "lies-version")
    wait_for(lambda: stream().get("state") == "running", "running")
    # What it did not mask is masked here.
    assert stream()["input"]["url"] == "rtmp://far.example/app/***"


def test_half_a_line_and_silence_hold_nothing_up(service):
    stream = start(service, "lies-half")
    wait_for(lambda: stream().get("state") == "running", "running")


def test_a_flood_is_read_slowly(start_service):
    """More than a hundred megabytes would come in that time, were they read."""
    service = start_service(ORCH_WORKER_COMMAND=COMMAND, LOG_LEVEL="info")
    for name in ("lies-flood", "good"):
        service.hook("ready", stream=name, source=name)
        service.wait_state("running", name)
    wait_for(lambda: service.stream("lies-flood")["phrases"]["dubbed"] > 2000, "phrases")
    before = memory_mib(service.process.pid)
    wait_for(lambda: service.stream("lies-flood")["phrases"]["dubbed"] > 6000, "more phrases than are kept")
    for number in range(20):
        assert service.hook("ready", stream=f"s{number}", source=f"c{number}").status == 202
    assert service.get("/health").status == 200
    assert memory_mib(service.process.pid) - before < 64
    assert service.stream("good")["restarts"] == 0
    assert service.stop() == 0
