"""docker-compose.yml for real: our images, an engine, the user's commands, a stream through it.

Run by make test-deploy: needs root where no container engine runs, and takes some minutes.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

import containers
from containers import ROOT, Containers, docker
from support import report
from support.broadcast import Broadcast
from support.processes import Child, wait_until
from support.sample import SENTENCES, Recipe, make_sample
from support.stack import http_json, http_status
from support.streams import publish

pytestmark = pytest.mark.slow

DEADLINE = 60.0
RESULTS = ROOT / ".local" / "deploy" / "compose.json"
LIMIT_MIB = 8 * 1024
GRACE_SECONDS = 15.0        # stop_grace_period of every service


@pytest.fixture(scope="session", autouse=True)
def images():
    containers.prepare()
    yield
    for image in docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=dubbing-test/*").splitlines():
        docker("image", "rm", image)


@pytest.fixture(scope="session")
def samples(tmp_path_factory):
    return tmp_path_factory.mktemp("samples")


@pytest.fixture(scope="session")
def spoken(samples):
    return make_sample(samples / "spoken.mp4", Recipe(duration=28.0, width=640, height=360, sentences=SENTENCES[:5]))


@pytest.fixture(scope="session")
def short(samples):
    return make_sample(samples / "short.mp4", Recipe(duration=8.0, width=320, height=180, sentences=(), pauses=()))


@pytest.fixture
def stacks(tmp_path):
    """Makes stacks; whatever happens, nothing of them is left."""
    made = []

    def make(name, **variables):
        (tmp_path / name).mkdir()
        made.append(Containers(tmp_path / name, name, **{key: str(value) for key, value in variables.items()}))
        return made[-1]

    yield make
    for one in made:
        one.remove()


@pytest.fixture
def looped(short, tmp_path):
    """Publishes a clip again and again, until the test ends."""
    children = []

    def start(url, name="looped"):
        children.append(publish(short.path, url, tmp_path, name, options=("-stream_loop", "-1")))
        return children[-1]

    yield start
    for child in children:
        child.stop(3.0)


def note(**figures):
    """The issue's numbers, for who wants to read them."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**known, **figures}, indent=1) + "\n")
    print("\n" + ", ".join(f"{name}: {value}" for name, value in figures.items()))


# -- the main job

def test_a_stream_is_dubbed(stacks, spoken, tmp_path):
    """Up, a stream whose recording is judged as any other's, what ps and logs say meanwhile, down in order.

    With a D that leaves the speech time on a machine that is busy: that 3 s are enough is tests/e2e/test_full_pipeline.py's.
    """
    stack = stacks("cpu", ORCH_GRACE_PERIOD="10s", WORKER_LATENCY="6s", WORKER_STS_TIMEOUT_MS=12000)
    ready = stack.up()
    with Broadcast(stack.stack, "full", spoken, tmp_path, latency=6.0) as broadcast:
        broadcast.start()
        broadcast.sleep_until(20.0)
        memory = stack.memory_mib()
        code, shown = stack.make("ps")
        evidence = broadcast.finish()
    verdicts, heard = report.judge(evidence)
    assert not report.complaints(verdicts), "\n".join(report.complaints(verdicts))
    assert heard and all(one.phrase.transcript and one.phrase.translated for one in heard)
    assert code == 0 and re.search(r"media-worker +\d+", shown) and shown.count("MiB") >= 4, shown
    assert sum(memory.values()) < LIMIT_MIB
    assert_logs(stack, tmp_path)
    stopping = stack.down()
    assert stopping < GRACE_SECONDS and not stack.containers()
    note(ready_seconds=round(ready, 1), stop_seconds=round(stopping, 1), memory_mib=round(sum(memory.values())),
         memory_by_service={name: round(value) for name, value in memory.items()}, phrases=len(heard))


