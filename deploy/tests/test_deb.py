"""The Debian packages in a Debian 12 with systemd: installed, used, restarted, upgraded, removed, purged.

Run by make test-deploy: needs root and Debian's archive, and takes some minutes.
"""
import json
import pathlib
import subprocess

import pytest

from deb_packages import NEWER
from live import PLAY, Publisher, packet_hashes, wait_dubbed
from machine import Machine

pytestmark = pytest.mark.slow

UNITS = ("live-dubbing-router", "live-dubbing-sts", "live-dubbing-media")
INSTALL = "apt-get install -qy --no-install-recommends"


@pytest.fixture
def machine(packages, newer, tmp_path):
    with Machine(tmp_path / "machine", {"/srv/packages": packages, "/srv/newer": newer}) as booted:
        yield booted


@pytest.fixture
def installed(machine):
    """Everything installed and ready."""
    machine.sh(f"{INSTALL} /srv/packages/*.deb")
    machine.wait_for("curl -fsS http://127.0.0.1:8000/ready && curl -fsS http://127.0.0.1:8080/ready", "the services to be ready")
    return machine


def test_a_stream_is_dubbed_and_outlives_restart_crash_and_upgrade(installed, clip, tmp_path):
    with Publisher(installed, clip, tmp_path):
        first = wait_dubbed(installed, 2)
        pid, run_id = first["workerPid"], first["runId"]
        seen = packet_hashes(installed, PLAY, 4)
        assert len(seen) > 50 and set(seen) <= set(packet_hashes(installed, clip))

        installed.run("systemctl", "restart", "live-dubbing-media")
        after = wait_dubbed(installed, first["phrases"]["dubbed"] + 1)
        assert (after["workerPid"], after["runId"]) == (pid, run_id), "a restart left the worker alone"

        main = installed.unit("live-dubbing-media", "MainPID")["MainPID"]
        installed.run("kill", "-KILL", main)
        installed.wait_for(f"test $(systemctl show -P MainPID live-dubbing-media) != {main} && curl -fsS http://127.0.0.1:8080/ready",
                           "media-service to be started again")
        after = wait_dubbed(installed, after["phrases"]["dubbed"] + 1)
        assert (after["workerPid"], after["runId"]) == (pid, run_id), "a crash left the worker alone"

        main = installed.unit("live-dubbing-media", "MainPID")["MainPID"]
        # Only media-service and what it needs: the router's restart would cut the publisher.
        installed.sh(f"{INSTALL} /srv/newer/live-dubbing-media_*.deb")
        assert installed.out("dpkg-query -W -f '${Version}' live-dubbing-media") == NEWER
        assert installed.unit("live-dubbing-media", "MainPID")["MainPID"] != main, "the upgrade started the new media-service"
        after = wait_dubbed(installed, after["phrases"]["dubbed"] + 1)
        assert (after["workerPid"], after["runId"]) == (pid, run_id), "an upgrade left the worker alone"


def test_a_stop_ends_the_workers_in_order(installed, clip, tmp_path):
    with Publisher(installed, clip, tmp_path):
        run_id = wait_dubbed(installed)["runId"]
        installed.run("systemctl", "stop", "live-dubbing-media")
        assert installed.sh("pgrep -x 'media-worker|media-service'", check=False).returncode == 1, "nothing is left running"
        manifest = json.loads(installed.out(f"cat /var/lib/live-dubbing-media/runs/{run_id}/manifest.json"))
        assert manifest["status"] == "complete"
        assert installed.unit("live-dubbing-media", "Result", "ActiveState") == {"Result": "success", "ActiveState": "inactive"}
        installed.run("systemctl", "start", "live-dubbing-media")
        assert wait_dubbed(installed)["runId"] != run_id


def test_the_publishers_settings_and_egress_of_a_stream_come_from_its_file(installed, clip, tmp_path):
    """The user of media-service reads streams.d, nobody else does."""
    installed.write("/etc/live-dubbing/streams.d/demo.env", "WORKER_TTS_VOICE=es-clara\nWORKER_MIX_MODE=replace\n", 0o640)
    installed.run("chgrp", "live-dubbing-media", "/etc/live-dubbing/streams.d/demo.env")
    assert installed.out("stat -c '%U %G %a' /etc/live-dubbing/streams.d") == "root live-dubbing-media 750"
    with Publisher(installed, clip, tmp_path):
        settings = wait_dubbed(installed)["settings"]
    assert settings["voice"] == "es-clara" and settings["mixMode"] == "replace", settings


def test_secrets_are_root_only_and_nothing_runs_as_root(installed):
    for name in ("media.env", "router.env", "sts.env", "router.yml"):
        assert installed.out(f"stat -c '%U %G %a' /etc/live-dubbing/{name}") == "root root 640"
    for unit in UNITS:
        pid = installed.unit(unit, "MainPID")["MainPID"]
        status = installed.out(f"cat /proc/{pid}/status")
        assert "NoNewPrivs:\t1" in status and "CapBnd:\t0000000000000000" in status and "Seccomp:\t2" in status
        assert installed.out(f"stat -c %U /proc/{pid}") == unit
        for folder in ("/usr", "/etc", "/home", "/root", "/var/lib"):
            probe = installed.sh(f"nsenter -t {pid} -m -- sh -c 'touch {folder}/probe'", check=False)
            assert probe.returncode != 0, f"{unit} can write {folder}"


