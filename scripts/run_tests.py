#!/usr/bin/env python3
"""Runs the C tests (Meson, TAP) and the Python tests (pytest) and prints one total.

Both runners write JUnit XML; the total counts their test cases. The last line is `N passed, N failed, N skipped`, and
every skipped test is named with its reason above it. A runner that fails without a failed case (a crash, a collection
error, no test at all) counts as one failure.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent

SANITIZER_ENV = {
    "address": {
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "LSAN_OPTIONS": f"fast_unwind_on_malloc=0:print_suppressions=0:suppressions={ROOT}/tests/support/lsan.supp",
        "G_SLICE": "always-malloc",
    },
    "thread": {
        # GStreamer ends the threads of its pool without joining them.
        "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:halt_on_error=1:second_deadlock_stack=1:report_thread_leaks=0",
        "G_SLICE": "always-malloc",
    },
}


# Meson copies a test's output into its report as it is, also what XML 1.0 does not allow.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_junit(path):
    return ElementTree.fromstring(NOT_XML.sub("?", path.read_bytes().decode("utf-8", "replace")).encode())


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.notes = []
        self.failed_names = []

    def add_junit(self, path):
        """Adds a JUnit file's cases; returns how many of them failed."""
        failed_before = self.failed
        for suite in read_junit(path).iter("testsuite"):
            self._add_suite(suite)
        return self.failed - failed_before

    def _add_suite(self, suite):
        for case in suite.findall("testcase"):
            name = f"{case.get('classname', '')} {case.get('name', '')}".strip()
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
                self.failed_names += [suite.get("name", ""), name]
                self.notes.append(f"FAILED  {name}")
            elif case.find("skipped") is not None:
                self.skipped += 1
                self.notes.append(f"skipped {name}: {case.find('skipped').get('message', 'no reason given')}")
            else:
                self.passed += 1

    def add_programs(self, log):
        """Adds Meson's test programs that failed though no case of theirs did: a crash or a leak at the end."""
        for test in map(json.loads, log.read_text().splitlines()):
            accounted = any(name.endswith(test["name"]) for name in self.failed_names)
            if test["result"] in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT") and not accounted:
                self.failed += 1
                self.notes.append(f"FAILED  {test['name']}: {test['result'].lower()}, exit code {test['returncode']}")

    def add_run(self, runner, code, junit, programs=None):
        """Adds one runner's result; a failure that its report does not show is added as one."""
        before = self.passed + self.failed + self.skipped
        failed = self.add_junit(junit) if junit.exists() else 0
        if programs is not None and programs.exists():
            failed_before = self.failed
            self.add_programs(programs)
            failed += self.failed - failed_before
        ran_nothing = self.passed + self.failed + self.skipped == before
        if failed == 0 and (code != 0 or ran_nothing):
            self.failed += 1
            self.notes.append(f"FAILED  {runner}: exit code {code}, " + ("no test ran" if ran_nothing else "see above"))


def run_meson(args, totals, env):
    suites = [flag for suite in args.meson.split(",") for flag in ("--suite", suite)]
    junit = pathlib.Path(args.build_dir) / "meson-logs" / "testlog.junit.xml"
    log = junit.with_name("testlog.json")
    junit.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    code = subprocess.run(["meson", "test", "-C", args.build_dir, "--no-rebuild", "--print-errorlogs",
                           "--timeout-multiplier", "10" if args.sanitizer else "3", *suites],
                          env=env, check=False).returncode
    totals.add_run("meson test", code, junit, log)


def run_pytest(args, totals, env):
    paths = [p for p in args.pytest.split(",") if (ROOT / p).exists()] if args.pytest != "." else []
    with tempfile.TemporaryDirectory() as folder:
        junit = pathlib.Path(folder) / "pytest.xml"
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", f"--build-dir={args.build_dir}",
                               f"--junitxml={junit}", *(["--slow"] if args.slow else []), *args.extra, *paths],
                              cwd=ROOT, env=env, check=False).returncode
        totals.add_run("pytest", code, junit)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build")
    parser.add_argument("--meson", default="", help="Meson suites, separated by commas")
    parser.add_argument("--pytest", default="", help="folders for pytest, separated by commas; . for all")
    parser.add_argument("--slow", action="store_true", help="run the slow Python tests too")
    parser.add_argument("--sanitizer", choices=SANITIZER_ENV, help="set the options that this sanitizer needs")
    parser.add_argument("extra", nargs="*", help="further arguments for pytest, after --")
    args = parser.parse_args()

    env = {**os.environ, **SANITIZER_ENV.get(args.sanitizer, {}), "DUB_BUILD_DIR": args.build_dir,
           "PYTHONDONTWRITEBYTECODE": "1"}
    totals = Totals()
    if args.meson:
        run_meson(args, totals, env)
    if args.pytest:
        run_pytest(args, totals, env)
    print("\n".join(totals.notes))
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped", flush=True)
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
