"""The totals count what the runners report, and a runner that dies silently is a failure."""
import json

import run_tests

JUNIT = """<testsuites><testsuite>
<testcase classname="a" name="ok"/><testcase classname="a" name="ok2"/>
<testcase classname="a" name="bad"><failure message="no"/></testcase>
<testcase classname="a" name="broken"><error message="no"/></testcase>
<testcase classname="a" name="left out"><skipped message="no such device"/></testcase>
</testsuite></testsuites>"""


def totals_of(tmp_path, text, code):
    path = tmp_path / "report.xml"
    if text is not None:
        path.write_text(text)
    totals = run_tests.Totals()
    totals.add_run("runner", code, path)
    return totals


def test_cases_are_counted_and_named(tmp_path):
    totals = totals_of(tmp_path, JUNIT, 1)
    assert (totals.passed, totals.failed, totals.skipped) == (2, 2, 1)
    assert "skipped a left out: no such device" in totals.notes


def test_control_characters_in_a_report_do_no_harm(tmp_path):
    assert totals_of(tmp_path, '<testsuite><testcase name="ok"><system-out>a\x01b</system-out></testcase></testsuite>', 0).passed == 1


def test_a_crash_without_a_report_is_one_failure(tmp_path):
    assert totals_of(tmp_path, None, 3).failed == 1


def test_a_failing_runner_with_passing_cases_is_one_failure(tmp_path):
    totals = totals_of(tmp_path, '<testsuite><testcase name="ok"/></testsuite>', 2)
    assert (totals.passed, totals.failed) == (1, 1)


def test_no_test_at_all_is_a_failure(tmp_path):
    assert totals_of(tmp_path, "<testsuite/>", 0).failed == 1


def test_a_program_that_fails_after_its_cases_passed_is_a_failure(tmp_path):
    report, log = tmp_path / "report.xml", tmp_path / "testlog.json"
    report.write_text('<testsuites><testsuite name="p.p:unit / leaky"><testcase name="ok"/></testsuite>'
                      '<testsuite name="p.p:unit / bad"><testcase name="no"><failure/></testcase></testsuite></testsuites>')
    log.write_text("\n".join(json.dumps({"name": f"p:unit / {name}", "result": result, "returncode": 1})
                             for name, result in (("leaky", "ERROR"), ("bad", "FAIL"), ("good", "OK"))))
    totals = run_tests.Totals()
    totals.add_run("meson test", 2, report, log)
    assert (totals.passed, totals.failed) == (1, 2)
    assert "FAILED  p:unit / leaky: error, exit code 1" in totals.notes
