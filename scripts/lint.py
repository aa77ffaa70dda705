#!/usr/bin/env python3
"""Static checks: clang-tidy and cppcheck on the C sources, shellcheck on the scripts, the rules of the tree.

clang-tidy is slow, so its verdict on a file is kept under .local/cache/lint and used again while the file, every
header of the project, the compile command and the configuration are the same.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".local" / "cache" / "lint"


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
                         cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(p for p in out.split("\0") if p and (ROOT / p).exists())


def run(command):
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def compile_commands(build_dir):
    """Source path (from the root) -> compile command, for our own sources."""
    entries = json.loads((ROOT / build_dir / "compile_commands.json").read_text())
    commands = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT)
        if not path.startswith(".."):
            commands[path] = entry["command"]
    return commands


def digest(*parts):
    state = hashlib.sha256()
    for part in parts:
        state.update(part if isinstance(part, bytes) else part.encode())
        state.update(b"\0")
    return state.hexdigest()


def tidy(path, command, build_dir, shared):
    key = CACHE / digest(shared, command, (ROOT / path).read_bytes())
    if key.exists():
        return 0, ""
    code, output = run(["clang-tidy", "--quiet", "-p", build_dir, path])
    problems = "\n".join(line for line in output.splitlines() if "warnings generated" not in line)
    if code == 0 and "warning:" not in output and "error:" not in output:
        key.touch()
        return 0, ""
    return 1, problems


def clang_tidy(build_dir, jobs):
    commands = compile_commands(build_dir)
    sources = [p for p in tracked("*.c") if p in commands]
    shared = digest((ROOT / ".clang-tidy").read_bytes(), *((ROOT / p).read_bytes() for p in tracked("*.h")))
    CACHE.mkdir(parents=True, exist_ok=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for code, output in pool.map(lambda p: tidy(p, commands[p], build_dir, shared), sources):
            if code:
                failed = 1
                print(output)
    return failed


def cppcheck(jobs):
    """Not on the tests: it cannot see that GLib's assertions end a function. clang-tidy can."""
    cache = ROOT / ".local" / "cache" / "cppcheck"
    cache.mkdir(parents=True, exist_ok=True)
    folders = [f for f in ("apps", "libs") if (ROOT / f).exists()]
    code, output = run(["cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability",
                        "--inline-suppr", "--error-exitcode=1", f"--cppcheck-build-dir={cache}", "-j", str(jobs),
                        "--suppress=missingIncludeSystem", "--suppress=unknownMacro", "--library=gtk",
                        "--suppress=normalCheckLevelMaxBranches", "--suppress=*:*_test.c",
                        *folders])
    if code:
        print(output)
    return code


def shellcheck():
    scripts = [p for p in tracked() if p.endswith(".sh") or p in (".ci/run",) or p.startswith("scripts/hooks/")]
    code, output = run(["shellcheck", *scripts]) if scripts else (0, "")
    if code:
        print(output)
    return code


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    checks = [
        ("structure", lambda: run_structure()),
        ("shellcheck", shellcheck),
        ("cppcheck", lambda: cppcheck(args.jobs)),
        ("clang-tidy", lambda: clang_tidy(args.build_dir, args.jobs)),
    ]
    failed = []
    for name, check in checks:
        print(f"lint: {name}", flush=True)
        if check():
            failed.append(name)
    print(f"lint: {', '.join(failed)} found problems" if failed else "lint: clean")
    return 1 if failed else 0


def run_structure():
    code, output = run([sys.executable, "scripts/check_structure.py"])
    if code:
        print(output)
    return code


if __name__ == "__main__":
    sys.exit(main())
