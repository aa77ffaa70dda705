"""Bad input: a clear message, a distinct exit code where a program ends, and nobody else disturbed."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from support import media, report, sample
from support.broadcast import Broadcast
from support.processes import Child, free_ports, wait_until
from support.rtmp_raw import RawPublisher, flv_tags
from support.stack import HOST, ROOT, Layout, find_programs
from support.streams import publish

INPUT_NEVER_CAME, NOT_H264, TRACK_MISSING = 10, 11, 12
ADDRESS_IN_USE, ENGINE_MISSING, BAD_CONFIGURATION = 10, 11, 2


@pytest.fixture
def programs(build_dir):
    return find_programs(build_dir)


def run(program, *arguments, timeout=30, **variables):
    """Exit code and what was said on stderr."""
    environment = {"PATH": os.environ["PATH"], "LOG_DIR": "", "LOG_FORMAT": "text",
                   **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run([program, *map(str, arguments)], env=environment, capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL)
    assert done.stdout == "", "programs say nothing on stdout"
    return done.returncode, done.stderr


@pytest.fixture
def clip(samples_folder):
    """Makes small clips that are wrong in one way."""
    def make(name, **changes):
        recipe = sample.Recipe(**{**dict(duration=4.0, width=320, height=180, sentences=(), pauses=()), **changes})
        return sample.make_sample(samples_folder / f"{name}.mp4", recipe).path
    return make


def test_hevc_is_refused_by_name(programs, clip, tmp_path):
    code, said = run(programs["media-worker"], "--input-url", clip("hevc", video_codec="libx265", b_frames=0),
                     "--output-url", tmp_path / "out.mp4", "--target-lang", "es", WORKER_STS_MODE="disabled")
    assert code == NOT_H264, said
    assert "265" in said or "HEVC" in said.upper()


def test_a_clip_without_sound_is_refused(programs, clip, tmp_path):
    code, said = run(programs["media-worker"], "--input-url", clip("silent", audio=False), "--output-url",
                     tmp_path / "out.mp4", "--target-lang", "es", WORKER_STS_MODE="disabled")
    assert code == TRACK_MISSING, said
    assert "audio" in said.lower()


def test_an_input_that_is_not_there(programs, tmp_path):
    code, said = run(programs["media-worker"], "--input-url", tmp_path / "missing.mp4", "--output-url",
                     tmp_path / "out.mp4", "--target-lang", "es", WORKER_STS_MODE="disabled")
    assert code == INPUT_NEVER_CAME, said
    assert "missing.mp4" in said


def test_a_live_stream_without_sound_disturbs_nobody(make_stack, clip, short_sample, tmp_path):
    stack = make_stack(ORCH_GRACE_PERIOD="4s").start(sts_mode="echo")
    with Broadcast(stack, "good", short_sample, tmp_path) as good:
        good.start()
        silent = publish(clip("silent", audio=False), stack.url("mute", "in"), tmp_path, "mute-publisher")
        evidence = good.finish()
        silent.stop()
    assert [v.text for v in report.stream_verdicts(report.Recording(evidence)) if not v.ok] == []
    log = (stack.layout.folder / "media-service.log").read_text()
    assert "mute" in log and ("no audio" in log or "exit code 12" in log or '"exitCode":12' in log), log[-2000:]


def test_a_publisher_that_vanishes_in_the_middle_of_a_tag(make_stack, short_sample, tmp_path):
    stack = make_stack(ORCH_GRACE_PERIOD="4s").start(sts_mode="echo")
    host, port = stack.layout.listener("rtmp")
    with Broadcast(stack, "good", short_sample, tmp_path) as good:
        good.start()
        tags = list(flv_tags(short_sample.path))
        vanishing = RawPublisher(host, port, "live/gone", "in")
        vanishing.send_in_real_time(iter(tags), 3000)
        assert stack.path_ready("live/gone/in")
        vanishing.send_half(next(tag for tag in tags if tag.kind == 9 and tag.time_ms > 3000))
        vanishing.vanish()
        stack.wait_path("live/gone/in", 5, ready=False)
        evidence = good.finish()
    assert [v.text for v in report.stream_verdicts(report.Recording(evidence)) if not v.ok] == []
    wait_until(lambda: stack.worker_pid("gone") is None, 15, "the worker of the lost stream to end")
    assert all(stack.children[name].running() for name in stack.children)


def test_a_path_that_is_no_stream_starts_nothing(make_stack, short_sample, tmp_path):
    stack = make_stack().start(sts_mode="echo")
    publisher = publish(short_sample.path, stack.layout.rtmp("elsewhere/camera"), tmp_path)
    stack.wait_path("elsewhere/camera", 10)
    publisher.stop()
    request = urllib.request.Request(f"{stack.media}/v1/mediamtx/events/ready", method="POST",
                                     headers={"Content-Type": "application/json"},
                                     data=json.dumps({"path": "elsewhere/camera", "query": "", "sourceType": "rtmpConn",
                                                      "sourceId": "1"}).encode())
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=5)
    assert refusal.value.code == 400
    assert "elsewhere/camera" in json.loads(refusal.value.read())["error"]["message"]
    assert stack.stream("elsewhere") == {}


@pytest.mark.parametrize("name, listener, variable", [
    ("media-router", "rtmp", "ROUTER_RTMP_ADDRESS"), ("media-router", "api", "ROUTER_API_ADDRESS"),
    ("media-service", "media", "ORCH_HTTP_ADDR"), ("sts-service", "sts", "STS_PORT")])
def test_a_busy_port_is_named(programs, tmp_path, name, listener, variable):
    layout = Layout(programs, tmp_path, settings={"MEDIA_ROUTER": "builtin"})
    layout.write_router_config()
    _, port = layout.listener(listener)
    with socket.create_server((HOST, port)):
        child = Child(name, [programs[name], *(("--mode", "echo") if name == "sts-service" else ())], tmp_path,
                      layout.environment())
        assert child.wait(20) == ADDRESS_IN_USE, child.tail()
    assert str(port) in child.tail() and "in use" in child.tail()


# Two whose libraries are not in Debian 12, one without its key, one that nobody knows.
@pytest.mark.parametrize("variable, engine, remedy", [
    ("STS_ASR_ENGINE", "whisper", "libwhisper-dev"), ("STS_TRANSLATION_ENGINE", "llama", "libllama-dev"),
    ("STS_TRANSLATION_ENGINE", "deepl", "DEEPL_AUTH_KEY"),
    ("STS_TTS_ENGINE", "piper", "libonnxruntime-dev"), ("STS_TTS_ENGINE", "nobody", "espeak-ng")])
def test_an_engine_named_explicitly_and_missing(programs, variable, engine, remedy):
    code, said = run(programs["sts-service"], STS_PORT=free_ports(1)[0], **{variable: engine})
    assert code in (ENGINE_MISSING, BAD_CONFIGURATION), said
    fault = [line for line in said.splitlines() if variable in line and engine in line]
    assert fault, f"what was asked for, and where: {said}"
    assert any(remedy in line for line in fault), f"and what to do about it: {fault}"


def test_all_faults_of_a_configuration_are_told_at_once(programs):
    code, said = run(programs["media-worker"], WORKER_LATENCY="soon", WORKER_MIX_MODE="loud", WORKER_MAX_INFLIGHT="99")
    assert code == BAD_CONFIGURATION
    assert all(variable in said for variable in ("WORKER_LATENCY", "WORKER_MIX_MODE", "WORKER_MAX_INFLIGHT"))


def script(name, *arguments, **variables):
    done = subprocess.run([sys.executable, ROOT / "scripts" / name, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, **variables})
    return done.returncode, done.stderr


def test_the_demo_refuses_clips_that_it_cannot_publish(build_dir, clip, tmp_path):
    where = ("--build-dir", build_dir, "--work-dir", tmp_path)
    assert_refused = [("missing.mp4", "no such file"), (clip("hevc", video_codec="libx265", b_frames=0), "hevc"),
                      (clip("silent", audio=False), "no audio track"), (__file__, "not a clip")]
    for path, word in assert_refused:
        code, said = script("demo.py", "--input", path, *where)
        assert code == 2 and word in said, said


def test_the_start_script_names_the_variable_of_a_busy_port(build_dir):
    ports = free_ports(5)
    names = ("ROUTER_RTMP_ADDRESS", "ROUTER_RTSP_ADDRESS", "ROUTER_API_ADDRESS", "ROUTER_METRICS_ADDRESS", "ORCH_HTTP_ADDR")
    variables = {name: f"{HOST}:{port}" for name, port in zip(names, ports)}
    with socket.create_server((HOST, ports[0])):
        code, said = script("stack.py", "up", "--build-dir", build_dir, **variables, STS_PORT=str(free_ports(1)[0]),
                            MEDIA_ROUTER="builtin")
    assert code == 2 and str(ports[0]) in said and "ROUTER_RTMP_ADDRESS" in said


def test_the_recording_is_read_with_a_clear_refusal(tmp_path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(media.MediaError, match="empty.mp4"):
        media.packets(tmp_path / "empty.mp4", "video")
