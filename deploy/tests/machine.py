"""A Debian 12 machine for tests: debootstrapped once, booted by systemd-nspawn with systemd as PID 1, thrown away after.

It has a network of its own with nothing but loopback, so that nothing in it meets what listens on this machine, and its
firewall is its own. What is installed in it beyond the base comes from folders that are bound into it. Needs root.
"""
from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.processes import Child, wait_until                                                      # noqa: E402

CACHE = ROOT / ".local" / "deploy"
SUITE = "bookworm"
TOOLS = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux",
         "unshare": "util-linux", "mount": "mount"}
# What the machine has beside the packages under test: an init, and what a cloud image of Debian brings.
BASE_PACKAGES = ("systemd", "systemd-sysv", "dbus", "ca-certificates", "apt-utils", "nftables", "cloud-init", "curl", "locales",
                 "openssh-server", "procps", "iproute2")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class MachineError(Exception):
    """The machine cannot be had; the message says what to do."""


def runtime_packages():
    """The packages that the services need, by their Debian 12 names."""
    found = set()
    for listed in ROOT.glob("apps/*/packages.txt"):
        lines = (line.partition("#")[0].partition("|")[0].strip() for line in listed.read_text().splitlines())
        found.update(line for line in lines if line)
    return sorted(found)


def apt_sources():
    """Debian's own archives as this machine reaches them, as lines of sources.list."""
    out = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)",
                          "Created-By: Packages"], check=True, capture_output=True, text=True).stdout
    entries = dict.fromkeys(tuple(line.split()) for line in out.splitlines())
    lines = [f"deb {uri} {suite} {component}" for uri, suite, component, *origin in entries
             if origin == ["Debian"] and suite.split("-")[0] == SUITE and component == "main"]
    if not any(line.split()[2] == SUITE for line in lines):
        raise MachineError(f"apt knows no archive of Debian {SUITE}: run apt-get update, or mend /etc/apt/sources.list")
    return lines


def check_tools():
    if os.geteuid() != 0:
        raise MachineError("these tests boot a Debian in a folder: run them as root")
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool)}
    if missing:
        raise MachineError(f"run: apt-get install {' '.join(sorted(missing))}")


def make_base(more=()):
    """The folder with the base system, made on the first call (some minutes) and kept in .local/deploy."""
    check_tools()
    sources = apt_sources()
    packages = [*BASE_PACKAGES, *runtime_packages(), *more]
    key = hashlib.sha256("\n".join([*sources, *packages]).encode()).hexdigest()[:12]
    base = CACHE / f"debian-12-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "machine.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return base if base.exists() else _make(base, sources, packages)


def _make(base, sources, packages):
    work = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=CACHE))
    try:
        mirror = next(line.split()[1] for line in sources if line.split()[2] == SUITE)
        _quietly(["debootstrap", "--variant=minbase", SUITE, str(work), mirror])
        _fill(work, sources, packages)
        work.rename(base)
        return base
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fill(root, sources, packages):
    (root / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in sources))
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    script = ("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; "
              "export DEBIAN_FRONTEND=noninteractive; apt-get update -q && "
              f"apt-get install -qy --no-install-recommends {' '.join(packages)} && apt-get clean && rm /usr/sbin/policy-rc.d")
    _quietly(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--resolv-conf=off", "-D", str(root), "--pipe",
              "sh", "-c", script])
    # The first boot of each machine is its first.
    (root / "etc/machine-id").write_text("")


def _quietly(command):
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise MachineError(f"{command[0]} failed ({done.returncode}):\n{done.stdout[-3000:]}")


class Machine:
    """A running machine; a context manager.

    folder: for its disk and its console's log. binds: read-only, host folder by folder in the machine. files: path in the
    machine to text, there before it boots. options: further ones of systemd-nspawn. packages: Debian's, beside the base.
    """

    def __init__(self, folder, binds=None, files=None, options=(), packages=()):
        self.folder = pathlib.Path(folder)
        self.upper = self.folder / "upper"
        self.binds = binds or {}
        self.files = files or {}
        self.options = options
        self.packages = packages
        self.nspawn = None
        self.leader = 0

    def __enter__(self):
        base = make_base(self.packages)
        root, work = self.folder / "root", self.folder / "work"
        for path in (root, work, self.upper):
            path.mkdir(parents=True)
        for name, text in self.files.items():
            path = self.upper / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        binds = [f"--bind-ro={host}:{inside}" for inside, host in self.binds.items()]
        # The mount is seen by this process and its children only, and is gone when they are.
        script = 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4" && shift 3 && exec systemd-nspawn ' \
                 '--quiet --register=no --keep-unit --private-network --resolv-conf=off --console=read-only --boot -D "$@"'
        # One hierarchy of control groups, as Debian 12 has it, whatever this machine has.
        surroundings = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        self.nspawn = Child("console", ["unshare", "--mount", "sh", "-c", script, "sh", str(base), str(self.upper), str(work),
                                        str(root), *binds, *self.options], self.folder, surroundings)
        try:
            wait_until(self._booted, 120, "the machine to boot", step=0.3)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _booted(self):
        if not self.nspawn.running():
            raise MachineError(f"systemd-nspawn has ended:\n{self.nspawn.tail(30)}")
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        if not children:
            return False
        self.leader = int(children[-1])
        done = self.run("systemctl", "is-system-running", check=False)
        return done.stdout.strip() in ("running", "degraded", "starting") and \
            self.run("systemctl", "is-active", "dbus.socket", check=False).returncode == 0

    def __exit__(self, *_exception):
        if self.nspawn and self.nspawn.running():
            self.nspawn.send(signal.SIGTERM)
            self.nspawn.finish(60, signal.SIGKILL, 5)

    def _enter(self, flags, command, **options):
        return subprocess.run(["nsenter", "-t", str(self.leader), *flags, "--", "env", "-i", f"PATH={PATH}", "LANG=C.UTF-8",
                               "DEBIAN_FRONTEND=noninteractive", *map(str, command)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)

    def run(self, *command, check=True, timeout=300):
        """A command in the machine, as root."""
        done = self._enter(["-m", "-u", "-i", "-n", "-p", "-C"], command, timeout=timeout)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, command))}: code {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def sh(self, script, check=True, timeout=300):
        return self.run("sh", "-c", script, check=check, timeout=timeout)

    def out(self, script):
        return self.sh(script).stdout.strip()

    def in_network(self, *command):
        """A command line for a program of this machine that is to see the tested machine's network."""
        return ["nsenter", "-t", str(self.leader), "-n", "--", *map(str, command)]

    def write(self, path, text, mode=0o644):
        """A file in the machine."""
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-m", "--", "sh", "-c", 'cat >"$1" && chmod "$2" "$1"', "sh", path,
                               f"{mode:o}"], input=text, text=True, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr

    def wait_for(self, script, what, timeout=60):
        """Until the script's exit code is 0."""
        try:
            wait_until(lambda: self.sh(script, check=False).returncode == 0, timeout, what, step=0.3)
        except TimeoutError as error:
            journal = self.sh("journalctl -b --no-pager -o cat -n 60", check=False).stdout
            raise AssertionError(f"{error}; the end of the journal:\n{journal}") from None

    def unit(self, name, *properties):
        shown = self.out(f"systemctl show {name} " + " ".join(f"-p {one}" for one in properties))
        return dict(line.split("=", 1) for line in shown.splitlines())
