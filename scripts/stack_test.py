"""The start script's own parts: pid files that do not lie, merged logs, the choice between processes and containers."""
import fcntl
import os
import subprocess
import sys

import pytest

import stack
import stack_settings
from support.processes import free_ports


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "RUN", tmp_path)
    return tmp_path


@pytest.fixture
def layout(tmp_path):
    programs = {name: tmp_path / name for name in (*stack.PROGRAMS, "media-worker", "mtx-hook")}
    ports = stack_settings.Ports(*free_ports(6))
    return stack_settings.Layout(programs, tmp_path, ports, {"MEDIA_ROUTER": "builtin"})


def test_the_chosen_router_is_looked_for_before_anything_starts(layout, tmp_path):
    layout.settings.update(MEDIA_ROUTER="mediamtx", PATH=str(tmp_path))
    with pytest.raises(stack.router.RouterUnavailable, match="no program mediamtx"):
        stack.check_router(layout, ("media-router", "media-service"))
    stack.check_router(layout, ("sts-service",))


def test_one_program_can_be_named_alone():
    assert {stack.PARTS[name] for name in stack.PROGRAMS} == {(name,) for name in stack.PROGRAMS}


def test_a_pid_file_of_a_process_that_is_gone_is_not_believed(run_folder):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    stack.write_pid("program", child.pid)
    child.wait()
    assert stack.read_pid("program") is None


def test_a_pid_that_another_process_has_now_is_not_believed(run_folder):
    (run_folder / "program.pid").write_text(f"{os.getpid()} 12345\n")
    assert stack.read_pid("program") is None
    stack.write_pid("program", os.getpid())
    assert stack.read_pid("program") == os.getpid()


def test_a_process_that_does_not_listen_to_sigterm_is_ended_all_the_same():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    stack.end_process(child.pid, grace=0.2)
    assert child.wait(5) < 0


def test_logs_are_merged_line_by_line(run_folder, capsys):
    follower = stack.Follower(("one", "two"), from_end=False)
    (run_folder / "one.log").write_text("first\nhalf a li")
    (run_folder / "two.log").write_text("other\n")
    follower.show()
    with open(run_folder / "one.log", "a") as log:
        log.write("ne\n")
    follower.show()
    lines = [line.split(" | ")[1] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["first", "other", "half a line"]


def test_a_state_folder_in_use_is_seen(tmp_path):
    assert not stack.is_in_use(tmp_path)
    with open(tmp_path / "media-service.lock", "wb") as lock:
        assert not stack.is_in_use(tmp_path)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert stack.is_in_use(tmp_path)


def test_children_are_shown_by_their_whole_name():
    # A shell that has said something has surely been executed: before, a child's command line may still be empty.
    child = subprocess.Popen(
        ["/usr/bin/egress-forwarder", "-c", "echo here; read end"],
        executable="/bin/sh",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        child.stdout.readline()
        assert (child.pid, "egress-forwarder") in stack.children_of(os.getpid())
        child.stdin.close()


def test_a_child_without_a_command_line_is_shown_by_its_process_name():
    child = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert (child.pid, "true") in stack.children_of(os.getpid())
    child.wait()
