# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs leave on disk, and logs: as the operations guide says, also on disks that are full."""
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import service_support
from service_support import wait_for, workers_of

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "operations.md"


def manifest_of(run):
    try:
        return json.loads((run / "manifest.json").read_text())
    except OSError:
        return {}


def wait_status(run, status):
    return wait_for(lambda: manifest_of(run).get("status") == status and manifest_of(run), f"{run} is {status}")


def verify(run):
    """The guide's command on the bundle."""
    section = GUIDE.read_text().split("## What a run leaves")[1]
    command = re.search(r"```sh\n(.*?)```", section, re.S).group(1).replace(".local/runs/<runId>", str(run))
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True)


def start_run(service, folder):
    service.hook("ready", query="lang=fr&voice=nice")
    stream = service.wait_state("running")
    run = folder / "runs" / stream["runId"]
    ledger = run / "ledger.ndjson"
    wait_for(lambda: ledger.exists() and ledger.read_text().count("\n") == 3, "three phrases")
    return run


def test_a_bundle_tells_of_its_run_and_can_be_verified(start_service, folder):
    service = start_service(STUB_PHRASES=3, CAPTURE_MODE="media")
    run = start_run(service, folder)
    assert manifest_of(run)["status"] == "running"
    (run / "audio").mkdir()
    (run / "audio" / "000001-123e4567-e89b-42d3-a456-426614174000.in.wav").write_bytes(b"RIFF\4\0\0\0WAVE")
    assert service.call("DELETE", "/api/v1/streams/demo").status in (200, 202)
    manifest = wait_status(run, "complete")
    assert manifest["targetLang"] == "fr" and manifest["sourceLang"] == "en" and manifest["voice"] == "nice"
    assert manifest["latencyMs"] == 3000 and manifest["versions"]["mediaService"] and manifest["captureMode"] == "media"
    assert manifest["startedAt"] <= manifest["endedAt"] and manifest["exit"] and manifest["phrases"]["dubbed"] == 3
    assert [file["path"] for file in manifest["files"]][1] == "ledger.ndjson" and manifest["ledgerLines"] == 3
    assert manifest["files"][0]["fragmentId"] == "123e4567-e89b-42d3-a456-426614174000"
    result = verify(run)
    assert result.returncode == 0 and result.stdout.count(": OK") == 2, result.stderr
    with open(run / "ledger.ndjson", "a") as ledger:
        ledger.write("\n")
    assert verify(run).returncode != 0


def test_a_run_goes_on_after_a_crash_and_its_bundle_with_it(start_service, folder):
    service = start_service(STUB_PHRASES=3)
    run = start_run(service, folder)
    service.stop(signal.SIGKILL)
    (run / "manifest.json.A1b2C3").write_text("{")
    with open(run / "ledger.ndjson", "a") as ledger:
        ledger.write('{"seq":4,"fr')
    service.start()
    assert service.wait_state("running")["runId"] == run.name
    assert service.stop() == 0
    manifest = manifest_of(run)
    assert manifest["status"] == "complete" and manifest["ledgerLines"] == 3 and verify(run).returncode == 0
    assert sorted(path.name for path in run.iterdir()) == ["ledger.ndjson", "manifest.json"]


def test_a_run_that_nobody_ended_is_interrupted(start_service, folder):
    service = start_service(STUB_PHRASES=3)
    run = start_run(service, folder)
    service.stop(signal.SIGKILL)
    for pid in workers_of(folder):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not workers_of(folder), "the worker is gone")
    service.start()
    manifest = wait_status(run, "interrupted")
    assert manifest["streamId"] == "demo" and manifest["phrases"]["dubbed"] == 3 and manifest["endedAt"]
    assert verify(run).returncode == 0
    assert "was not closed" in service.messages()


def test_a_media_service_leaves_the_runs_of_another_alone(start_service, folder, tmp_path):
    """Two of them with one ASSET_STORE_ROOT."""
    service = start_service(STUB_PHRASES=3)
    run = start_run(service, folder)
    other = service_support.Service(tmp_path, ASSET_STORE_ROOT=folder / "runs", CAPTURE_MAX_BYTES=1,
                                    ORCH_STATE_DIR=folder / "other")
    try:
        assert other.stop() == 0
    finally:
        other.close()
    assert manifest_of(run)["status"] == "running" and (run / "ledger.ndjson").exists()


