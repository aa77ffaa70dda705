#!/usr/bin/env python3
"""Builds the container images for one or more platforms and says how large they are.

Beside each image, in .local/images: the log of its build and its list of contents (SPDX). For the machine's own platform an
image is called as the Compose files want it (IMAGE_PREFIX/name:IMAGE_TAG), for another one its tag ends in the architecture.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True

import apt_forwarder                                                                                 # noqa: E402
import engine                                                                                        # noqa: E402
from engine import Refused, machine, run                                                             # noqa: E402

OUT = ROOT / ".local" / "images"
SBOM = "/usr/share/dubbing/sbom.spdx.json"
# Image: its Dockerfile, the stage in it, its repository, what its tag ends in.
IMAGES = {
    "media-router": ("router", "media-router", "media-router", ""),
    "media-service": ("media", "media-service", "media-service", ""),
    "sts-service": ("speech", "sts-service", "sts-service", ""),
    "sts-gpu": ("speech", "sts-gpu", "sts-service", "-gpu"),
}
PLATFORMS = {"linux/amd64": "amd64", "linux/arm64": "arm64"}
# What all of it takes while it is built, with the layers in between.
NEEDED_BYTES = 8 << 30


def version():
    return re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8"))[1]


def tag_of(name, architecture):
    _, _, repository, suffix = IMAGES[name]
    tag = os.environ.get("IMAGE_TAG") or version()
    foreign = "" if architecture == machine() else f"-{architecture}"
    return f"{os.environ.get('IMAGE_PREFIX') or 'live-dubbing'}/{repository}:{tag}{suffix}{foreign}"


def check_engine():
    if not shutil.which("docker"):
        raise Refused("there is no program docker: install docker.io (Debian) or Docker, or let scripts/engine.py up do it")
    if not engine.use():
        said = run(["docker", "version"]).stderr.strip().splitlines()
        raise Refused(f"no container engine answers ({said[-1] if said else 'no reason given'}): start it "
                      "(sudo systemctl start docker), set DOCKER_HOST to where it is, or run scripts/engine.py up, which "
                      "starts one from Debian's packages")


def check_platforms(text):
    wanted = [word for word in text.split(",") if word]
    unknown = [word for word in wanted if word not in PLATFORMS]
    if unknown or not wanted:
        raise Refused(f"PLATFORMS: {', '.join(unknown) or 'nothing'} cannot be built; allowed: {', '.join(PLATFORMS)}")
    return [PLATFORMS[word] for word in wanted]


def check_names(text):
    wanted = [word for word in text.split(",") if word] or list(IMAGES)
    unknown = [word for word in wanted if word not in IMAGES]
    if unknown:
        raise Refused(f"ONLY: there is no image {', '.join(unknown)}; there are {', '.join(IMAGES)}")
    return wanted


def check_foreign(architecture):
    """Programs of another machine run here only where the kernel knows an interpreter that containers see too."""
    if architecture == machine() or engine.can_run(architecture):
        return
    raise Refused(f"this machine cannot run programs for {architecture}: install qemu-user-static and binfmt-support "
                  f"(scripts/engine.py emulator does both), or build on a machine of that architecture")


def check_space(needed=NEEDED_BYTES):
    folder = run(["docker", "info", "--format", "{{.DockerRootDir}}"]).stdout.strip()
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return  # the engine is on another machine
    if free < needed:
        raise Refused(f"{folder} has {free >> 20} MB free, the images need {needed >> 20} MB while they are built: free some "
                      "(docker system prune removes what no container uses)")


def base_of(name, architecture):
    """The base image that this build takes; fetched or made beforehand, so that a failure to get it is told as such."""
    dockerfile = engine.IMAGES / f"{IMAGES[name][0]}.Dockerfile"
    base = engine.FROM.search(dockerfile.read_text(encoding="utf-8"))[1]
    local = engine.local_name(base, architecture)
    if run(["docker", "image", "inspect", local]).returncode == 0:
        return local
    print(f"images: fetching {base} for {architecture}", flush=True)
    done = run(["docker", "pull", "--quiet", "--platform", f"linux/{architecture}", base])
    if done.returncode == 0:
        run(["docker", "tag", base, local])
        return local
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise Refused(f"the base image {base} cannot be fetched ({said}): mend the way to the image registry, or make it from "
                  f"Debian's packages: sudo scripts/engine.py bases --architecture {architecture}")


def revision():
    commit = run(["git", "-C", ROOT, "rev-parse", "HEAD"]).stdout.strip() or "unknown"
    changed = run(["git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no"]).stdout.strip()
    date = run(["git", "-C", ROOT, "show", "-s", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd", "HEAD"],
               env={**os.environ, "TZ": "UTC"}).stdout.strip()
    return commit + ("-changed" if changed else ""), date or "1970-01-01T00:00:00Z"


def why(log):
    """The one thing to do about a failed build, or where to read."""
    text = log.read_text(errors="replace")
    if "no space left on device" in text.lower():
        return "the disk is full: docker system prune removes what no container uses"
    if "exec format error" in text.lower():
        return "a program of that architecture did not run: scripts/engine.py emulator"
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-15:])


@contextlib.contextmanager
def way_to_packages():
    """The proxy variables with which apt in a build reaches Debian as this machine does. They do not stay in the image."""
    proxies = engine.proxies()
    own = {archive: uri for archive, (uri, _) in engine.mirrors().items() if not uri.startswith(apt_forwarder.PUBLIC)}
    if not own:
        yield proxies
        return
    with apt_forwarder.forward(own, {name.removesuffix("_proxy"): value for name, value in proxies.items()}) as address:
        yield {**proxies, "http_proxy": address}


def has_buildkit(client):
    """Docker's client had BuildKit built in before release 23, and has it as the plugin buildx since."""
    hit = re.search(r"version (\d+)\.", run([client, "--version"]).stdout)
    return hit is not None and (int(hit[1]) < 23 or run([client, "buildx", "version"]).returncode == 0)