def assert_logs(stack, folder):
    """make logs follows all three; the last word of each is in it. Ctrl-C ends it, and what it has started."""
    out = folder / "logs.out"
    child = Child("logs", ["make", "--no-print-directory", "logs"], folder, stack.environment(), stdout=out, cwd=ROOT)
    wait_until(lambda: all(re.search(rf"^{name}\S* .*{{", out.read_text(), re.MULTILINE) for name in containers.PROGRAMS), DEADLINE,
               "a line of each", child.running)
    os.killpg(child.pid, signal.SIGINT)
    child.wait(DEADLINE)
    wait_until(lambda: subprocess.run(["pgrep", "-f", f"{stack.project} .* logs"], check=False, capture_output=True).returncode == 1,
               DEADLINE, "Compose to end, too")


def test_stopped_with_a_stream_running_everything_ends_in_order(stacks, looped):
    stack = stacks("stop", STS_MODE="echo")
    stack.up()
    looped(stack.stack.url("demo", "in"))
    stack.stack.wait_path("live/demo/out", DEADLINE)
    ids = {name: container for name, container in stack.containers().items() if name != "keys"}
    begin = time.monotonic()
    for name in ("media-service", "sts-service-echo", "media-router"):
        docker("stop", ids[name])
    took = time.monotonic() - begin
    codes = {name: stack.inspect(name)["State"]["ExitCode"] for name in ids}
    assert codes == dict.fromkeys(ids, 0), "137 is a kill"
    note(stop_seconds_with_a_stream=round(took, 1))


# -- what a container may not

