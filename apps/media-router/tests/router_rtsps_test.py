"""RTSPS with people's publishers and players."""
import subprocess
import urllib.error
import urllib.request

import pytest

from router_support import DEADLINE, packets, wait_until

PATH = "live/demo/in"
TCP = ("-rtsp_transport", "tcp")


def yaml(certificate, mode):
    return (f"rtspEncryption: {mode}\nrtspsAddress: 127.0.0.1:0\nrtspServerKey: {certificate}/server.key\n"
            f"rtspServerCert: {certificate}/server.crt\n")


@pytest.fixture
def encrypted(make_router, certificate):
    router = make_router(yaml(certificate, "optional"))
    router.secure = f"rtsps://127.0.0.1:{router.port('RTSPS')}/{PATH}"
    router.plain = f"rtsp://127.0.0.1:{router.port('RTSP')}/{PATH}"
    return router


@pytest.fixture
def publish_to(start, sample):
    return lambda url: start("ffmpeg", "-nostdin", "-v", "warning", "-readrate", "2", "-i", sample, "-c", "copy", "-f", "rtsp",
                             *TCP, url)


@pytest.fixture
def read_from(start):
    return lambda url, target: start("ffmpeg", "-nostdin", "-v", "error", *TCP, "-i", url, "-map", "0:v", "-c", "copy", "-f",
                                     "framehash", "-hash", "md5", target)


def hashes(file):
    """Of the packets; what stands behind is of their side data, such as when they came."""
    return [line.split(",")[5].strip() for line in file.read_text().splitlines() if not line.startswith("#")]


def test_ffmpeg_both_ways(encrypted, publish_to, read_from, tmp_path):
    """By either way the same pictures, and each connection stands in the lists of its kind."""
    publisher = publish_to(encrypted.secure)
    source = encrypted.wait_ready(PATH)["source"]
    assert source["type"] == "rtspsSession"
    assert encrypted.api("/v3/rtspsessions/list")["itemCount"] == 0
    session = encrypted.api("/v3/rtspssessions/get/" + source["id"])
    assert session["state"] == "publish"
    assert encrypted.api("/v3/rtspsconns/get/" + session["conns"][0])["session"] == source["id"]
    assert encrypted.api("/v3/rtspsconns/list")["itemCount"] == 1
    assert f'rtsps_sessions{{id="{source["id"]}"' in encrypted.metrics()
    readers = [read_from(encrypted.secure, tmp_path / "secure"), read_from(encrypted.plain, tmp_path / "plain")]
    wait_until("both read", lambda: len(encrypted.path(PATH)["readers"]) == 2)
    assert sorted(reader["type"] for reader in encrypted.path(PATH)["readers"]) == ["rtspSession", "rtspsSession"]
    assert publisher.wait(DEADLINE) == 0
    assert [reader.wait(DEADLINE) for reader in readers] == [0, 0]
    secure, plain = hashes(tmp_path / "secure"), hashes(tmp_path / "plain")
    assert len(secure) > 30 and secure[-30:] == plain[-30:]


def test_gstreamer_plays(encrypted, publish, start, sample, tmp_path):
    publisher = publish(sample, encrypted.url(PATH))
    encrypted.wait_ready(PATH)
    player = start("gst-launch-1.0", "rtspsrc", "protocols=tcp", f"location={encrypted.secure}", "name=s", "latency=0",
                   "tls-validation-flags=0", "matroskamux", "name=m", "!", "filesink", f"location={tmp_path / 'seen.mkv'}",
                   "s.", "!", "rtph264depay", "!", "h264parse", "!", "h264timestamper", "!", "h264parse", "!", "queue", "!",
                   "m.", "s.", "!", "rtpmp4gdepay", "!", "aacparse", "!", "queue", "!", "m.")
    wait_until("the player", lambda: encrypted.path(PATH)["readers"])
    assert publisher.wait(DEADLINE) == 0
    # Its exit status says nothing: while it shuts down it may interrupt itself amid our answer to PAUSE, and complain of the rest.
    player.wait(DEADLINE)
    assert "Got EOS from element" in (tmp_path / "peer1.log").read_text()
    sent, got = [h for _, h in packets(sample, "a")], [h for _, h in packets(tmp_path / "seen.mkv", "a")]
    assert len(got) > 50 and got == sent[sent.index(got[0]):][:len(got)]


def test_kick(encrypted, publish_to):
    """By the list that the session stands in, and by no other."""
    publisher = publish_to(encrypted.secure)
    session = encrypted.wait_ready(PATH)["source"]["id"]

    def kick(kind):
        url = f"http://127.0.0.1:{encrypted.ports['api']}/v3/{kind}/kick/{session}"
        return urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5).status

    with pytest.raises(urllib.error.HTTPError, match="404"):
        kick("rtspsessions")
    assert kick("rtspssessions") == 200
    publisher.wait(DEADLINE)
    encrypted.wait_gone(PATH)


def test_strict_has_no_plain_port(make_router, certificate, publish_to):
    router = make_router(yaml(certificate, "strict"))
    port = router.port("RTSPS")
    assert "RTSP listening" not in router.log()
    publisher = publish_to(f"rtsps://127.0.0.1:{port}/{PATH}")
    router.wait_ready(PATH)
    assert publisher.wait(DEADLINE) == 0


def test_a_plain_client_at_the_encrypted_port_is_told_in_the_log(encrypted, publish_to):
    assert publish_to(encrypted.secure.replace("rtsps:", "rtsp:")).wait(DEADLINE) != 0
    encrypted.wait_log("the TLS handshake failed")


def test_a_certificate_that_is_not_there(program, tmp_path):
    (tmp_path / "router.yml").write_text(f"rtspEncryption: strict\nrtspServerCert: {tmp_path}/none.crt\n")
    done = subprocess.run([program("media-router"), "--config", tmp_path / "router.yml", "--log-dir", "", "--log-format", "text",
                           "--rtmp-address", "127.0.0.1:0", "--rtsp-address", "127.0.0.1:0", "--api-address", "127.0.0.1:0",
                           "--metrics-address", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2
    assert "rtspServerCert" in done.stderr and "none.crt" in done.stderr
