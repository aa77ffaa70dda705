#!/usr/bin/env python3
"""A container engine and base images for a machine that has neither, nor an image registry: from Debian's packages alone.

up starts dockerd (package docker.io) in the background with everything of its own under .local/engine, unless an engine
answers already; down ends it. bases makes the base images that the Dockerfiles name, with debootstrap from the machine's
own mirror, under exactly those names. Both need root.
"""
import argparse
import calendar
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOME = pathlib.Path(os.environ.get("ENGINE_DIR") or ROOT / ".local" / "engine")
SOCKET = HOME / "docker.sock"
PID_FILE = HOME / "dockerd.pid"
LOG = HOME / "dockerd.log"
IMAGES = ROOT / "deploy" / "images"
PUBLIC_MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FROM = re.compile(r"^(?:FROM|ARG BASE=)\s*(debian:([a-z]+)-(\d{8})-slim)\b", re.MULTILINE)
# What dockerd is started with, the first that this kernel allows; and what that takes away.
WAYS = (
    ((), ""),
    (("--iptables=false", "--ip6tables=false", "--bridge=none"), "no networks of its own: containers use the host's"),
    (("--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"),
     "no networks of its own: containers use the host's; no overlay file system: each layer is a full copy"),
)
# As in Debian's own slim images.
SLIM = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/linda/*", "/usr/share/lintian/*", "/usr/share/locale/*",
        "/usr/share/man/*", "/usr/share/groff/*")


class Refused(Exception):
    """It cannot be done; the message says what to do."""


def run(command, **options):
    command = [str(part) for part in command]
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, **options)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: not found\n")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{command[0]} has not answered\n")


def must(command, **options):
    done = run(command, **options)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise Refused(f"{' '.join(map(str, command[:4]))} ... failed ({done.returncode}):\n{tail}")
    return done.stdout


# -- the engine

def answers(host):
    """Whether an engine answers there; host None: where the surroundings say."""
    client = shutil.which("docker")
    if not client:
        return False
    surroundings = {**os.environ, **({"DOCKER_HOST": host} if host else {})}
    return run([client, "version", "--format", "{{.Server.Version}}"], env=surroundings, timeout=20).returncode == 0


def own_host():
    return f"unix://{SOCKET}"


def running():
    """The DOCKER_HOST of the engine that runs ("" for the surroundings'), or None."""
    if answers(None):
        return ""
    return own_host() if SOCKET.exists() and answers(own_host()) else None


def use():
    """Lets every docker command of this process and its children find the engine that runs. False when there is none."""
    host = running()
    if host:
        os.environ["DOCKER_HOST"] = host
    return host is not None


def our_pid():
    """The process id of our dockerd, or None."""
    try:
        pid = int(PID_FILE.read_text())
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if str(HOME / "data").encode() in command else None


def need_root(what):
    if os.geteuid() != 0:
        raise Refused(f"{what} needs root: run this as root, or start an engine of yours and set DOCKER_HOST")


def need_package(program, package):
    if shutil.which(program):
        return
    need_root(f"installing {package}")
    print(f"engine: installing {package}", flush=True)
    surroundings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    lock = ["-o", "DPkg::Lock::Timeout=300"]
    must(["apt-get", *lock, "update", "-q"], env=surroundings)
    must(["apt-get", *lock, "install", "-qy", "--no-install-recommends", package], env=surroundings)


def start_dockerd(flags):
    """True once it answers; False when it has ended, as it does when the kernel does not let it."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(LOG, "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["dockerd", "--host", own_host(), "--data-root", HOME / "data", "--exec-root", HOME / "exec",
             "--pidfile", PID_FILE, *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if SOCKET.exists() and answers(own_host()):
            return True
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return False


def up():
    """Starts an engine where none runs. Returns its DOCKER_HOST ("" for one that was there)."""
    host = running()
    if host is not None:
        return host
    need_root("starting a container engine")
    need_package("dockerd", "docker.io")
    # What a crash has left is in the way of the next.
    SOCKET.unlink(missing_ok=True)
    if our_pid() is None:
        PID_FILE.unlink(missing_ok=True)
    for flags, loss in WAYS:
        if start_dockerd(flags):
            (HOME / "loss").write_text(loss)
            print(f"engine: dockerd runs at {own_host()}{'; ' + loss if loss else ''}", flush=True)
            return own_host()
    tail = "\n".join(LOG.read_text(errors="replace").splitlines()[-8:])
    raise Refused(f"dockerd does not start here; the end of {LOG}:\n{tail}")


def down():
    pid = our_pid()
    if pid is None:
        print("engine: none of ours runs")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while our_pid() is not None:
        if time.monotonic() > deadline:
            raise Refused(f"dockerd (process {pid}) has not ended after a minute: see {LOG}")
        time.sleep(0.2)
    print("engine: ended")


def can_run(architecture):
    """Whether the kernel runs programs of this architecture, also in containers: the interpreter is open already (F)."""
    names = {"arm64": "aarch64", "amd64": "x86_64"}
    try:
        text = pathlib.Path("/proc/sys/fs/binfmt_misc", f"qemu-{names[architecture]}").read_text(encoding="utf-8")
    except OSError:
        return False
    flags = re.search(r"^flags: (.*)$", text, re.MULTILINE)
    return text.startswith("enabled") and flags is not None and "F" in flags[1]


def emulator(architecture):
    """Makes the kernel run programs of another architecture by qemu-user-static."""
    if architecture == machine() or can_run(architecture):
        return
    need_root("telling the kernel about another architecture's programs")
    need_package("qemu-aarch64-static", "qemu-user-static")
    need_package("update-binfmts", "binfmt-support")
    formats = pathlib.Path("/proc/sys/fs/binfmt_misc")
    if not (formats / "register").exists():
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", formats])
    run(["update-binfmts", "--enable"])
    if not can_run(architecture):
        raise Refused(f"the kernel does not take an interpreter for {architecture} (binfmt_misc): build on such a machine")


def has_networks():
    """Whether the engine gives containers networks of their own."""
    return run(["docker", "network", "inspect", "bridge"]).returncode == 0


# -- base images

def bases_named(folder=IMAGES):
    """(name, suite) of every base image that the Dockerfiles name."""
    found = set()
    for path in sorted(folder.glob("*.Dockerfile")):
        found.update((hit[0], hit[1]) for hit in FROM.findall(path.read_text(encoding="utf-8")))
    return sorted(found)


def machine():
    """amd64 or arm64."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    here = os.uname().machine
    if here not in names:
        raise Refused(f"unsupported architecture {here}: amd64 and arm64 are supported")
    return names[here]


def local_name(name, architecture):
    """What a base image is called here: as the Dockerfiles say for this machine, apart from it for another one."""
    return name if architecture == machine() else f"dubbing-base/{architecture}:{name.partition(':')[2]}"


def mirrors():
    """The machine's own mirrors: {"debian": (address, keyring), "debian-security": ...}; empty where apt knows none."""
    listed = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)|$(SIGNED_BY)",
                  "Created-By: Packages"]).stdout
    archives = {"Debian": "debian", "Debian-Security": "debian-security"}
    found = {}
    for line in listed.splitlines():
        origin, label, component, uri, keyring = line.split("|")
        if origin == "Debian" and component == "main" and label in archives:
            found.setdefault(archives[label], (uri.rstrip("/"), keyring if keyring.startswith("/") else KEYRING))
    return found


def mirror():
    """The machine's own mirror of Debian and the keyring that it is checked with."""
    found = mirrors()
    if "debian" not in found:
        raise Refused("apt knows no mirror of Debian here: add one to /etc/apt/sources.list.d and run apt-get update")
    return found["debian"]


def proxies():
    """The proxies that apt uses, as the variables that programs know."""
    found = {}
    for scheme in ("http", "https"):
        value = run(["apt-config", "shell", "P", f"Acquire::{scheme}::Proxy"]).stdout
        hit = re.match(r"P='(.+)'$", value.strip())
        if hit and hit[1] != "DIRECT":
            found[f"{scheme}_proxy"] = hit[1]
    return found


def debootstrap(suite, architecture, folder):
    uri, keyring = mirror()
    foreign = architecture != machine()
    command = ["debootstrap", "--variant=minbase", f"--arch={architecture}", f"--keyring={keyring}",
               *(["--foreign"] if foreign else []), suite, folder, uri]
    if not pathlib.Path("/usr/share/debootstrap/scripts", suite).exists():
        command.append("/usr/share/debootstrap/scripts/sid")  # younger than debootstrap: as the newest that it knows
    surroundings = {**os.environ, **proxies()}
    must(command, env=surroundings)
    if foreign:
        must(["chroot", folder, "/debootstrap/debootstrap", "--second-stage"], env=surroundings)


def release_of(suite, uri):
    """A mirror's index of a suite; "" where it cannot be had."""
    found = {name.removesuffix("_proxy"): value for name, value in proxies().items()}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(found))
    try:
        with opener.open(f"{uri}/dists/{suite}/Release", timeout=60) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def is_expired(suite, uri):
    """Whether the mirror's index of a suite is older than Debian lets it be: a mirror that has stopped following."""
    hit = re.search(r"^Valid-Until: (.+) UTC$", release_of(suite, uri), re.MULTILINE)
    return hit is not None and time.time() > calendar.timegm(time.strptime(hit[1], "%a, %d %b %Y %H:%M:%S"))


def sources(suite):
    """What stands in the image: Debian's public addresses, as in Debian's own images, wherever its files came from."""
    keys = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    text = f"Types: deb\nURIs: {PUBLIC_MIRROR}\nSuites: {suite}\nComponents: main\n{keys}"
    if suite in ("bookworm", "trixie"):
        text += (f"\nTypes: deb\nURIs: {PUBLIC_MIRROR}\nSuites: {suite}-updates\nComponents: main\n{keys}"
                 f"\nTypes: deb\nURIs: {PUBLIC_MIRROR}-security\nSuites: {suite}-security\nComponents: main\n{keys}")
    return text


def make_slim(folder, suite, uri):
    """What Debian's own slim images leave out, and nothing of this machine."""
    etc = folder / "etc"
    for path in [*folder.glob("var/cache/apt/archives/*.deb"), *folder.glob("var/lib/apt/lists/*_*"),
                 *folder.glob("var/cache/apt/*.bin"), *folder.glob("var/log/*.log"), etc / "apt/sources.list",
                 etc / "resolv.conf", etc / "hostname"]:
        path.unlink(missing_ok=True)
    for path in folder.glob("usr/share/doc/*/*"):
        if path.name != "copyright":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for pattern in SLIM[1:]:
        for path in folder.glob(pattern.lstrip("/")):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (etc / "dpkg/dpkg.cfg.d").mkdir(parents=True, exist_ok=True)
    (etc / "dpkg/dpkg.cfg.d/docker").write_text(
        "".join(f"path-exclude {pattern}\n" for pattern in SLIM) + "path-include /usr/share/doc/*/copyright\n")
    (etc / "dpkg/dpkg.cfg.d/docker-apt-speedup").write_text("force-unsafe-io\n")
    (etc / "apt/sources.list.d").mkdir(parents=True, exist_ok=True)
    (etc / "apt/sources.list.d/debian.sources").write_text(sources(suite))
    # No service is started in an image.
    policy = folder / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    if is_expired(suite, uri):
        (etc / "apt/apt.conf.d/90index-past-its-date").write_text('Acquire::Check-Valid-Until "false";\n')
        print(f"engine: the mirror's index of {suite} is past its date: accepted in this base image alone", flush=True)


