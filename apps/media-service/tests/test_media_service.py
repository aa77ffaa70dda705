# SPDX-License-Identifier: GPL-3.0-or-later
"""The control plane as a process: hooks, workers, API, crashes."""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

import pytest

from service_support import DEADLINE_S, Listener, MEDIA_SERVICE, STUB_WORKER, alive, clean_environment, http, wait_for, workers_of


def test_publish_runs_a_worker_and_leaving_ends_it(start_service, folder):
    service = start_service(STUB_PHRASES=3, ORCH_GRACE_PERIOD="300ms")
    answer = service.hook("ready", query="lang=fr&voice=$(id)")
    assert answer.status == 202
    assert answer.json["streamId"] == "demo" and answer.json["eventId"]
    stream = service.wait_state("running")
    assert stream["runId"] == answer.json["runId"]
    assert stream["targetLang"] == "fr" and stream["settings"] == {"targetLang": "fr"}
    assert stream["input"]["url"].endswith("/live/demo/in") and stream["output"]["url"].endswith("/live/demo/out")
    wait_for(lambda: service.stream()["phrases"]["dubbed"] == 3, "three phrases")
    phrases = service.get("/api/v1/streams/demo/phrases?after=1").json
    assert [line["seq"] for line in phrases["phrases"]] == [2, 3]
    assert phrases["phrases"][0]["translatedText"] == "hola" and phrases["lastSeq"] == 3
    part = service.get("/api/v1/streams/demo/phrases?after=0&limit=2").json
    assert [line["seq"] for line in part["phrases"]] == [1, 2] and part["lastSeq"] == 3

    assert service.hook("not-ready").status == 202
    stream = service.wait_state("idle")
    assert not alive(next(iter(service.pids)))
    # What became of the phrases can still be asked for.
    assert len(service.get("/api/v1/streams/demo/phrases").json["phrases"]) == 3
    assert service.stop() == 0
    run = folder / "runs" / stream["runId"]
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["runId"] == stream["runId"] and manifest["endedAt"] and manifest["phrases"]["dubbed"] == 3
    assert len((run / "ledger.ndjson").read_text().splitlines()) == 3
    assert list((folder / "state" / "streams").iterdir()) == []


def test_repeated_and_late_hooks_keep_one_worker(service):
    first = service.hook("ready").json["runId"]
    pid = service.wait_state("running")["workerPid"]
    for _ in range(3):
        assert service.hook("ready").json["runId"] == first
    service.hook("ready", source="s2")
    assert service.hook("not-ready", source="s1").status == 202
    service.hook("not-ready", source="s2")
    assert service.stream()["publisherPresent"] is False
    assert service.hook("ready", source="s3").json["runId"] == first
    stream = service.stream()
    assert stream["workerPid"] == pid and stream["publisherPresent"] is True and stream["restarts"] == 0
    assert service.hook("not-ready", stream="unknown").json["runId"] == ""


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"path":"live/demo/in"}', b'{"path":7,"query":"","sourceType":"a","sourceId":"b"}',
    b'{"path":"live/demo/out","query":"","sourceType":"a","sourceId":"b"}',
    b'{"path":"live/../../etc/in","query":"","sourceType":"a","sourceId":"b"}',
    b'{"path":"live/a b/in","query":"","sourceType":"a","sourceId":"b"}',
    b'{"path":"live/demo/in","query":null,"sourceType":"a","sourceId":"b","x":' + b"[" * 10000 + b"]" * 10000 + b"}",
])
def test_hostile_hooks_get_400(service, body):
    answer = service.call("POST", "/v1/mediamtx/events/ready", body)
    assert answer.status == 400
    assert answer.json["error"]["code"] and answer.json["error"]["message"]
    assert service.get("/api/v1/streams").json == {"streams": []}
    assert 'media_service_hook_events_total{event="ready",result="rejected"} 1' in service.get("/metrics").body.decode()


