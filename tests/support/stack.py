"""The process stack: router, media-service with its workers, sts-service, wired to each other on given ports.

Configured by environment variables only, the same as an operator's. Used by the end-to-end tests and the demo on free
ports, and by `make dev` on the default ones.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import socket
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import router
from .processes import Child, StartFailed, free_ports, wait_until

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
START_SECONDS = 60.0          # models are loaded in this time, also on a busy machine
PROGRAMS = ("media-router", "media-service", "media-worker", "mtx-hook", "sts-service")


# Which listener tells a program's health, and where.
HEALTH = {"sts-service": ("sts", "/ready"), "media-router": ("api", "/v3/info"), "media-service": ("media", "/health")}


class NotBuilt(Exception):
    """A program is missing in the build folder."""


def find_programs(build_dir: Path, names: tuple[str, ...] = PROGRAMS) -> dict[str, Path]:
    """The built programs by name."""
    found = {path.name: path for path in sorted((build_dir / "apps").rglob("*"))
             if path.name in names and path.is_file() and os.access(path, os.X_OK)}
    missing = [name for name in names if name not in found]
    if missing:
        raise NotBuilt(f"{', '.join(missing)} not found in {build_dir}: run `make build` first")
    return found


@dataclass(frozen=True)
class Ports:
    rtmp: int = 1935
    rtsp: int = 8554
    api: int = 9997
    router_metrics: int = 9998
    media: int = 8080
    sts: int = 8000

    @staticmethod
    def free() -> "Ports":
        return Ports(*free_ports(6))


@dataclass
class Layout:
    """What the stack is made of: programs, where each listens, settings on top (by variable name)."""

    programs: dict[str, Path]
    folder: Path
    ports: Ports = field(default_factory=Ports.free)
    settings: dict[str, str] = field(default_factory=dict)
    state_dir: str = ""       # empty: a temporary one, short because the paths of sockets are limited to 107 bytes

    def __post_init__(self) -> None:
        if not self.state_dir:
            self.state_dir = tempfile.mkdtemp(prefix="dub-")
            weakref.finalize(self, shutil.rmtree, self.state_dir, ignore_errors=True)

    @property
    def router_kind(self) -> str:
        return router.kind_of(self.settings.get("MEDIA_ROUTER", "") or os.environ.get("MEDIA_ROUTER", ""))

    def starts(self, name: str) -> bool:
        """Whether the program is one of the stack's own processes."""
        return name != "media-router" or self.router_kind != "external"

    def command(self, name: str) -> list[str]:
        """What starts the program. Its configuration file, where it has one, is written elsewhere."""
        if name == "media-router" and self.router_kind == "mediamtx":
            return [router.find_mediamtx(self.environment().get("PATH")), str(self.router_file)]
        return [str(self.programs[name])]

    @property
    def router_file(self) -> Path:
        return self.folder / ("mediamtx.yml" if self.router_kind == "mediamtx" else "router.yml")

    def environment(self) -> dict[str, str]:
        """Everything for all programs; what the caller's settings or environment say wins."""
        wired = wiring(self.ports, self.folder)
        if self.router_kind == "external":
            wired.update({name: os.environ[name] for name in router.EXTERNAL_VARIABLES if os.environ.get(name)})
        wired["ORCH_WORKER_COMMAND"] = str(self.programs["media-worker"])
        wired["ORCH_STATE_DIR"] = self.state_dir
        wired["ROUTER_CONFIG"] = str(self.router_file)
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith(OUR_PREFIXES + PROVIDER_PREFIXES)}
        return {**inherited, **wired, **self.settings}

    def listener(self, name: str) -> tuple[str, int]:
        """Where one of LISTENERS can be reached from this machine, from the variables that decide it."""
        environment = self.environment()
        if name == "sts":
            return _reachable(environment["STS_ADDR"]), int(environment["STS_PORT"])
        if self.router_kind == "external" and name in ROUTER_URLS:
            parts = urllib.parse.urlsplit(environment[ROUTER_URLS[name]])
            return parts.hostname or HOST, parts.port or getattr(Ports, name)
        host, _, port = environment[LISTENERS[name]].rpartition(":")
        return _reachable(host), int(port)

    def http(self, name: str) -> str:
        if name == "api" and self.router_kind == "external":
            return self.environment()["MEDIAMTX_API_URL"].rstrip("/")
        host, port = self.listener(name)
        return f"http://{host}:{port}"

    def rtmp(self, path: str) -> str:
        if self.router_kind == "external":
            return f"{self.environment()['MEDIAMTX_RTMP_URL'].rstrip('/')}/{path}"
        host, port = self.listener("rtmp")
        return f"rtmp://{host}:{port}/{path}"

    def write_router_config(self) -> Path:
        """The MediaMTX file that wires the hooks; for MediaMTX itself also where it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        hook = self.programs["mtx-hook"]
        addresses = {key: self.environment()[LISTENERS[name]] for name, key in ROUTER_KEYS.items()}
        text = router.mediamtx_config(hook, addresses) if self.router_kind == "mediamtx" else router.builtin_config(hook)
        self.router_file.write_text(text)
        return self.router_file


# Listeners of the router, and their keys in MediaMTX's file.
ROUTER_KEYS = {"rtmp": "rtmpAddress", "rtsp": "rtspAddress", "api": "apiAddress", "router_metrics": "metricsAddress"}

# Where an external router listens.
ROUTER_URLS = {"rtmp": "MEDIAMTX_RTMP_URL", "rtsp": "MEDIAMTX_RTSP_URL", "api": "MEDIAMTX_API_URL"}

# What listens, and the variable that moves it.
LISTENERS = {"rtmp": "ROUTER_RTMP_ADDRESS", "rtsp": "ROUTER_RTSP_ADDRESS", "api": "ROUTER_API_ADDRESS",
             "router_metrics": "ROUTER_METRICS_ADDRESS", "media": "ORCH_HTTP_ADDR", "sts": "STS_PORT"}


def _reachable(host: str) -> str:
    """An address to connect to for one to listen on."""
    return HOST if host in ("", "0.0.0.0", "::", "[::]", "*") else host


# Variables of the programs: a test's or demo's stack takes none of them over from its surroundings.
OUR_PREFIXES = ("ROUTER_", "MEDIA_ROUTER", "ORCH_", "MEDIAMTX_", "WORKER_", "STS_", "EGRESS_", "MTX_", "CAPTURE_", "ASSET_STORE_",
                "LOG_", "ORCHESTRATOR_URL", "RUN_ID", "INSTANCE_ID", "REQUIRE_AUTH")
# Nor those of providers, whose engines `auto` would choose: sound and text would leave the machine, for money.
PROVIDER_PREFIXES = ("OPENAI_", "DEEPL_", "ELEVENLABS_", "LIBRETRANSLATE_")

# Those that choose what recognises, translates and speaks, and how.
ENGINES = ("STS_ASR_ENGINE", "STS_TRANSLATION_ENGINE", "STS_TTS_ENGINE")
ENGINE_VARIABLES = ENGINES + (
    "STS_ASR_MODEL", "STS_TRANSLATION_MODEL", "STS_TTS_MODEL", "STS_ASR_WORKERS", "STS_TRANSLATION_WORKERS", "STS_TTS_WORKERS",
    "STS_DEVICE", "STS_MODEL_CACHE_DIR", "STS_VOICES_FILE", "STS_GLOSSARY_FILE", "STS_TRANSLATION_FALLBACK")


def engine_settings() -> dict[str, str]:
    """What the surroundings say about engines, of providers only where an engine is named; empty is not said."""
    is_named = any(os.environ.get(name) for name in ENGINES)
    return {name: value for name, value in os.environ.items() if value and
            (name in ENGINE_VARIABLES or (is_named and name.startswith(PROVIDER_PREFIXES)))}


def wiring(ports: Ports, folder: Path) -> dict[str, str]:
    """The variables that make the programs find each other."""
    return {
        "ROUTER_RTMP_ADDRESS": f"{HOST}:{ports.rtmp}", "ROUTER_RTSP_ADDRESS": f"{HOST}:{ports.rtsp}",
        "ROUTER_API_ADDRESS": f"{HOST}:{ports.api}", "ROUTER_METRICS_ADDRESS": f"{HOST}:{ports.router_metrics}",
        "ORCH_HTTP_ADDR": f"{HOST}:{ports.media}", "ORCHESTRATOR_URL": f"http://{HOST}:{ports.media}",
        "ASSET_STORE_ROOT": str(folder / "runs"),
        "MEDIAMTX_RTMP_URL": f"rtmp://{HOST}:{ports.rtmp}", "MEDIAMTX_RTSP_URL": f"rtsp://{HOST}:{ports.rtsp}",
        "MEDIAMTX_API_URL": f"http://{HOST}:{ports.api}",
        "STS_ADDR": HOST, "STS_PORT": str(ports.sts), "WORKER_STS_SERVICE_URL": f"http://{HOST}:{ports.sts}",
        "STS_VOICES_FILE": str(ROOT / "config" / "voices.json"),
        "LOG_DIR": str(folder / "logs"), "LOG_FORMAT": "json", "LOG_LEVEL": "debug",
    }


class Stack:
    """Starts and stops the programs; answers questions by their HTTP APIs.

    Use as a context manager: whatever happens, nothing is left running.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.children: dict[str, Child] = {}
        self.has_workers = False
        layout.write_router_config()

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    # -- starting and stopping

    def start(self, *names: str, sts_mode: str = "full", progress: Callable[[str], None] = lambda line: None) -> "Stack":
        """Starts the named programs (all without a name) and waits until each is ready."""
        names = names or ("sts-service", "media-router", "media-service")
        for name in names:
            if self.layout.starts(name):
                self.launch(name, ("--mode", sts_mode) if name == "sts-service" else ())
        for name in names:
            self.wait_ready(name)
            progress(f"{name} is ready (" + (f"pid {self.children[name].pid})" if name in self.children else "external)"))
        return self

    def launch(self, name: str, arguments: tuple[str, ...] = ()) -> Child:
        """Starts a program and does not wait."""
        environment = self.layout.environment()
        if name == "media-router" and self.layout.router_kind == "mediamtx":
            # Its file says all, as it would for any MediaMTX.
            environment = {key: value for key, value in environment.items() if not key.startswith("ROUTER_")}
        child = Child(name, [*self.layout.command(name), *arguments], self.layout.folder, environment, cwd=ROOT)
        self.children[name] = child
        self.has_workers = self.has_workers or name == "media-service"
        return child

    def wait_ready(self, name: str, timeout: float = START_SECONDS) -> None:
        if not self.layout.starts(name):
            self.wait_external(name)
            return
        child = self.children[name]
        try:
            wait_until(lambda: self.is_ready(name), timeout, f"{name} to be ready", child.running)
        except TimeoutError as error:
            code = child.process.poll()
            how = f"ended with exit code {code}" if code is not None else str(error)
            raise StartFailed(f"{name} did not come up: {how}; its log says:\n{child.complaint()}") from error

    def wait_external(self, name: str, timeout: float = 10.0) -> None:
        try:
            wait_until(lambda: self.is_ready(name), timeout, f"{name} to answer")
        except TimeoutError as error:
            raise StartFailed(f"MEDIA_ROUTER=external, but no router answers at {self.layout.http(HEALTH[name][0])}"
                              f"{HEALTH[name][1]}: start it, or set MEDIAMTX_API_URL to its Control API") from error

    def is_ready(self, name: str) -> bool:
        return http_status(self.layout.http(HEALTH[name][0]) + HEALTH[name][1]) == 200

    def stop(self) -> dict[str, int | None]:
        """Stops everything, workers first to be told and last to be looked for. Exit codes, None for a kill."""
        codes = {}
        for name in ("media-service", "sts-service", "media-router"):
            if name in self.children:
                codes[name] = self.children.pop(name).stop()
        # A media-service that somebody has started in the place of ours has adopted the workers.
        if self.has_workers and not is_in_use(self.state_dir):
            stop_workers(self.state_dir)
        for name in list(self.children):
            codes[name] = self.children.pop(name).stop()
        return codes

    # -- addresses

    @property
    def state_dir(self) -> Path:
        return Path(self.layout.environment()["ORCH_STATE_DIR"])

    def url(self, stream: str, end: str) -> str:
        return self.layout.rtmp(f"live/{stream}/{end}")

    @property
    def media(self) -> str:
        return self.layout.http("media")

    # -- questions

    def stream(self, stream: str) -> dict:
        return http_json(f"{self.media}/api/v1/streams/{stream}") or {}

    def phrases(self, stream: str) -> list[dict]:
        """The ledger of the stream."""
        answer = http_json(f"{self.media}/api/v1/streams/{stream}/phrases") or []
        return answer.get("phrases", answer.get("items", [])) if isinstance(answer, dict) else answer

    def path_ready(self, path: str) -> bool:
        answer = http_json(f"{self.layout.http('api')}/v3/paths/get/{path}")
        return bool(answer and answer.get("ready"))

    def wait_path(self, path: str, timeout: float, ready: bool = True) -> None:
        wait_until(lambda: self.path_ready(path) == ready, timeout,
                   f"{path} to be {'ready' if ready else 'gone'} on the router")

    def metrics(self, name: str) -> str:
        listener = {"media-service": "media", "sts-service": "sts", "media-router": "router_metrics"}[name]
        return http_text(f"{self.layout.http(listener)}/metrics") or ""

    def worker_pid(self, stream: str) -> int | None:
        hello = ask_worker(self.state_dir / "workers" / f"{stream}.sock")
        return hello.get("pid") if hello else None

    def worker_pids(self) -> list[int]:
        """All processes of this stack's workers, whether or not anybody knows of them."""
        mine = f"ORCH_STATE_DIR={self.state_dir.resolve()}\0".encode()
        return sorted(int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit() and
                      mine in _read(folder / "environ") and b"media-worker" in _read(folder / "cmdline"))


