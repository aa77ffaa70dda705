"""A limit applies to the files that it names, and it names files that are there."""
import importlib.util
import pathlib

SPEC = importlib.util.spec_from_file_location("coverage_limits", pathlib.Path(__file__).with_name("coverage.py"))
coverage_limits = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(coverage_limits)

LINES = {"libs/a/x.c": (9, 10), "libs/a/y.c": (1, 10), "libs/b/z.c": (0, 0)}


def test_lines_of_all_files_of_a_pattern_count_together():
    assert coverage_limits.percent(LINES, "libs/a/*") == 50.0


def test_a_part_without_lines_has_no_percentage():
    assert coverage_limits.percent(LINES, "libs/b/*") is None


def test_a_pattern_that_names_nothing_is_found():
    rules = {"parts": ["libs/a/*"], "critical": ["libs/a/gone.c"]}
    assert coverage_limits.stray_patterns(rules, LINES) == ["libs/a/gone.c"]