def test_requests_that_do_not_fit(service):
    assert service.call("POST", "/v1/mediamtx/events/ready", b" " * (2 << 20)).status == 413
    assert service.get("/nothing").status == 404
    assert service.call("PUT", "/health", b"").status == 405
    assert service.get("/api/v1/streams/unknown").status == 404
    assert service.call("DELETE", "/api/v1/streams/unknown").status == 404
    assert service.get("/api/v1/streams/demo/phrases").status == 404
    service.hook("ready")
    for after in ("-1", "x", "1.5", "99999999999999999999"):
        assert service.get(f"/api/v1/streams/demo/phrases?after={after}").status == 400
    for limit in ("0", "-1", "x", "5001"):
        assert service.get(f"/api/v1/streams/demo/phrases?limit={limit}").status == 400


def test_health_names_what_is_missing(start_service, fake_server):
    # It goes on listening, for another program could be given its port.
    answers = [(200, b'{"itemCount":0,"pageCount":1,"items":[]}')]
    router = fake_server(lambda *_request: answers[-1])
    service = start_service(MEDIAMTX_API_URL=router.url)
    assert service.get("/health").json["status"] == "ok"
    wait_for(lambda: service.get("/ready").status == 200, "ready")
    assert b'media_service_dependency_up{dependency="router"} 1\n' in service.get("/metrics").body
    answers.append((503, b""))
    answer = wait_for(lambda: (lambda found: found if found.status == 503 else None)(service.get("/ready")), "not ready")
    assert answer.json["ready"] is False
    assert answer.json["checks"]["router"]["ok"] is False and answer.json["checks"]["router"]["detail"]
    assert answer.json["checks"]["worker"]["ok"] is True
    for line in (b'{dependency="router"} 0\n', b'{dependency="stateDir"} 1\n', b'{dependency="worker"} 1\n'):
        assert b"media_service_dependency_up" + line in service.get("/metrics").body
    assert service.get("/health").status == 200


def test_missing_worker_program(start_service):
    service = start_service(ORCH_WORKER_COMMAND="/nonexistent/worker --flag")
    assert service.get("/ready").json["checks"]["worker"]["ok"] is False
    service.hook("ready")
    assert "/nonexistent/worker" in service.wait_state("degraded")["lastError"]


def test_metrics_follow_the_worker(start_service):
    service = start_service(STUB_PHRASES=2)
    service.hook("ready")
    service.wait_state("running")
    wait_for(lambda: service.stream()["phrases"]["dubbed"] == 2, "phrases")
    text = service.get("/metrics").body.decode()
    for line in ('worker_phrases_total{stream_id="demo",state="dubbed"} 2', 'worker_audio_fragments_total{stream_id="demo"} 3',
                 'worker_fallback_total{stream_id="demo",reason="TIMEOUT"} 1', 'worker_input_reconnects_total{stream_id="demo"} 2',
                 'worker_sts_rtt_ms_bucket{stream_id="demo",le="250"} 3', 'worker_sts_rtt_ms_sum{stream_id="demo"} 500',
                 'worker_delay_ms{stream_id="demo"} 3001', 'worker_latency_ms{stream_id="demo"} 3000',
                 'worker_late_blocks_total{stream_id="demo"} 4',
                 'media_service_streams{state="running"} 1',
                 'media_service_worker_restarts_total{stream_id="demo"} 0',
                 'media_service_hook_events_total{event="ready",result="accepted"} 1'):
        assert line + "\n" in text, line
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    check = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    # The names are given; that some end in _ms is a matter of taste to promtool (exit code 3), the rest must be clean.
    assert check.returncode in (0, 3), check.stdout + check.stderr
    complaints = [line for line in (check.stdout + check.stderr).splitlines() if line]
    assert all(line.endswith("metric names should not contain abbreviated units") for line in complaints), complaints


def test_gauges_of_a_worker_that_is_gone_are_gone(service):
    service.hook("ready")
    service.wait_state("running")
    wait_for(lambda: b'worker_delay_ms{stream_id="demo"} ' in service.get("/metrics").body, "the worker's delay")
    service.call("DELETE", "/api/v1/streams/demo")
    service.wait_state("idle")
    text = service.get("/metrics").body.decode()
    assert 'worker_audio_fragments_total{stream_id="demo"} 3\n' in text, "what has been counted stays"
    for name in ("delay_ms", "latency_ms", "av_sync_delta_ms", "sts_breaker_state", "backpressure_severity", "dub_lag_ms",
                 "inflight_fragments"):
        assert f"# TYPE worker_{name} gauge\n" in text
        assert f'worker_{name}{{stream_id="demo"}}' not in text