def _read(path: Path) -> bytes:
    """Empty where the process has ended or is not ours to read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _request(url: str) -> urllib.request.Request:
    """A name and a password in the URL go where a server looks for them."""
    parts = urllib.parse.urlsplit(url)
    if parts.username is None:
        return urllib.request.Request(url)
    credentials = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    plain = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return urllib.request.Request(plain, headers={"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()})


def http_text(url: str, timeout: float = 3.0) -> str | None:
    try:
        with urllib.request.urlopen(_request(url), timeout=timeout) as answer:
            return answer.read().decode()
    except (OSError, ValueError):
        return None


def http_json(url: str, timeout: float = 3.0):
    """The answer's JSON; None when there is no good answer."""
    text = http_text(url, timeout)
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def http_status(url: str, timeout: float = 3.0) -> int | None:
    try:
        with urllib.request.urlopen(_request(url), timeout=timeout) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def ask_worker(path: Path, command: dict | None = None, timeout: float = 2.0) -> dict | None:
    """The hello of a worker at its control socket; sends the command first when there is one."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            if command:
                connection.sendall(json.dumps(command).encode() + b"\n")
            with connection.makefile() as lines:
                return json.loads(lines.readline())
    except (OSError, ValueError):
        return None


def is_in_use(state_dir: Path) -> bool:
    """Whether a media-service holds the lock of its state folder."""
    try:
        with open(state_dir / "media-service.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def stop_workers(state_dir: Path) -> None:
    """Stops the workers and forwarders that outlived their media-service."""
    for path in sorted(state_dir.glob("workers/*.sock")) + sorted(state_dir.glob("egress/*.sock")):
        stop_worker(path)


def stop_worker(path: Path, timeout: float = 10.0) -> None:
    """Stops one by its control socket, and waits until it is gone."""
    hello = ask_worker(path, {"command": "stop"})
    if hello and "pid" in hello:
        wait_until(lambda: not Path(f"/proc/{hello['pid']}").exists(), timeout, f"worker {hello['pid']} to end")
