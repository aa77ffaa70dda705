# SPDX-License-Identifier: GPL-3.0-or-later
"""deploy/kubernetes as kubectl renders it: shapes by Kubernetes' own OpenAPI document, names that meet, what the programs need."""

import copy
import functools
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

import kubernetes_schema

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("cpu", "gpu", "split-media", "split-sts")
SECRETS = {"live-dubbing-keys": {"orch-api-key", "sts-api-key"}, "sts-tls": {"tls.crt", "tls.key"}}
PORTS = {"media-router": {1935, 8554, 9997, 9998}, "media-service": {8080}, "sts-service": {8000}}


@functools.cache
def render(overlay):
    assert shutil.which("kubectl"), "kubectl is missing: make setup"
    assert kubernetes_schema.FOLDER.is_dir(), f"{kubernetes_schema.FOLDER} is missing: make setup"
    done = subprocess.run(["kubectl", "kustomize", FOLDER / "overlays" / overlay], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(overlay, *kinds):
    return [document for document in render(overlay) if document["kind"] in kinds]


def workloads(overlay):
    """(name, pod template, document) of what makes pods."""
    return [(one["metadata"]["name"], one["spec"]["template"], one) for one in of_kind(overlay, "Deployment", "StatefulSet")]


def containers(overlay):
    return [(name, pod["spec"], container) for name, pod, _ in workloads(overlay) for container in pod["spec"]["containers"]]


each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
def test_every_manifest_has_its_shape(overlay):
    complaints = {f"{one.get('kind')} {one['metadata']['name']}": kubernetes_schema.complaints(one) for one in render(overlay)}
    assert not [text for texts in complaints.values() for text in texts], complaints


@each_overlay
def test_every_name_is_there_once_and_in_the_namespace(overlay):
    names = [(one["kind"], one["metadata"]["name"]) for one in render(overlay)]
    assert len(names) == len(set(names)) and names.count(("Namespace", "live-dubbing")) == 1
    assert {one["metadata"].get("namespace") for one in render(overlay) if one["kind"] != "Namespace"} == {"live-dubbing"}
    sides = {name for name, _, _ in workloads(overlay)}
    assert sides == {"split-media": {"media-router", "media-service"}, "split-sts": {"sts-service"}}.get(overlay, set(PORTS))


def broken(change):
    """The speech service's Deployment with something wrong in it."""
    document = copy.deepcopy(next(one for one in of_kind("cpu", "Deployment") if one["metadata"]["name"] == "sts-service"))
    change(document, document["spec"]["template"]["spec"]["containers"][0])
    return kubernetes_schema.complaints(document)


BREAKS = {
    "a misspelt field": (lambda document, _: document["spec"].update(minReadySecond=1), ".spec.minReadySecond: DeploymentSpec has"),
    "a field in the wrong place": (lambda document, _: document["spec"].update(terminationGracePeriodSeconds=30), "no such field"),
    "a word for a number": (lambda document, _: document["spec"].update(replicas="two"), ".spec.replicas: must be a number"),
    "a number for a word": (lambda _, one: one["env"].append({"name": "A", "value": 1}), "value: must be a string, is 1"),
    "a missing field": (lambda document, _: document["spec"].pop("selector"), ".spec.selector: is required"),
    "an object for a list": (lambda _, one: one.update(ports={}), "must be a list"),
    "a quantity that is none": (lambda _, one: one["resources"]["limits"].update(memory="2 GB"), "no quantity"),
    "an unknown value": (lambda document, _: document["spec"]["strategy"].update(type="Rolling"), "'Rolling' is none of"),
    "an unknown kind": (lambda document, _: document.update(kind="Deploy"), "there is no Deploy in apps/v1"),
    "a version of the past": (lambda document, _: document.update(apiVersion="extensions/v1beta1"), "there is no Deployment"),
    "a part for the whole": (lambda document, _: document.update(kind="DeploymentSpec"), "there is no DeploymentSpec"),
    "a name that is none": (lambda document, _: document["metadata"].update(name="STS_1"), "metadata.name"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_check_of_shapes_sees_what_is_wrong(name):
    change, says = BREAKS[name]
    complaints = broken(change)
    assert len(complaints) == 1 and says in complaints[0], complaints
    assert broken(lambda *_: None) == []


def selects(selector, labels):
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))


@each_overlay
def test_every_selector_finds_its_pods(overlay):
    pods = {name: pod["metadata"]["labels"] for name, pod, _ in workloads(overlay)}
    for name, pod, document in workloads(overlay):
        assert [one for one in pods if selects(document["spec"]["selector"], pods[one])] == [name]
    for one in of_kind(overlay, "Service"):
        [name] = [pod for pod in pods if selects({"matchLabels": one["spec"]["selector"]}, pods[pod])]
        named = {port["name"] for _, spec, container in containers(overlay) for port in container["ports"]
                 if selects({"matchLabels": one["spec"]["selector"]}, pods[_])}
        assert one["metadata"]["name"].startswith(name) and {port["targetPort"] for port in one["spec"]["ports"]} <= named
    for one in of_kind(overlay, "PodDisruptionBudget"):
        assert [pod for pod in pods if selects(one["spec"]["selector"], pods[pod])] == [one["metadata"]["name"]]
    for one in of_kind(overlay, "NetworkPolicy"):
        assert [pod for pod in pods if selects(one["spec"]["podSelector"], pods[pod])], one["metadata"]["name"]
    for one in of_kind(overlay, "HorizontalPodAutoscaler"):
        target = one["spec"]["scaleTargetRef"]
        [document] = [document for name, _, document in workloads(overlay) if name == target["name"]]
        assert (document["kind"], document["apiVersion"]) == (target["kind"], target["apiVersion"])
        assert "replicas" not in document["spec"], "the autoscaler's number would be undone by each apply"


@each_overlay
def test_every_pod_is_restricted_by_a_network_policy_both_ways(overlay):
    for name, pod, _ in workloads(overlay):
        types = [kind for one in of_kind(overlay, "NetworkPolicy") if selects(one["spec"]["podSelector"], pod["metadata"]["labels"])
                 for kind in one["spec"]["policyTypes"]]
        assert {"Ingress", "Egress"} <= set(types), name


@each_overlay
def test_every_pod_keeps_to_the_restricted_standard(overlay):
    for name, spec, container in containers(overlay):
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True and pod["runAsUser"] == pod["fsGroup"] == 10001, name
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                "capabilities": {"drop": ["ALL"]}}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "Kubernetes would set variables like STS_SERVICE_PORT"
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all(set(volume) - {"name"} <= {"secret", "emptyDir", "persistentVolumeClaim"} for volume in spec["volumes"])
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]) and "memory" in container["resources"]["limits"]


