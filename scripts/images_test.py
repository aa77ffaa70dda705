"""The Dockerfiles' rules, the scripts in them, and what `make images` refuses; all without a container engine."""
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import engine                                                                                        # noqa: E402
import images                                                                                        # noqa: E402

FOLDER = ROOT / "deploy" / "images"
DOCKERFILES = sorted(FOLDER.glob("*.Dockerfile"))
LABELS = ("title", "description", "version", "revision", "created")


def instructions(path):
    """(INSTRUCTION, rest) with continued lines joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", path.read_text(encoding="utf-8"))
    return [tuple(line.split(None, 1)) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def stages(path):
    """{name: its instructions}."""
    found, current = {}, None
    for word, rest in instructions(path):
        if word == "FROM":
            current = rest.split(" AS ")[1]
            found[current] = []
        if current:
            found[current].append((word, rest))
    return found


def shipped():
    """(image, its stage's instructions)."""
    for name, (dockerfile, stage, _, _) in images.IMAGES.items():
        yield name, stages(FOLDER / f"{dockerfile}.Dockerfile")[stage]


def last(stage, word):
    return [rest for instruction, rest in stage if instruction == word][-1]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_bases_are_pinned(path):
    base = [rest for word, rest in instructions(path) if word == "ARG"][0]
    assert re.fullmatch(r"BASE=debian:[a-z]+-20\d{6}-slim", base)
    known = {"${BASE}"}
    for word, rest in instructions(path):
        if word == "FROM":
            source, name = rest.split(" AS ")
            assert source in known, f"{source} is neither the pinned base nor a stage"
            known.add(name)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_nothing_is_fetched_but_packages_and_no_secret_is_asked_for(path):
    for word, rest in instructions(path):
        assert word != "ADD"
        assert not re.search(r"\b(curl|wget|git clone|pip|npm)\b|https?://", rest), rest
        if word in ("ARG", "ENV"):
            assert not re.search(r"KEY|SECRET|TOKEN|PASSWORD|_PASS\b", rest, re.IGNORECASE), rest


@pytest.mark.parametrize("name,stage", list(shipped()), ids=lambda value: value if isinstance(value, str) else "")
def test_images_run_as_a_user_are_watched_and_labelled(name, stage):
    assert last(stage, "USER") == "10001:10001"
    assert stage.index(("USER", "10001:10001")) > max(i for i, (word, _) in enumerate(stage) if word in ("RUN", "COPY"))
    label = last(stage, "LABEL")
    assert all(f'org.opencontainers.image.{key}="' in label for key in LABELS)
    assert f'org.opencontainers.image.title="{name}"' in label
    if name != "sts-gpu":  # which is sts-service with more
        assert f'"{name}"]' in last(stage, "HEALTHCHECK")
        assert last(stage, "ENTRYPOINT") == '["/usr/bin/tini", "--"]'
    text = " ".join(rest for _, rest in stage)
    assert "--to-build" not in text and not re.search(r"\b(gcc|meson|ninja|pkg-config)\b", text)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_what_is_copied_is_there_and_in_the_context(path):
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored and "**/.env*" in ignored
    for word, rest in instructions(path):
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source == "." or f"!{source.split('/')[0]}" in ignored or f"!{'/'.join(source.split('/')[:2])}" in ignored


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.stem)
def test_the_version_is_ours(path):
    assert {rest for word, rest in instructions(path) if word == "ARG" and rest.startswith("VERSION=")} == \
        {f"VERSION={images.version()}"}


def test_the_names_of_all_bases_are_found():
    assert [suite for _, suite in engine.bases_named()] == ["bookworm", "forky"]


# -- what make images refuses

