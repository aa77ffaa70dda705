"""The stack in containers: the commands of stack.py, carried out by Docker Compose with docker-compose.yml.

The variables mean what they mean natively. Inside the containers the programs listen on every address; what a variable
such as ROUTER_RTMP_ADDRESS names is where the host publishes it. What must differ is changed or refused in prepared().
"""
import datetime
import ipaddress
import json
import os
import pathlib
import time
import urllib.parse

import stack_engine as engine
from stack_settings import (ENV_FILE, PARTS, PROGRAMS, ROOT, Refused, check_ports, make_layout, print_addresses,
                            print_health, read_settings, shown_name, surroundings)
from support.processes import StartFailed
from support.stack import HEALTH, START_SECONDS, Stack, http_json, http_status

ADDRESSES = ("ROUTER_RTMP_ADDRESS", "ROUTER_RTSP_ADDRESS", "ROUTER_API_ADDRESS", "ROUTER_METRICS_ADDRESS", "ORCH_HTTP_ADDR")
# Folders of the host in place of volumes.
FOLDERS = ("ASSET_STORE_ROOT", "LOG_DIR", "STS_MODEL_CACHE_DIR", "STS_ARTIFACT_DIR")
MODELS = ("STS_ASR_MODEL", "STS_TRANSLATION_MODEL", "STS_TTS_MODEL")
# Files and folders that must lie in the one folder that the containers see; beside them all that end in _FILE.
FILES = ("ROUTER_CONFIG", "ORCH_STREAMS_DIR", "STS_TLS_CERT", "STS_TLS_KEY")
# The services of docker-compose.yml that are the program, one at a time.
SERVICES = {"sts-service": ("sts-service", "sts-service-gpu", "sts-service-echo"), "media-router": ("media-router", "mediamtx"),
            "media-service": ("media-service",)}
# The profiles of docker-compose.yml that choose programs.
PROFILES = {**dict.fromkeys(("cpu", "gpu", "echo"), PROGRAMS), **dict.fromkeys(("media", "mediamtx"), PARTS["media"]),
            **dict.fromkeys(("sts", "sts-gpu"), PARTS["sts"])}
CONFIG_INSIDE = pathlib.PurePosixPath("/etc/dubbing")


def config_folder(settings):
    return pathlib.Path(settings.get("DUBBING_CONFIG_DIR") or ROOT / "config")


def chosen(settings, native_runs):
    """native or docker: STACK says it; else what runs natively stays so, and containers are used where they can be."""
    kind = settings.get("STACK", "")
    if kind not in ("", "native", "docker"):
        raise Refused(f"STACK is \"{kind}\": it must be native or docker, or empty for what there is")
    if kind:
        return kind
    if native_runs or not engine.engine_answers() or not engine.compose_command():
        return "native"
    return "docker" if engine.images_there(images_of(programs_of("all", settings), settings)) else "native"


def stack_settings():
    """Settings of the programs, and of the stack itself."""
    own = {name: value for name, value in surroundings().items() if value and name in ("COMPOSE_PROJECT_NAME", "DETACH")}
    return {**read_settings(), **own}


# -- what the variables become for containers

def prepared(settings):
    """The variables for Compose; all that cannot be are named at once."""
    variables, wrong = dict(settings), []
    for change in (publish_addresses, refuse_loopback, absolute_folders, read_key, files_inside):
        try:
            change(variables)
        except Refused as error:
            wrong.append(str(error))
    if wrong:
        raise Refused("\n       ".join(wrong))
    return variables


def publish_addresses(variables):
    """host:port where the host publishes; Compose wants an IP address and a port."""
    bad = []
    for name in filter(variables.get, ADDRESSES):
        host, _, port = variables[name].rpartition(":")
        host = {"": "0.0.0.0", "localhost": "127.0.0.1"}.get(host, host)
        variables[name] = f"{host}:{port}"
        if not is_address(host) or not is_port(port):
            bad.append(f"{name}={variables[name]}")
    host, port = variables.get("STS_ADDR", "127.0.0.1"), variables.get("STS_PORT", "8000")
    if not is_address(host) or not is_port(port):
        bad.append(f"STS_ADDR={host} STS_PORT={port}")
    if bad:
        raise Refused(f"{', '.join(bad)}: containers are published on an IP address of this host and a port from 1 to 65535")


