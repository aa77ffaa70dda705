# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/contracts.md maps every rule of the speech contract to tests: each of them exists."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDERS = ("apps/sts-service", "libs/contracts", "libs/socketio", "libs/common")


def rows():
    """(rule, [(file, test)]) of each line of the tables "rule | held by"."""
    found = []
    in_table = False
    for line in (ROOT / "docs/contracts.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| rule | held by |"):
            in_table = True
        elif not line.startswith("|"):
            in_table = False
        elif in_table and not line.startswith("|---"):
            rule, tests = line.strip("|").rsplit("|", 1)
            found.append((rule.strip(), [tuple(name.split(":", 1)) for name in re.findall(r"`([^`]+)`", tests)]))
    return found


def files_named(suffix):
    hits = [path for folder in FOLDERS for path in (ROOT / folder).rglob(pathlib.PurePath(suffix).name)]
    return [path for path in hits if f"/{path.relative_to(ROOT)}".endswith(f"/{suffix}")]


def holds(path, test):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return re.search(rf"^def {re.escape(test)}\(", text, re.MULTILINE) is not None
    return f'"{test}"' in text


def test_the_tables_are_read():
    assert len(rows()) > 70


@pytest.mark.parametrize("rule, tests", rows(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_rule_is_held_by_tests_that_exist(rule, tests):
    assert rule and tests
    for name, test in tests:
        paths = files_named(name)
        assert len(paths) == 1, f"{name}: {paths}"
        assert holds(paths[0], test), f"{test} is not in {paths[0]}"


def test_a_test_that_is_not_there_is_noticed():
    assert not holds(pathlib.Path(__file__), "test_of_nothing")
    assert not holds(files_named("session_test.c")[0], "/session/nothing")
