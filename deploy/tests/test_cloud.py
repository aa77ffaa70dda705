"""deploy/ec2 and deploy/gpu for real: cloud-init with our user-data in a Debian 12, then streams, firewall, upgrade, rollback.

Run by make test-deploy: needs root and Debian's archive, and takes some minutes. The machines have no network but their
own; a release is read from a folder that is bound into them.
"""
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

import containers
import deb_packages
from deb_packages import NEWER
from live import Publisher, wait_dubbed
from machine import ROOT, Machine

pytestmark = pytest.mark.slow

PASSWORD = "fog,horn:lamp-post"
KEY = "0123456789abcdef0123456789abcdef"
SEED = "/var/lib/cloud/seed/nocloud-net"
# As another host on the network sees the machine.
OUTSIDE = """set -e
ip netns add outside
ip link add inside0 type veth peer name outside0 netns outside
ip addr add 10.77.0.1/24 dev inside0 && ip link set inside0 up
ip -n outside addr add 10.77.0.2/24 dev outside0
ip -n outside addr add 10.77.0.3/24 dev outside0
ip -n outside addr add 169.254.169.254/32 dev outside0
ip -n outside link set outside0 up && ip -n outside link set lo up
ip route add 169.254.169.254/32 dev inside0
"""

# A release with images of its own that do the same.
NEWER_IMAGES = """set -e
mkdir -p /root/newer/compose && cd /root/newer
tar -xzf /srv/packages/compose.tar.gz -C compose && sed -i s/=0.1.0/=99.0/ compose/images.env && tar -czf compose.tar.gz -C compose . && rm -r compose
for name in media-service media-router; do
    container=$(docker create live-dubbing/$name:0.1.0)
    docker commit --change 'LABEL newer=yes' $container live-dubbing/$name:99.0
    docker rm $container
    docker save live-dubbing/$name:99.0 | gzip -1 >${name}_$(dpkg --print-architecture).image.tar.gz
done
sha256sum *.tar.gz >SHA256SUMS
"""


