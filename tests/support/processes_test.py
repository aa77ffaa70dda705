"""Children end with their parent and in time; waits have a deadline; ports are really free."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from support.processes import Child, free_ports, port_is_free, wait_until


def test_a_childs_words_are_in_its_log(tmp_path):
    child = Child("talker", [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"],
                  tmp_path)
    assert child.wait(10) == 3
    assert {"out", "err"} == set(child.tail().split())


@pytest.mark.parametrize("lines, said", [
    (['{"level": "info", "message": "fine"}', '{"level": "error", "message": "no key"}'], "  no key"),
    (['{"level": "info", "message": "fine"}', "killed"], '{"level": "info", "message": "fine"}\nkilled'),
    (["[1]", "null", "{"], "[1]\nnull\n{"),
])
def test_what_a_child_complains_about_is_told(tmp_path, lines, said):
    child = Child("talker", ["printf", "%s\n", *lines], tmp_path)
    assert child.wait(10) == 0
    assert child.complaint() == said


def test_one_that_ignores_sigterm_is_killed(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = Child("deaf", [sys.executable, "-c", code], tmp_path)
    wait_until(lambda: "up" in child.tail(), 10, "the child to be up")
    child.stop(0.2)
    assert not child.running()


def test_ctrl_c_reaches_a_child_also_where_we_are_in_the_background(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = Child("sleeper", ["sleep", "60"], tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    child.send(signal.SIGINT)
    assert child.wait(10) == -signal.SIGINT


def test_a_child_dies_when_its_parent_is_killed(tmp_path):
    code = ("import sys, time; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
            "from support.processes import Child\n"
            "child = Child('sleeper', ['sleep', '60'], Path(sys.argv[2])); print(child.pid, flush=True); time.sleep(60)")
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parent = subprocess.Popen([sys.executable, "-c", code, tests, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()

    def gone():
        try:
            with open(f"/proc/{pid}/stat") as stat:
                return stat.read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    wait_until(gone, 5, "the grandchild to be gone")


def test_waiting_ends_at_the_deadline_or_when_it_is_hopeless():
    with pytest.raises(TimeoutError, match="waited 0 s for rain"):
        wait_until(lambda: False, 0.1, "rain")
    with pytest.raises(TimeoutError, match="can no longer happen"):
        wait_until(lambda: False, 10, "rain", still=lambda: False)


def test_free_ports_are_free_and_different():
    ports = free_ports(20)
    assert len(set(ports)) == 20 and all(port_is_free("127.0.0.1", port) for port in ports)
    with socket.create_server(("127.0.0.1", ports[0])):
        assert not port_is_free("127.0.0.1", ports[0])
