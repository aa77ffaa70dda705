"""Fixtures of the router's tests with real peers: the program on free ports, and a sample made by ffmpeg."""
import shutil
import subprocess

import pytest

from router_support import Router, make_sample, packets


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A folder with server.crt and server.key for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", folder / "server.crt"],
                   check=True, capture_output=True)
    return folder


@pytest.fixture
def make_router(program, tmp_path):
    routers = []

    def make(yaml=None, env=None):
        folder = tmp_path / f"router{len(routers)}"
        folder.mkdir()
        routers.append(Router(program("media-router"), folder, yaml, env))
        return routers[-1]

    yield make
    for router in routers:
        if router.process.poll() is None:
            router.process.kill()
            router.process.wait()


@pytest.fixture
def router(make_router):
    return make_router()


@pytest.fixture
def start(tmp_path):
    """Starts a peer whose output goes to a file; what still runs at the end is killed."""
    running = []

    def run(*command):
        name = command[0]
        assert shutil.which(name), f"{name} is missing: see packages-dev.txt"
        with open(tmp_path / f"peer{len(running)}.log", "wb") as log:
            process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def publish(start):
    """ffmpeg publishes a file at twice its speed, without touching the packets."""
    def run(sample, url, *options):
        return start("ffmpeg", "-nostdin", "-v", "warning", "-readrate", "2", "-i", sample, "-c", "copy", "-f", "flv",
                     *options, url)
    return run


@pytest.fixture
def record(start):
    """ffmpeg reads until the stream ends and writes what it got as it is."""
    def run(url, target):
        return start("ffmpeg", "-nostdin", "-v", "warning", "-y", "-copyts", "-i", url, "-c", "copy", "-copyts", target)
    return run


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    return make_sample(tmp_path_factory.mktemp("sample") / "sample.flv")


@pytest.fixture(scope="session")
def video_only(tmp_path_factory):
    return make_sample(tmp_path_factory.mktemp("sample") / "video.flv", "-map", "0:v")


@pytest.fixture(scope="session")
def audio_only(tmp_path_factory):
    return make_sample(tmp_path_factory.mktemp("sample") / "audio.flv", "-map", "1:a")
