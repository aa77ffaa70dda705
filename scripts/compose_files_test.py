"""The compose files: every variable of every program goes through, no default drifts, every container is locked in, and
docker-compose takes them."""
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAIN = ROOT / "docker-compose.yml"
FOLDER = ROOT / "deploy" / "compose"
FILES = [MAIN, *sorted(path for path in FOLDER.glob("*.yml") if path.name != "prometheus.yml")]
PROFILES = ("cpu", "gpu", "echo", "media", "mediamtx", "sts", "sts-gpu", "observability")
# The sections of .env.example whose programs run in the service's container.
SECTIONS = {"media-service": ("all", "media-service", "media-worker", "egress-forwarder"), "media-router": ("all", "media-router"),
            "sts-service": ("all", "sts-service")}
# Passed besides: what is no variable of the program itself, and files with secrets.
BESIDES = {"media-service": {"ORCH_API_KEY_FILE", "WORKER_STS_API_KEY_FILE", "EGRESS_DEST_URL_FILE"},
           "media-router": {"ORCHESTRATOR_URL", "ORCH_API_KEY", "ORCH_API_KEY_FILE"},
           "sts-service": {"STS_API_KEY_FILE", "ELEVENLABS_API_KEY_FILE", "OPENAI_API_KEY_FILE", "LIBRETRANSLATE_API_KEY_FILE", "DEEPL_AUTH_KEY_FILE"}}
# Where a container wants another default than a process: places inside it, services beside it.
INSIDE = {"ORCH_STREAMS_DIR", "ASSET_STORE_ROOT", "LOG_DIR", "STS_MODEL_CACHE_DIR", "STS_ARTIFACT_DIR", "STS_VOICES_FILE", "ROUTER_CONFIG",
          "MEDIAMTX_RTMP_URL", "MEDIAMTX_RTSP_URL", "MEDIAMTX_API_URL", "WORKER_STS_SERVICE_URL", "DUBBING_CONFIG_DIR"}


def documented():
    """{section: {variable: (default, text above it)}} of .env.example."""
    sections, current, text = {}, None, ""
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            current = sections.setdefault(line[3:].split()[0], {})
        elif match := re.fullmatch(r"#([A-Z][A-Z0-9_]+)=(.*)", line):
            current[match[1]] = (match[2], text)
            text = ""
        elif line.startswith("# "):
            text += line[1:]
    return sections


def services(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["services"]


@pytest.mark.parametrize("service", SECTIONS)
def test_every_variable_of_the_programs_is_passed_and_no_other(service):
    passed = set(services(FOLDER / f"{service}.yml")[service]["environment"])
    known = {}
    for section in SECTIONS[service]:
        for name, (_, text) in documented()[section].items():
            known[name] = known.get(name, False) or "media-service sets it" not in text
    assert passed == {name for name, is_ours in known.items() if is_ours} | BESIDES[service]


def test_no_default_differs_from_the_documented_one():
    defaults = {name: value for section in documented().values() for name, (value, _) in section.items()}
    for path in FILES:
        used = re.findall(r"\$\{([A-Z_]+)(?::-([^}]*))?\}", path.read_text(encoding="utf-8"))
        assert all(name in defaults for name, _ in used), f"{path.name}: a variable that .env.example does not have"
        drifted = {name: value for name, value in used if name not in INSIDE and value != defaults[name]}
        assert not drifted, f"{path.name}: {drifted}"


def test_the_images_are_of_this_version():
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8"))[1]
    tags = [tag for path in FILES for tag in re.findall(r"IMAGE_TAG:-([^}]+)\}", path.read_text(encoding="utf-8"))]
    assert tags and set(tags) == {version}


def test_images_of_others_are_pinned():
    for path in FILES:
        for name in re.findall(r"_IMAGE:-([^}]+)\}", path.read_text(encoding="utf-8")):
            assert re.search(r":v?\d+\.\d+\.\d+$", name), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_container_is_locked_in(path):
    for name, service in services(path).items():
        if "extends" in service:
            continue
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service, name
        assert service.get("user", "10001") not in ("0", "root"), name
        if name == "keys":
            continue
        assert service["restart"] == "unless-stopped" and service["healthcheck"]["interval"], name
        assert int(service["stop_grace_period"].rstrip("s")) >= 15, name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name


def test_what_is_published_is_published_on_this_host_alone():
    for path in FILES:
        for name, service in services(path).items():
            for port in service.get("ports", []):
                host = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", port)
                assert host.startswith("127.0.0.1:"), f"{name}: {port}"


def test_every_volume_is_kept_by_the_stack():
    kept = set(yaml.safe_load(MAIN.read_text(encoding="utf-8"))["volumes"])
    for path in FILES:
        for name, service in services(path).items():
            mounts = [re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", mount).split(":")[0] for mount in service.get("volumes", [])]
            assert {mount for mount in mounts if mount[0] not in "./"} <= kept, name


def test_prometheus_has_the_same_jobs_and_rules_and_takes_them(tmp_path):
    here, native = (yaml.safe_load(path.read_text(encoding="utf-8"))
                    for path in (FOLDER / "prometheus.yml", ROOT / "deploy" / "observability" / "prometheus.yml"))
    names = [job["job_name"] for job in here["scrape_configs"]]
    targets = [job["static_configs"][0]["targets"] for job in here["scrape_configs"]]
    assert names == [job["job_name"] for job in native["scrape_configs"]] and here["rule_files"] == native["rule_files"]
    assert targets == [["media-service:8080"], ["sts-service:8000"], ["media-router:9998"]]
    # As observability.yml mounts them beside each other.
    for path in (FOLDER / "prometheus.yml", ROOT / "deploy" / "observability" / "alerts.yml"):
        shutil.copy(path, tmp_path)
    done = subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def compose():
    assert shutil.which("docker-compose"), "docker-compose is missing: run make setup"
    return "docker-compose"


@pytest.mark.parametrize("profile", PROFILES)
def test_docker_compose_takes_each_profile(profile, tmp_path):
    done = subprocess.run([compose(), "-f", MAIN, "--profile", profile, "config"], capture_output=True, text=True, cwd=tmp_path,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)["services"]
    assert {name for name, service in services(MAIN).items() if profile in service["profiles"]} <= set(found)


@pytest.mark.parametrize("path", FILES[1:], ids=lambda path: path.stem)
def test_docker_compose_takes_the_file_of_one_service(path, tmp_path):
    done = subprocess.run([compose(), "-f", path, "config", "-q"], capture_output=True, text=True, cwd=tmp_path, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