@each_overlay
def test_what_is_mounted_and_asked_for_is_there(overlay):
    claims = {one["metadata"]["name"] for one in of_kind(overlay, "PersistentVolumeClaim")}
    for name, pod, document in workloads(overlay):
        spec = pod["spec"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        templates = {one["metadata"]["name"] for one in document["spec"].get("volumeClaimTemplates", [])}
        [container] = spec["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes) | templates, name
        folders = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {"/tmp", "/var/log/dubbing"} <= folders, "the root is read-only"
        for volume in volumes.values():
            if "secret" in volume:
                keys = {item["key"] for item in volume["secret"].get("items", [])}
                assert keys <= SECRETS[volume["secret"]["secretName"]]
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
        for variable in container["env"]:
            if variable["value"].startswith("/"):
                assert any(variable["value"].startswith(folder) for folder in folders), variable


def known_variables(program):
    """Of .env.example: of the program, of those that it starts, and of all."""
    text = (ROOT / ".env.example").read_text()
    titles = {"media-router": ("media-router",), "sts-service": ("sts-service",),
              "media-service": ("media-service", "media-worker")}
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {name for part in parts if part.startswith((*titles[program], "all programs"))
            for name in re.findall(r"^#?([A-Z_]+)=", part, flags=re.MULTILINE)}


@each_overlay
def test_variables_are_the_programs_and_secrets_only_by_reference(overlay):
    hooks = {"ORCHESTRATOR_URL", "ORCH_API_KEY"}    # mtx-hook's, which the router starts
    assert of_kind(overlay, "Secret") == []
    for name, _, container in containers(overlay):
        known = known_variables(name) | (hooks if name == "media-router" else set())
        for variable in container["env"]:
            assert variable["name"].removesuffix("_FILE") in known, variable
            if variable["name"].endswith("KEY_FILE"):
                assert variable["value"].startswith("/run/secrets/")
            else:
                assert not re.search(r"(API|AUTH)_KEY$|TOKEN|PASSWORD", variable["name"]), variable


@each_overlay
def test_an_operator_sets_what_else_there_is(overlay):
    for name, _, container in containers(overlay):
        assert container["envFrom"] == [{"configMapRef": {"name": f"{name}-settings", "optional": True}},
                                        {"secretRef": {"name": f"{name}-secrets", "optional": True}}]


def test_sts_service_may_be_let_out_to_providers_alone():
    policy = yaml.safe_load((FOLDER / "hosted-engines.yaml").read_text())
    assert kubernetes_schema.complaints(policy) == []
    pods = {name: pod["metadata"]["labels"] for name, pod, _ in workloads("cpu")}
    assert [name for name in pods if selects(policy["spec"]["podSelector"], pods[name])] == ["sts-service"]
    assert policy["metadata"]["namespace"] == "live-dubbing" and policy["spec"]["policyTypes"] == ["Egress"]
    [rule] = policy["spec"]["egress"]
    assert rule["ports"] == [{"port": 443}]
    closed = {network for peer in rule["to"] for network in peer["ipBlock"]["except"]}
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"} <= closed, "metadata services"


@each_overlay
def test_images_are_those_of_this_version(overlay):
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
    gpu = "-gpu" if overlay in ("gpu", "split-sts") else ""
    for name, _, container in containers(overlay):
        assert container["image"] == f"live-dubbing/{name}:{version}{gpu if name == 'sts-service' else ''}"
        assert {port["containerPort"] for port in container["ports"]} == PORTS[name]


@each_overlay
def test_probes_ask_what_the_programs_answer(overlay):
    for name, _, container in containers(overlay):
        named = {port["name"] for port in container["ports"]}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container[kind]
            if "httpGet" in probe:
                assert probe["httpGet"]["port"] in named
                tls = name == "sts-service" and overlay == "split-sts"
                assert probe["httpGet"].get("scheme", "HTTP") == ("HTTPS" if tls else "HTTP")
            elif "tcpSocket" in probe:
                assert probe["tcpSocket"]["port"] in named
            else:
                script = ROOT / "deploy" / "images" / pathlib.Path(probe["exec"]["command"][1]).name
                assert script.exists() and probe["exec"]["command"][2] == name
        if name != "media-router":
            assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
            assert container["livenessProbe"]["httpGet"]["path"] == "/health", "one that is stopping is alive"


def constant(path, name):
    return int(re.search(rf"#define {name} (\d+)", (ROOT / path).read_text())[1])


@pytest.mark.parametrize("overlay", ("cpu", "gpu", "split-sts"))
def test_a_speech_instance_has_the_time_that_it_takes_to_stop(overlay):
    [(spec, container)] = [(spec, container) for name, spec, container in containers(overlay) if name == "sts-service"]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    app = "apps/sts-service/app.c"
    last_ms = constant("apps/sts-service/net/pending.c", "LAST_ANSWERS_MS")
    needed_ms = constant(app, "FINISH_MS") + last_ms + constant(app, "FAREWELL_MS")
    assert spec["terminationGracePeriodSeconds"] > pause + needed_ms / 1000 + 5
    readiness = container["readinessProbe"]
    assert pause >= readiness["periodSeconds"] * readiness["failureThreshold"]


def adapter_rule():
    [rule] = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    return rule


def test_the_autoscaler_reads_what_waits_in_each_instance(tmp_path):
    """The adapter's query, as it fills it in, on two instances with three stages each."""
    rule = adapter_rule()
    [autoscaler] = of_kind("cpu", "HorizontalPodAutoscaler")
    [metric] = autoscaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"] == "sts_queue_depth"
    assert re.fullmatch(rule["name"]["matches"], "sts_queue_depth")
    query = (rule["metricsQuery"].replace("<<.Series>>", "sts_queue_depth").replace("<<.GroupBy>>", "pod")
             .replace("<<.LabelMatchers>>", 'namespace="live-dubbing",pod=~"a|b"'))
    assert "<<" not in query
    pods = (("live-dubbing", "a", (4, 2, 0)), ("live-dubbing", "b", (1, 0, 0)), ("other", "a", (9, 9, 9)))
    series = [{"series": f'sts_queue_depth{{namespace="{space}",pod="{pod}",stage="{stage}"}}', "values": f"{depth}x10"}
              for space, pod, depths in pods
              for stage, depth in zip(("asr", "translation", "tts"), depths)]
    case = {"interval": "15s", "input_series": series, "promql_expr_test": [
        {"expr": query, "eval_time": "2m",
         "exp_samples": [{"labels": '{pod="a"}', "value": 6}, {"labels": '{pod="b"}', "value": 1}]}]}
    (tmp_path / "test.yml").write_text(json.dumps({"evaluation_interval": "15s", "rule_files": [], "tests": [case]}))
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_autoscaler_acts_before_fragments_are_refused():
    depth = int(re.search(r"^#STS_QUEUE_MAX_DEPTH=(\d+)", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)[1])
    for overlay in ("cpu", "gpu", "split-sts"):
        [one] = of_kind(overlay, "HorizontalPodAutoscaler")
        assert float(one["spec"]["metrics"][0]["pods"]["target"]["averageValue"]) * 3 < depth
        assert 2 <= one["spec"]["minReplicas"] < one["spec"]["maxReplicas"], "a rolling restart needs somebody who is left"
