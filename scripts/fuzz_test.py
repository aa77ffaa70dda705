# SPDX-License-Identifier: GPL-3.0-or-later
"""What fuzz.py says of a target that finds something, and of one that does not."""
import importlib.util
import pathlib
import stat
import sys

SPEC = importlib.util.spec_from_file_location("run_fuzz", pathlib.Path(__file__).with_name("fuzz.py"))
fuzz = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzz)

FINDS = """#!/bin/sh
for argument; do case $argument in -artifact_prefix=*) prefix=${argument#*=};; esac; done
i=0; while [ $i -lt 100 ]; do echo "line $i" >&2; i=$((i + 1)); done
echo 'SUMMARY: heap-buffer-overflow' >&2
echo x > "${prefix}crash"
exit 77
"""


def put_target(folder, name, script):
    path = folder / f"{name}-fuzz"
    path.write_text(script, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def run(monkeypatch, root, *arguments):
    monkeypatch.setattr(fuzz, "ROOT", root)
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--build-dir", "build", "--seconds", "1", *arguments])
    return fuzz.main()


def test_a_finding_is_shown_with_its_input(monkeypatch, tmp_path, capsys):
    (tmp_path / "build").mkdir()
    target = put_target(tmp_path / "build", "bad", FINDS)
    assert run(monkeypatch, tmp_path) == 1
    said = capsys.readouterr().out
    assert "SUMMARY: heap-buffer-overflow" in said and "line 99" in said
    assert "line 50" not in said  # the end only
    finding = tmp_path / ".local" / "fuzz" / "bad-fuzz" / "finding-crash"
    assert finding.exists() and f"{target} {finding}" in said
    assert "findings in bad-fuzz" in said


def test_targets_by_name_and_no_finding(monkeypatch, tmp_path, capsys):
    (tmp_path / "build").mkdir()
    put_target(tmp_path / "build", "bad", FINDS)
    put_target(tmp_path / "build", "good", "#!/bin/sh\necho quiet >&2\n")
    assert run(monkeypatch, tmp_path, "good-fuzz") == 0
    said = capsys.readouterr().out
    assert "1 targets, no finding" in said and "quiet" not in said
    assert run(monkeypatch, tmp_path, "other-fuzz") == 1
