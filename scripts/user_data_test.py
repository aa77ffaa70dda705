"""User-data and the pod's manifest out of input files: what is wrong is said, what is right is what cloud-init, nft, the
router and Kubernetes take."""
import base64
import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests"), str(ROOT / "deploy/tests")]

import cloud_inputs                                                                                  # noqa: E402
import kubernetes_schema                                                                             # noqa: E402
import user_data                                                                                     # noqa: E402
from support.processes import Child, wait_until                                                      # noqa: E402

EXAMPLES = {"media": ROOT / "deploy/ec2/inputs.example.env", "speech": ROOT / "deploy/gpu/inputs.example.env",
            "pod": ROOT / "deploy/gpu/pod.example.env"}
PASSWORD = "only-for-broadcasters"
KEY = "0123456789abcdef0123456789abcdef"
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("cert.pem", "key.pem", "ca.pem"):
        (tmp_path / name).write_text(PEM)
    return tmp_path


def filled(role):
    """The example as a user fills it in."""
    text = EXAMPLES[role].read_text()
    text = text.replace("PUBLISHER_PASSWORD=replace-me", f"PUBLISHER_PASSWORD={PASSWORD}")
    text = re.sub(r"(?m)^(\w+)=replace-me\S*$", rf"\1={KEY}", text)
    return re.sub(r"(?m)^(RELEASE|MODELS)_SHA256=0+$", r"\1_SHA256=" + "ab" * 32, text)


def produced(folder, text, packed=False):
    path = folder / "inputs.env"
    path.write_text(text)
    return user_data.produce(path, packed)


def complaints(folder, text, packed=False):
    """What is said of an input file that is not good."""
    with pytest.raises(cloud_inputs.BadInputs) as refusal:
        produced(folder, text, packed)
    return str(refusal.value)


def rendered(folder, role, more=""):
    return produced(folder, filled(role) + more).decode()


def files(text):
    return {one["path"]: one for one in yaml.safe_load(text)["write_files"]}


@pytest.mark.parametrize("role", EXAMPLES)
def test_an_example_is_good_once_it_is_filled_in_and_not_before(folder, role):
    assert produced(folder, filled(role))
    assert "still has the value of the example" in complaints(folder, EXAMPLES[role].read_text())


def test_the_command_says_all_problems_at_once_and_writes_nothing_then(folder):
    path = folder / "inputs.env"
    path.write_text("ROLE=media\nADMIN_NETWORKS=x\nFOO=1\n")
    done = subprocess.run([ROOT / "scripts/user_data.py", "render", path], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == ""
    assert len(lines) == 6 and all(line.startswith("inputs.env: ") for line in lines), lines
    path.write_text(filled("media"))
    done = subprocess.run([ROOT / "scripts/user_data.py", "render", path], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, user_data.produce(path), b"")


EVERYTHING = (f"ORCH_API_KEY={KEY}\nTLS_CERT_FILE=cert.pem\nTLS_KEY_FILE=key.pem\nCA_FILE=ca.pem\nSTATE_DEVICE=/dev/nvme1n1\n"
              "LOG_DEVICE=/dev/nvme2n1\nWORKER_LATENCY=5s\n")


@pytest.mark.parametrize("role,method,more", [("media", "packages", EVERYTHING), ("speech", "containers", "")])
def test_user_data_is_what_cloud_init_and_nft_take(folder, role, method, more):
    data = produced(folder, re.sub(r"(?m)^METHOD=.*$", f"METHOD={method}", filled(role)) + more)
    (folder / "user-data").write_bytes(data)
    schema = subprocess.run(["cloud-init", "schema", "-c", folder / "user-data"], capture_output=True, text=True, check=False)
    assert schema.returncode == 0 and "Valid cloud-config" in schema.stdout, schema.stdout + schema.stderr
    (folder / "nftables.conf").write_text(files(data.decode())["/etc/nftables.conf"]["content"])
    nft = subprocess.run(["unshare", "--map-root-user", "--net", "nft", "--check", "--file", folder / "nftables.conf"],
                         capture_output=True, text=True, check=False)
    assert nft.returncode == 0, nft.stderr


def test_the_script_on_the_host_is_ours_whole(folder):
    script = files(rendered(folder, "media"))["/usr/local/sbin/live-dubbing-deploy"]
    assert script["encoding"] == "gz+b64" and script["permissions"] == "0755"
    assert gzip.decompress(base64.b64decode(script["content"])) == (ROOT / "deploy/ec2/live-dubbing-deploy.sh").read_bytes()


def test_secrets_stand_where_only_root_reads_and_the_password_nowhere(folder):
    text = rendered(folder, "media", f"ORCH_API_KEY={KEY}\n")
    assert PASSWORD not in text
    for path, one in files(text).items():
        assert KEY not in one["content"] or one["permissions"] in ("0640", "0600"), path


@pytest.mark.parametrize("method", ["packages", "containers"])
def test_variables_of_the_programs_reach_them(folder, method):
    more = "WORKER_LATENCY=5s\nROUTER_MAX_PATHS=7\n"
    text = produced(folder, filled("media").replace("METHOD=packages", f"METHOD={method}") + more).decode()
    found = files(text)
    media, router = ("/etc/live-dubbing/media.env", "/etc/live-dubbing/router.env") if method == "packages" else ("/etc/live-dubbing/stack.env",) * 2
    assert "\nWORKER_LATENCY=5s\n" in "\n" + found[media]["content"] and "\nROUTER_MAX_PATHS=7\n" in "\n" + found[router]["content"]
    assert "PUBLISHER_PASSWORD" not in text and "RELEASE_SHA256" not in found[media]["content"]


def test_keys_of_engines_reach_the_speech_service_as_secrets(folder):
    more = "OPENAI_API_KEY=the-key-of-openai\n"
    pod = json.loads(rendered(folder, "pod", more))
    assert pod["items"][0]["stringData"]["OPENAI_API_KEY"] == "the-key-of-openai" and "the-key" not in json.dumps(pod["items"][2])
    found = files(produced(folder, re.sub("(?m)^METHOD=.*$", "METHOD=packages", filled("speech").replace("cuda", "cpu")) + more).decode())
    assert "OPENAI_API_KEY=the-key-of-openai\n" in found["/etc/live-dubbing/sts.env"]["content"]


def test_the_rendered_router_file_is_one_that_the_router_takes(folder, program):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out",
                    folder / "cert.pem", "-keyout", folder / "key.pem"], check=True, capture_output=True)
    text = files(rendered(folder, "media", "TLS_CERT_FILE=cert.pem\nTLS_KEY_FILE=key.pem\n"))["/etc/live-dubbing/router.yml"]["content"]
    (folder / "router.yml").write_text(text.replace("/etc/live-dubbing/tls", str(folder)).replace(":1936", "127.0.0.1:0"))
    addresses = {f"ROUTER_{name}_ADDRESS": "127.0.0.1:0" for name in ("RTMP", "RTSP", "API", "METRICS")}
    router = Child("router", [program("media-router")], folder,
                   {**os.environ, **addresses, "ROUTER_CONFIG": str(folder / "router.yml"), "LOG_DIR": "", "LOG_FORMAT": "json"})
    try:
        wait_until(lambda: router.log.read_text().count("listening on") == 5, 30, "the router's five listeners", router.running)
    finally:
        router.finish(0.1, signal.SIGTERM, 10)
    assert "warn" not in router.log.read_text()