def refusal(*arguments, **surroundings):
    done = subprocess.run([sys.executable, ROOT / "scripts" / "images.py", *arguments], capture_output=True, text=True,
                          env={**os.environ, **surroundings}, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    return done.stderr


def test_another_platform_is_refused():
    assert "linux/riscv64 cannot be built; allowed: linux/amd64, linux/arm64" in refusal("--platforms", "linux/riscv64")


def test_an_image_that_there_is_not_is_refused():
    assert "there is no image router; there are media-router, media-service" in refusal("--only", "router")


def test_no_client_is_said(tmp_path):
    assert "there is no program docker" in refusal(PATH=str(tmp_path), ENGINE_DIR=str(tmp_path))


def test_no_engine_is_said(tmp_path):
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    client.chmod(0o755)
    said = refusal(PATH=f"{tmp_path}:/usr/bin:/bin", ENGINE_DIR=str(tmp_path))
    assert "no container engine answers (Cannot connect to the Docker daemon): start it" in said


def test_a_full_disk_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(images, "run", lambda _: subprocess.CompletedProcess([], 0, stdout=f"{tmp_path}\n"))
    with pytest.raises(engine.Refused, match=r"MB free, the images need \d+ MB"):
        images.check_space(needed=1 << 62)


def test_a_machine_that_cannot_run_the_other_architecture_says_so(monkeypatch):
    other = "arm64" if engine.machine() == "amd64" else "amd64"
    monkeypatch.setattr(engine, "can_run", lambda _: False)
    with pytest.raises(engine.Refused, match=f"cannot run programs for {other}: install qemu-user-static"):
        images.check_foreign(other)
    images.check_foreign(engine.machine())


def test_a_base_image_that_cannot_be_had_is_named(monkeypatch):
    monkeypatch.setattr(images, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", "no way to it\n"))
    with pytest.raises(engine.Refused, match=r"debian:bookworm-\d+-slim cannot be fetched \(no way to it\).*engine.py bases"):
        images.base_of("media-router", engine.machine())


@pytest.mark.parametrize("release,plugin,has", [("20.10.24+dfsg1", 1, True), ("28.2.2", 1, False), ("28.2.2", 0, True)])
def test_buildkit_is_in_old_clients_and_a_plugin_of_new_ones(tmp_path, release, plugin, has):
    client = tmp_path / "docker"
    client.write_text(f'#!/bin/sh\n[ "$1" = buildx ] && exit {plugin}\necho "Docker version {release}, build 1"\n')
    client.chmod(0o755)
    assert images.has_buildkit(str(client)) is has


def test_another_architecture_is_not_built_without_buildkit(monkeypatch):
    other = "arm64" if engine.machine() == "amd64" else "amd64"
    monkeypatch.setattr(images, "has_buildkit", lambda _: False)
    with pytest.raises(engine.Refused, match=f"building for {other} needs BuildKit"):
        images.builder(other)
    assert images.builder(engine.machine()) == ("docker", {})


def test_a_build_that_fills_the_disk_is_explained(tmp_path):
    log = tmp_path / "log"
    log.write_text("Step 3\nwrite /var/lib/x: no space left on device\nmore\n")
    assert images.why(log).startswith("the disk is full")


def test_tags_are_those_of_the_compose_files(monkeypatch):
    monkeypatch.delenv("IMAGE_PREFIX", raising=False)
    monkeypatch.delenv("IMAGE_TAG", raising=False)
    for name in images.IMAGES:
        prefix, _, tag = images.tag_of(name, engine.machine()).partition(":")
        wanted = f"${{IMAGE_PREFIX:-live-dubbing}}/{prefix.split('/')[1]}:${{IMAGE_TAG:-{images.version()}}}" \
                 f"{tag.removeprefix(images.version())}\n"
        assert any(wanted in path.read_text(encoding="utf-8") for path in (ROOT / "deploy/compose").glob("*.yml")), wanted


# -- the scripts in the images

@pytest.fixture
def fake_apt(tmp_path):
    """apt that has some packages; what is installed is written down."""
    for name, script in {
            "apt-get": 'case "$*" in *install*) shift 5; echo "$@" >"$INSTALLED" ;; esac',
            "apt-cache": 'case "$2" in libnew2|gcc|libx-dev|tool|python3-pytest) echo "  Candidate: 1.0" ;; libold1) echo "  Candidate: (none)" ;; esac',
            "rm": "true"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    def install(listed, *flags):
        (tmp_path / "list.txt").write_text(listed)
        done = subprocess.run(["sh", FOLDER / "install-packages.sh", *flags, tmp_path / "list.txt"], capture_output=True,
                              text=True, check=False,
                              env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "INSTALLED": str(tmp_path / "out")})
        installed = (tmp_path / "out").read_text().split() if (tmp_path / "out").exists() else []
        return done, installed
    return install


def test_the_name_that_the_release_has_is_installed(fake_apt):
    done, installed = fake_apt("# a comment\nlibold1 | libnew2  # why\n\ntool\n")
    assert done.returncode == 0 and installed == ["libnew2", "tool"]


def test_only_what_compiles_is_installed_to_build(fake_apt):
    done, installed = fake_apt("gcc\nlibx-dev\ntool # a peer of the tests\n", "--to-build")
    assert done.returncode == 0 and installed == ["gcc", "libx-dev"]


def test_a_package_that_the_release_has_not_is_named(fake_apt):
    done, installed = fake_apt("libold1 | libolder0\n")
    assert done.returncode == 1 and not installed
    assert "has no libold1|libolder0: add its name here to the list" in done.stderr


def test_the_list_of_contents_is_what_dpkg_lists(tmp_path):
    out = tmp_path / "sbom.json"
    subprocess.run(["sh", FOLDER / "sbom.sh", "an-image", "1.2.3", "2026-01-02T03:04:05Z", out], check=True)
    sbom = json.loads(out.read_text())
    listed = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package} ${Version}\n"], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    wanted = sorted(tuple(line.split()[1:]) for line in listed if line[1] == "i")
    packages = sbom["packages"]
    assert sorted((p["name"], p["versionInfo"]) for p in packages if p["SPDXID"] != "SPDXRef-live-dubbing") == wanted
    assert packages[-1]["name"] == "live-dubbing" and packages[-1]["versionInfo"] == "1.2.3"
    ids = [package["SPDXID"] for package in packages]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids)
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["creationInfo"]["created"] == "2026-01-02T03:04:05Z"