@pytest.mark.parametrize("unit,line,code", [
    ("media", "ORCH_GRACE_PERIOD=soon", 2),
    ("router", "ROUTER_MAX_PATHS=many", 2),
    ("sts", "STS_PING_INTERVAL=often", 2),
    ("sts", "STS_ASR_ENGINE=bogus", 11),
])
def test_a_wrong_configuration_is_said_and_not_tried_again(installed, unit, line, code):
    name = f"live-dubbing-{unit}"
    before = int(installed.unit(name, "NRestarts")["NRestarts"])
    installed.sh(f"echo {line} >>/etc/live-dubbing/{unit}.env")
    installed.sh(f"systemctl restart {name}", check=False)
    installed.wait_for(f"systemctl is-failed {name}", f"{name} to fail")
    assert installed.unit(name, "ExecMainStatus", "NRestarts") == {"ExecMainStatus": str(code), "NRestarts": str(before)}
    assert line.split("=")[0] in installed.out(f"journalctl -u {name} --no-pager -o cat -n 20")
    # Mended, it starts without more ado.
    installed.sh(f"sed -i '$d' /etc/live-dubbing/{unit}.env && systemctl start {name}")
    installed.wait_for(f"systemctl is-active {name}", f"{name} to run")


def test_a_port_that_is_busy_is_waited_for(installed):
    installed.run("systemctl", "stop", "live-dubbing-media")
    installed.sh("systemd-run --unit busy python3 -m http.server --bind 127.0.0.1 8080")
    installed.wait_for("ss -ltn | grep -q 127.0.0.1:8080", "the port to be taken")
    installed.sh("systemctl start live-dubbing-media", check=False)
    installed.wait_for("test $(systemctl show -P NRestarts live-dubbing-media) -ge 1", "another try")
    installed.run("systemctl", "stop", "busy")
    installed.wait_for("curl -fsS http://127.0.0.1:8080/ready", "media-service to have the port")


def test_changed_configuration_survives_an_upgrade(installed):
    installed.sh("echo ORCH_GRACE_PERIOD=7s >>/etc/live-dubbing/media.env && systemctl restart live-dubbing-media")
    installed.sh(f"{INSTALL} /srv/newer/*.deb")
    assert installed.out("tail -n 1 /etc/live-dubbing/media.env") == "ORCH_GRACE_PERIOD=7s"
    assert installed.out("stat -c %a /etc/live-dubbing/media.env") == "640"
    installed.wait_for("curl -fsS http://127.0.0.1:8080/ready && curl -fsS http://127.0.0.1:8000/ready", "the new version to be ready")
    # And back again.
    installed.sh(f"{INSTALL} --allow-downgrades /srv/packages/*.deb")
    assert installed.out("tail -n 1 /etc/live-dubbing/media.env") == "ORCH_GRACE_PERIOD=7s"
    installed.wait_for("curl -fsS http://127.0.0.1:8080/ready && curl -fsS http://127.0.0.1:8000/ready", "the old version to be ready")


def test_removed_it_is_gone_and_purged_it_leaves_nothing(installed, clip, tmp_path):
    names = "live-dubbing live-dubbing-media live-dubbing-router live-dubbing-sts live-dubbing-hook gstreamer1.0-stsdub"
    with Publisher(installed, clip, tmp_path):
        wait_dubbed(installed)
        # A media-service that is killed for good leaves its worker running; the package's removal must not.
        installed.sh("mkdir -p /run/systemd/system/live-dubbing-media.service.d && "
                     "printf '[Service]\\nRestart=no\\n' >/run/systemd/system/live-dubbing-media.service.d/once.conf && "
                     "systemctl daemon-reload && systemctl kill --signal=KILL --kill-whom=main live-dubbing-media")
        installed.wait_for("! systemctl is-active live-dubbing-media", "media-service to be gone")
        assert installed.out("pgrep -x media-worker"), "its worker goes on"
        installed.sh(f"apt-get remove -qy {names}; rm -r /run/systemd/system/live-dubbing-media.service.d")
    assert installed.sh("pgrep -x 'media-.*|sts-.*'", check=False).stdout == ""
    assert installed.sh("test -e /etc/live-dubbing/media.env && test -d /var/lib/live-dubbing-media/runs", check=False).returncode == 0, \
        "configuration and runs stay until purged"
    installed.sh(f"dpkg --purge {names}")
    left = installed.out("find / -xdev \\( -path /proc -o -path /srv -o -path /var/log/journal \\) -prune -o \\( -name '*live-dubbing*' "
                         "-o -name '*stsdub*' -o -name '*gstdub*' \\) -print; find /run -name '*live-dubbing*' ! -path '/run/log/*'")
    assert left == ""
    assert "live-dubbing" not in installed.out("systemctl list-units --all --no-legend; systemctl list-unit-files --no-legend")


def test_units_and_packages_pass_the_checks(installed, packages):
    assert installed.run("systemd-analyze", "verify", "--man=no", *(f"/lib/systemd/system/{unit}.service" for unit in UNITS)).stderr == ""
    for unit in UNITS:
        last = installed.out(f"systemd-analyze security --no-pager {unit}.service").splitlines()[-1]
        assert float(last.split(":")[1].split()[0]) < 2.0, last
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *sorted(pathlib.Path(packages).glob("*.deb"))],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