@pytest.mark.parametrize("role,change,said", [
    ("media", ("ROLE=media", "ROLE=both"), 'ROLE must be media, speech, pod, not "both"'),
    ("media", ("METHOD=packages", "METHOD=snap"), "METHOD must be packages, containers"),
    ("media", ("https://files", "files"), "RELEASE_URL must be an address"),
    ("media", ("RELEASE_SHA256=ab", "RELEASE_SHA256=xy"), "RELEASE_SHA256 must be 64 hexadecimal digits"),
    ("media", ("203.0.113.0/24", "203.0.113.1/24"), "ADMIN_NETWORKS must be networks"),
    ("media", ("STREAM_NETWORKS=0.0.0.0/0", "STREAM_NETWORKS=everybody"), "STREAM_NETWORKS must be networks"),
    ("media", (PASSWORD, "short"), "PUBLISHER_PASSWORD must be 8 or more characters"),
    ("media", ("PUBLISHER_PASSWORD=", "#"), "PUBLISHER_PASSWORD is missing"),
    ("media", ("https://speech", "speech"), "WORKER_STS_SERVICE_URL must be the address of the speech service"),
    ("media", ("#ORCH_API_KEY=", "ORCH_API_KEY=short"), "ORCH_API_KEY must have 16 or more characters"),
    ("media", ("#TLS_CERT_FILE", "TLS_CERT_FILE"), "TLS_CERT_FILE and TLS_KEY_FILE go together"),
    ("media", ("METHOD=packages", "METHOD=containers\nTLS_CERT_FILE=cert.pem\nTLS_KEY_FILE=key.pem"), "TLS_CERT_FILE needs METHOD=packages"),
    ("media", ("#CA_FILE=ca.pem", "CA_FILE=nowhere.pem"), "CA_FILE cannot be read"),
    ("media", ("#CA_FILE=ca.pem", "CA_FILE=inputs.env"), "CA_FILE is no PEM file"),
    ("media", ("#STATE_DEVICE=/dev/", "STATE_DEVICE="), "STATE_DEVICE must be a device"),
    ("media", ("#LOG_DEVICE=/dev/nvme2n1", "COMPOSE_PROFILES=cpu"), "COMPOSE_PROFILES is neither an input nor a variable"),
    ("media", ("#LOG_DEVICE", "LOG_DEVIC"), "LOG_DEVIC is neither an input nor a variable of .env.example"),
    ("media", ("#LOG_DEVICE=/dev/nvme2n1", "ORCH_STATE_DIR=/x"), "ORCH_STATE_DIR is set by the deployment"),
    ("media", ("#LOG_DEVICE=/dev/nvme2n1", "WORKER_TTS_VOICE=a$b"), "WORKER_TTS_VOICE has #, or one of"),
    ("media", ("#LOG_DEVICE=/dev/nvme2n1", "CLIENT_NETWORKS=10.0.0.0/8"), "CLIENT_NETWORKS is of no use with ROLE=media"),
    ("media", ("#LOG_DEVICE=/dev/nvme2n1", "ROLE=speech"), "ROLE stands here for the second time"),
    ("media", ("#LOG_DEVICE=/dev/nvme2n1", "a line"), "not NAME=value: a line"),
    ("speech", (f"STS_API_KEY={KEY}", "STS_API_KEY=short"), "STS_API_KEY must have 16 or more characters"),
    ("speech", ("METHOD=containers", "METHOD=packages"), "STS_DEVICE=cuda needs METHOD=containers"),
    ("speech", ("TLS_CERT_FILE=cert.pem\nTLS_KEY_FILE=key.pem", ""), "TLS_CERT_FILE and TLS_KEY_FILE are missing"),
    ("speech", ("MODELS_SHA256=", "#"), "MODELS_URL and MODELS_SHA256 go together"),
    ("speech", ("STATE_DEVICE=", "#"), "MODELS_URL needs STATE_DEVICE"),
    ("speech", ("STATE_DEVICE=", "#"), "STS_DEVICE=cuda needs a model that a GPU computes with"),
    ("pod", ("POD_IMAGE=registry", "POD_IMAGE=Registry"), "POD_IMAGE must be an image"),
    ("pod", ("POD_IMAGE=", "#"), "POD_IMAGE is missing"),
    ("pod", ("20Gi", "20"), "POD_MODEL_STORAGE must be a size"),
])
def test_each_wrong_input_is_said(folder, role, change, said):
    text = filled(role)
    assert change[0] in text, "the example has what is changed"
    assert said in complaints(folder, text.replace(*change, 1))


