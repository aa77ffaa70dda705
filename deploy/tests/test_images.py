"""The images: built from the Dockerfiles by `make images`, looked into, and run as they are meant to be.

Run by make test-deploy: needs root where no container engine runs, and takes some minutes where nothing is built yet.
"""
import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request
import uuid
import wave

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import engine                                                                                        # noqa: E402
import images                                                                                        # noqa: E402
from support.processes import wait_until                                                             # noqa: E402
from support.sample import SENTENCES, Recipe, make_sample                                            # noqa: E402

pytestmark = pytest.mark.slow

RESULTS = ROOT / ".local" / "deploy" / "images.json"
PROGRAMS = {"media-router": ["media-router", "mtx-hook"],
            "media-service": ["media-service", "media-worker", "egress-forwarder", "mtx-hook"],
            "sts-service": ["sts-service", "sts-espeak"], "sts-gpu": ["sts-service", "sts-espeak"]}
# In MB; an image that grows beyond it has something in it that it need not have.
LIMITS = {"media-router": 150, "media-service": 450, "sts-service": 480, "sts-gpu": 560}
# As the Compose files run them.
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
BUILD_TOOLS = "gcc cc g++ clang ld as make meson ninja pkg-config git curl wget python3-config"
OTHER = "arm64" if engine.machine() == "amd64" else "amd64"


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"docker {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
    return done


def make_images(*arguments):
    return subprocess.run(["make", "--no-print-directory", "images", *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=False)


@pytest.fixture(scope="session")
def built():
    """What `make images` printed; TEST_IMAGES=present: of the images that are there, nothing is built."""
    engine.up()
    assert engine.use()
    engine.make_bases([engine.machine()])
    if os.environ.get("TEST_IMAGES") == "present":
        done = engine.run([sys.executable, ROOT / "scripts/images.py", "--report"])
    else:
        done = make_images()
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return done.stdout


@pytest.fixture(params=images.IMAGES)
def image(request, built):
    return request.param


@pytest.fixture
def start():
    """Starts a container of an image, hardened; removed with its volumes at the end."""
    started = []

    def run(name, *command, options=(), architecture=None):
        started.append(f"dub-test-{uuid.uuid4().hex[:8]}")
        docker("run", "--detach", "--name", started[-1], *HARDENED, *options,
               images.tag_of(name, architecture or engine.machine()), *command)
        return started[-1]
    yield run
    for container in started:
        docker("rm", "--force", "--volumes", container, check=False)


def inside(name, script, *options):
    """What a shell in the image says."""
    return docker("run", "--rm", *HARDENED, *options, images.tag_of(name, engine.machine()), "sh", "-c", script).stdout


def health(container):
    return json.loads(docker("inspect", "--format", "{{json .State.Health}}", container).stdout)


def wait_healthy(container, timeout=120):
    def healthy():
        state = json.loads(docker("inspect", "--format", "{{json .State}}", container).stdout)
        assert state["Running"], docker("logs", container, check=False).stderr
        return state["Health"]["Status"] == "healthy"
    wait_until(healthy, timeout, f"{container} to be healthy")


def address(container):
    return docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", container).stdout.strip()


def config(name):
    return json.loads(docker("image", "inspect", images.tag_of(name, engine.machine())).stdout)[0]


# -- what is in them

def test_make_images_prints_sizes(built, record_property):
    sizes = {}
    for name in images.IMAGES:
        tag = images.tag_of(name, engine.machine())
        hit = re.search(rf"^{re.escape(tag)}\s+{engine.machine()}\s+(\d+) MB\s+(\d+) packages\s+(\S+)$", built, re.MULTILINE)
        assert hit, built
        sizes[name] = int(hit[1])
        assert abs(int(hit[1]) - config(name)["Size"] / 1e6) <= 1
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"sizes_mb": sizes}) + "\n")
    record_property("sizes_mb", sizes)
    assert all(sizes[name] <= limit for name, limit in LIMITS.items()), sizes


def test_configuration(image):
    found = config(image)["Config"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in found["Labels"].items()}
    assert found["User"] == "10001:10001" and found["Healthcheck"]["Test"]
    assert labels["title"] == image and labels["version"] == images.version() and labels["licenses"] == "GPL-3.0-or-later"
    assert re.fullmatch(r"[0-9a-f]{40}(-changed)?", labels["revision"])
    assert not re.search(r"(KEY|SECRET|TOKEN|PASSWORD)=.", "\n".join(found["Env"]))


def test_no_build_tools_and_nothing_of_apt(image):
    assert inside(image, f"for tool in {BUILD_TOOLS}; do command -v $tool; done; true") == ""
    assert inside(image, "dpkg-query -W -f '${Package}\\n' | grep -E -- '-dev$|^gcc-[0-9]+$' ; true") == ""
    assert inside(image, "find /var/lib/apt/lists /var/cache/apt -type f 2>/dev/null | grep -v /lock$; true") == ""
    assert inside(image, "ls /source /build /lists 2>/dev/null; true") == ""