@pytest.fixture(scope="session")
def broken(packages, tmp_path_factory):
    """A release whose media-service ends at once."""
    return deb_packages.with_version(packages, tmp_path_factory.mktemp("broken") / "deb", "98.0", replace={"usr/bin/media-service": "/bin/false"})


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A release of images: RELEASE_DIR, or made of those that make images builds."""
    if os.environ.get("RELEASE_DIR"):
        return pathlib.Path(os.environ["RELEASE_DIR"]).resolve()
    containers.prepare()
    folder = tmp_path_factory.mktemp("release")
    subprocess.run([ROOT / "scripts/release.sh"], check=True, env={**os.environ, "RELEASE_OUT": str(folder), "RELEASE_METHODS": "containers"})
    return folder


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", folder / "cert.pem", "-keyout", folder / "key.pem"],
                   check=True, capture_output=True)


def render(folder, **inputs):
    """User-data as a user makes it, from an input file."""
    path = folder / "inputs.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in inputs.items()))
    done = subprocess.run([ROOT / "scripts/user_data.py", "render", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def seeded(user_data):
    """The files by which cloud-init finds its user-data in a machine without a provider."""
    return {f"{SEED}/user-data": user_data, f"{SEED}/meta-data": "instance-id: one\n",
            "/etc/cloud/cloud.cfg.d/99-test.cfg": "datasource_list: [NoCloud]\nnetwork: {config: disabled}\nlocale: C.UTF-8\n"}


def cloud_init(machine, seconds=180):
    """What cloud-init says at its end."""
    machine.wait_for("test -e /run/cloud-init/result.json", "cloud-init to end", seconds)
    said = json.loads(machine.out("cloud-init status --format json --wait || true"))
    return said["status"], machine.out("cat /var/log/cloud-init-output.log")


def media_inputs(packages, **more):
    return {"ROLE": "media", "RELEASE_URL": "file:///srv/packages", "RELEASE_SHA256": sha256(packages / "SHA256SUMS"),
            "WORKER_STS_SERVICE_URL": "http://127.0.0.1:8000", "PUBLISHER_PASSWORD": PASSWORD, "STREAM_NETWORKS": "10.77.0.0/24",
            "ADMIN_NETWORKS": "10.77.0.3/32", "ORCH_API_KEY": KEY, "READY_SECONDS": "30", **more}


def publish_url(password=PASSWORD):
    return f"rtmp://127.0.0.1:1935/live/demo/in?lang=es&user=publisher&pass={password}"


def test_the_streaming_side_comes_up_by_itself_and_is_upgraded_and_rolled_back(packages, newer, broken, clip, tmp_path):
    files = seeded(render(tmp_path, **media_inputs(packages)))
    binds = {"/srv/packages": packages, "/srv/newer": newer, "/srv/broken": broken}
    with Machine(tmp_path / "machine", binds, files) as machine:
        status, log = cloud_init(machine)
        assert status == "done", log
        # The speech service, elsewhere in real life.
        machine.sh("apt-get install -qy --no-install-recommends /srv/packages/live-dubbing-sts_*.deb")
        check_firewall(machine)
        check_streams(machine, newer, broken, clip, tmp_path)


def check_firewall(machine):
    machine.sh(OUTSIDE)
    machine.sh("systemd-run --unit metadata ip netns exec outside python3 -m http.server --bind 169.254.169.254 80")
    machine.wait_for("ip netns exec outside ss -ltn | grep -q 169.254.169.254:80", "the metadata service")

    def reaches(port, source="10.77.0.2"):
        script = f"ip netns exec outside python3 -c 'import socket; socket.create_connection((\"10.77.0.1\", {port}), 2, (\"{source}\", 0))'"
        return machine.sh(script, check=False).returncode == 0

    assert reaches(1935) and reaches(8554), "viewers and publishers come in"
    machine.sh("systemd-run --unit ssh-stand-in python3 -m http.server --bind 0.0.0.0 22")
    machine.sh("systemd-run --unit anything python3 -m http.server --bind 0.0.0.0 7000")
    machine.wait_for("ss -ltn | grep -q :22 && ss -ltn | grep -q :7000", "the listeners")
    assert reaches(8080, "10.77.0.3") and reaches(22, "10.77.0.3"), "administrators come in"
    assert not reaches(8080) and not reaches(22) and not reaches(7000, "10.77.0.3"), "nothing else does"
    fetch = "curl -fsS -m 5 -o /dev/null http://169.254.169.254/"
    machine.sh(fetch)
    assert machine.sh(f"setpriv --reuid nobody --clear-groups {fetch}", check=False).returncode == 7, "the metadata is for root alone"


def check_streams(machine, newer, broken, clip, folder):
    def version():
        return machine.out("dpkg-query -W -f '${Version}' live-dubbing-media")
    first_version = version()
    refused = Publisher(machine, clip, folder / "refused", publish_url("wrong"))
    with refused:
        assert refused.child.wait(30) != 0, "a wrong password lets nobody in"
    # Back to back with the machine's own address, as outsiders do; loopback may not publish either.
    with Publisher(machine, clip, folder / "accepted", publish_url()):
        worker = wait_dubbed(machine)["workerPid"]
        said = machine.sh(f"live-dubbing-deploy upgrade file:///srv/newer {sha256(newer / 'SHA256SUMS')}").stdout
        assert "upgraded to" in said and version() == NEWER
        # The router was replaced too: its publisher has to come back, as encoders do.
    with Publisher(machine, clip, folder / "again", publish_url()):
        found = wait_dubbed(machine)
        assert found["restarts"] == 0, (worker, found)
        done = machine.sh(f"live-dubbing-deploy upgrade file:///srv/broken {sha256(broken / 'SHA256SUMS')}", check=False)
        assert done.returncode == 1 and "the upgrade was taken back" in done.stderr, done
        assert version() == NEWER
    with Publisher(machine, clip, folder / "third", publish_url()):
        wait_dubbed(machine)
        done = machine.sh("live-dubbing-deploy upgrade file:///srv/newer " + "ab" * 32, check=False)
        assert done.returncode == 1 and "is not the one with the SHA-256" in done.stderr
        machine.sh("live-dubbing-deploy rollback")
        assert version() == first_version
    with Publisher(machine, clip, folder / "fourth", publish_url()):
        wait_dubbed(machine)
    assert "ready" in machine.sh("live-dubbing-deploy status").stdout
    assert KEY not in machine.out("journalctl -b --no-pager -o cat; cat /var/log/cloud-init*.log /var/log/live-dubbing-*/*.log"), "no secret in a log"


def test_the_speech_side_keeps_models_on_its_volume_and_asks_for_its_key(packages, tmp_path):
    certificate(tmp_path)
    (tmp_path / "models" / "some-model").mkdir(parents=True)
    (tmp_path / "models" / "some-model" / "weights").write_bytes(b"0123")
    (tmp_path / "models" / "some-model" / "weights").chmod(0o600)
    srv = tmp_path / "srv"
    srv.mkdir()
    subprocess.run(["tar", "-cf", srv / "models.tar", "-C", tmp_path / "models", "."], check=True)
    inputs = {"ROLE": "speech", "RELEASE_URL": "file:///srv/packages", "RELEASE_SHA256": sha256(packages / "SHA256SUMS"),
              "STS_API_KEY": KEY, "STS_DEVICE": "cpu", "CLIENT_NETWORKS": "10.77.0.0/24", "ADMIN_NETWORKS": "10.77.0.3/32",
              "TLS_CERT_FILE": "cert.pem", "TLS_KEY_FILE": "key.pem", "MODELS_URL": "file:///srv/models/models.tar",
              "MODELS_SHA256": sha256(srv / "models.tar"), "STATE_DEVICE": "/dev/volume"}
    with Volume(tmp_path) as device:
        options = (f"--bind={device}:/dev/volume",)
        with Machine(tmp_path / "machine", {"/srv/packages": packages, "/srv/models": srv}, seeded(render(tmp_path, **inputs)), options) as machine:
            status, log = cloud_init(machine)
            assert status == "done", log
            machine.sh("curl -fsSk https://127.0.0.1:8000/ready")
            assert machine.out("findmnt -n -o FSTYPE,OPTIONS /var/lib/live-dubbing-sts").split() == ["ext4", "rw,nosuid,nodev,relatime"]
            weights = "/var/lib/live-dubbing-sts/models/some-model/weights"
            assert machine.out(f"setpriv --reuid live-dubbing-sts --regid live-dubbing-sts --clear-groups cat {weights}") == "0123"
            assert machine.out("stat -c '%U %G %a' /etc/live-dubbing/tls/key.pem") == "root live-dubbing-sts 640"
            post = "curl -sk -o /dev/null -w %{http_code} -X POST -d '{}' https://127.0.0.1:8000/api/v1/sts/process"
            assert machine.out(post) == "401"
            assert machine.out(post + f" -H 'Authorization: Bearer {KEY}'") == "400"
        # Another host, the same volume: nothing is fetched again, nothing on it is lost.
        del inputs["MODELS_URL"], inputs["MODELS_SHA256"]
        with Machine(tmp_path / "second", {"/srv/packages": packages}, seeded(render(tmp_path, **inputs)), options) as machine:
            status, log = cloud_init(machine)
            assert status == "done", log
            assert machine.out("cat /var/lib/live-dubbing-sts/models/some-model/weights") == "0123"


class Volume:
    """A block device of this machine, empty."""

    def __init__(self, folder):
        self.image = folder / "volume.img"
        self.device = ""

    def __enter__(self):
        with open(self.image, "wb") as image:
            image.truncate(64 << 20)
        self.device = subprocess.run(["losetup", "--find", "--show", self.image], check=True, capture_output=True, text=True).stdout.strip()
        return self.device

    def __exit__(self, *_exception):
        subprocess.run(["losetup", "--detach", self.device], check=True)


@pytest.mark.parametrize("change,said", [
    ({"RELEASE_SHA256": "ab" * 32}, "is not the one with the SHA-256"),
    ({"RELEASE_URL": "file:///srv/nowhere"}, "cannot fetch file:///srv/nowhere/SHA256SUMS"),
    ({"STATE_DEVICE": "/dev/nvme9n1"}, "there is no block device /dev/nvme9n1"),
    ({"ORCH_GRACE_PERIOD": "soon"}, "ORCH_GRACE_PERIOD"),
])
def test_what_is_wrong_is_said_in_cloud_inits_log(packages, tmp_path, change, said):
    files = seeded(render(tmp_path, **media_inputs(packages, READY_SECONDS="10", **change)))
    with Machine(tmp_path / "machine", {"/srv/packages": packages}, files) as machine:
        status, log = cloud_init(machine)
        assert status == "error" and said in log, log


def test_a_full_disk_and_a_second_deployment_at_once_are_said(packages, tmp_path):
    with Machine(tmp_path / "machine", {"/srv/packages": packages}, seeded(render(tmp_path, **media_inputs(packages)))) as machine:
        status, log = cloud_init(machine)
        assert status == "done", log
        upgrade = "live-dubbing-deploy upgrade file:///srv/packages " + "ab" * 32
        machine.sh("mount -t tmpfs -o size=8M none /var/lib/live-dubbing-deploy && ln -s /nowhere /var/lib/live-dubbing-deploy/current")
        done = machine.sh(upgrade, check=False)
        assert done.returncode == 1 and "MB free, a release needs up to 300" in done.stderr, done
        machine.sh("systemd-run --unit other flock /var/lib/live-dubbing-deploy/lock sleep infinity")
        machine.wait_for("! flock -n /var/lib/live-dubbing-deploy/lock true", "the lock to be held")
        done = machine.sh(upgrade, check=False)
        assert done.returncode == 1 and "another live-dubbing-deploy is at work" in done.stderr, done


def test_a_host_without_a_gpu_says_so(packages, tmp_path):
    inputs = {"ROLE": "speech", "METHOD": "containers", "RELEASE_URL": "file:///srv/packages", "STS_DEVICE": "cuda", "PLAIN_HTTP": "yes",
              "RELEASE_SHA256": sha256(packages / "SHA256SUMS"), "STS_API_KEY": KEY, "CLIENT_NETWORKS": "10.0.0.0/8",
              "ADMIN_NETWORKS": "10.0.0.0/8", "STATE_DEVICE": "/dev/nvme9n1"}
    with Machine(tmp_path / "machine", {"/srv/packages": packages}, seeded(render(tmp_path, **inputs))) as machine:
        status, log = cloud_init(machine)
        assert status == "error" and "this host has no NVIDIA GPU" in log, log


ENGINE = ("docker.io", "docker-compose", "iptables")


def engine_options(folder):
    """An engine within needs the rights of a whole machine, and a file system that can be the lower one of an overlay."""
    (folder / "docker").mkdir()
    return "--capability=all", "--system-call-filter=@keyring bpf", f"--bind={folder / 'docker'}:/var/lib/docker"


def test_the_speech_side_comes_up_in_containers(images, tmp_path):
    certificate(tmp_path)
    inputs = {"ROLE": "speech", "METHOD": "containers", "RELEASE_URL": "file:///srv/packages", "STS_DEVICE": "cpu", "STS_API_KEY": KEY,
              "RELEASE_SHA256": sha256(images / "SHA256SUMS"), "CLIENT_NETWORKS": "10.77.0.0/24", "ADMIN_NETWORKS": "10.77.0.3/32",
              "TLS_CERT_FILE": "cert.pem", "TLS_KEY_FILE": "key.pem"}
    files = seeded(render(tmp_path, **inputs))
    with Machine(tmp_path / "machine", {"/srv/packages": images}, files, engine_options(tmp_path), ENGINE) as machine:
        status, log = cloud_init(machine, 600)
        assert status == "done", log
        post = "curl -sk -o /dev/null -w %{http_code} -X POST -d '{}' https://127.0.0.1:8000/api/v1/sts/process"
        assert machine.out(post) == "401"
        assert machine.out(post + f" -H 'Authorization: Bearer {KEY}'") == "400"
        assert machine.out("docker exec live-dubbing_sts-service_1 sh -c 'touch /var/lib/dubbing/models/kept'; "
                           "ls /var/lib/live-dubbing-sts/models") == "kept", "models are on the host"


def test_the_streaming_side_comes_up_in_containers(packages, images, clip, tmp_path):
    """An engine from Debian's packages, our images, Compose; the speech service is another host's, at 10.88.0.1."""
    inputs = media_inputs(images, METHOD="containers", WORKER_STS_SERVICE_URL="http://10.88.0.1:8000", READY_SECONDS="240")
    binds = {"/srv/packages": images, "/srv/debs": packages}
    with Machine(tmp_path / "machine", binds, seeded(render(tmp_path, **inputs)), engine_options(tmp_path), ENGINE) as machine:
        status, log = cloud_init(machine, 600)
        assert status == "done", log
        check_firewall(machine)
        machine.sh("ip addr add 10.88.0.1/32 dev lo")
        machine.sh("apt-get install -qy --no-install-recommends /srv/debs/live-dubbing-sts_*.deb && "
                   "echo STS_ADDR=0.0.0.0 >>/etc/live-dubbing/sts.env && systemctl restart live-dubbing-sts")
        with Publisher(machine, clip, tmp_path / "publisher", publish_url()):
            wait_dubbed(machine)
        assert machine.out("stat -c '%a' /etc/live-dubbing/stack.env") == "600"
        router = "docker exec live-dubbing_media-router_1 timeout 5 bash -c"
        machine.sh(f"{router} 'exec 3<>/dev/tcp/10.88.0.1/8000'")
        assert machine.sh(f"{router} 'exec 3<>/dev/tcp/169.254.169.254/80'", check=False).returncode != 0, "no metadata for containers"
        machine.sh(NEWER_IMAGES)
        running = "docker ps --format '{{.Image}}' | sort"
        machine.sh("live-dubbing-deploy upgrade file:///root/newer $(sha256sum </root/newer/SHA256SUMS | cut -d' ' -f1)")
        assert machine.out(running).split() == ["live-dubbing/media-router:99.0", "live-dubbing/media-service:99.0"]
        assert "0.1.0" not in machine.out("docker images"), "images of other releases do not pile up"
        machine.sh("live-dubbing-deploy rollback")
        assert machine.out(running).split() == ["live-dubbing/media-router:0.1.0", "live-dubbing/media-service:0.1.0"]
        assert "ready" in machine.sh("live-dubbing-deploy status").stdout