def test_worker_that_dies_is_replaced(start_service):
    service = start_service(STUB_PHRASES=2)
    service.hook("ready")
    first = service.wait_state("running")
    wait_for(lambda: service.stream()["phrases"]["dubbed"] == 2, "phrases")
    os.kill(first["workerPid"], signal.SIGKILL)
    second = wait_for(lambda: (lambda found: found if found.get("workerPid") not in (None, first["workerPid"]) and
                               found["state"] == "running" else None)(service.stream()), "another worker")
    assert second["restarts"] == 1 and second["runId"] == first["runId"]
    assert "signal 9" in second["lastError"]
    wait_for(lambda: service.stream()["phrases"]["dubbed"] == 4, "phrases of both")
    lines = service.get("/api/v1/streams/demo/phrases").json["phrases"]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]


def test_unsupported_stream_degrades_and_disturbs_nobody(start_service, folder):
    script = folder / "worker.sh"
    script.write_text(f"test $WORKER_STREAM_ID = good || export STUB_EXIT=11; exec {STUB_WORKER}")
    service = start_service(ORCH_WORKER_COMMAND=f"sh {script}")
    service.hook("ready", stream="good", source="g")
    service.hook("ready", stream="hevc", source="h")
    degraded = service.wait_state("degraded", "hevc")
    assert "code 11 (unsupported video codec): ending as told" in degraded["lastError"]
    assert service.wait_state("running", "good")["restarts"] == 0
    assert service.hook("ready", stream="hevc", source="h2").status == 202
    service.wait_state("degraded", "hevc")


def test_streams_api(service):
    body = {"streamId": "file", "inputUrl": "rtmp://user:secret@far.example/app/key", "targetLang": "it", "unknown": 1}
    answer = service.call("POST", "/api/v1/streams", body)
    assert answer.status == 201 and answer.json["startedBy"] == "api"
    assert b"secret" not in answer.body
    first = service.wait_state("running", "file")
    assert service.call("POST", "/api/v1/streams", body).status == 409
    assert service.call("POST", "/api/v1/streams/file/restart").status == 202
    second = wait_for(lambda: (lambda found: found if found["runId"] != first["runId"] and found["state"] == "running"
                               else None)(service.stream("file")), "a new run")
    assert second["workerPid"] != first["workerPid"] and not alive(first["workerPid"])
    assert service.call("DELETE", "/api/v1/streams/file").status == 202
    service.wait_state("idle", "file")
    assert service.call("POST", "/api/v1/streams/file/restart").status == 409


@pytest.mark.parametrize("body, named", [
    ({}, "streamId"), ({"streamId": "a/b"}, "streamId"), ({"streamId": "x" * 65}, "streamId"), ({"streamId": 1}, "streamId"),
    ({"streamId": "a", "inputUrl": 3}, "inputUrl"), ({"streamId": "a", "targetLang": "klingon"}, "targetLang"),
    ({"streamId": "a", "inputUrl": ""}, "inputUrl"), ({"streamId": "a", "inputUrl": "x\nWORKER_STS_API_KEY=y"}, "inputUrl"),
    ({"streamId": "a", "outputUrl": "rtmp://h/\u007f"}, "outputUrl"),
    ({"streamId": "a", "latency": "1s"}, "latency"), ({"streamId": "a", "outputUrl": "x" * 5000}, "outputUrl"),
])
def test_wrong_wishes_name_the_field(service, body, named):
    answer = service.call("POST", "/api/v1/streams", body)
    assert answer.status == 400
    assert named in answer.json["error"]["message"]


def test_api_key(start_service):
    service = start_service(ORCH_API_KEY="s3cret")
    assert service.hook("ready").status == 401
    assert service.hook("ready", key="wrong").status == 401
    assert service.get("/api/v1/streams").json == {"streams": []}
    assert service.hook("ready", key="s3cret").status == 202
    service.wait_state("running")
    assert service.call("DELETE", "/api/v1/streams/demo").status == 401
    assert "s3cret" not in service.messages()