def test_old_bundles_go_at_start(start_service, folder):
    for number in range(1, 400):
        old = folder / "runs" / f"20250101T000000.{number:03}Z-4f9a1c2e"
        old.mkdir(parents=True)
        (old / "ledger.ndjson").write_text("x" * 100)
    kept = folder / "runs" / "notes"
    kept.mkdir()
    service = start_service(CAPTURE_MAX_BYTES=1, STUB_PHRASES=3)
    wait_for(lambda: [path.name for path in (folder / "runs").iterdir()] == ["notes"], "the old ones are gone")
    assert start_run(service, folder).exists()


def lines_about(path, stream):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line.get("streamId") == stream]


def test_log_files_name_stream_run_and_instance(start_service, folder):
    service = start_service(STUB_PHRASES=3, LOG_DIR=folder / "logs", INSTANCE_ID="service-1")
    run = start_run(service, folder)
    assert service.stop() == 0
    ours = lines_about(folder / "logs" / "media-service.log", "demo")
    assert {line["instanceId"] for line in ours} == {"service-1"}
    assert any("media-worker runs" in line["message"] for line in ours)
    about_run = [line for line in ours if "runId" in line]
    assert {line["runId"] for line in about_run} == {run.name}
    assert len(about_run) >= len(ours) - 1, "only what comes before the run may lack it"


@pytest.fixture
def small_disk(folder, monkeypatch):
    """media-service starts in a mount namespace of its own, with 128 KiB for its bundles and logs."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no right to mount here")
    wrapper = folder / "on-a-small-disk"
    wrapper.write_text(f'#!/bin/sh\nexec unshare --mount sh -c "mount -t tmpfs -o size=128k tmpfs {disk} && '
                       f'cat /dev/zero > {disk}/fill 2> /dev/null; exec {service_support.MEDIA_SERVICE}"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(service_support, "MEDIA_SERVICE", str(wrapper))
    return disk


def test_a_full_disk_stops_no_stream(start_service, small_disk):
    service = start_service(STUB_PHRASES=3, ASSET_STORE_ROOT=small_disk / "runs", LOG_DIR=small_disk / "logs")
    seen = Path(f"/proc/{service.process.pid}/root{small_disk}")
    service.hook("ready")
    stream = service.wait_state("running")
    wait_for(lambda: service.stream()["phrases"]["dubbed"] == 3, "three phrases")
    wait_for(lambda: "run bundles cannot be written" in service.messages(), "it is said")
    assert "media_service_run_bundles_refused 1" in service.get("/metrics").body.decode()
    (seen / "fill").unlink()
    service.hook("ready", stream="second")
    second = service.wait_state("running", "second")["runId"]
    wait_status(seen / "runs" / second, "running")
    assert service.call("DELETE", "/api/v1/streams/demo").status in (200, 202)
    first = seen / "runs" / stream["runId"]
    assert wait_status(first, "complete")["ledgerLines"] == 3
    wait_for(lambda: "are written to" in service.messages(), "it is said that it works again")
    assert "media_service_run_bundles_refused 0" in service.get("/metrics").body.decode()
    said = service.messages()
    assert said.count("run bundles cannot be written") == 1
    assert said.count("cannot write the log file") >= 1 and "lines are missing" in said
    assert service.stop() == 0


def is_sanitized(program):
    """Starting one takes a hundred times as long then."""
    return re.search(rb"__(asan|tsan)_init", Path(program).read_bytes()) is not None


def test_hundreds_of_streams_that_stop_at_once_leave_closed_bundles(start_service, folder):
    """Those for which a slow disk leaves no time are closed by the next start."""
    count = 20 if is_sanitized(service_support.STUB_WORKER) else 200
    service = start_service(STUB_PHRASES=3, STUB_STATUS_MS=1000, LOG_LEVEL="info")
    for number in range(count):
        assert service.hook("ready", stream=f"s{number}", source="c").status == 202
    wait_for(lambda: all(stream["phrases"]["dubbed"] == 3 for stream in service.get("/api/v1/streams").json["streams"]),
             "phrases of all")
    assert service.stop() == 0
    manifests = sorted((folder / "runs").glob("*/manifest.json"))

    def statuses():
        return {json.loads(path.read_text())["status"] for path in manifests}
    assert len(manifests) == count and statuses() <= {"complete", "closing"}
    service.start()
    wait_for(lambda: statuses() == {"complete"}, "all are closed", tell=statuses)
    assert all(json.loads(path.read_text())["phrases"]["dubbed"] == 3 for path in manifests)