def is_address(text):
    try:
        return bool(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return False


def is_port(text):
    return text.isdecimal() and 0 < int(text) < 65536


def refuse_loopback(variables):
    """An address of this host's loopback is the container's own inside it."""
    bad = [name for name in variables if name.endswith("_URL") and is_loopback(host_of(variables[name]))]
    if bad:
        raise Refused(f"{', '.join(bad)} name this host as 127.0.0.1 or localhost, which inside a container is the container: "
                      f"leave them unset for the services of this stack, or name the other machine")


def host_of(url):
    try:
        return urllib.parse.urlsplit(url).hostname
    except ValueError:
        return None


def is_loopback(host):
    return host == "localhost" or bool(host and is_address(host) and ipaddress.ip_address(host).is_loopback)


def absolute_folders(variables):
    for name in filter(variables.get, (*FOLDERS, "DUBBING_CONFIG_DIR")):
        variables[name] = str((ROOT / variables[name]).resolve())
    models = variables.get("STS_MODEL_CACHE_DIR")
    for name in filter(variables.get, MODELS):
        path = pathlib.Path(variables[name])
        if models and path.is_absolute() and path.is_relative_to(models):
            variables[name] = str(path.relative_to(models))


def files_inside(variables):
    """The paths that the containers have for files of the configuration folder."""
    folder, bad = config_folder(variables).resolve(), []
    for name in sorted(name for name in variables if variables[name] and (name in FILES or name.endswith("_FILE"))):
        path = pathlib.PurePosixPath(variables[name])
        if path.is_relative_to(CONFIG_INSIDE):
            continue
        path = pathlib.Path(ROOT / path).resolve()
        if path.is_relative_to(folder):
            variables[name] = str(CONFIG_INSIDE / path.relative_to(folder))
        else:
            bad.append(name)
    if bad:
        raise Refused(f"{', '.join(bad)} must name files in {folder}, the folder that the containers see: move them there, or "
                      f"set DUBBING_CONFIG_DIR")


def read_key(variables):
    """The key comes to the containers by a volume of theirs, wherever it was kept."""
    path = variables.pop("ORCH_API_KEY_FILE", "")
    if path and variables.get("ORCH_API_KEY"):
        raise Refused("ORCH_API_KEY and ORCH_API_KEY_FILE are both set: keep one of them")
    if path:
        try:
            variables["ORCH_API_KEY"] = (ROOT / path).read_text().split("\n")[0].strip()
        except OSError as error:
            raise Refused(f"ORCH_API_KEY_FILE: cannot read {path}: {error.strerror}") from error


# -- which services

def profiles(settings):
    return set(filter(None, settings.get("COMPOSE_PROFILES", "").split(",")))


def programs_of(only, settings):
    """The programs of the part; of everything, those that COMPOSE_PROFILES names, as it does for Compose."""
    wanted = [PROFILES[name] for name in profiles(settings) if name in PROFILES]
    return tuple(name for name in PARTS[only] if only != "all" or not wanted or any(name in programs for programs in wanted))


def service_of(program, settings):
    """The service of docker-compose.yml that is the program with these settings; None: it runs elsewhere."""
    named = profiles(settings)
    if program == "media-router" and settings.get("MEDIA_ROUTER") == "external":
        return None
    if program == "media-router" and (settings.get("MEDIA_ROUTER") == "mediamtx" or "mediamtx" in named):
        return "mediamtx"
    if program == "sts-service" and (settings.get("STS_MODE") == "echo" or "echo" in named):
        return "sts-service-echo"
    if program == "sts-service" and (settings.get("STS_DEVICE") == "cuda" or named & {"gpu", "sts-gpu"}):
        return "sts-service-gpu"
    return program


def image_of(service, settings):
    prefix, tag = settings.get("IMAGE_PREFIX", "live-dubbing"), settings.get("IMAGE_TAG") or default_tag()
    name = {"sts-service-echo": "sts-service", "sts-service-gpu": "sts-service"}.get(service, service)
    return f"{prefix}/{name}:{tag}" + ("-gpu" if service == "sts-service-gpu" else "")


def default_tag():
    """Our version, as meson.build has it and docker-compose.yml repeats it."""
    return (ROOT / "meson.build").read_text().split("version: '")[1].split("'")[0]


def images_of(programs, settings):
    services = [service_of(program, settings) for program in programs]
    return sorted({image_of(service, settings) for service in services if service})


class Containers:
    """A part of the stack: its programs, their services, and Compose with their variables."""

    def __init__(self, only):
        settings = stack_settings()
        self.variables = prepared(settings)
        self.only, self.names = only, programs_of(only, self.variables)
        self.layout = make_layout({name: pathlib.Path(name) for name in (*PROGRAMS, "media-worker", "mtx-hook")}, self.variables)
        self.services = {name: service_of(name, self.variables) for name in self.names if service_of(name, self.variables)}
        self.compose = engine.Compose(self.variables)

    def found(self, names=None):
        """{program: container} of what there is of this part, or of other programs."""
        there = self.compose.containers()
        return {name: there[service] for name in names or self.names for service in SERVICES[name] if service in there}

    def beside(self):
        """Services that go with the whole stack."""
        return ["prometheus", "grafana"] if self.only == "all" and "observability" in profiles(self.variables) else []

    def check(self):
        """Everything that can be wrong, before anything is started."""
        if not self.services:
            raise Refused("there is nothing to start: with MEDIA_ROUTER=external the router runs elsewhere")
        if self.layout.router_kind == "external" and "media-service" in self.names:
            if "MEDIAMTX_API_URL" not in self.variables:
                raise Refused("MEDIA_ROUTER=external: set MEDIAMTX_RTMP_URL, MEDIAMTX_RTSP_URL and MEDIAMTX_API_URL to where it is")
            Stack(self.layout).wait_external("media-router", timeout=3.0)
        self.compose.check()
        engine.check_images(images_of(self.services, self.variables))
        if "sts-service-gpu" in self.services.values():
            engine.check_gpu()
        folders = {name: self.variables[name] for name in FOLDERS if self.variables.get(name)}
        engine.check_folders(folders)
        engine.check_space({name: path for name, path in folders.items() if name not in engine.TO_READ})
        running = [name for name, container in self.found().items() if engine.inspect(container)["Running"]]
        if running:
            raise Refused(f"{', '.join(running)} of this folder is up already: `make ps` shows it, `make down` stops it")
        if "DOCKER_HOST" not in os.environ or os.environ["DOCKER_HOST"].startswith("unix://"):
            check_ports(self.layout, self.services)

    def bring_up(self):
        services = [*self.services.values(), *self.beside()]
        code, _, said = self.compose.run("up", "-d", "--no-build", *services, timeout=600)
        said = engine.errors_of(said)
        containers = self.found()
        for name in self.services:
            self.wait_ready(name, containers.get(name), said if code else "")
            print(f"stack: {shown_name(self.layout, name)} is ready", flush=True)
        if code != 0:
            raise StartFailed(f"Docker Compose could not start everything: {said}")

    def wait_ready(self, name, container, said):
        """Until the program answers; a container that ends is not waited for."""
        listener, path = HEALTH[name]
        deadline = time.monotonic() + START_SECONDS
        while container and time.monotonic() < deadline:
            state = engine.inspect(container)
            if state["Restarts"] or state["Status"] in ("exited", "dead", "removed"):
                raise StartFailed(f"{name} did not come up: it ended{how_it_ended(state)}; its log says:\n"
                                  f"{engine.log_tail(container)}")
            if state["Running"] and http_status(self.layout.http(listener) + path) == 200:
                return
            if said and not state["Running"]:
                break
            time.sleep(0.1)
        raise StartFailed(f"{name} did not come up: " + (said or f"it did not answer for {START_SECONDS:.0f} s; its log says:\n"
                                                         f"{engine.log_tail(container) if container else '(no container)'}"))

    def stop(self):
        """media-service first, so that the workers end in order; then the rest. Volumes stay."""
        if "media-service" in self.names:
            self.compose.run("stop", "media-service")
        if self.only == "all" or not self.found([name for name in PROGRAMS if name not in self.names]):
            return self.compose.run("down", "--remove-orphans")
        services = [service for name in self.names for service in SERVICES[name]]
        self.compose.run("stop", *services)
        return self.compose.run("rm", "-f", *services)


def how_it_ended(state):
    """With which code; one that the engine has started again has none at the moment."""
    return f" with exit code {state['ExitCode']}" if not state["Running"] and state["ExitCode"] else " again and again"


# -- commands

def up(args):
    engine.check_engine()
    part = Containers(args.only)
    part.check()
    if not ENV_FILE.exists():
        print("stack: there is no .env: every variable has its default (.env.example names them all)")
    print("stack: in containers (STACK=native for processes)", flush=True)
    follower = None
    try:
        part.bring_up()
        print_addresses(part.layout, part.names)
        if part.variables.get("DETACH"):
            print("stack: `make logs` follows it, `make down` stops it", flush=True)
            return 0
        print("stack: Ctrl-C stops everything", flush=True)
        follower = part.compose.start("logs", "-f", "--no-color", *part.services.values())
        watch(part)
    except BaseException:
        stop(part)
        raise
    finally:
        if follower:
            follower.terminate()
    print("stack: stopped")
    return 1


def stop(part):
    code, _, said = part.stop()
    print("stack: stopped" if code == 0 else f"stack: Docker Compose could not stop everything: {engine.errors_of(said)}", flush=True)
    return code


def watch(part):
    """Until Ctrl-C, or until nothing is left to watch."""
    containers, ended = part.found(), set()
    while len(ended) < len(containers):
        for name, container in containers.items():
            state = engine.inspect(container)
            if name not in ended and not state["Running"] and state["Status"] != "restarting":
                ended.add(name)
                print(f"stack: {name} has ended (code {state['ExitCode']}); the others go on", flush=True)
        time.sleep(1)


def down(args):
    engine.check_engine()
    part = Containers(args.only)
    if not part.found():
        print("stack: nothing is running")
        return 0
    return 1 if stop(part) else 0


def ps(args):
    engine.check_engine()
    part = Containers(args.only)
    containers = part.found()
    memory = memory_of(containers.values())
    print(f"{'program':<18}{'container':>13}  {'up':>8}  {'memory':>9}")
    running = False
    for name in part.names:
        container = containers.get(name)
        state = engine.inspect(container) if container else {"Running": False}
        running = running or state["Running"]
        print(f"{name:<18}{container[:12] if container else '-':>13}  {uptime(state) if state['Running'] else 'stopped':>8}  "
              f"{memory.get(container, '') if state['Running'] else '':>9}")
        for pid, seconds, kib, command in children(container) if name == "media-service" and state["Running"] else []:
            print(f"  {command:<16}{pid:>13}  {clock(seconds):>8}  {f'{kib // 1024} MiB':>9}")
    return 0 if running else 1


def memory_of(containers):
    """What each container has in memory, by id."""
    if not containers:
        return {}
    _, out, _ = engine.ask("docker", "stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.MemUsage}}", *containers)
    return {words[0]: words[1].replace("MiB", " MiB").replace("GiB", " GiB") for words in map(str.split, out.splitlines())}


def children(container):
    """(pid, seconds, KiB, name) of the workers and forwarders in it."""
    _, out, _ = engine.ask("docker", "top", container, "-eo", "pid,etimes,rss,comm")
    rows = [line.split(None, 3) for line in out.splitlines()[1:]]
    return [(int(pid), int(seconds), int(kib), name) for pid, seconds, kib, name in rows
            if name.startswith(("media-worker", "egress-forward"))]


def uptime(state):
    began = datetime.datetime.fromisoformat(state["StartedAt"][:19] + "+00:00")
    return clock(int((datetime.datetime.now(datetime.timezone.utc) - began).total_seconds()))


def clock(seconds):
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def logs(args):
    engine.check_engine()
    part = Containers(args.only)
    if not part.found():
        raise Refused("no container of the stack is there: `make up` starts it")
    follower = part.compose.start("logs", "-f", "--no-color", *part.services.values())
    try:
        return follower.wait()
    finally:
        follower.terminate()


def status(args):
    engine.check_engine()
    part = Containers(args.only)
    print_health(part.layout, part.names)
    streams = http_json(part.layout.http("media") + "/api/v1/streams") if "media-service" in part.names else None
    if streams is not None:
        print(json.dumps(streams, indent=1, ensure_ascii=False))
    found = part.found()
    return 0 if all(name in found and engine.inspect(found[name])["Running"] for name in part.services) else 1


COMMANDS = {command.__name__: command for command in (up, down, ps, logs, status)}