def make_base(name, suite, architecture):
    tag = local_name(name, architecture)
    if run(["docker", "image", "inspect", tag]).returncode == 0:
        return False
    need_root("making base images")
    need_package("debootstrap", "debootstrap")
    print(f"engine: {tag}: debootstrap of {suite} for {architecture}", flush=True)
    uri, _ = mirror()
    HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME, prefix="base-") as work:
        folder = pathlib.Path(work) / "root"
        debootstrap(suite, architecture, folder)
        make_slim(folder, suite, uri)
        layer = pathlib.Path(work) / "layer.tar"
        must(["tar", "--numeric-owner", "--xattrs", "-C", folder, "-cf", layer, "."])
        load_image(layer, tag, architecture, f"debootstrap of {suite}")
    return True


def load_image(layer, tag, architecture, how):
    """Makes an image of one layer. `docker import` would say that it is for this machine, whatever it is told."""
    with open(layer, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    config = {"architecture": architecture, "os": "linux", "created": created,
              "config": {"Cmd": ["bash"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}, "history": [{"created": created, "created_by": how}]}
    folder = layer.parent
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "manifest.json").write_text(json.dumps([{"Config": "config.json", "RepoTags": [tag], "Layers": [layer.name]}]))
    archive = folder / "image.tar"
    must(["tar", "-C", folder, "-cf", archive, "manifest.json", "config.json", layer.name])
    must(["docker", "load", "--input", archive])


def make_bases(architectures):
    for architecture in architectures:
        for name, suite in bases_named():
            make_base(name, suite, architecture)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["up", "down", "status", "bases", "emulator"])
    parser.add_argument("--architecture", action="append", choices=["amd64", "arm64"], help="of the base images")
    args = parser.parse_args()
    try:
        if args.what == "up":
            host = up()
            print(f"export DOCKER_HOST={host}" if host else "engine: one runs already")
        elif args.what == "down":
            down()
        elif args.what == "status":
            host = running()
            print("engine: none runs" if host is None else f"engine: answers at {host or 'the usual place'}")
            return 0 if host is not None else 1
        elif args.what == "emulator":
            for architecture in args.architecture or ["amd64", "arm64"]:
                emulator(architecture)
        else:
            up()
            use()
            for architecture in args.architecture or []:
                emulator(architecture)
            make_bases(args.architecture or [machine()])
            print(json.dumps([local_name(name, a) for a in args.architecture or [machine()] for name, _ in bases_named()]))
    except Refused as refused:
        print(f"engine: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