class Answer(http.server.BaseHTTPRequestHandler):
    status = 200
    asked = None

    def do_GET(self):
        type(self).asked = self.path
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def health():
    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port

    def check(program, status):
        Answer.status = status
        done = subprocess.run(["bash", FOLDER / "health.sh", program], capture_output=True, text=True, check=False, env={
            "PATH": os.environ["PATH"], "ORCH_HTTP_ADDR": f"0.0.0.0:{port}", "ROUTER_METRICS_ADDRESS": f"[::]:{port}",
            "STS_ADDR": "127.0.0.1", "STS_PORT": str(port)})
        return done.returncode, Answer.asked, done.stderr
    yield check
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("program,path", [("media-service", "/health"), ("media-router", "/metrics"), ("sts-service", "/ready")])
def test_health_is_what_the_program_answers(health, program, path):
    assert health(program, 200)[:2] == (0, path)
    code, _, said = health(program, 503)
    assert code == 1 and f"{path} answered 'HTTP/1.0 503" in said


def test_a_router_that_asks_for_a_password_is_alive(health):
    assert health("media-router", 401)[0] == 0
    assert health("media-service", 401)[0] == 1


def test_nobody_there_is_not_healthy():
    done = subprocess.run(["bash", FOLDER / "health.sh", "media-service"], capture_output=True, check=False,
                          env={"PATH": os.environ["PATH"], "ORCH_HTTP_ADDR": "127.0.0.1:1"})
    assert done.returncode == 1


def test_the_service_with_tls_is_asked_by_tls(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for status, code in ((200, 0), (503, 1)):
        Answer.status = status
        done = subprocess.run(["bash", FOLDER / "health.sh", "sts-service"], capture_output=True, text=True, check=False, env={
            "PATH": os.environ["PATH"], "STS_ADDR": "127.0.0.1", "STS_PORT": str(server.server_port), "STS_TLS_CERT": str(certificate)})
        assert done.returncode == code, done.stderr
    server.shutdown()
    server.server_close()


def test_shell_scripts_are_clean():
    if not shutil.which("shellcheck"):
        pytest.fail("shellcheck is missing: make setup")
    subprocess.run(["shellcheck", *FOLDER.glob("*.sh")], check=True)