def test_workers_are_limited(start_service):
    service = start_service(ORCH_MAX_WORKERS=1)
    assert service.hook("ready", stream="a").status == 202
    answer = service.hook("ready", stream="b")
    assert answer.status == 429 and "ORCH_MAX_WORKERS" in answer.json["error"]["message"]


def test_workers_outlive_a_crash_and_are_adopted(start_service, folder):
    service = start_service(STUB_PHRASES=3)
    service.hook("ready", query="lang=fr")
    service.call("POST", "/api/v1/streams", {"streamId": "file", "inputUrl": "clip.mp4"})
    before = service.wait_state("running"), service.wait_state("running", "file")
    wait_for(lambda: service.stream()["phrases"]["dubbed"] == 3, "phrases")
    service.stop(signal.SIGKILL)
    assert all(alive(stream["workerPid"]) for stream in before)

    service.start()
    after = service.wait_state("running"), service.wait_state("running", "file")
    for old, new in zip(before, after):
        for name in ("workerPid", "runId", "startedBy", "inputUrl", "settings"):
            assert new[name] == old[name], name
    wait_for(lambda: service.stream()["phrases"]["dubbed"] == 3, "phrases")
    assert [line["seq"] for line in service.get("/api/v1/streams/demo/phrases").json["phrases"]] == [1, 2, 3]
    assert service.hook("ready", source="again").json["runId"] == before[0]["runId"]
    assert len(workers_of(folder)) == 2

    # An adopted worker is watched like any other...
    os.kill(after[0]["workerPid"], signal.SIGKILL)
    replaced = wait_for(lambda: (lambda found: found if found["restarts"] == 1 and found["state"] == "running" else None)(
        service.stream()), "a new worker")
    assert replaced["runId"] == before[0]["runId"] and replaced["settings"] == {"targetLang": "fr"}
    # ... and stopped like any other.
    assert service.stop() == 0
    assert len(workers_of(folder)) == 0


def test_a_state_folder_of_any_length(start_service, folder):
    """Longer than the address of a socket, with the longest id that there is."""
    stream = "x" * 64
    service = start_service(ORCH_STATE_DIR=folder / ("d" * 200) / "state")
    service.hook("ready", stream=stream)
    before = service.wait_state("running", stream)
    service.stop(signal.SIGKILL)
    service.start()
    assert service.wait_state("running", stream)["workerPid"] == before["workerPid"]
    assert service.stop() == 0 and not alive(before["workerPid"])


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_an_operators_stop_is_kept_over_a_restart(start_service, fake_server, folder, end):
    """Also when media-service dies before the worker has: the one that it finds is ended."""
    source = ["s1"]

    def paths(*_request):
        item = {"name": "live/demo/in", "ready": True, "source": {"type": "rtmpConn", "id": source[0]}}
        return 200, json.dumps({"itemCount": 1, "pageCount": 1, "items": [item] if source[0] else []}).encode()
    router = fake_server(paths)
    stubborn = {"STUB_IGNORE_TERM": 1} if end == signal.SIGKILL else {}
    service = start_service(MEDIAMTX_API_URL=router.url, **stubborn)
    service.hook("ready")
    service.wait_state("running")
    assert service.call("DELETE", "/api/v1/streams/demo").status == 202
    service.stop(end)
    assert len(workers_of(folder)) == (1 if end == signal.SIGKILL else 0)

    service.start()
    assert service.stream()["stoppedByOperator"] is True
    wait_for(lambda: not workers_of(folder), "the end of the worker that was left")
    service.wait_state("idle")
    before = len(router.requests)
    wait_for(lambda: len(router.requests) >= before + 2, "the publisher is seen")
    assert service.stream()["state"] == "idle" and service.messages().count("idle -> starting") == 1
    source[0] = "s2"
    assert service.wait_state("running")["stoppedByOperator"] is False
    service.stop(signal.SIGKILL)


def test_stubborn_workers_are_killed_at_the_end(start_service, folder):
    service = start_service(STUB_IGNORE_TERM=1)
    service.hook("ready")
    pid = service.wait_state("running")["workerPid"]
    begin = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begin < 6
    assert not alive(pid)