def test_no_secret_and_nothing_of_the_machine_that_built_it(image):
    assert inside(image, "find / -xdev \\( -name '.env*' -o -name .git -o -name 'id_[re][sdc]*' -o -name '*.key' -o -name .netrc \\) "
                         "-not -path '/proc/*' 2>/dev/null; true") == ""
    assert inside(image, "find / -xdev -type f -name '*.pem' -not -path '/etc/ssl/certs/*' 2>/dev/null; true") == ""
    history = docker("image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", images.tag_of(image, engine.machine())).stdout
    assert not re.search(r"_proxy=|KEY=|TOKEN=|PASSWORD=", history)
    listed = inside(image, "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; true")
    hosts = set(re.findall(r"https?://([^/\s]+)", listed))
    assert hosts == {"deb.debian.org"}


def test_the_list_of_contents_is_what_dpkg_lists(image, built):
    label = config(image)["Config"]["Labels"]["dubbing.sbom"]
    text = inside(image, f"cat {label}")
    beside = images.OUT / f"{image}-{images.version()}-{engine.machine()}.spdx.json"
    assert beside.read_text() == text
    listed = inside(image, "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n'").splitlines()
    wanted = {tuple(line.split()[1:]) for line in listed if line.startswith("ii")}
    ours = [p for p in json.loads(text)["packages"] if p["SPDXID"] == "SPDXRef-live-dubbing"]
    assert {(p["name"], p["versionInfo"]) for p in json.loads(text)["packages"] if p not in ours} == wanted
    assert [p["versionInfo"] for p in ours] == [images.version()]


def test_programs_run_and_name_their_version(image):
    for program in PROGRAMS[image]:
        if program in ("mtx-hook", "sts-espeak"):
            assert inside(image, f"command -v {program}").strip() == f"/usr/local/bin/{program}"
        else:
            assert inside(image, f"{program} --version").strip() == f"{program} {images.version()}"


# -- how they run

def test_runs_as_a_user_on_a_read_only_root_and_is_healthy(image, start):
    container = start(image)
    wait_healthy(container)
    assert docker("exec", container, "id", "-u").stdout.strip() == "10001"
    assert docker("exec", container, "touch", "/etc/x", check=False).returncode != 0
    assert docker("exec", container, "cat", "/proc/1/comm").stdout.strip() == "tini"
    mounts = json.loads(docker("inspect", "--format", "{{json .Mounts}}", container).stdout)
    assert mounts and all(docker("exec", container, "test", "-w", mount["Destination"], check=False).returncode == 0
                          for mount in mounts)
    docker("stop", "--time", "20", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == "0"


def test_is_not_healthy_when_its_program_does_not_answer(image, start):
    command = config(image)["Config"]["Healthcheck"]["Test"][1:]
    container = start(image, "sleep", "600")
    assert docker("exec", container, *command, check=False).returncode == 1


def test_bad_variables_are_all_named_and_the_container_ends(start, built):
    container = start("media-service", options=("--env", "ORCH_GRACE_PERIOD=soon", "--env", "CAPTURE_MODE=all"))
    assert docker("wait", container).stdout.strip() == "2"
    said = docker("logs", container).stderr
    assert "ORCH_GRACE_PERIOD" in said and "CAPTURE_MODE" in said


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    folder.chmod(0o755)
    sample = make_sample(folder / "clip.mp4", Recipe(duration=8.0, width=320, height=180, sentences=SENTENCES[:1], pauses=(),
                                                     first_speech=1.0))
    subprocess.run(["ffmpeg", "-v", "error", "-i", sample.path, "-c", "copy", folder / "clip.flv"], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-i", sample.path, "-c", "copy", folder / "clip.ts"], check=True)
    return folder


@pytest.mark.parametrize("source,target", [("clip.mp4", "out.flv"), ("clip.flv", "out.ts"), ("clip.ts", "out.mp4")])
def test_the_worker_has_what_it_needs_for_files(built, start, clip, tmp_path, source, target):
    container = start("media-service", "media-worker", "--input-url", f"/clip/{source}", "--output-url", f"/out/{target}",
                      options=("--volume", f"{clip}:/clip:ro", "--env", "WORKER_STS_MODE=disabled", "--volume", "/out",
                               "--tmpfs", "/out:uid=10001", "--env", "LOG_DIR="))
    code = docker("wait", container).stdout.strip()
    assert code == "0", docker("logs", container).stderr
    assert "error" not in docker("logs", container).stderr


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "srt"])
def test_the_worker_has_what_it_needs_for_streams(built, start, scheme):
    """It says at once what is missing; here nobody is at the other end, and it goes on trying."""
    container = start("media-service", "media-worker", "--input-url", f"{scheme}://127.0.0.1:9/live/a/in", "--output-url",
                      f"{scheme}://127.0.0.1:9/live/a/out", options=("--env", "WORKER_INPUT_GRACE=1s", "--env", "LOG_DIR="))
    assert int(docker("wait", container).stdout) in range(1, 64), docker("logs", container).stderr
    said = docker("logs", container).stderr
    assert "is missing" not in said and said, said


