"""deploy/haproxy: several speech instances behind one address, for real; each test has its own."""

import json
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
import websocket

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.balancer import CONFIG, FOLDER, Balancer, find_haproxy  # noqa: E402  (needs the path above)
from support.metrics import value  # noqa: E402
from support.processes import free_ports, wait_until  # noqa: E402
from support.stack import find_programs, http_status, http_text  # noqa: E402

KEY = "not-for-everybody"
TLS = FOLDER / "tls.cfg"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    (folder / "sts.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder / "sts.pem"


def check_config(*files, **variables):
    flags = [flag for file in files for flag in ("-f", str(file))]
    return subprocess.run([find_haproxy(), "-c", *flags], env=variables, capture_output=True, text=True)


def test_haproxy_takes_the_configuration_without_a_warning(certificate):
    for files in ((CONFIG,), (CONFIG, TLS), (FOLDER,)):
        done = check_config(*files, HAPROXY_STS_CERT=str(certificate))
        assert done.returncode == 0 and "arning" not in done.stdout + done.stderr, done.stderr


def test_a_broken_configuration_is_seen(tmp_path):
    broken = tmp_path / "haproxy.cfg"
    broken.write_text(CONFIG.read_text().replace("balance leastconn", "balance mostconn"))
    assert check_config(broken).returncode != 0


@pytest.fixture
def balance(build_dir, tmp_path):
    """Starts a balancer with three echoing instances; ended with the test."""
    open_ones = []
    program = find_programs(build_dir, ("sts-service",))["sts-service"]
    environment = {"PATH": os.environ["PATH"], "LOG_DIR": str(tmp_path / "logs"), "STS_API_KEY": KEY,
                   "STS_VOICES_FILE": str(ROOT / "config" / "voices.json")}

    def start(*arguments, **keywords):
        balancer = Balancer(program, tmp_path / "sts", environment, "--mode", "echo", *arguments, **keywords)
        open_ones.append(balancer)
        return balancer.__enter__()

    yield start
    for one in open_ones:
        one.__exit__()


class Stream:
    """A worker's side of one session, as far as it has to do with the balancer."""

    def __init__(self, url, name="", key=KEY, **options):
        self.name = name
        self.socket = websocket.create_connection(f"{url.replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket",
                                                  timeout=30, **options)
        assert self.socket.recv().startswith("0{")
        self.socket.send("40" + json.dumps({"token": key}))
        self.answer = self.socket.recv()
        if name:
            self.emit("stream:init", stream_id=name, worker_id="w", max_inflight=3, timeout_ms=8000,
                      config={"source_language": "en", "target_language": "es", "sample_rate_hz": 24000, "channels": 1,
                              "format": "pcm_s16le", "chunk_duration_ms": 1000})
            assert self.receive()[0] == "stream:ready"

    def emit(self, event, **payload):
        self.socket.send("42" + json.dumps([event, payload]))

    def receive(self):
        while True:
            text = self.socket.recv()
            if text.startswith("42"):
                return json.loads(text[2:])
            assert text in ("", "2"), text
            if not text:
                return ["closed", None]
            self.socket.send("3")

    def send_fragment(self):
        self.emit("fragment:data", **fragment(self.name))
        while self.receive()[0] != "fragment:ack":
            pass


def fragment(stream):
    return {"fragment_id": "0b7d1c52-6f3e-4a4b-9d2f-8f0f5a3c1e01", "stream_id": stream, "sequence_number": 0,
            "timestamp": 1700000000000, "audio": {"format": "pcm_s16le", "sample_rate_hz": 8000, "channels": 1,
                                                  "duration_ms": 10, "data_base64": "AAAA" * 53 + "AA=="}}


def sessions(balancer):
    return [int(value(http_text(f"{one.url}/metrics"), "sts_sessions_active")) for one in balancer.instances]


def test_streams_are_spread_and_stay(balance):
    balancer = balance()
    streams = [Stream(balancer.url, f"s{n}") for n in range(6)]
    assert sessions(balancer) == [2, 2, 2]
    for stream in streams:
        stream.send_fragment()
        assert stream.receive()[0] == "fragment:processed"
    assert sessions(balancer) == [2, 2, 2]
    for stream in streams[:2]:
        stream.socket.close()
    wait_until(lambda: sum(sessions(balancer)) == 4, 30, "two streams to be gone")
    streams += [Stream(balancer.url, f"t{n}") for n in range(2)]
    assert sessions(balancer) == [2, 2, 2], "who has the fewest gets the next"


def post(balancer, key):
    config = {"source_language": "en", "target_language": "es", "voice_profile": "default"}
    body = json.dumps({**fragment("rest"), "config": config}).encode()
    request = urllib.request.Request(f"{balancer.url}/api/v1/sts/process", body,
                                     {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_key_goes_through_and_what_is_not_for_outside_does_not(balance):
    balancer = balance()
    assert Stream(balancer.url).answer.startswith('40{"sid"')
    assert "AUTH_FAILED" in Stream(balancer.url, key="wrong").answer
    bearer = Stream(balancer.url, key="", header={"Authorization": f"Bearer {KEY}", "X-Stream-ID": "s"})
    assert bearer.answer.startswith('40{"sid"')
    bad_header = Stream(balancer.url, header={"X-Stream-ID": "no such id"})
    assert "INVALID_CONFIG" in bad_header.answer, "headers arrive"
    assert (post(balancer, KEY), post(balancer, "wrong")) == (200, 401)
    assert http_status(f"{balancer.url}/socket.io/?EIO=4&transport=polling") == 400, "the service's own answer"
    for path in ("/metrics", "/", "/v3/paths/list"):
        assert http_status(f"{balancer.url}{path}") == 404
    assert http_status(f"{balancer.url}/ready") == http_status(f"{balancer.url}/health") == 200
    names = http_text(f"http://127.0.0.1:{balancer.stats_port}/metrics")
    assert 'haproxy_server_status{proxy="sts",server="sts3",state="UP"} 1' in names


def test_tls_ends_at_the_balancer(balance, certificate):
    [port] = free_ports(1)
    balance(config=(CONFIG, TLS), settings={"HAPROXY_STS_CERT": str(certificate), "HAPROXY_STS_TLS_ADDRESS": f"127.0.0.1:{port}"})
    trust = {"ca_certs": str(certificate), "cert_reqs": ssl.CERT_REQUIRED, "check_hostname": False}
    stream = Stream(f"https://127.0.0.1:{port}", "secure", sslopt=trust)
    stream.send_fragment()
    assert stream.receive()[0] == "fragment:processed"


def test_an_instance_that_stops_is_passed_over_before_its_check_fails(balance, tmp_path):
    """Between SIGTERM and the check nobody may be turned away: its 503 is HAProxy's reason to ask the next one."""
    slow = tmp_path / "haproxy.cfg"
    slow.write_text(CONFIG.read_text().replace("inter 1s", "inter 60s"))
    balancer = balance("--echo-delay-ms", "1500", config=(slow,))
    held = [Stream(balancer.url, f"held{n}") for n in range(3)]
    for stream in held:
        stream.send_fragment()
    stopping = balancer.instances[0]
    stopping.child.send(15)
    wait_until(lambda: http_status(f"{stopping.url}/ready") == 503, 30, "the instance to stop")
    assert all(Stream(balancer.url).answer.startswith('40{"sid"') for _ in range(9))
    assert balancer.n_ready() == 3, "HAProxy has not noticed yet"
    ends = [[stream.receive() for _ in range(3)] for stream in held if stream.receive()[0] == "backpressure"]
    assert [[name for name, _ in end] for end in ends] == [["fragment:processed", "error", "closed"]]
    assert stopping.child.wait(30) == 0


def roll(balancer, tmp_path, restart, *options):
    """The exit code and what the tool said."""
    tool = balancer.roll(restart, "--settle", "0", *options, output=tmp_path / "tool.log")
    try:
        wait_until(lambda: tool.poll() is not None, 60, "the tool to end")
    finally:
        tool.kill()
        tool.wait()
    return tool.returncode, (tmp_path / "tool.log").read_text()


def status(balancer, name):
    text = http_text(f"http://127.0.0.1:{balancer.stats_port}/;csv")
    return next(line.split(",")[17] for line in text.splitlines() if line.startswith(f"sts,{name},"))


def test_a_rolling_restart_that_cannot_go_well_stops(balance, tmp_path):
    balancer = balance()
    code, said = roll(balancer, tmp_path, "exit 7")
    assert code == 1 and "`exit 7` ended with code 7" in said and "sts2" not in said
    wait_until(lambda: status(balancer, "sts1") == "UP", 30, "it to be put back")

    # As a script starts it in the background.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        tool = balancer.roll("sleep 300", output=tmp_path / "tool.log")
    finally:
        signal.signal(signal.SIGINT, before)
    wait_until(lambda: status(balancer, "sts1") == "DRAIN", 30, "it to be taken out")
    tool.terminate()
    assert tool.wait(30) == 130 and status(balancer, "sts1") == "UP", "interrupted, it puts back what it took"

    code, said = roll(balancer, tmp_path, "true", "--servers", "sts2,sts9")
    assert code == 1 and "no server sts9 in the backend; there are sts1, sts2, sts3" in said
    code, said = roll(balancer, tmp_path, "true", "--backend", "media")
    assert code == 1 and "no backend media" in said

    pid = f"{balancer.instances[0].folder}/{{server}}.pid"
    code, said = roll(balancer, tmp_path, f"kill -KILL $(cat {pid})", "--timeout", "3")
    assert code == 1 and "sts1 did not come back within 3 s" in said and "sts2" not in said.split("sts1 did not")[0]
    assert status(balancer, "sts1").startswith("DOWN") and balancer.n_ready() == 2, "out; the others serve"
    balancer.instances[0].tend()
    wait_until(lambda: status(balancer, "sts1") == "UP", 30, "it to join them by itself")
    balancer.instances[0].child.kill()
    wait_until(lambda: status(balancer, "sts1").startswith("DOWN"), 30, "HAProxy to notice")

    balancer.instances[1].child.kill()
    wait_until(lambda: status(balancer, "sts2").startswith("DOWN"), 30, "HAProxy to notice")
    code, said = roll(balancer, tmp_path, "true", "--servers", "sts3")
    assert code == 1 and "nobody would be left while sts3 restarts" in said
    balancer.instances[2].child.kill()
    wait_until(lambda: http_status(f"{balancer.url}/ready") == 503, 30, "nobody to be ready")


def test_a_runtime_socket_that_is_not_there_is_named(tmp_path):
    done = subprocess.run([FOLDER / "rolling_restart.py", "--restart", "true", "--socket", tmp_path / "none.sock"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "none.sock: No such file or directory: is HAProxy running" in done.stderr
