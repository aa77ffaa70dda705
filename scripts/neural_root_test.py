"""What make test-neural says where it cannot run, and when its root is made anew; without making one."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import engine                                                                                        # noqa: E402
import neural_root                                                                                   # noqa: E402

SCRIPT = pathlib.Path(neural_root.__file__)


@pytest.fixture
def able(tmp_path, monkeypatch):
    """A machine that could make a root: everything but the root itself is there."""
    monkeypatch.setattr(neural_root, "HOME", tmp_path / "root")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "run", lambda command, **options: subprocess.CompletedProcess(command, 0, "", ""))
    monkeypatch.setattr(engine, "mirrors", lambda: {"debian": ("http://m.example/debian", "/k.gpg")})
    monkeypatch.setattr(engine, "release_of", lambda suite, uri: f"Suite: {suite} at {uri}")
    return monkeypatch


def test_it_can_be_made(able):
    assert neural_root.why_not() == ""


@pytest.mark.parametrize("name, value, word", [
    ("mirrors", lambda: {}, "no mirror of Debian"),
    ("release_of", lambda suite, uri: "", f"has no {neural_root.SUITE}"),
])
def test_what_is_missing_is_said(able, name, value, word):
    able.setattr(engine, name, value)
    assert word in neural_root.why_not()


def test_without_root(able):
    able.setattr(os, "geteuid", lambda: 1000)
    assert "needs root" in neural_root.why_not()


def test_without_mounts(able):
    able.setattr(engine, "run", lambda command, **options: subprocess.CompletedProcess(command, 1, "", ""))
    assert "no mounts" in neural_root.why_not()


def test_a_made_root_needs_no_mirror_until_the_lists_change(able):
    able.setattr(engine, "mirrors", lambda: {})
    neural_root.stamp().parent.mkdir(parents=True)
    neural_root.stamp().write_text(neural_root.lists_hash())
    assert neural_root.is_made() and neural_root.why_not() == ""
    able.setattr(neural_root, "SUITE", "another")
    assert not neural_root.is_made()


def test_the_lists_are_there():
    for path in (*neural_root.TO_BUILD, *neural_root.TO_RUN, neural_root.INSTALL):
        assert path.exists(), path


def test_where_it_cannot_run_it_says_so_and_ends_with_3(tmp_path):
    """With a PATH without unshare, whoever runs this."""
    done = subprocess.run([sys.executable, SCRIPT, "can"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": str(tmp_path), "NEURAL_ROOT": str(tmp_path / "root")})
    assert done.returncode == 3 and done.stderr.startswith("neural-root: not here: "), done.stderr
    assert "Traceback" not in done.stderr