def speech(folder):
    """A sentence as PCM of 16 kHz, and its length in ms."""
    path = folder / "speech.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", "good evening and welcome to the news at ten", "-o", path], check=True)
    with wave.open(str(path)) as sound:
        pcm = sound.readframes(sound.getnframes())
        return pcm, sound.getnframes() * 1000 // sound.getframerate()


def dubbed_by(container, folder):
    """What the service in the container makes of the sentence."""
    pcm, duration_ms = speech(folder)
    body = {"fragment_id": str(uuid.uuid4()), "stream_id": "news", "sequence_number": 0, "timeout_ms": 20000,
            "config": {"source_language": "en", "target_language": "es"},
            "audio": {"format": "pcm_s16le", "sample_rate_hz": 16000, "channels": 1, "duration_ms": duration_ms,
                      "data_base64": base64.b64encode(pcm).decode()}}
    request = urllib.request.Request(f"http://{address(container)}:8000/api/v1/sts/process", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        dubbed = json.loads(answer.read())
    assert "welcome to the news" in dubbed["transcript"]
    assert len(base64.b64decode(dubbed["dubbed_audio"]["data_base64"])) > 16000
    return dubbed


@pytest.mark.parametrize("name", ["sts-service", "sts-gpu"])
def test_speech_is_dubbed_in_the_image(built, start, tmp_path, name):
    container = start(name)
    wait_healthy(container)
    dubbed = dubbed_by(container, tmp_path)
    assert "bienvenid" in dubbed["translated_text"].lower() or "noticias" in dubbed["translated_text"].lower()


# Models in which nothing is learnt: what one hears, how another copies, the tone of a third.
MODELS = {"ggml-tiny.bin": ("whisper", "speech"), "madlad-tiny.gguf": ("llama", "madlad"), "es.onnx": ("piper", "voice")}


@pytest.mark.parametrize("name", ["sts-service", "sts-gpu"])
def test_the_neural_engines_work_in_the_image(built, start, tmp_path, name):
    tmp_path.chmod(0o755)
    for file, (engine_name, kind) in MODELS.items():
        program = ROOT / f"apps/sts-service/engines/tests/tiny_{engine_name}.py"
        subprocess.run([sys.executable, program, kind, tmp_path / file], check=True)
    wanted = {"STS_ASR_ENGINE": "whisper", "STS_TRANSLATION_ENGINE": "llama", "STS_TTS_ENGINE": "piper", "STS_TRANSLATION_MODEL": "madlad-tiny"}
    container = start(name, options=("--volume", f"{tmp_path}:/var/lib/dubbing/models:ro",
                                     *(word for pair in wanted.items() for word in ("--env", "=".join(pair)))))
    wait_healthy(container)
    assert "Palabras." in dubbed_by(container, tmp_path)["translated_text"], "what llama's model says in front of what it copies"


def test_with_tls_it_is_asked_by_tls(built, start, tmp_path):
    tmp_path.chmod(0o755)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    (tmp_path / "key").chmod(0o644)
    container = start("sts-service", "sts-service", "--mode", "echo", options=(
        "--volume", f"{tmp_path}:/tls:ro", "--env", "STS_TLS_CERT=/tls/cert", "--env", "STS_TLS_KEY=/tls/key"))
    wait_healthy(container)


# -- the other architecture

@pytest.fixture(scope="session")
def foreign(built):
    """The smallest image for the other architecture, from the same files; its compiler runs under qemu."""
    engine.emulator(OTHER)
    base = engine.FROM.search((engine.IMAGES / "router.Dockerfile").read_text(encoding="utf-8"))
    engine.make_base(base[1], base[2], OTHER)
    done = make_images(f"PLATFORMS=linux/{OTHER}", "ONLY=media-router")
    assert done.returncode == 0, done.stdout + done.stderr
    return images.tag_of("media-router", OTHER)


def test_the_other_architecture_builds_and_starts(foreign, start):
    found = json.loads(docker("image", "inspect", foreign).stdout)[0]
    assert found["Architecture"] == OTHER
    container = start("media-router", architecture=OTHER)
    wait_healthy(container, 300)
    assert docker("exec", container, "uname", "-m").stdout.strip() == {"arm64": "aarch64", "amd64": "x86_64"}[OTHER]
