# SPDX-License-Identifier: GPL-3.0-or-later
"""Egress-forwarders as media-service has them, with stand-ins: one per stream, never two, no harm to the stream."""
import os
import signal
import stat
import subprocess

import pytest

from service_support import MEDIA_SERVICE, STUB_WORKER, alive, clean_environment, environment_of, wait_for, workers_of

DEST = "rtmp://far.example/app/s3cretkey"
QUERY = "lang=fr&egress=rtmp%3A%2F%2Ffar.example%2Fapp%2Fs3cretkey"


@pytest.fixture
def start(start_service):
    return lambda **variables: start_service(ORCH_EGRESS_COMMAND=STUB_WORKER, **variables)


def egress(service, stream="demo"):
    return service.stream(stream).get("egress", {})


def wait_egress(service, state, stream="demo"):
    def reached():
        found = egress(service, stream)
        return found if found.get("state") == state else None
    return wait_for(reached, f"egress of {stream} is {state}", tell=lambda: egress(service, stream))


def forwarders_of(folder):
    return [pid for pid in workers_of(folder) if "EGRESS_STREAM_ID" in environment_of(pid)]


def test_a_stream_has_the_forwarder_that_its_publisher_asks_for(start, folder):
    service = start()
    service.hook("ready", query=QUERY)
    service.hook("ready", stream="plain", source="p")
    found = wait_egress(service, "forwarding")
    assert found["destUrl"] == "rtmp://far.example/app/***" and found["connected"] is True
    assert (found["bytes"], found["reconnects"], found["restarts"]) == (1234, 1, 0)
    assert forwarders_of(folder) == [found["pid"]]
    environment = environment_of(found["pid"])
    assert environment["EGRESS_DEST_URL"] == DEST
    assert environment["EGRESS_INPUT_URL"].endswith("/live/demo/out") and environment["EGRESS_ENABLED"] == "true"
    assert environment["RUN_ID"] == service.stream()["runId"]
    service.wait_state("running", "plain")
    assert "egress" not in service.stream("plain")

    assert service.call("DELETE", "/api/v1/streams/demo").status == 202
    wait_egress(service, "off")
    service.wait_state("idle")
    assert not alive(found["pid"])


def test_the_key_is_shown_nowhere(start, folder):
    service = start(STUB_EGRESS_ERROR="it refuses")
    service.hook("ready", query=QUERY)
    found = wait_egress(service, "retrying")
    assert found["lastError"] == "it refuses" and found["connected"] is False
    worker = service.wait_state("running")["workerPid"]
    shown = [service.get(path).body for path in ("/api/v1/streams", "/api/v1/streams/demo", "/metrics")]
    shown += [open(f"/proc/{pid}/cmdline", "rb").read() for pid in (service.process.pid, worker, found["pid"])]
    shown += [path.read_bytes() for path in (folder / "runs").rglob("*") if path.is_file()]
    assert service.stop() == 0
    assert not any(b"s3cretkey" in text for text in shown)
    assert "s3cretkey" not in service.messages()


def test_the_worker_does_not_know_the_destination(start, folder):
    (folder / "streams.d").mkdir()
    (folder / "streams.d" / "demo.env").write_text(f"EGRESS_DEST_URL={DEST}\nWORKER_TARGET_LANG=fr\n")
    service = start(EGRESS_ENABLED="true", EGRESS_DEST_URL="rtmp://all.example/app/s3cretkey-{streamId}")
    service.hook("ready")
    service.hook("ready", stream="other", source="o")
    workers = [service.wait_state("running", name)["workerPid"] for name in ("demo", "other")]
    assert environment_of(wait_egress(service, "forwarding")["pid"])["EGRESS_DEST_URL"] == DEST
    other = environment_of(wait_egress(service, "forwarding", "other")["pid"])
    assert other["EGRESS_DEST_URL"] == "rtmp://all.example/app/s3cretkey-other"
    assert not any("s3cretkey" in str(environment_of(pid)) for pid in workers)


