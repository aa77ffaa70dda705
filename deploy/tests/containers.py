"""The stack in containers for tests: brought up by `make`, on ports and under a project name of its own, removed with its
volumes at the end. Starts a container engine where none runs, and builds images that are not there."""
from __future__ import annotations

import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]

import engine as engine_here                                                                         # noqa: E402
import stack_docker                                                                                  # noqa: E402
from support.processes import free_ports                                                             # noqa: E402
from support.stack import Layout, Ports, Stack                                                       # noqa: E402

HOST = "127.0.0.1"
PROGRAMS = ("sts-service", "media-router", "media-service")
# Of the surroundings, so that the stack has what the test says and nothing else.
OURS = ("STACK", "COMPOSE", "IMAGE_", "DUBBING_", "ROUTER_", "ORCH_", "STS_", "WORKER_", "MEDIA", "LOG_", "DETACH", "MAKE", "MFLAGS")


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.strip()


def has_image(image):
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def prepare():
    """An engine and our images."""
    engine_here.up()
    assert engine_here.use(), "no container engine answers"
    if not all(has_image(image) for image in stack_docker.images_of(PROGRAMS, {})):
        engine_here.make_bases([engine_here.machine()])
        subprocess.run([sys.executable, ROOT / "scripts" / "images.py"], check=True)


def empty_image(path, architecture, names):
    """An archive for docker load: an image with nothing in it that says to be for that architecture."""
    layer = io.BytesIO()
    tarfile.open(fileobj=layer, mode="w").close()
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {"os": "linux", "architecture": architecture, "config": {"Cmd": ["none"]},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
    manifest = [{"Config": "config.json", "RepoTags": names, "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        for name, data in (("config.json", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode()),
                           ("layer.tar", layer.getvalue())):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


class Containers:
    """One stack. `up` and `down` are the user's commands; `stack` answers questions as for processes."""

    def __init__(self, folder: pathlib.Path, name: str, **variables: str) -> None:
        self.folder = folder
        ports = Ports(*free_ports(6))
        self.settings = {
            "ROUTER_RTMP_ADDRESS": f"{HOST}:{ports.rtmp}", "ROUTER_RTSP_ADDRESS": f"{HOST}:{ports.rtsp}",
            "ROUTER_API_ADDRESS": f"{HOST}:{ports.api}", "ROUTER_METRICS_ADDRESS": f"{HOST}:{ports.router_metrics}",
            "ORCH_HTTP_ADDR": f"{HOST}:{ports.media}", "STS_PORT": str(ports.sts), **variables}
        self.env_file = folder / ".env"
        self.project = f"dub-{name}-{os.getpid()}"
        layout = Layout({program: pathlib.Path(program) for program in (*PROGRAMS, "media-worker", "mtx-hook")}, folder / "native",
                        ports, {**self.settings, "MEDIA_ROUTER": "builtin"}, str(folder / "state"))
        self.stack = Stack(layout)

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {**kept, "STACK": "docker", "COMPOSE_PROJECT_NAME": self.project, "STACK_ENV_FILE": str(self.env_file),
                "STACK_RUN_DIR": str(self.folder / "run"), "PYTHONUNBUFFERED": "1"}

    def write_env(self):
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))

    def make(self, *arguments, timeout=180):
        """(code, what it said) of a make target."""
        self.write_env()
        done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, env=self.environment(), capture_output=True,
                              text=True, timeout=timeout, check=False)
        return done.returncode, done.stdout + done.stderr

    def up(self, *arguments):
        """Seconds from the command to a stack that is ready."""
        begin = time.monotonic()
        code, said = self.make("up", "DETACH=1", *arguments)
        assert code == 0, said
        return time.monotonic() - begin

    def down(self, *arguments):
        begin = time.monotonic()
        code, said = self.make("down", *arguments)
        assert code == 0, said
        return time.monotonic() - begin

    def containers(self):
        """{service: id}, running or not."""
        lines = docker("ps", "-a", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.project}", "--format",
                       '{{.Label "com.docker.compose.service"}} {{.ID}}').splitlines()
        return dict(line.split() for line in lines)

    def inspect(self, service):
        return json.loads(docker("inspect", self.containers()[service]))[0]

    def is_healthy(self, service):
        state = self.inspect(service)["State"]
        return state["Running"] and state["Health"]["Status"] == "healthy"

    def execute(self, service, *command, check=True):
        return docker("exec", self.containers()[service], *command, check=check)

    def memory_mib(self):
        """What every container has in memory, by service."""
        by_id = {container: service for service, container in self.containers().items()}
        found = {}
        for container, service in by_id.items():
            if json.loads(docker("inspect", "--format", "{{json .State.Running}}", container)):
                text = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container).split("/")[0].strip()
                number = float(text.rstrip("KMGiB"))
                found[service] = number * {"K": 1 / 1024, "M": 1, "G": 1024}.get(text.rstrip("B").rstrip("i")[-1], 0)
        return found

    def remove(self):
        """Nothing is left: no container, no network, no volume."""
        containers = list(self.containers().values())
        if containers:
            docker("rm", "-f", "-v", *containers)
        for kind in ("network", "volume"):
            left = docker(kind, "ls", "-q", "--filter", f"label=com.docker.compose.project={self.project}").split()
            if left:
                docker(kind, "rm", *left)
