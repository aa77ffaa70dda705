"""The container engine and Docker Compose as the stack uses them, and what can be wrong with them before anything starts.

Everything goes through the command-line programs, so that contexts, DOCKER_HOST and rights are what the user has.
"""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

from stack_settings import ENV_FILE, ROOT, Refused

FILE = ROOT / "docker-compose.yml"
# All of docker-compose.yml: without its profile a service is neither shown nor stopped.
PROFILES = ("cpu", "gpu", "echo", "media", "mediamtx", "sts", "sts-gpu", "observability")
# A volume with less is full: state and logs of a day fit into it.
MIN_FREE_BYTES = 256 << 20
USER_ID = 10001             # of the programs in our images
TO_READ = ("STS_MODEL_CACHE_DIR",)
NVIDIA_DRIVER = pathlib.Path("/proc/driver/nvidia/version")


def ask(*command, env=None, timeout=30):
    """(exit code, stdout, stderr); a program that is missing or does not end is an exit code too."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env, cwd=ROOT,
                              timeout=timeout, check=False)
    except FileNotFoundError:
        return 127, "", f"{command[0]}: not found"
    except subprocess.TimeoutExpired:
        return 124, "", f"{command[0]} has not answered for {timeout} s"
    return done.returncode, done.stdout.strip(), done.stderr.strip()


@functools.cache
def compose_command():
    """Compose v2 as docker's plugin, else a program docker-compose of either version; COMPOSE names another."""
    if os.environ.get("COMPOSE"):
        return os.environ["COMPOSE"].split()
    if ask("docker", "compose", "version")[0] == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else []


def errors_of(said):
    """What of Compose's output is about errors, each once; all of it where nothing is marked so."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    marked = [line for line in lines if "error" in line.lower() and ": " in line]
    return "\n".join(dict.fromkeys(marked or lines[-5:]))


def engine_answers():
    return ask("docker", "version", "--format", "{{.Server.Version}}", timeout=5)[0] == 0


def images_there(images):
    return ask("docker", "image", "inspect", "--format", "{{.Id}}", *images)[0] == 0


def check_engine():
    """A client, an engine that answers, a Compose."""
    code, _, said = ask("docker", "version", "--format", "{{.Server.Version}}", timeout=10)
    if code == 127:
        raise Refused("STACK=docker, but there is no program docker: install docker.io, or use STACK=native")
    if code != 0 and "permission denied" in said:
        raise Refused("you may not use the container engine: add yourself to the group docker (sudo adduser $USER docker, "
                      "then log in anew), or use STACK=native")
    if code != 0:
        where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        raise Refused(f"STACK=docker, but no container engine answers at {where}: start it (sudo systemctl start docker), "
                      f"set DOCKER_HOST to where it is, or use STACK=native")
    if not compose_command():
        raise Refused("there is no Docker Compose: install the package docker-compose (1.29) or docker-compose-plugin (v2)")


def check_images(images):
    """All there, all for the machine that the engine runs on."""
    engine = ask("docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")[1]
    missing, foreign = [], []
    for image in images:
        code, platform, _ = ask("docker", "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image)
        if code != 0:
            missing.append(image)
        elif platform != engine:
            foreign.append(f"{image} is for {platform}")
    if missing:
        raise Refused(f"{', '.join(missing)} not found: run `make images` first, or load them (docker load), or use STACK=native")
    if foreign:
        raise Refused(f"{', '.join(foreign)}, and this engine runs {engine}: run `make images PLATFORMS={engine}`")


def check_gpu():
    """A driver on this host, and an engine that hands its devices on."""
    if "DOCKER_HOST" not in os.environ and not NVIDIA_DRIVER.exists():
        raise Refused(f"the GPU is asked for, but this host has no NVIDIA driver ({NVIDIA_DRIVER} is missing): install it, or "
                      f"use the profile cpu and leave STS_DEVICE unset")
    runtimes = json.loads(ask("docker", "info", "--format", "{{json .Runtimes}}")[1] or "{}")
    if "nvidia" not in runtimes:
        raise Refused("the GPU is asked for, but the container engine has no NVIDIA runtime: install nvidia-container-toolkit, run "
                      "`nvidia-ctk runtime configure` and restart the engine, or use the profile cpu and leave STS_DEVICE unset")


def check_folders(folders):
    """Folders of the host in place of volumes, {variable: path}: there, and the programs' to write; models to read."""
    for variable, path in folders.items():
        folder, read = pathlib.Path(path), variable in TO_READ
        if read and folder.is_dir() and not may(USER_ID, folder.stat(), 0o5):
            raise Refused(f"{variable}={path} is a folder that user {USER_ID} of the containers may not read: sudo chmod -R a+rX {path}")
        if not folder.is_dir() or not (read or may(USER_ID, folder.stat(), 0o3)):
            raise Refused(f"{variable}={path} is not a folder that user {USER_ID} of the containers may write: "
                          f"sudo install -d -o {USER_ID} -g {USER_ID} {path}")


