"""The stack in containers without an engine: what the variables become, which services they mean, and what is said when
engine, images, GPU, disk or variables are not as they should be. Engine and Compose are stand-ins."""
import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

import stack_docker
import stack_engine
import stack_settings
from support.processes import free_ports

ROOT = pathlib.Path(__file__).resolve().parent.parent
LISTENERS = ("ROUTER_RTMP_ADDRESS", "ROUTER_RTSP_ADDRESS", "ROUTER_API_ADDRESS", "ROUTER_METRICS_ADDRESS", "ORCH_HTTP_ADDR")


# -- variables

def test_what_needs_no_change_stays():
    settings = {"WORKER_LATENCY": "5s", "ROUTER_RTMP_ADDRESS": "0.0.0.0:1936", "STS_PORT": "8001"}
    assert stack_docker.prepared(settings) == settings


def test_addresses_become_what_can_be_published():
    found = stack_docker.prepared({"ROUTER_RTMP_ADDRESS": ":1936", "ORCH_HTTP_ADDR": "localhost:8081", "ROUTER_API_ADDRESS": "[::1]:9"})
    assert found == {"ROUTER_RTMP_ADDRESS": "0.0.0.0:1936", "ORCH_HTTP_ADDR": "127.0.0.1:8081", "ROUTER_API_ADDRESS": "[::1]:9"}


def test_paths_of_the_host_become_those_of_the_containers(tmp_path):
    found = stack_docker.prepared({"ASSET_STORE_ROOT": ".local/runs", "STS_VOICES_FILE": "config/voices.json",
                                   "STS_TLS_CERT": "/etc/dubbing/cert.pem"})
    assert found == {"ASSET_STORE_ROOT": str(ROOT / ".local/runs"), "STS_VOICES_FILE": "/etc/dubbing/voices.json",
                     "STS_TLS_CERT": "/etc/dubbing/cert.pem"}
    models = stack_docker.prepared({"STS_MODEL_CACHE_DIR": "/srv/models", "STS_ASR_MODEL": "/srv/models/en-us"})
    assert models["STS_ASR_MODEL"] == "en-us", "models are found by their names"
    own = stack_docker.prepared({"DUBBING_CONFIG_DIR": str(tmp_path), "ROUTER_CONFIG": f"{tmp_path}/a/router.yml"})
    assert own["ROUTER_CONFIG"] == "/etc/dubbing/a/router.yml"


