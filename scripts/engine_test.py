"""The engine and the base images of machines without a registry, with programs in place of dockerd, docker and apt."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import engine                                                                                        # noqa: E402

FAKE_DOCKERD = """#!/bin/sh
# Starts only with the flags that this "kernel" wants; its socket is a file.
case "$*" in *"{wanted}"*) ;; *) echo "iptables failed"; exit 1 ;; esac
echo $$ >"{home}/dockerd.pid"
: >"{home}/docker.sock"
trap 'rm -f "{home}/docker.sock"; exit 0' TERM
while :; do sleep 0.05; done
"""
FAKE_DOCKER = """#!/bin/sh
[ "$DOCKER_HOST" = "unix://{home}/docker.sock" ] && [ -e "{home}/docker.sock" ]
"""


def program(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose kernel lets dockerd start with these flags only."""
    bin_folder, home = tmp_path / "bin", tmp_path / "engine"
    bin_folder.mkdir()
    home.mkdir()
    for name, path in {"HOME": home, "SOCKET": home / "docker.sock", "PID_FILE": home / "dockerd.pid", "LOG": home / "dockerd.log"}.items():
        monkeypatch.setattr(engine, name, path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    def make(wanted):
        program(bin_folder, "dockerd", FAKE_DOCKERD.format(home=home, wanted=wanted))
        program(bin_folder, "docker", FAKE_DOCKER.format(home=home))
        return home
    yield make
    if engine.our_pid():
        engine.down()


def test_it_starts_with_all_that_the_kernel_allows(machine, capsys):
    home = machine("")
    assert engine.up() == f"unix://{home}/docker.sock"
    assert "; " not in capsys.readouterr().out
    engine.down()
    assert engine.running() is None


def test_it_says_what_the_kernel_takes_away(machine, capsys):
    machine("--storage-driver=vfs")
    engine.up()
    assert "containers use the host's; no overlay file system" in capsys.readouterr().out


def test_an_engine_that_runs_is_used(machine):
    machine("")
    first = engine.up()
    pid = engine.our_pid()
    assert engine.up() == first and engine.our_pid() == pid
    assert engine.use() and os.environ.pop("DOCKER_HOST") == first


def test_a_kernel_that_allows_none_is_reported_with_the_log(machine):
    machine("--never")
    with pytest.raises(engine.Refused, match="(?s)dockerd does not start here.*iptables failed"):
        engine.up()


def test_only_root_starts_one(machine, monkeypatch):
    machine("")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(engine.Refused, match="needs root"):
        engine.up()


def test_a_pid_of_somebody_else_is_not_ended(machine):
    machine("")
    engine.PID_FILE.write_text(f"{os.getpid()}\n")
    assert engine.our_pid() is None
    engine.down()


def apt_says(monkeypatch, text):
    monkeypatch.setattr(engine, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, text, ""))


def test_the_mirror_is_the_machines_own(monkeypatch):
    apt_says(monkeypatch, "Elsewhere|Other|main|http://other.example|\n"
                          "Debian|Debian-Security|main|http://m.example/sec/|/keys/a.gpg\n"
                          "Debian|Debian|contrib|http://no.example/debian|\n"
                          "Debian|Debian|main|http://m.example/debian/|\n"
                          "Debian|Debian|main|http://second.example/debian|/keys/b.gpg\n")
    assert engine.mirrors() == {"debian-security": ("http://m.example/sec", "/keys/a.gpg"),
                                "debian": ("http://m.example/debian", engine.KEYRING)}


def test_no_mirror_is_said(monkeypatch):
    apt_says(monkeypatch, "")
    with pytest.raises(engine.Refused, match="apt knows no mirror of Debian here"):
        engine.mirror()


def test_a_machine_without_apt_has_no_mirror_of_its_own(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not engine.mirrors() and not engine.proxies()


def test_proxies_are_those_of_apt(monkeypatch):
    apt_says(monkeypatch, "P='http://proxy.example:3128'\n")
    assert engine.proxies() == {"http_proxy": "http://proxy.example:3128", "https_proxy": "http://proxy.example:3128"}
    apt_says(monkeypatch, "P='DIRECT'\n")
    assert not engine.proxies()


@pytest.mark.parametrize("text,expired", [("Valid-Until: Sat, 01 Jan 2022 00:00:00 UTC\n", True),
                                          ("Valid-Until: Sat, 01 Jan 2135 00:00:00 UTC\n", False), ("Suite: stable\n", False)])
def test_an_index_past_its_date_is_seen(monkeypatch, text, expired):
    monkeypatch.setattr(engine, "release_of", lambda *_: text)
    assert engine.is_expired("forky", "http://m.example") is expired


def test_a_base_image_names_public_addresses_and_nothing_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "is_expired", lambda *_: False)
    for name in ("etc/apt/sources.list", "etc/resolv.conf", "etc/hostname", "var/lib/apt/lists/m.example_Packages",
                 "var/cache/apt/archives/a.deb", "var/log/bootstrap.log", "usr/share/doc/a/copyright", "usr/share/doc/a/changelog",
                 "usr/share/man/man1/a.1", "usr/sbin/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of this machine")
    engine.make_slim(tmp_path, "bookworm", "http://m.example")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"usr/share/doc/a/copyright", "usr/sbin/x", "usr/sbin/policy-rc.d", "etc/dpkg/dpkg.cfg.d/docker",
                    "etc/dpkg/dpkg.cfg.d/docker-apt-speedup", "etc/apt/sources.list.d/debian.sources"}
    named = (tmp_path / "etc/apt/sources.list.d/debian.sources").read_text()
    assert "bookworm-security" in named and "m.example" not in named


def test_an_expired_index_is_accepted_in_the_base_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "is_expired", lambda *_: True)
    for name in ("usr/sbin", "etc/apt/apt.conf.d"):
        (tmp_path / name).mkdir(parents=True)
    engine.make_slim(tmp_path, "forky", "http://m.example")
    assert (tmp_path / "etc/apt/apt.conf.d/90index-past-its-date").exists()


def test_bases_of_another_architecture_have_a_name_of_their_own(monkeypatch):
    monkeypatch.setattr(engine, "machine", lambda: "amd64")
    assert engine.local_name("debian:forky-20261005-slim", "amd64") == "debian:forky-20261005-slim"
    assert engine.local_name("debian:forky-20261005-slim", "arm64") == "dubbing-base/arm64:forky-20261005-slim"
