"""deploy/observability against the programs: the rules fire as said, and everything that they name exists."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support import metrics
from support.processes import wait_until
from support.stack import ROOT
from support.streams import publish

FOLDER = ROOT / "deploy" / "observability"
# The labels (protocol.md, section 5) of families that have no samples unless something goes wrong or real engines work.
WITHOUT_SAMPLES = {"worker_fallback_total": {"stream_id", "reason"}, "worker_gst_bus_errors_total": {"stream_id", "error_type"},
                   "sts_fragment_errors_total": {"stage", "error_code"}, "sts_queue_wait_seconds_bucket": {"stage", "le"},
                   "sts_asr_duration_seconds_bucket": {"le"}, "sts_translation_duration_seconds_bucket": {"le"},
                   "sts_tts_duration_seconds_bucket": {"le"}, "sts_queue_depth": {"stage"},
                   "egress_connected": {"stream_id"}, "egress_bytes_total": {"stream_id"},
                   "egress_reconnects_total": {"stream_id"}, "egress_restarts_total": {"stream_id"},
                   "sts_engine_info": {"stage", "engine", "model"}}
# Of Prometheus itself, and shown with a GPU only.
ELSEWHERE = {"up": set(), "sts_gpu_utilization_percent": set(), "sts_gpu_memory_used_bytes": set()}
TARGET = {"instance", "job"}
WORDS = {"abs", "and", "by", "changes", "count", "group_left", "histogram_quantile", "increase", "label_replace", "max",
         "min_over_time", "on", "or", "rate", "sum", "unless", "vector"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"


def rules():
    return [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads((FOLDER / "dashboard.json").read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def promtool(*arguments):
    assert shutil.which("promtool"), "promtool is missing: make setup"
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_configuration():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


def test_the_rules_fire_when_they_should():
    promtool("test", "rules", "alerts_test.yml")


def expected_alerts():
    """The samples of each alert that alerts_test.yml waits for."""
    found = {}
    for case in yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]:
        for question in case["promql_expr_test"]:
            name = re.search(r'alertname="(\w+)"', question["expr"]).group(1)
            found.setdefault(name, []).extend(sample["labels"] for sample in question.get("exp_samples", []))
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule):
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert notes["summary"] and len(notes["description"]) > 40
    page, anchor = notes["runbook"].split("#")
    assert anchor in anchors(ROOT / page), f"{page} has no heading for #{anchor}"
    samples = expected_alerts().get(rule["alert"])
    assert samples, "alerts_test.yml never sees it fire"
    for label in re.findall(rf"\$labels\.({NAME})", notes["summary"] + notes["description"]):
        assert all(f'{label}="' in sample for sample in samples), f"it has no label {label}"


def anchors(page):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_dashboard_can_be_imported():
    """Grafana is not at hand: this is our own check of the fields that its panels and targets need."""
    board = dashboard()
    names = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert board["title"] and board["uid"] and board["schemaVersion"] >= 36
    assert names["datasource"]["type"] == "datasource" and names["datasource"]["query"] == "prometheus"
    assert names["stream"]["type"] == "query" and names["stream"]["multi"] and names["stream"]["includeAll"]
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert names["stream"]["datasource"] == source
    places, ids = set(), [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert [panel["title"] for panel in board["panels"] if panel["type"] == "row"] == [
        "Fleet", "Stream: $stream", "Speech service", "Router"]
    for panel in board["panels"]:
        grid = panel["gridPos"]
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert max(x for x, _y in cells) < 24 and not cells & places, panel["title"]
        places |= cells
    for panel in panels():
        assert panel["type"] in ("timeseries", "stat", "table") and panel["title"] and panel["datasource"] == source
        assert panel["fieldConfig"]["defaults"]["unit"] and "overrides" in panel["fieldConfig"] and panel["options"]
        refs = [target["refId"] for target in panel["targets"]]
        assert refs and len(set(refs)) == len(refs), panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == source and target["expr"] and target["legendFormat"], panel["title"]


def test_promtool_reads_what_the_dashboard_asks(tmp_path):
    """Each query as a recording rule, with the variable filled in."""
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    file = tmp_path / "asked.yml"
    file.write_text(json.dumps({"groups": [{"name": "asked", "rules": [
        {"record": f"asked:{number}", "expr": expression.replace("$stream", "a|b")}
        for number, expression in enumerate(asked)]}]}))
    promtool("check", "rules", str(file))


def questions():
    """Every query with where it is from."""
    asked = [(rule["alert"], rule["expr"]) for rule in rules()]
    asked += [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    return asked + [("$stream", re.search(r"\((.*), ", dashboard()["templating"]["list"][1]["definition"]).group(1))]


class Question:
    """The metrics that a query names with the labels that it selects by, and the labels that it groups by."""

    def __init__(self, expression):
        bare = re.sub(r'"[^"]*"', '""', expression)
        self.grouped = {label for found in re.findall(r"\b(?:by|on) \(([^)]*)\)", bare) for label in re.findall(NAME, found)}
        self.made = set(re.findall(r'label_replace\(.*?, "(\w+)",', expression, re.DOTALL))
        bare = re.sub(r"\b(by|on) \([^)]*\)|\[\w+\]", " ", bare)
        self.metrics = [(name, set(re.findall(rf"({NAME})\s*[=!]", chosen)))
                        for name, chosen in re.findall(rf"({NAME})\s*(?:\{{([^}}]*)\}})?", re.sub(r"\b\d[\w.]*", " ", bare))
                        if name not in WORDS]


def test_queries_are_taken_apart():
    asked = Question('sum by (a, le) (rate(m_bucket{x="y", z!~"w{v}"}[5m])) / on (b) 3 * m2 > 0.05')
    assert asked.metrics == [("m_bucket", {"x", "z"}), ("m2", set())] and asked.grouped == {"a", "le", "b"}
    assert Question('label_replace(m, "new", "$1", "old", "(.+)")').made == {"new"}


@pytest.fixture(scope="module")
def exposed(build_dir, brief_sample, tmp_path_factory):
    """What the programs show while a stream is dubbed: labels by the name of a sample, None where there is none."""
    from support.stack import Layout, Stack, find_programs
    folder = tmp_path_factory.mktemp("observed")
    with Stack(Layout(find_programs(build_dir), folder / "stack")).start(sts_mode="echo") as stack:
        publisher = publish(brief_sample.path, stack.url("seen", "in"), folder)
        try:
            wait_until(lambda: metrics.value(stack.metrics("media-service"), "worker_phrases_total", state="dubbed"), 60,
                       "a dubbed phrase", step=0.5)
            texts = [stack.metrics(name) for name in ("media-service", "sts-service", "media-router")]
        finally:
            publisher.stop()
    shown = {}
    for family in (family for text in texts for family in metrics.parse(text).values()):
        suffixes = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
        shown.update({family.name + suffix: None for suffix in suffixes})
        for name, labels in family.samples:
            shown[name] = (shown.get(name) or set()) | {label for label, _value in labels}
    return shown


def labels_of(name, exposed):
    """None when there is no such metric."""
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    if name in exposed and exposed[name] is None:
        return WITHOUT_SAMPLES[name]
    return exposed.get(name)


def complaints_about(where, expression, exposed):
    asked = Question(expression)
    assert asked.metrics, expression
    known = TARGET | asked.made
    for name, chosen in asked.metrics:
        labels = labels_of(name, exposed)
        if labels is None:
            yield f"{where}: there is no metric {name}"
            continue
        known |= labels
        for label in chosen - labels - TARGET:
            yield f"{where}: {name} has no label {label}"
    for label in asked.grouped - known:
        yield f"{where}: nothing in it has the label {label}"


@pytest.mark.own_router
def test_every_metric_and_label_exists(exposed):
    assert [complaint for where, expression in questions()
            for complaint in complaints_about(where, expression, exposed)] == []


@pytest.mark.own_router
@pytest.mark.parametrize("expression, complaint", [
    ("worker_delay > 1", "there is no metric worker_delay"),
    ('max(worker_delay_ms{stream="a"})', "worker_delay_ms has no label stream"),
    ("sum by (path) (paths_readers)", "nothing in it has the label path"),
    ("sum by (le) (rate(worker_delay_ms[5m]))", "nothing in it has the label le"),
])
def test_the_check_sees_what_does_not_exist(exposed, expression, complaint):
    assert list(complaints_about("here", expression, exposed)) == [f"here: {complaint}"]


@pytest.mark.own_router
def test_the_table_names_no_metric_that_is_gone(exposed):
    assert {name for name in WITHOUT_SAMPLES if name not in exposed} == set()


def test_the_scrapes_are_where_the_programs_listen():
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in
            yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    example = Path(ROOT / ".env.example").read_text()
    ports = {name: re.search(rf"^#? ?{variable}=.*?(\d+)$", example, re.MULTILINE).group(1) for name, variable in
             (("media-service", "ORCH_HTTP_ADDR"), ("sts-service", "STS_PORT"), ("media-router", "ROUTER_METRICS_ADDRESS"))}
    assert jobs == {name: [f"127.0.0.1:{port}"] for name, port in ports.items()}