def test_the_key_is_read_where_the_user_reads_it(tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    assert stack_docker.prepared({"ORCH_API_KEY_FILE": str(tmp_path / "key")}) == {"ORCH_API_KEY": "s3cret"}


def test_everything_that_cannot_be_is_named_at_once(tmp_path):
    with pytest.raises(stack_settings.Refused) as refusal:
        stack_docker.prepared({"ROUTER_RTMP_ADDRESS": "myhost:1935", "ORCH_HTTP_ADDR": "127.0.0.1:0", "STS_PORT": "many",
                               "WORKER_STS_SERVICE_URL": "http://localhost:8000", "MEDIAMTX_API_URL": "http://127.0.0.1:9997",
                               "STS_GLOSSARY_FILE": "/srv/terms.json", "DEEPL_AUTH_KEY_FILE": "/root/key",
                               "LIBRETRANSLATE_URL": "http://[::1]:5000", "ORCH_API_KEY_FILE": str(tmp_path / "none")})
    said = str(refusal.value)
    assert all(word in said for word in ("ROUTER_RTMP_ADDRESS", "ORCH_HTTP_ADDR", "STS_PORT=many", "WORKER_STS_SERVICE_URL",
                                         "MEDIAMTX_API_URL", "LIBRETRANSLATE_URL", "STS_GLOSSARY_FILE",
                                         "DEEPL_AUTH_KEY_FILE", "DUBBING_CONFIG_DIR", "cannot read"))


# -- services

@pytest.mark.parametrize("settings, services", [
    ({}, ["sts-service", "media-router", "media-service"]),
    ({"STS_MODE": "echo"}, ["sts-service-echo", "media-router", "media-service"]),
    ({"STS_DEVICE": "cuda"}, ["sts-service-gpu", "media-router", "media-service"]),
    ({"MEDIA_ROUTER": "mediamtx"}, ["sts-service", "mediamtx", "media-service"]),
    ({"MEDIA_ROUTER": "external"}, ["sts-service", None, "media-service"]),
    ({"COMPOSE_PROFILES": "gpu,observability"}, ["sts-service-gpu", "media-router", "media-service"]),
    ({"COMPOSE_PROFILES": "echo"}, ["sts-service-echo", "media-router", "media-service"]),
    ({"COMPOSE_PROFILES": "media"}, ["media-router", "media-service"]),
    ({"COMPOSE_PROFILES": "mediamtx,sts-gpu"}, ["sts-service-gpu", "mediamtx", "media-service"]),
    ({"COMPOSE_PROFILES": "sts"}, ["sts-service"])])
def test_variables_and_profiles_choose_the_services(settings, services):
    programs = stack_docker.programs_of("all", settings)
    assert [stack_docker.service_of(program, settings) for program in programs] == services


def test_a_part_that_is_named_is_meant_whatever_the_profiles():
    assert stack_docker.programs_of("media", {"COMPOSE_PROFILES": "sts"}) == ("media-router", "media-service")


def test_images_have_our_version():
    assert stack_docker.images_of(("media-service", "sts-service"), {"IMAGE_TAG": "7", "COMPOSE_PROFILES": "gpu"}) == [
        "live-dubbing/media-service:7", "live-dubbing/sts-service:7-gpu"]
    assert stack_docker.image_of("media-router", {"IMAGE_PREFIX": "r.example/x"}).startswith("r.example/x/media-router:")


# -- refusals

DOCKER = """#!/bin/sh
case "$1 $2" in
"compose version") exit 1 ;;
"version --format") [ -z "$NO_ENGINE" ] || { echo "$NO_ENGINE" >&2; exit 1; }; case "$3" in *Os*) echo linux/amd64 ;; *) echo 20.10 ;; esac ;;
"image inspect") [ -z "$NO_IMAGE" ] || exit 1; case "$4" in *Os*) echo "linux/${ARCH:-amd64}" ;; *) echo sha256:1 ;; esac ;;
"info --format") case "$3" in *Runtimes*) echo '{"runc": {}}' ;; *) echo "${ENGINE_DISK:-}" ;; esac ;;
"ps --all") ;;
"inspect --format") echo '{"Status": "exited", "Running": false, "ExitCode": 2} 0' ;;
"logs --tail") echo "WORKER_LATENCY is 1s: it must be 2s to 30s" >&2 ;;
*) echo "docker: what is $*?" >&2; exit 64 ;;
esac
"""
COMPOSE = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in
"version --short") echo 1.29.2 ;;
*" config -q") [ -z "$BAD_FILE" ] || { echo "$BAD_FILE" >&2; exit 1; } ;;
*" up "*) [ -z "$BAD_START" ] || { echo "$BAD_START" >&2; exit 1; } ;;
esac
"""


@pytest.fixture
def stack_command(tmp_path):
    """Runs stack.py with stand-ins for docker and docker-compose; gives (code, what it said, calls of Compose)."""
    def run(*arguments, without=(), **variables):
        for name, text in (("docker", DOCKER), ("docker-compose", COMPOSE)):
            program = tmp_path / name
            program.unlink(missing_ok=True)
            if name not in without:
                program.write_text(text)
                program.chmod(0o755)
        # No folder with a real docker on the way; a shell for the stand-ins.
        (tmp_path / "sh").exists() or (tmp_path / "sh").symlink_to("/bin/sh")
        ports = dict(zip(LISTENERS, (f"127.0.0.1:{port}" for port in free_ports(5))))
        env = {"PATH": str(tmp_path), "STACK": "docker", "STS_PORT": str(free_ports(1)[0]), "STACK_RUN_DIR": str(tmp_path / "run"),
               "STACK_ENV_FILE": str(tmp_path / ".env"), "CALLS": str(tmp_path / "calls"), **ports, **variables}
        done = subprocess.run([sys.executable, ROOT / "scripts" / "stack.py", *arguments], capture_output=True, text=True, env=env,
                              timeout=60, check=False)
        calls = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
        return done.returncode, done.stdout + done.stderr, calls
    return run


def test_no_client(stack_command):
    code, said, calls = stack_command("up", without=("docker",))
    assert code == 2 and "no program docker" in said and "STACK=native" in said and not calls


def test_no_engine(stack_command):
    code, said, calls = stack_command("up", NO_ENGINE="Cannot connect to the Docker daemon", DOCKER_HOST="unix:///nowhere")
    assert code == 2 and "no container engine answers at unix:///nowhere" in said and "STACK=native" in said and not calls


def test_no_right_to_use_the_engine(stack_command):
    code, said, _ = stack_command("up", NO_ENGINE="permission denied while trying to connect")
    assert code == 2 and "group docker" in said


def test_no_compose(stack_command):
    code, said, _ = stack_command("up", without=("docker-compose",))
    assert code == 2 and "there is no Docker Compose" in said


def test_images_that_are_not_built(stack_command):
    code, said, calls = stack_command("up", NO_IMAGE="1")
    assert code == 2 and "live-dubbing/media-router:" in said and "`make images`" in said and " up " not in calls


def test_images_for_another_machine(stack_command):
    code, said, calls = stack_command("up", ARCH="arm64")
    assert code == 2 and "is for linux/arm64" in said and "make images PLATFORMS=linux/amd64" in said and " up " not in calls


def test_no_gpu(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(stack_engine, "NVIDIA_DRIVER", tmp_path / "version")
    with pytest.raises(stack_settings.Refused, match="no NVIDIA driver.*profile cpu"):
        stack_engine.check_gpu()
    (tmp_path / "version").touch()
    monkeypatch.setattr(stack_engine, "ask", lambda *_args, **_more: (0, '{"runc": {}, "nvidia": {}}', ""))
    stack_engine.check_gpu()


def test_no_runtime_for_the_gpu(stack_command):
    code, said, _ = stack_command("up", STS_DEVICE="cuda", DOCKER_HOST="tcp://gpu-host:2375")
    assert code == 2 and "nvidia-container-toolkit" in said


def test_a_busy_port(stack_command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said, calls = stack_command("up", ROUTER_RTMP_ADDRESS=f"127.0.0.1:{port}")
    assert code == 2 and f"port {port} (RTMP) is in use" in said and "ROUTER_RTMP_ADDRESS=" in said and " up " not in calls


def test_variables_that_compose_does_not_take(stack_command):
    code, said, _ = stack_command("up", BAD_FILE="Invalid interpolation format")
    assert code == 2 and "Invalid interpolation format" in said and "docker-compose.yml" in said


def test_a_folder_that_the_containers_could_not_write(stack_command, tmp_path):
    code, said, _ = stack_command("up", ASSET_STORE_ROOT=str(tmp_path / "none"))
    assert code == 2 and "ASSET_STORE_ROOT" in said and f"install -d -o {stack_engine.USER_ID}" in said
    (tmp_path / "mine").mkdir(mode=0o755)
    code, said, _ = stack_command("up", LOG_DIR=str(tmp_path / "mine"))
    assert code == 2 and "LOG_DIR" in said


def test_models_need_to_be_readable_alone(stack_command, tmp_path):
    models = tmp_path / "models"
    code, said, _ = stack_command("up", STS_MODEL_CACHE_DIR=str(models))
    assert code == 2 and "STS_MODEL_CACHE_DIR" in said and f"install -d -o {stack_engine.USER_ID}" in said
    models.mkdir(mode=0o700)
    code, said, calls = stack_command("up", STS_MODEL_CACHE_DIR=str(models))
    assert code == 2 and f"chmod -R a+rX {models}" in said and " up " not in calls
    models.chmod(0o755)
    assert " up " in stack_command("up", STS_MODEL_CACHE_DIR=str(models))[2]


def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(stack_engine, "ask", lambda *_args, **_more: (0, str(tmp_path), ""))
    stack_engine.check_space({}, free_bytes=lambda path: 1 << 30)
    with pytest.raises(stack_settings.Refused, match="3 MiB left"):
        stack_engine.check_space({}, free_bytes=lambda path: 3 << 20)
    with pytest.raises(stack_settings.Refused, match="LOG_DIR"):
        stack_engine.check_space({"LOG_DIR": "/"}, free_bytes=lambda path: 0 if path == "/" else 1 << 30)


def test_what_compose_could_not_start(stack_command):
    code, said, calls = stack_command("up", BAD_START="Creating network\nERROR: for x  Cannot start service x: no space left on device")
    assert "there is no .env: every variable has its default" in said
    assert code == 1 and "no space left on device" in said and "Creating network" not in said
    assert calls.splitlines()[-1].endswith("down --remove-orphans"), "nothing is left half started"


def test_a_router_elsewhere_needs_its_address(stack_command):
    code, said, _ = stack_command("up", MEDIA_ROUTER="external")
    assert code == 2 and "MEDIAMTX_API_URL" in said


def test_without_an_engine_the_choice_is_native(stack_command):
    assert stack_command("kind", STACK="", without=("docker",))[1] == "native\n"
    assert stack_command("kind", STACK="", NO_ENGINE="no")[1] == "native\n"
    assert stack_command("kind", STACK="", NO_IMAGE="1")[1] == "native\n"
    assert stack_command("kind", STACK="")[1] == "docker\n"
    assert stack_command("kind", STACK="native")[1] == "native\n"


def test_what_runs_natively_stays_native(stack_command, tmp_path):
    (tmp_path / "run").mkdir()
    start = pathlib.Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
    (tmp_path / "run" / "media-service.pid").write_text(f"{os.getpid()} {start}\n")
    assert stack_command("kind", STACK="")[1] == "native\n"


def test_a_dotenv_that_is_none(stack_command, tmp_path):
    (tmp_path / ".env").write_text("WORKER_LATENCY 5s\n")
    code, said, calls = stack_command("up")
    assert code == 2 and ".env:1: not NAME=value: WORKER_LATENCY 5s" in said and not calls
    (tmp_path / ".env").write_text("STS_MODE=echo\n")
    assert "/.env --profile" in stack_command("up")[2], "Compose reads the same file"


def test_an_unknown_kind_is_refused(stack_command):
    code, said, _ = stack_command("ps", STACK="podman")
    assert code == 2 and 'STACK is "podman"' in said


@pytest.mark.parametrize("state, words", [
    ({"Running": False, "ExitCode": 2}, " with exit code 2"), ({"Running": True, "ExitCode": 0}, " again and again"),
    ({"Running": False, "ExitCode": 0}, " again and again")])
def test_how_a_program_ended_is_said_as_far_as_it_is_known(state, words):
    assert stack_docker.how_it_ended(state) == words


def test_a_log_that_says_the_same_again_is_shown_once(monkeypatch):
    monkeypatch.setattr(stack_engine, "ask", lambda *_args, **_more: (0, "a\nb\na\nb", "c\n\nc"))
    assert stack_engine.log_tail("x") == "a\nb\nc"


def test_of_a_log_what_was_wrong_is_shown_else_its_end(monkeypatch):
    def line(level, message, second):
        return json.dumps({"timestamp": f"2026-01-01T00:00:0{second}Z", "level": level, "message": message})
    well = [line("info", f"step {number}", number) for number in range(3)]
    log = [*well, line("error", "no model in /models", 4), line("warn", "again", 5), line("error", "no model in /models", 6)]
    monkeypatch.setattr(stack_engine, "ask", lambda *_args, **_more: (0, "", "\n".join(log)))
    assert stack_engine.log_tail("x") == "no model in /models"
    log[3:] = ["exec: no such file", "[1]"]
    assert stack_engine.log_tail("x") == "exec: no such file\n[1]"
    log[3:] = []
    assert stack_engine.log_tail("x", lines=2) == "\n".join(well[1:])


def test_nothing_runs(stack_command):
    code, said, _ = stack_command("down")
    assert code == 0 and "nothing is running" in said
    code, said, _ = stack_command("ps")
    assert code == 1 and said.count("stopped") == 3


def test_errors_of_compose_are_said_once():
    said = "Creating a ... \nCreating a ... error\n\nERROR: for a  no\n\nERROR: for a  no\nEncountered errors while bringing up the project."
    assert stack_engine.errors_of(said) == "ERROR: for a  no"
    assert stack_engine.errors_of("one\ntwo") == "one\ntwo"
