"""The Debian packages without building them: configuration files, units, what scripts/deb.sh refuses."""
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEBIAN = ROOT / "deploy/deb/debian"
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
sys.path[:0] = [str(DEBIAN / "tools"), str(ROOT / "tests")]

import env_files                                                                                     # noqa: E402
import runtime_packages                                                                              # noqa: E402
from support.processes import Child, wait_until                                                      # noqa: E402

EXAMPLE = (ROOT / ".env.example").read_text()


def unit_text(name):
    return (ROOT / f"deploy/systemd/live-dubbing-{name}.service").read_text()


def test_every_variable_stands_in_the_file_of_its_program():
    files = {name: env_files.env_file(name, EXAMPLE, unit_text(name)) for name in env_files.PARTS}
    sections = env_files.sections(EXAMPLE)
    for name, titles in env_files.PARTS.items():
        for title in titles:
            for _, variable, _ in env_files.entries(sections[title]):
                assert f"\n#{variable}=" in files[name] or variable == "ROUTER_CONFIG", f"{variable} is not in {name}.env"
    assert "\n#ORCH_STATE_DIR=/run/live-dubbing-media\n" in files["media"], "the unit's default is shown"
    assert "WORKER_STREAM_ID" not in files["media"], "what media-service sets is left out"
    assert not re.search(r"(?m)^[^#\n]", "".join(files.values())), "nothing is set that the unit or the program has by itself"


def test_a_variable_that_only_the_unit_knows_is_refused():
    with pytest.raises(SystemExit, match="ORCH_STAT_DIR"):
        env_files.env_file("media", EXAMPLE, unit_text("media").replace("ORCH_STATE_DIR", "ORCH_STAT_DIR"))


def test_runtime_packages_are_those_of_the_lists():
    text = "# comment\nlibssl3 | libssl3t64  # why\n\napertium\n"
    assert runtime_packages.packages(text) == ["libssl3 | libssl3t64", "apertium"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_are_verified(unit, tmp_path):
    # The programs are not installed here.
    text = re.sub(r"(?m)^(Exec[A-Za-z]+=)/usr/\S+", r"\1/bin/true", unit.read_text())
    (tmp_path / unit.name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / unit.name], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    assert "RestartPreventExitStatus=2" in text, "a wrong configuration is not tried again"


def test_the_routers_file_is_one_that_the_router_takes(program, tmp_path):
    addresses = {f"ROUTER_{name}_ADDRESS": "127.0.0.1:0" for name in ("RTMP", "RTSP", "API", "METRICS")}
    router = Child("router", [program("media-router")], tmp_path,
                   {**os.environ, **addresses, "ROUTER_CONFIG": str(DEBIAN / "router.yml"), "LOG_DIR": "", "LOG_LEVEL": "warn"})
    try:
        listening = re.compile(r"^\s*\d+: 0100007F:[0-9A-F]{4} 00000000:0000 0A", re.MULTILINE)
        wait_until(lambda: len(own_listeners(router.pid, listening)) == 4, 30, "the router's four listeners", router.running)
    finally:
        router.finish(0.1, signal.SIGTERM, 10)
    assert router.log.read_text() == ""


def own_listeners(pid, listening):
    """The sockets on which the process listens, by their inodes."""
    inodes = set()
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(fd)))
        except OSError:
            continue
    lines = pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()
    return [line for line in lines if listening.match(line) and line.split()[9] in inodes]


@pytest.mark.parametrize("variables,said", [
    ({"DEB_REF": "no-such-commit"}, "DEB_REF=no-such-commit is no commit"),
    ({"DEB_VERSION": "not a version"}, "is no Debian version"),
    ({"DEB_VERSION": "1.0-1"}, "has a Debian revision"),
    ({"DEB_OUT": "/proc/nowhere"}, "cannot write /proc/nowhere"),
    ({"PATH": "/nowhere"}, "missing; run: apt-get install"),
])
def test_what_cannot_be_built_is_refused(variables, said, tmp_path):
    # All that the script needs before it looks for tools.
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    variables = {**variables, **({"PATH": str(tmp_path)} if "PATH" in variables else {})}
    done = subprocess.run(["/bin/bash", ROOT / "scripts/deb.sh"], capture_output=True, text=True, check=False,
                          env={**os.environ, "DEB_OUT": str(tmp_path / "out"), **variables})
    assert done.returncode == 1 and said in done.stderr, done.stderr