def test_an_input_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(cloud_inputs.BadInputs, match="cannot read the input file"):
        user_data.produce(tmp_path / "none.env")


def test_user_data_that_is_too_large_is_refused_and_fits_packed(folder):
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n" + ("A" * 64 + "\n") * 200 + "-----END CERTIFICATE-----\n")
    text = filled("media") + "CA_FILE=ca.pem\n"
    assert "use --gzip" in complaints(folder, text)
    assert produced(folder, text, packed=True)[:2] == b"\x1f\x8b"


def test_a_pod_is_what_kubernetes_takes_and_ready_only_when_it_can_work(folder):
    manifest = json.loads(rendered(folder, "pod"))
    for one in manifest["items"]:
        assert kubernetes_schema.complaints(one) == [], one["kind"]
    secret, claim, pod = manifest["items"]
    container = pod["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8000} == container["startupProbe"]["httpGet"]
    assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] == 300
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert secret["stringData"] == {"STS_API_KEY": KEY} and KEY not in json.dumps(pod)
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    assert {one["name"] for one in container["volumeMounts"]} == set(volumes)
    assert volumes["models"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert set(environment) <= cloud_inputs.program_variables(), "nothing but variables of the program"
    assert environment["REQUIRE_AUTH"] == "true" and environment["STS_DEVICE"] == "cuda"


def test_a_pod_without_a_gpu_asks_for_none(folder):
    values = cloud_inputs.parse(filled("pod").replace("STS_DEVICE=cuda", "STS_DEVICE=cpu"))[0]
    pod = user_data.pod({"POD_MODEL_STORAGE": "1Gi", **values})["items"][2]
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {}
    assert pod["spec"]["initContainers"] == [], "the engines of the distribution bring their models"


def test_a_pod_with_a_gpu_waits_for_its_models_and_says_how_to_bring_them(folder):
    pod = json.loads(rendered(folder, "pod"))["items"][2]["spec"]
    [first] = pod["initContainers"]
    mount = {"name": "models", "mountPath": "/var/lib/dubbing/models"}
    assert first["volumeMounts"] == [mount] and mount in pod["containers"][0]["volumeMounts"]
    assert first["securityContext"] == pod["containers"][0]["securityContext"] and first["image"] == pod["containers"][0]["image"]
    command = [word.replace("/var/lib/dubbing/models", str(folder)) for word in first["args"]]
    waiting = Child("waiting", command, folder, os.environ)
    try:
        wait_until(lambda: "kubectl cp" in waiting.log.read_text(), 30, "the word about what is missing", waiting.running)
        assert f"-c {first['name']}" in waiting.log.read_text()
        (folder / ".complete").touch()
        assert waiting.wait(30) == 0
    finally:
        waiting.kill()
    assert subprocess.run(command, capture_output=True, check=True, timeout=30).stdout == b"", "models that are there are not waited for"
