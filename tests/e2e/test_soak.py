"""A minute of the real-time soak, whose faults come as they come: bench/worker_soak.py with all of its checks, but for
the promise on D, which a machine that is busy with tests cannot keep."""

import subprocess
import sys

import pytest

from support.stack import ROOT


@pytest.mark.slow
def test_a_minute_of_random_faults(build_dir, tmp_path):
    done = subprocess.run([sys.executable, ROOT / "bench" / "worker_soak.py", "--build-dir", build_dir, "--minutes", "1.4",
                           "--delay-slack", "300", "--keep", tmp_path], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed" in done.stdout.splitlines()[0]