def test_containers_are_locked_in(stacks):
    stack = stacks("locked", STS_MODE="echo")
    stack.up()
    for service in ("media-service", "media-router", "sts-service-echo"):
        facts = stack.inspect(service)
        assert facts["HostConfig"]["ReadonlyRootfs"] and not facts["HostConfig"]["Privileged"], service
        assert "10001" in stack.execute(service, "id", "-u"), service
        status = stack.execute(service, "cat", "/proc/1/status")
        assert re.search(r"CapEff:\s0{16}\n", status) and re.search(r"NoNewPrivs:\s1\n", status), service
        assert re.search(r"CapBnd:\s0{16}\n", status), service
        assert stack.execute(service, "sh", "-c", "echo x >/usr/x 2>&1 || echo refused", check=False).endswith("refused")
        assert stack.execute(service, "sh", "-c", "echo x >/tmp/x && echo written") == "written"
        assert facts["HostConfig"]["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}, service
        assert "Read-only file system" not in docker("logs", stack.containers()[service])
    for port in stack.inspect("media-router")["NetworkSettings"]["Ports"].values():
        assert {binding["HostIp"] for binding in port} == {"127.0.0.1"}


def test_the_key_is_nowhere_to_be_read(stacks):
    """Made at the first start, kept, in no environment, asked for from outside."""
    stack = stacks("key", STS_MODE="echo")
    stack.up()
    key = stack.execute("media-service", "cat", "/run/dubbing/keys/orch-api-key")
    assert re.fullmatch(r"[0-9a-f]{48}", key)
    assert all(key not in docker("inspect", container) for container in stack.containers().values())
    body = ["-d", '{"streamId": "x"}', f"{stack.stack.media}/api/v1/streams"]
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"]
    without = subprocess.run([*ask, *body], capture_output=True, text=True, check=True).stdout
    with_key = subprocess.run([*ask, "-H", f"Authorization: Bearer {key}", *body], capture_output=True, text=True, check=True).stdout
    assert without in ("401", "403") and with_key.startswith("2"), (without, with_key)


# -- restarts and what is kept

def test_a_program_that_dies_comes_back_and_the_stream_with_it(stacks, looped):
    stack = stacks("dies", STS_MODE="echo")
    stack.up()
    looped(stack.stack.url("demo", "in"))
    stack.stack.wait_path("live/demo/out", DEADLINE)
    first = stack.stack.stream("demo")["runId"]
    os.kill(stack.inspect("media-service")["State"]["Pid"], signal.SIGKILL)
    wait_until(lambda: stack.inspect("media-service")["RestartCount"] == 1 and stack.is_healthy("media-service"), DEADLINE,
               "media-service to be back")
    wait_until(lambda: stack.stack.stream("demo").get("state") == "running", DEADLINE, "the stream to run again")
    stack.stack.wait_path("live/demo/out", DEADLINE)
    assert stack.stack.stream("demo")["runId"] >= first
    os.kill(stack.inspect("sts-service-echo")["State"]["Pid"], signal.SIGKILL)
    wait_until(lambda: stack.inspect("sts-service-echo")["RestartCount"] == 1 and stack.is_healthy("sts-service-echo"), DEADLINE,
               "sts-service to be back")
    assert stack.stack.path_ready("live/demo/out"), "a dead speech service costs no stream"


def test_state_runs_and_key_survive_down_and_up(stacks, looped):
    stack = stacks("kept", STS_MODE="echo", ORCH_GRACE_PERIOD="2s")
    stack.up()
    publisher = looped(stack.stack.url("demo", "in"))
    stack.stack.wait_path("live/demo/out", DEADLINE)
    run = stack.stack.stream("demo")["runId"]
    key = stack.execute("media-service", "cat", "/run/dubbing/keys/orch-api-key")
    delete(stack, "demo", key)
    wait_until(lambda: stack.stack.stream("demo").get("stoppedByOperator"), DEADLINE, "the stream to be stopped")

    # media-service alone, a container anew: what an operator stopped stays stopped while its publisher is there.
    stack.down("ONLY=media-service")
    assert publisher.running() and stack.stack.path_ready("live/demo/in"), "the others go on"
    stack.up("ONLY=media-service")
    wait_until(lambda: stack.stack.stream("demo"), DEADLINE, "the stream to be known again")
    assert stack.stack.stream("demo")["stoppedByOperator"] and not stack.stack.path_ready("live/demo/out")

    publisher.stop(3.0)
    stack.down()
    stack.up()
    assert stack.execute("media-service", "cat", "/run/dubbing/keys/orch-api-key") == key
    manifest = json.loads(stack.execute("media-service", "cat", f"/var/lib/dubbing/runs/{run}/manifest.json"))
    assert manifest["status"] == "complete" and manifest["runId"] == run
    assert run in stack.execute("media-service", "sh", "-c", "cat /var/log/dubbing/*.log"), "logs are kept too"


def delete(stack, stream, key):
    subprocess.run(["curl", "-fsS", "-X", "DELETE", "-H", f"Authorization: Bearer {key}",
                    f"{stack.stack.media}/api/v1/streams/{stream}"], check=True, capture_output=True)


def test_folders_of_the_host_in_place_of_volumes(stacks, looped, tmp_path):
    """The same variable as natively; the bundle is where it says."""
    runs = tmp_path / "runs"
    runs.mkdir()
    os.chown(runs, 10001, 10001)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    stack = stacks("folders", STS_MODE="echo", ASSET_STORE_ROOT=runs)
    volumes = docker("volume", "ls", "-q")
    stack.up()
    looped(stack.stack.url("demo", "in"))
    stack.stack.wait_path("live/demo/out", DEADLINE)
    run = stack.stack.stream("demo")["runId"]
    stack.down()
    assert json.loads((runs / run / "manifest.json").read_text())["runId"] == run
    left = set(docker("volume", "ls", "-q").splitlines()) - set(volumes.splitlines())
    assert left and all(name.startswith(stack.project) for name in left), "no volume without a name"


# -- models

def engines_of(stack):
    stages = http_json(stack.stack.layout.http("sts") + "/api/v1/engines")["stages"]
    return {stage: next(one for one in listed if one["state"] == "active") for stage, listed in stages.items()}


def test_a_model_that_is_copied_into_the_volume_is_used(stacks, spoken, tmp_path):
    """A model of whisper.cpp in which nothing is learnt: it hears the same words in whatever is said."""
    stack = stacks("models")
    stack.up()
    assert engines_of(stack)["asr"]["name"] == "pocketsphinx"
    subprocess.run([sys.executable, ROOT / "apps/sts-service/engines/tests/tiny_whisper.py", "speech", tmp_path / "ggml-tiny.bin"], check=True)
    docker("cp", tmp_path / "ggml-tiny.bin", f"{stack.containers()['sts-service']}:/var/lib/dubbing/models/")
    stack.down("ONLY=sts-service")
    stack.up("ONLY=sts-service")
    active = engines_of(stack)["asr"]
    assert (active["name"], active["model"]) == ("whisper", "ggml-tiny.bin")
    publisher = publish(spoken.path, stack.stack.url("demo", "in"), tmp_path, "spoken")
    try:
        wait_until(lambda: stack.stack.stream("demo").get("phrases", {}).get("dubbed"), DEADLINE, "a phrase to be dubbed")
        ledger = f"/var/lib/dubbing/runs/{stack.stack.stream('demo')['runId']}/ledger.ndjson"
        wait_until(lambda: "the news at ten" in stack.execute("media-service", "cat", ledger, check=False), DEADLINE,
                   "the model's words in the ledger")
    finally:
        publisher.stop(3.0)


def test_an_engine_without_its_model(stacks):
    message = refused(stacks("no-model", STS_ASR_ENGINE="whisper"), "sts-service did not come up",
                      "STS_ASR_ENGINE=whisper: no model of whisper.cpp", "make models")
    assert message.count("no model of whisper.cpp") == 1 and "is not used" not in message, message


# -- parts and profiles

@pytest.mark.parametrize("profile, answering", [("media", {"media", "api"}), ("sts", {"sts"}), ("echo", {"media", "api", "sts"})])
def test_a_profile_starts_its_services_and_no_other(stacks, profile, answering):
    stack = stacks(f"only-{profile}", COMPOSE_PROFILES=profile, WORKER_STS_SERVICE_URL="http://speech.example:8000")
    stack.up()
    if profile == "media":
        assert "WORKER_STS_SERVICE_URL=http://speech.example:8000" in stack.inspect("media-service")["Config"]["Env"]
    paths = {"media": "/health", "api": "/v3/info", "sts": "/ready"}
    assert {name for name, path in paths.items() if http_status(stack.stack.layout.http(name) + path) == 200} == answering
    if profile == "echo":
        assert http_json(stack.stack.layout.http("sts") + "/health").get("mode", "echo") == "echo"
    stack.down()
    assert not stack.containers()


@pytest.mark.parametrize("name, service, path", [("media-service", "media", "/health"), ("media-router", "api", "/v3/info"),
                                                 ("sts-service", "sts", "/ready")])
def test_the_file_of_one_service_runs_it_alone(stacks, name, service, path):
    stack = stacks(f"file-{name}", STS_MODE="echo")
    stack.write_env()
    compose = ["docker-compose", "-p", stack.project, "--env-file", stack.env_file, "-f", ROOT / "deploy" / "compose" / f"{name}.yml"]
    done = subprocess.run([*compose, "up", "-d", "--no-build"], env=stack.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: http_status(stack.stack.layout.http(service) + path) == 200, DEADLINE, f"{name} to answer")
    wait_until(lambda: stack.is_healthy(name), DEADLINE, f"{name} to be healthy")


def test_mediamtx_has_the_place_of_the_router(stacks, looped):
    """With our router's program in place of MediaMTX's, which cannot be had here: image, files, names, hooks."""
    stack = stacks("mediamtx", MEDIA_ROUTER="mediamtx", STS_MODE="echo", IMAGE_PREFIX="dubbing-test",
                   MEDIAMTX_IMAGE="dubbing-test/stand-in:1")
    ours = containers.stack_docker.images_of(containers.PROGRAMS, {})
    for image in ours:
        docker("tag", image, image.replace("live-dubbing/", "dubbing-test/"))
    router = next(image for image in ours if "router" in image)
    stand_in = (f"FROM {router}\nUSER root\nRUN printf '#!/bin/sh\\nROUTER_CONFIG=$1 exec media-router\\n' >/mediamtx && "
                f"chmod 755 /mediamtx\n")
    subprocess.run(["docker", "build", "-q", "--network", "host", "-t", "dubbing-test/stand-in:1", "-"], input=stand_in, text=True,
                   check=True, capture_output=True)
    stack.write_env()
    built = subprocess.run(["docker-compose", "--env-file", stack.env_file, "-f", ROOT / "docker-compose.yml", "--profile",
                            "mediamtx", "build", "mediamtx"], env=stack.environment(), capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    stack.up()
    looped(stack.stack.url("demo", "in") + "?lang=fr")
    stack.stack.wait_path("live/demo/out", DEADLINE)
    wait_until(lambda: stack.stack.stream("demo").get("targetLang") == "fr", DEADLINE, "the hook's query to arrive")
    stack.down()


# -- Compose v2 and the foreground

def compose_v2():
    """docker compose, or the newer Debian's program of that name; made once by the script beside this file."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return "docker compose"
    done = subprocess.run(["sh", ROOT / "deploy" / "tests" / "compose-v2.sh", ROOT / ".local" / "deploy" / "compose-v2"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_compose_v2_does_the_same(stacks, looped):
    stack = stacks("v2", STS_MODE="echo", COMPOSE_PROFILES="cpu")
    command = compose_v2()
    version = subprocess.run([*command.split(), "version", "--short"], capture_output=True, text=True, check=True).stdout.strip()
    assert version.startswith(("2.", "v2.")), version
    for profile in ("cpu", "gpu", "echo", "media", "mediamtx", "sts", "sts-gpu", "observability"):
        subprocess.run([*command.split(), "-f", ROOT / "docker-compose.yml", "--profile", profile, "config", "-q"], check=True)
    environment = stack.environment
    stack.environment = lambda: {**environment(), "COMPOSE": command}
    ready = stack.up()
    looped(stack.stack.url("demo", "in"))
    stack.stack.wait_path("live/demo/out", DEADLINE)
    stopping = stack.down()
    assert stopping < GRACE_SECONDS and not stack.containers()
    note(compose_v2=version, v2_ready_seconds=round(ready, 1), v2_stop_seconds=round(stopping, 1))


def test_in_the_foreground_until_ctrl_c(stacks, tmp_path):
    stack = stacks("front", STS_MODE="echo")
    stack.write_env()
    out = tmp_path / "front.out"
    child = Child("front", [sys.executable, ROOT / "scripts" / "stack.py", "up"], tmp_path, stack.environment(), stdout=out, cwd=ROOT)
    wait_until(lambda: "Ctrl-C stops everything" in out.read_text(), DEADLINE, "the stack to be up", child.running)
    wait_until(lambda: re.search(r"^media-service\S* +\| ", out.read_text(), re.MULTILINE), DEADLINE, "its logs")
    code, said = stack.make("up")
    assert code != 0 and "is up already" in said
    child.send(signal.SIGINT)
    assert child.wait(DEADLINE) == 0 and "stack: stopped" in out.read_text()
    assert not stack.containers()


# -- bad input, each with one clear message and nothing left half started

def refused(stack, *words, code=2):
    """The message of an `up` that must not be."""
    found, said = stack.make("up", "DETACH=1")
    message = said[said.index("stack:"):]
    assert found != 0 and all(word in message for word in words), said
    assert "Traceback" not in said
    assert not [name for name in stack.containers() if name != "keys"], "nothing is left half started"
    return message


def test_a_busy_port(stacks):
    stack = stacks("busy", STS_MODE="echo")
    port = stack.stack.layout.ports.rtmp
    with socket.create_server(("127.0.0.1", port)):
        refused(stack, f"port {port} (RTMP) is in use", "set ROUTER_RTMP_ADDRESS=")


def test_a_malformed_env(stacks):
    stack = stacks("env")
    stack.write_env = lambda: stack.env_file.write_text("STS_MODE echo\n")
    refused(stack, ".env:1: not NAME=value: STS_MODE echo")


def test_a_value_that_a_program_does_not_take(stacks):
    stack = stacks("value", STS_QUEUE_MAX_DEPTH="many", STS_MODE="echo")
    message = refused(stack, "sts-service did not come up", 'STS_QUEUE_MAX_DEPTH is "many": must be a whole number')
    assert message.count("must be a whole number") == 1, message


def test_no_images(stacks):
    refused(stacks("none", IMAGE_TAG="0.0.0-never"), "live-dubbing/media-router:0.0.0-never", "`make images`")


def test_images_of_another_architecture(stacks, tmp_path):
    other = "arm64" if containers.engine_here.machine() == "amd64" else "amd64"
    names = [f"dubbing-test/{name}:foreign" for name in containers.PROGRAMS]
    docker("load", "--input", containers.empty_image(tmp_path / "foreign.tar", other, names))
    refused(stacks("arch", IMAGE_PREFIX="dubbing-test", IMAGE_TAG="foreign"), f"is for linux/{other}", "make images PLATFORMS=")


def test_no_gpu(stacks):
    if pathlib.Path("/proc/driver/nvidia/version").exists():
        pytest.fail("this test is for a machine without a GPU: run it on one")
    stack = stacks("gpu", COMPOSE_PROFILES="gpu", IMAGE_PREFIX="dubbing-test")
    for image in containers.stack_docker.images_of(containers.PROGRAMS, {}):
        docker("tag", image, image.replace("live-dubbing/", "dubbing-test/") + ("-gpu" if "sts" in image else ""))
        docker("tag", image, image.replace("live-dubbing/", "dubbing-test/"))
    refused(stack, "GPU", "nvidia" if "DOCKER_HOST" in os.environ else "no NVIDIA driver")


def test_a_full_disk(stacks, tmp_path):
    full = tmp_path / "small"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,uid=10001,gid=10001", "tmpfs", full], check=True)
    try:
        refused(stacks("full", ASSET_STORE_ROOT=full, STS_MODE="echo"), "ASSET_STORE_ROOT", str(full), "MiB left", "make room")
    finally:
        subprocess.run(["umount", full], check=True)


def test_no_engine(stacks, tmp_path):
    stack = stacks("engine")
    environment = stack.environment
    stack.environment = lambda: {**environment(), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    found, said = stack.make("up", "DETACH=1")
    assert found != 0 and f"no container engine answers at unix://{tmp_path}/none.sock" in said and "STACK=native" in said


# -- Prometheus

STAND_IN = """FROM {base}
RUN apt-get update -q && apt-get install -qy --no-install-recommends prometheus busybox \\
    && ln -s /bin/busybox /usr/local/bin/wget && install -d -o 65534 -g 65534 /prometheus
ENTRYPOINT ["prometheus"]
"""


def test_prometheus_finds_every_service_and_the_rules(stacks):
    """Debian's Prometheus in the place of its authors' image, which cannot be had here."""
    base = next(name for name, suite in containers.engine_here.bases_named() if suite == "bookworm")
    proxies = [word for pair in containers.engine_here.proxies().items() for word in ("--build-arg", "=".join(pair))]
    subprocess.run(["docker", "build", "-q", "--network", "host", *proxies, "-t", "dubbing-test/prometheus:1", "-"],
                   input=STAND_IN.format(base=base), text=True, check=True, capture_output=True)
    port = containers.free_ports(1)[0]
    stack = stacks("prometheus", STS_MODE="echo", PROMETHEUS_IMAGE="dubbing-test/prometheus:1", PROMETHEUS_ADDRESS=f"127.0.0.1:{port}")
    stack.up()
    done = subprocess.run(["docker-compose", "-p", stack.project, "--env-file", stack.env_file, "-f", ROOT / "docker-compose.yml",
                           "--profile", "observability", "up", "-d", "prometheus"], env=stack.environment(), capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    api = f"http://127.0.0.1:{port}/api/v1"
    wait_until(lambda: stack.is_healthy("prometheus"), DEADLINE, "Prometheus to be healthy")

    def health():
        targets = (http_json(f"{api}/targets") or {"data": {"activeTargets": []}})["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in targets}

    wait_until(lambda: health() == dict.fromkeys(("media-service", "sts-service", "media-router"), "up"), DEADLINE,
               "all three to be scraped")
    assert len(http_json(f"{api}/rules")["data"]["groups"]) > 0