def may(user, status, wanted):
    """Whether a user without groups may do that with a folder: bits as chmod has them for one of its digits."""
    shift = 6 if status.st_uid == user else 3 if status.st_gid == user else 0
    return (status.st_mode >> shift) & wanted == wanted


def check_space(folders, free_bytes=lambda path: shutil.disk_usage(path).free):
    """The engine's own disk, where its volumes are, and folders in place of volumes."""
    volumes = ask("docker", "info", "--format", "{{.DockerRootDir}}")[1]
    for what, path in {"the container engine's volumes": volumes, **folders}.items():
        # An engine elsewhere has its disk elsewhere.
        if path and os.path.isdir(path) and free_bytes(path) < MIN_FREE_BYTES:
            raise Refused(f"{what} ({path}) have {free_bytes(path) >> 20} MiB left and want {MIN_FREE_BYTES >> 20} at least: "
                          f"make room (docker system df shows who takes it), or move them to another disk")


def project_name(variables):
    """What Compose calls the project, of either version: the folder's name where nothing else is said."""
    return variables.get("COMPOSE_PROJECT_NAME") or re.sub("[^-_a-z0-9]", "", ROOT.name.lower()).lstrip("-_")


class Compose:
    """Docker Compose on docker-compose.yml, with these variables and every profile."""

    def __init__(self, variables):
        self.env = {**os.environ, **variables}
        self.project = project_name(self.env)
        self.command = [*compose_command(), "-p", self.project, "-f", str(FILE),
                        *(("--env-file", str(ENV_FILE)) if ENV_FILE.exists() else ()),
                        *(word for name in PROFILES for word in ("--profile", name))]

    def run(self, *arguments, timeout=300):
        return ask(*self.command, *arguments, env=self.env, timeout=timeout)

    def start(self, *arguments):
        """A command that goes on, not reached by a Ctrl-C that is meant for us."""
        return subprocess.Popen([*self.command, *arguments], env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL,
                                start_new_session=True)

    def check(self):
        """That Compose takes the file with these variables."""
        code, _, said = self.run("config", "-q")
        if code != 0:
            raise Refused(f"Docker Compose does not take docker-compose.yml with these variables: {said}")

    def containers(self):
        """{service: id} of the project's containers, running or not."""
        _, out, _ = ask("docker", "ps", "--all", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.project}",
                        "--format", '{{.Label "com.docker.compose.service"}} {{.ID}}')
        return dict(line.split() for line in out.splitlines())


def inspect(container):
    """State as the engine tells it: Status, Running, ExitCode, StartedAt, Pid, and Restarts."""
    code, found, _ = ask("docker", "inspect", "--format", "{{json .State}} {{.RestartCount}}", container)
    if code != 0:
        return {"Status": "removed", "Running": False, "ExitCode": None, "Restarts": 0}
    state, _, restarts = found.rpartition(" ")
    return {**json.loads(state), "Restarts": int(restarts)}


def log_tail(container, lines=12):
    """What its log says was wrong, else its end. Each line once: a program that is started again says the same again."""
    _, out, err = ask("docker", "logs", "--tail", "100", container)
    told = [(line, *level_and_text(line)) for line in (out + "\n" + err).splitlines() if line]
    wrong = dict.fromkeys(text for _, level, text in told if level not in ("debug", "info", "warn"))
    return "\n".join(list(wrong or dict.fromkeys(line for line, _, _ in told))[-lines:])


def level_and_text(line):
    """Of a line of our programs' logs (LOG_FORMAT=json); what is none speaks for itself and has no level."""
    try:
        found = json.loads(line)
        return found["level"], found["message"]
    except (ValueError, TypeError, KeyError):
        return "", line
