#!/usr/bin/env python3
"""Holds the tree against docs/structure.json and the include lines against the direction of dependencies.

Services never include each other's code, libraries never include services, and headers of the heavy libraries appear
only where docs/structure.json lets them.
"""
import fnmatch
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def tracked(root):
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, check=True,
                         capture_output=True, text=True).stdout
    return sorted(p for p in out.split("\0") if p and (root / p).is_file())


def check_layout(rules, files):
    """Required paths are there, and nothing stands at the top or in apps/ and libs/ that the rules do not name."""
    for path in rules["required"]:
        if path.endswith("/"):
            if not any(f.startswith(path) for f in files):
                yield f"{path} is missing"
        elif path not in files:
            yield f"{path} is missing"
    for folder, allowed in rules["allowed_entries"].items():
        prefix = "" if folder == "." else folder + "/"
        entries = {f[len(prefix):].split("/")[0] for f in files if f.startswith(prefix)}
        for entry in sorted(entries - set(allowed)):
            yield f"{prefix}{entry} is not named in docs/structure.json"


def check_names(files):
    """kebab-case folders, snake_case C and Python files."""
    for path in files:
        *folders, name = path.split("/")
        for folder in folders:
            if not re.fullmatch(r"\.?[a-z0-9][a-z0-9.-]*", folder):
                yield f"{path}: folder '{folder}' is not kebab-case"
        if name.endswith((".c", ".h", ".py")) and not re.fullmatch(r"[a-z0-9_]+\.[a-z]+", name):
            yield f"{path}: file name is not snake_case"


def check_tests(rules, files):
    """Every C source has a test beside it, or docs/structure.json names the test that exercises it."""
    excused = rules["tested_elsewhere"]
    for path in sorted(files):
        if not path.startswith(("apps/", "libs/")) or not path.endswith(".c"):
            continue
        if path.endswith(("_test.c", "_fuzz.c", "_contract.c")) or any(fnmatch.fnmatch(path, e) for e in excused):
            continue
        if path[:-2] + "_test.c" not in files:
            yield f"{path} has no {pathlib.Path(path).stem}_test.c beside it and is not excused in docs/structure.json"
    for pattern, test in excused.items():
        if not any(fnmatch.fnmatch(f, pattern) for f in files):
            yield f"docs/structure.json excuses {pattern}, which does not exist"
        if not any(f == test or f.startswith(test + "/") for f in files):
            yield f"docs/structure.json says that {test} tests {pattern}, but it does not exist"


def owner(path):
    """apps/media-router/rtmp/x.c -> apps/media-router."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in ("apps", "libs") else parts[0]


def check_includes(rules, files, root):
    sources = [f for f in files if f.endswith((".c", ".h")) and f.startswith(("apps/", "libs/"))]
    owners = {}
    for f in sources:
        owners.setdefault(f.split("/")[-1], set()).add(owner(f))
    for path in sources:
        for bracket, included in INCLUDE.findall((root / path).read_text(encoding="utf-8")):
            of_system = bracket == "<" and "/" in included
            targets = set() if of_system else owners.get(included.split("/")[-1], set())
            yield from check_owner(rules, path, included, targets)
            yield from check_place(rules, path, included)


def check_owner(rules, path, included, targets):
    mine = owner(path)
    if mine in targets:
        return
    for target in targets:
        if target.startswith("apps/"):
            yield f"{path} includes {included} of {target}: only libraries may be shared"
        elif target not in rules["may_include"].get(mine, []):
            yield f"{path} includes {included} of {target}, which {mine} may not use"


def check_place(rules, path, included):
    for pattern, places in rules["headers_only_in"].items():
        if fnmatch.fnmatch(included, pattern) and not any(fnmatch.fnmatch(path, p) for p in places):
            yield f"{path} includes <{included}>: allowed only in {', '.join(places)}"


def problems(root=ROOT):
    rules = json.loads((root / "docs/structure.json").read_text(encoding="utf-8"))
    files = tracked(root)
    yield from check_layout(rules, files)
    yield from check_names(files)
    yield from check_tests(rules, set(files))
    yield from check_includes(rules, files, root)


def main():
    found = list(problems())
    for line in found:
        print(f"structure: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