def test_the_record_is_for_us_alone(start, folder):
    service = start()
    service.hook("ready", query=QUERY)
    wait_egress(service, "forwarding")
    record = folder / "state" / "streams" / "demo.json"
    assert DEST in record.read_text()
    assert stat.S_IMODE(record.stat().st_mode) & 0o007 == 0


def test_switching_the_destination_of_a_running_stream(start, folder):
    service = start()
    service.hook("ready")
    before = service.wait_state("running")
    assert service.call("PUT", "/api/v1/streams/demo/egress", {"destUrl": "rtmp://one.example/app/key1"}).status == 202
    first = wait_egress(service, "forwarding")
    answer = service.call("PUT", "/api/v1/streams/demo/egress", {"destUrl": DEST})
    assert answer.status == 202 and answer.json["egress"]["destUrl"] == "rtmp://far.example/app/***"
    second = wait_for(lambda: (lambda found: found if found["state"] == "forwarding" and found["pid"] != first["pid"]
                               else None)(egress(service)), "the other forwarder")
    assert environment_of(second["pid"])["EGRESS_DEST_URL"] == DEST
    assert not alive(first["pid"]) and forwarders_of(folder) == [second["pid"]]

    # The same once more changes nothing; none ends it.
    assert service.call("PUT", "/api/v1/streams/demo/egress", {"destUrl": DEST}).json["egress"]["pid"] == second["pid"]
    assert service.call("DELETE", "/api/v1/streams/demo/egress").status == 202
    wait_for(lambda: "egress" not in service.stream(), "no egress")
    assert forwarders_of(folder) == []
    after = service.stream()
    for name in ("workerPid", "runId", "state", "restarts"):
        assert after[name] == before[name], name


@pytest.mark.parametrize("body", [
    {}, {"destUrl": 7}, {"destUrl": ""}, {"destUrl": "http://h/app/s3cretkey"}, {"destUrl": "rtmp://h/s3cretkey"},
    {"destUrl": "file:///etc/s3cretkey"}, {"destUrl": "rtmp://h/app/s3cret key"}, {"destUrl": "rtmp://h/app/s3cretkey" * 100},
])
def test_bad_destinations_are_refused_with_what_is_allowed(start, body):
    service = start()
    service.hook("ready")
    service.wait_state("running")
    answer = service.call("PUT", "/api/v1/streams/demo/egress", body)
    assert answer.status == 400 and "destUrl" in answer.json["error"]["message"]
    if isinstance(body.get("destUrl"), str):
        assert "rtmps://host[:port]/app/key" in answer.json["error"]["message"]
    assert b"s3cret" not in answer.body
    assert "egress" not in service.stream()


def test_calls_that_cannot_be(start):
    service = start(ORCH_API_KEY="k3y")
    put = {"destUrl": DEST}
    assert service.call("PUT", "/api/v1/streams/none/egress", put, key="k3y").status == 404
    service.hook("ready", key="k3y")
    service.wait_state("running")
    assert service.call("PUT", "/api/v1/streams/demo/egress", put).status == 401
    assert service.call("DELETE", "/api/v1/streams/demo/egress").status == 401
    assert service.call("DELETE", "/api/v1/streams/demo", key="k3y").status == 202
    service.wait_state("idle")
    assert service.call("PUT", "/api/v1/streams/demo/egress", put, key="k3y").status == 409
    body = {"streamId": "mine", "egress": "rtsp://h/app/s3cretkey"}
    answer = service.call("POST", "/api/v1/streams", body, key="k3y")
    assert answer.status == 400 and "egress" in answer.json["error"]["message"] and b"s3cret" not in answer.body
    assert service.call("POST", "/api/v1/streams", {**body, "egress": DEST}, key="k3y").status == 201
    wait_egress(service, "forwarding", "mine")


def test_a_bad_destination_in_the_query_is_logged_and_ignored(start):
    service = start()
    assert service.hook("ready", query="lang=fr&egress=http%3A%2F%2Fh%2Fapp%2Fs3cretkey").status == 202
    found = service.wait_state("running")
    assert "egress" not in found and found["settings"] == {"targetLang": "fr"}
    assert "for egress is ignored" in service.messages() and "s3cretkey" not in service.messages()