def test_lost_hooks_heal_by_the_routers_list(start_service, fake_server):
    paths = {"live/one/in": "c1", "live/two/in": "c2", "live/one/out": "w", "other": "x"}

    def answer(_method, path, _body):
        page = int(path.rsplit("page=", 1)[1])
        items = [{"name": name, "ready": True, "source": {"type": "rtmpConn", "id": source}, "tracks": []}
                 for name, source in sorted(paths.items())]
        items += [{"name": "live/waiting/in", "ready": False, "source": None}, {"name": 7}, "junk"]
        return 200, json.dumps({"itemCount": len(items), "pageCount": 2, "items": items[page * 3:page * 3 + 3]
                                if page == 0 else items[3:]}).encode()

    router = fake_server(answer)
    service = start_service(MEDIAMTX_API_URL=router.url + "/", ORCH_GRACE_PERIOD="200ms")
    service.wait_state("running", "one")
    service.wait_state("running", "two")
    assert {stream["streamId"] for stream in service.get("/api/v1/streams").json["streams"]} == {"one", "two"}
    # Stopped by an operator, it is not started again for as long as the same publisher is there.
    service.call("DELETE", "/api/v1/streams/two")
    service.wait_state("idle", "two")
    del paths["live/one/in"]
    service.wait_state("idle", "one")
    assert service.stream("two")["state"] == "idle"


@pytest.mark.parametrize("status, body", [(200, b"{"), (200, b"[]"), (200, b'{"items":3}'), (500, b""), (404, b"{}")])
def test_strange_routers_are_reported(start_service, fake_server, status, body):
    router = fake_server(lambda *_request: (status, body))
    service = start_service(MEDIAMTX_API_URL=router.url)
    wait_for(lambda: router.requests, "a request")
    answer = wait_for(lambda: (lambda found: found if "paths/list" in found.json["checks"]["router"].get("detail", "")
                               else None)(service.get("/ready")), "the problem")
    assert answer.status == 503


def test_events_are_pushed(service):
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while b": welcome" not in received:
            received += connection.recv(4096)
        assert b"text/event-stream" in received
        service.hook("ready")
        while b'"state":"running"' not in received:
            received += connection.recv(65536)
        assert b"event: state\ndata: {" in received
    # A listener that has gone is noticed and does no harm.
    service.hook("not-ready")
    service.call("DELETE", "/api/v1/streams/demo")
    service.wait_state("idle")


def run_once(folder, **variables):
    return subprocess.run([MEDIA_SERVICE], env=clean_environment(LOG_DIR="", LOG_FORMAT="json", ORCH_STATE_DIR=folder / "other",
                          ASSET_STORE_ROOT=folder / "runs", **variables), capture_output=True, text=True, timeout=20)


def test_second_service_is_refused(service, folder):
    result = subprocess.run([MEDIA_SERVICE], env=clean_environment(**service.variables), capture_output=True, text=True,
                            timeout=20)
    assert result.returncode == 11
    assert "another media-service uses" in result.stderr and "ORCH_STATE_DIR" in result.stderr


def test_busy_port_is_refused(service, folder):
    address = service.url.removeprefix("http://")
    result = run_once(folder, ORCH_HTTP_ADDR=address)
    assert result.returncode == 10
    assert f"{address} is in use" in result.stderr


def test_wrong_configuration_is_refused(folder):
    result = run_once(folder, ORCH_HTTP_ADDR="nowhere", ORCH_GRACE_PERIOD="soon", CAPTURE_MODE="all")
    assert result.returncode == 2
    for name in ("ORCH_HTTP_ADDR", "ORCH_GRACE_PERIOD", "CAPTURE_MODE"):
        assert name in result.stderr
    result = run_once(folder, MEDIAMTX_RTMP_URL="http://x", MEDIAMTX_API_URL="nothing")
    assert result.returncode == 2
    for name in ("MEDIAMTX_RTMP_URL", "MEDIAMTX_API_URL"):
        assert name in result.stderr
    result = run_once(folder, ORCH_WORKER_COMMAND="worker 'unbalanced", MEDIAMTX_RTSP_URL="http://x", WORKER_LATENCY="1s",
                      MEDIAMTX_RTMP_URL="rtmps//user:s3cret@h", ORCH_API_KEY_FILE="/nonexistent/key", ORCH_MAX_WORKERS="-1")
    assert result.returncode == 2 and "6 problems" in result.stderr
    for name in ("ORCH_WORKER_COMMAND", "MEDIAMTX_RTSP_URL", "WORKER_LATENCY", "MEDIAMTX_RTMP_URL", "ORCH_API_KEY_FILE",
                 "ORCH_MAX_WORKERS"):
        assert name in result.stderr


