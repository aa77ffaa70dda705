#!/usr/bin/env python3
"""A Debian root with the neural engines' libraries, for machines whose own Debian has none: made by debootstrap from the
machine's own mirror, kept under .local/neural-root. sts-service is built and tested in it as it would be on that release.

make creates or completes it; build compiles sts-service there; test runs the tests of the neural engines, or those whose
names are given; run COMMAND... runs something in it, in the tree's root; sts ARGUMENT... becomes the sts-service that was
built there. Needs root. The ordinary build needs none of it.
"""
import argparse
import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import engine

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOME = pathlib.Path(os.environ.get("NEURAL_ROOT") or ROOT / ".local" / "neural-root")
SUITE = os.environ.get("NEURAL_SUITE") or "forky"
STS = ROOT / "apps" / "sts-service"
INSTALL = ROOT / "deploy" / "images" / "install-packages.sh"
TO_BUILD = (STS / "packages-dev.txt",)
TO_RUN = (STS / "packages.txt", STS / "packages-neural.txt")
# Where the tree stands in the root, and its build folder there.
SOURCE = "/source"
BUILD = "/build"
# What is only used where it is there elsewhere has to be there here.
FEATURES = ("-Dwhisper=enabled", "-Dllama=enabled", "-Dpiper=enabled")


def lists_hash():
    """Changes when another set of packages is wanted, or another release."""
    digest = hashlib.sha256(SUITE.encode())
    for path in (*TO_BUILD, *TO_RUN, INSTALL):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stamp():
    return HOME / "var" / "lib" / "neural-root.stamp"


def is_made():
    try:
        return stamp().read_text() == lists_hash()
    except OSError:
        return False


def why_not():
    """Why the root can be neither used nor made here; "" when it can."""
    if os.geteuid() != 0:
        return "it needs root (chroot)"
    if engine.run(["unshare", "--mount", "true"]).returncode != 0:
        return "this kernel or container allows no mounts of its own"
    if is_made():
        return ""
    found = engine.mirrors()
    if "debian" not in found:
        return "apt knows no mirror of Debian here"
    if not engine.release_of(SUITE, found["debian"][0]):
        return f"the mirror that apt uses has no {SUITE}, or does not answer"
    return ""


# Variables that reach what runs in the root; nothing else does.
PASSED = ("STS_", "LOG_", "RUN_ID", "INSTANCE_ID", "REQUIRE_AUTH", "OPENAI_", "DEEPL_", "ELEVENLABS_", "LIBRETRANSLATE_",
          "G_TEST", "GGML_", "MESON_")


def entering(script):
    """The command, and its variables, that runs a shell script in the root: with the tree at SOURCE, and where it is here.
    One process after the other takes the first one's place, and the mounts go with it."""
    home, tree = shlex.quote(str(HOME)), shlex.quote(str(ROOT))
    prepare = f"""set -eu
        mount --make-rprivate /
        mkdir -p {home}{SOURCE} {home}{tree}
        mount --bind {tree} {home}{SOURCE}
        mount --bind {tree} {home}{tree}
        mount -t proc proc {home}/proc
        mount --rbind /dev {home}/dev
        exec chroot {home} /bin/sh -euc {shlex.quote(script)}
        """
    surroundings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "TMPDIR": "/tmp",
                    "DEBIAN_FRONTEND": "noninteractive", **engine.proxies()}
    surroundings |= {name: value for name, value in os.environ.items() if name.startswith(PASSED)}
    return ["unshare", "--mount", "/bin/sh", "-c", prepare], surroundings


def inside(script):
    """Runs a shell script in the root; its exit status."""
    command, surroundings = entering(script)
    return subprocess.run(command, check=False, env=surroundings).returncode


def become_sts_service(arguments):
    """Signals for this process are the service's from here on."""
    command, surroundings = entering(f"cd {SOURCE} && exec {BUILD}/apps/sts-service/sts-service {shlex.join(arguments)}")
    os.execvpe(command[0], command, surroundings)


def write_sources():
    """apt in the root asks the same mirror as this machine's."""
    uri, keyring = engine.mirror()
    kept = HOME / "usr" / "share" / "keyrings" / "neural-root-mirror"
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(keyring, kept)
    (HOME / "etc/apt/sources.list").unlink(missing_ok=True)
    (HOME / "etc/apt/sources.list.d/mirror.sources").write_text(
        f"Types: deb\nURIs: {uri}\nSuites: {SUITE}\nComponents: main\nSigned-By: /usr/share/keyrings/neural-root-mirror\n")
    if engine.is_expired(SUITE, uri):
        (HOME / "etc/apt/apt.conf.d/90index-past-its-date").write_text('Acquire::Check-Valid-Until "false";\n')
        print(f"neural-root: the mirror's index of {SUITE} is past its date: accepted in this root alone", flush=True)
    policy = HOME / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    shutil.copyfile("/etc/resolv.conf", HOME / "etc/resolv.conf")


def make():
    if is_made():
        return
    if not (HOME / "etc" / "debian_version").exists() or (HOME / "debootstrap").exists():
        engine.need_package("debootstrap", "debootstrap")
        print(f"neural-root: debootstrap of {SUITE} into {HOME}", flush=True)
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        engine.debootstrap(SUITE, engine.machine(), HOME)
    print("neural-root: packages", flush=True)
    write_sources()

    def there(paths):
        return " ".join(f"{SOURCE}/{path.relative_to(ROOT)}" for path in paths)
    script = f"sh {there([INSTALL])} --to-build {there(TO_BUILD)}\nsh {there([INSTALL])} {there(TO_RUN)}\n"
    if inside(script) != 0:
        raise engine.Refused("the packages cannot be installed in the root; the reason stands above")
    stamp().write_text(lists_hash())


def configured(command):
    """Runs a command in the root's tree, where the build folder is set up, whatever it was set up for before."""
    make()
    return inside(f"""cd {SOURCE}
        if [ -f {BUILD}/build.ninja ]; then how="configure {BUILD}"; else how="setup {BUILD} {SOURCE}"; fi
        meson $how -Dservices=sts-service {" ".join(FEATURES)} >{BUILD}.log 2>&1 || {{ cat {BUILD}.log; exit 1; }}
        exec nice -n 15 {command}""")


def build():
    jobs = f"-j {os.environ['JOBS']}" if os.environ.get("JOBS") else ""
    return configured(f"ninja -C {BUILD} --quiet {jobs}")


def test(names):
    """Builds what these tests need, and no more."""
    which = " ".join(shlex.quote(name) for name in names) or "--suite neural"
    return configured(f"meson test -C {BUILD} --print-errorlogs {which}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["can", "make", "build", "test", "run", "sts"])
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    reason = why_not()
    if reason:
        print(f"neural-root: not here: {reason}", file=sys.stderr)
        return 3
    try:
        if args.what == "can":
            print("neural-root: made" if is_made() else "neural-root: can be made here")
            return 0
        if args.what == "make":
            make()
            return 0
        if args.what == "build":
            return build()
        if args.what == "test":
            return test(args.rest)
        make()
        if args.what == "sts":
            become_sts_service(args.rest)
        return inside(f"cd {SOURCE} && exec {shlex.join(args.rest)}")
    except engine.Refused as refused:
        print(f"neural-root: {refused}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