def builder(architecture):
    """(client, variables). The classic builder says of what it builds that it is for this machine: another one needs BuildKit."""
    if architecture == machine():
        return "docker", {}
    for client in (shutil.which("docker"), "/usr/bin/docker"):
        if client and has_buildkit(client):
            return client, {"DOCKER_BUILDKIT": "1"}
    raise Refused(f"building for {architecture} needs BuildKit: install Docker's plugin buildx (docker-buildx-plugin), or the "
                  "client of Debian 12 (docker.io)")


def build(name, architecture, proxies):
    dockerfile, target, _, _ = IMAGES[name]
    commit, created = revision()
    tag = tag_of(name, architecture)
    OUT.mkdir(parents=True, exist_ok=True)
    log = OUT / f"{name}-{architecture}.log"
    base = base_of(name, architecture)
    arguments = {"BASE": base, "VERSION": version(), "REVISION": commit, "CREATED": created, **proxies}
    client, variables = builder(architecture)
    command = [client, "build", "--force-rm", "--network", "host", "--platform", f"linux/{architecture}",
               "--file", engine.IMAGES / f"{dockerfile}.Dockerfile", "--target", target, "--tag", tag,
               *(word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")), ROOT]
    print(f"images: building {tag} (log: {log.relative_to(ROOT)})", flush=True)
    with open(log, "w", encoding="utf-8") as out:
        done = subprocess.run([str(part) for part in command], stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, **variables})
    if done.returncode != 0:
        raise Refused(f"{tag} could not be built: {why(log)}")


def build_all(wanted):
    for _, architecture in wanted:
        check_foreign(architecture)
        builder(architecture)
    check_space()
    with way_to_packages() as proxies:
        for name, architecture in wanted:
            build(name, architecture, proxies)


def save_sbom(tag, path):
    container = engine.must(["docker", "create", tag]).strip()
    try:
        engine.must(["docker", "cp", f"{container}:{SBOM}", path])
    finally:
        run(["docker", "rm", "--volumes", container])


def report(name, architecture, tag):
    size = int(engine.must(["docker", "image", "inspect", "--format", "{{.Size}}", tag]))
    sbom = OUT / f"{name}-{version()}-{architecture}.spdx.json"
    save_sbom(tag, sbom)
    packages = len(json.loads(sbom.read_text(encoding="utf-8"))["packages"]) - 1
    return f"{tag:52} {architecture:6} {size / 1e6:7.0f} MB  {packages:4} packages  {sbom.relative_to(ROOT)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--platforms", default="", help="comma-separated, of linux/amd64 and linux/arm64; default: this machine's")
    parser.add_argument("--report", action="store_true", help="build nothing: the sizes of what is there")
    parser.add_argument("--only", default="", help=f"comma-separated, of {', '.join(IMAGES)}; default: all")
    args = parser.parse_args()
    try:
        architectures = check_platforms(args.platforms or f"linux/{machine()}")
        names = check_names(args.only)
        check_engine()
        wanted = [(name, architecture) for architecture in architectures for name in names]
        if not args.report:
            build_all(wanted)
        print("\n".join(report(name, architecture, tag_of(name, architecture)) for name, architecture in wanted))
    except Refused as refused:
        print(f"images: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