def test_the_printed_configuration_is_masked(folder):
    key = folder / "key"
    key.write_text("s3cret-of-a-file\n")
    result = subprocess.run([MEDIA_SERVICE, "--print-config"], capture_output=True, text=True, timeout=DEADLINE_S,
                            env=clean_environment(ORCH_API_KEY_FILE=key, MEDIAMTX_API_URL="http://admin:s3cret@127.0.0.1:9997",
                                                  MEDIAMTX_RTMP_URL="rtmp://far.example/app/s3cret?pass=s3cret"))
    assert result.returncode == 0, result.stderr
    assert "s3cret" not in result.stdout + result.stderr
    assert "ORCH_API_KEY=***\n" in result.stdout and "MEDIAMTX_API_URL=http://admin:***@127.0.0.1:9997\n" in result.stdout


def test_secrets_are_shown_nowhere(start_service, folder):
    """Not in the logs of any process, answers, events, metrics, bundles, nor in what ps shows."""
    secret, url = "s3cret", "rtmp://user:s3cret@far.example/app/s3cret?key=s3cret"
    (folder / "key").write_text(secret)
    service = start_service(ORCH_API_KEY_FILE=folder / "key", MEDIAMTX_API_URL="http://admin:s3cret@127.0.0.1:9", STUB_PHRASES=1)
    assert service.hook("ready", query=f"user=a&pass={secret}&token={secret}&lang=es", key=secret).status == 202
    answers = [service.call("POST", "/api/v1/streams", {"streamId": "out", "inputUrl": url, "outputUrl": url}, key=secret),
               service.call("POST", "/api/v1/streams", {"streamId": "bad", "inputUrl": url, "latency": secret}, key=secret),
               service.call("POST", "/api/v1/streams", {"streamId": "bad"}, key="wrong-" + secret)]
    listener = Listener(service.url)
    listener.read_until(b": welcome")
    for stream in ("demo", "out"):
        service.wait_state("running", stream)
    for pid in [service.process.pid, *workers_of(folder)]:
        assert secret not in open(f"/proc/{pid}/cmdline", errors="replace").read(), pid
    service.call("POST", "/api/v1/streams/out/restart", key=secret)
    listener.read_until(b'"state":"running"')
    wait_for(lambda: service.get("/ready").json["checks"]["router"].get("detail", "").startswith("Control API"), "a problem")
    answers += [service.get(path) for path in ("/api/v1/streams", "/api/v1/streams/out", "/ready", "/metrics")]
    assert all(secret.encode() not in answer.body for answer in answers)
    assert b"http://admin:***@127.0.0.1:9" in service.get("/ready").body
    assert secret.encode() not in listener.received
    listener.close()
    service.stop()
    ours = [line for line in service.messages().splitlines() if '"component":"stub-worker"' not in line]
    assert len(ours) > 10 and not [line for line in ours if secret in line]
    for path in (folder / "runs").rglob("*"):
        assert path.is_dir() or secret not in path.read_text(errors="replace"), path


def test_the_limit_of_open_files_is_raised(folder):
    """The usual one would end at some 150 streams."""
    low = (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    command = ["sh", "-c", f"ulimit -S -n {low[0]}; exec {MEDIA_SERVICE}"]
    variables = {"ORCH_HTTP_ADDR": "127.0.0.1:0", "ORCH_STATE_DIR": folder / "state", "ASSET_STORE_ROOT": folder / "runs",
                 "LOG_DIR": ""}
    process = subprocess.Popen(command, env=clean_environment(**variables), stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if "listening on" in line:
                break
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] == min(low[1], 65536)
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


def test_many_streams_at_once(service):
    for number in range(20):
        assert service.hook("ready", stream=f"s{number}", source=f"c{number}").status == 202
    assert http("GET", service.url + "/health").status == 200
    pids = {service.wait_state("running", f"s{number}")["workerPid"] for number in range(20)}
    assert len(pids) == 20
