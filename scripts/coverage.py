#!/usr/bin/env python3
"""Runs the tests in a gcov build and holds the line coverage against docs/coverage.json.

The HTML report is coverage/index.html in the build folder. Test files and examples do not count.
"""
import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run_tests(build_dir):
    return subprocess.run([sys.executable, "scripts/run_tests.py", "--build-dir", build_dir, "--meson",
                           "unit,contract,component,fuzz-corpus", "--pytest", "apps/media-router,apps/sts-service,libs"], cwd=ROOT,
                          check=False).returncode


def collect(build_dir):
    """Lines per file: {path: (covered, total)}."""
    out = ROOT / build_dir / "coverage"
    out.mkdir(exist_ok=True)
    subprocess.run(["gcovr", "--root", ".", "--object-directory", build_dir, "--filter", "apps/", "--filter", "libs/",
                    "--exclude", r".*_(test|fuzz|contract)\.c", "--exclude", r".*/examples/", "--exclude",
                    r".*/tests?/", "--exclude-unreachable-branches", "--gcov-ignore-parse-errors",
                    "--json-summary", f"{build_dir}/coverage/summary.json",
                    "--html-details", f"{build_dir}/coverage/index.html"], cwd=ROOT, check=True)
    files = json.loads((out / "summary.json").read_text())["files"]
    return {f["filename"]: (f["line_covered"], f["line_total"]) for f in files}


def percent(lines, pattern, leave_out=()):
    hits = [counts for path, counts in lines.items()
            if fnmatch.fnmatch(path, pattern) and not any(fnmatch.fnmatch(path, p) for p in leave_out)]
    total = sum(t for _, t in hits)
    return (100.0 * sum(c for c, _ in hits) / total) if total else None


def stray_patterns(rules, files):
    """Patterns of the rules that no file of the tree has: a renamed file must not fall out of its limit unseen."""
    return [pattern for pattern in rules["parts"] + rules["critical"] if not fnmatch.filter(files, pattern)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", required=True)
    args = parser.parse_args()
    rules = json.loads((ROOT / "docs/coverage.json").read_text())
    tree = [str(path.relative_to(ROOT)) for folder in ("apps", "libs") for path in (ROOT / folder).rglob("*.c")]
    if stray := stray_patterns(rules, tree):
        print(f"coverage: docs/coverage.json names files that are not there: {', '.join(stray)}", file=sys.stderr)
        return 1
    if run_tests(args.build_dir):
        print("coverage: not measured, because tests failed (above)", file=sys.stderr)
        return 1
    lines = collect(args.build_dir)
    low = 0
    for group, limit in (("parts", rules["parts_percent"]), ("critical", rules["critical_percent"])):
        for pattern in rules[group]:
            value = percent(lines, pattern)
            if value is None:
                continue  # a part that this build leaves out
            verdict = "ok" if value >= limit else "TOO LOW"
            low += value < limit
            print(f"{value:6.1f} % (at least {limit} %)  {pattern}  {verdict}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