def test_a_forwarder_that_fails_is_restarted_and_the_stream_is_not_disturbed(start, folder):
    service = start()
    service.hook("ready", query=QUERY)
    before = service.wait_state("running")
    first = wait_egress(service, "forwarding")
    os.kill(first["pid"], signal.SIGKILL)
    second = wait_for(lambda: (lambda found: found if found["state"] == "forwarding" and found["pid"] != first["pid"]
                               else None)(egress(service)), "another forwarder")
    assert second["restarts"] == 1 and "egress-forwarder was ended by signal 9" in second["lastError"]
    assert len(forwarders_of(folder)) == 1
    after = service.stream()
    assert (after["workerPid"], after["restarts"]) == (before["workerPid"], 0) and "lastError" not in after
    assert 'egress_restarts_total{stream_id="demo"} 1' in service.get("/metrics").body.decode()


def test_a_forwarder_that_refuses_its_configuration_is_not_restarted(start):
    service = start(STUB_EGRESS_EXIT=2)
    service.hook("ready", query=QUERY)
    found = wait_egress(service, "failed")
    assert "its configuration is wrong" in found["lastError"] and found["restarts"] == 0
    assert service.wait_state("running")["restarts"] == 0


def test_forwarders_outlive_a_crash_and_are_adopted(start, folder):
    service = start()
    service.hook("ready", query=QUERY)
    service.wait_state("running")
    first = wait_egress(service, "forwarding")
    service.stop(signal.SIGKILL)
    assert alive(first["pid"])
    service.start()
    assert wait_egress(service, "forwarding")["pid"] == first["pid"]
    assert forwarders_of(folder) == [first["pid"]]

    # It is watched, switched and stopped like any other.
    assert service.call("PUT", "/api/v1/streams/demo/egress", {"destUrl": "rtmp://one.example/app/key1"}).status == 202
    second = wait_for(lambda: (lambda found: found if found["state"] == "forwarding" and found["pid"] != first["pid"]
                               else None)(egress(service)), "the other forwarder")
    assert not alive(first["pid"])
    service.stop(signal.SIGKILL)
    service.start()
    assert wait_egress(service, "forwarding")["pid"] == second["pid"]
    assert service.stop() == 0
    assert workers_of(folder) == []


def test_a_forwarder_whose_stream_is_gone_is_ended(start, folder):
    service = start()
    service.hook("ready", query=QUERY)
    worker = service.wait_state("running")["workerPid"]
    pid = wait_egress(service, "forwarding")["pid"]
    service.stop(signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not alive(worker), "the worker's end")
    service.start()
    wait_for(lambda: not alive(pid), "the forwarder's end")
    service.hook("ready", query=QUERY)
    assert wait_egress(service, "forwarding")["pid"] != pid
    assert len(forwarders_of(folder)) == 1


def test_wrong_defaults_end_the_start(folder):
    for url in ("", "http://h/app/s3cretkey"):
        done = subprocess.run([MEDIA_SERVICE], capture_output=True, text=True, timeout=60, env=clean_environment(
            EGRESS_ENABLED="true", EGRESS_DEST_URL=url, ORCH_STATE_DIR=folder / "state"))
        assert done.returncode == 2 and "EGRESS_DEST_URL" in done.stderr and "rtmps://host" in done.stderr
        assert "s3cretkey" not in done.stderr


def test_the_metrics_pass_and_go_with_the_stream(start):
    service = start()
    service.hook("ready", query=QUERY)
    wait_egress(service, "forwarding")
    text = service.get("/metrics").body.decode()
    for line in ('egress_connected{stream_id="demo"} 1', 'egress_bytes_total{stream_id="demo"} 1234',
                 'egress_reconnects_total{stream_id="demo"} 1', 'egress_restarts_total{stream_id="demo"} 0'):
        assert line in text
    assert service.call("DELETE", "/api/v1/streams/demo").status == 202
    service.wait_state("idle")
    assert "egress_connected{" not in service.get("/metrics").body.decode()
