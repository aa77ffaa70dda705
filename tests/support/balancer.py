"""HAProxy as deploy/haproxy configures it, in front of sts-service instances of one's own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

from .processes import Child, StartFailed, free_ports, wait_until
from .stack import HOST, ROOT, http_json, http_status

FOLDER = ROOT / "deploy" / "haproxy"
CONFIG = FOLDER / "haproxy.cfg"
START_SECONDS = 60.0


def find_haproxy() -> str:
    found = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not found:
        raise StartFailed("haproxy is missing: make setup")
    return found


class Instance:
    """One sts-service that is started again when it has ended, as a supervisor does: call tend() now and then."""

    def __init__(self, name: str, program: Path, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        self.name, self.port = name, free_ports(1)[0]
        self.folder, self.command = folder, [str(program), "--port", str(self.port), *arguments]
        self.environment = {**environment, "STS_ADDR": HOST, "INSTANCE_ID": name}
        self.exits: list[int] = []
        self.child = self._start()

    def _start(self) -> Child:
        child = Child(self.name, self.command, self.folder, self.environment, cwd=ROOT)
        (self.folder / f"{self.name}.pid").write_text(str(child.pid))
        return child

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def ready(self) -> bool:
        return http_status(f"{self.url}/ready") == 200

    def tend(self) -> None:
        if not self.child.running():
            self.exits.append(self.child.process.returncode)
            self.child = self._start()


class Balancer:
    """Use as a context manager: instances and HAProxy end with it."""

    def __init__(self, program: Path, folder: Path, environment: dict[str, str], *arguments: str,
                 config: tuple[Path, ...] = (CONFIG,), settings: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.sockets = tempfile.mkdtemp(prefix="lb-")       # short: the paths of sockets are limited
        weakref.finalize(self, shutil.rmtree, self.sockets, ignore_errors=True)
        self.port, self.stats_port = free_ports(2)
        self.instances = [Instance(f"sts{n}", program, folder, environment, *arguments) for n in (1, 2, 3)]
        self.variables = {"HAPROXY_LOG": "stderr", "HAPROXY_SOCKET": self.socket, "HAPROXY_STS_ADDRESS": f"{HOST}:{self.port}",
                          "HAPROXY_STATS_ADDRESS": f"{HOST}:{self.stats_port}",
                          **{f"HAPROXY_{one.name.upper()}": f"{HOST}:{one.port}" for one in self.instances}, **(settings or {})}
        self.command = [find_haproxy(), "-db", *(flag for path in config for flag in ("-f", str(path)))]
        self.folder = folder
        self.child: Child | None = None

    def __enter__(self) -> "Balancer":
        for one in self.instances:
            wait_until(one.ready, START_SECONDS, f"{one.name} to be ready", one.child.running)
        self.child = Child("haproxy", self.command, self.folder, self.variables)
        wait_until(lambda: self.n_ready() == len(self.instances), START_SECONDS, "HAProxy to see all instances",
                   self.child.running)
        return self

    def __exit__(self, *_exception: object) -> None:
        for child in [self.child, *(one.child for one in self.instances)]:
            if child:
                child.stop()

    @property
    def socket(self) -> str:
        return f"{self.sockets}/admin.sock"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def n_ready(self) -> int:
        return (http_json(f"{self.url}/ready") or {}).get("instances", 0)

    def tend(self) -> None:
        for one in self.instances:
            one.tend()

    def roll(self, restart: str, *options: str, output: Path) -> subprocess.Popen:
        """deploy/haproxy/rolling_restart.py, started; tend() until it has ended."""
        command = [str(FOLDER / "rolling_restart.py"), "--socket", self.socket, "--restart", restart, *options]
        with open(output, "wb") as file:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
