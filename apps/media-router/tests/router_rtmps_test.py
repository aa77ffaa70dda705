"""RTMPS, and users with passwords, with people's publishers and players."""
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from router_support import DEADLINE, assert_continues, packets, wait_until

PATH = "live/demo/in"
CREDENTIALS = "user=anna&pass=s3cret"
USERS = """
authInternalUsers:
- user: anna
  pass: sha256:HsHCa1DV08WNlYMYGvgHZlX+AHVr9yhZQLo2cPmfy6A=
  permissions: [{action: publish, path: '~^live/[a-z]+/in$'}, {action: read}]
- user: any
  ips: [127.0.0.1]
  permissions: [{action: api}, {action: metrics}]
pathDefaults:
  runOnReady: sh -c 'echo hook sees $MTX_QUERY'
"""


@pytest.fixture
def encrypted(make_router, certificate):
    router = make_router(f"rtmpEncryption: optional\nrtmpsAddress: 127.0.0.1:0\nrtmpServerKey: {certificate}/server.key\n"
                         f"rtmpServerCert: {certificate}/server.crt\n")
    router.secure = f"rtmps://127.0.0.1:{router.port('RTMPS')}/{PATH}"
    return router


def assert_same_pictures(sample, seen):
    sent = [h for _, h in packets(sample, "v")]
    got = [h for _, h in packets(seen, "v")]
    assert len(got) > 50 and got == sent[len(sent) - len(got):]


def test_ffmpeg_both_ways(encrypted, publish, record, sample, tmp_path):
    publisher = publish(sample, encrypted.secure)
    assert encrypted.wait_ready(PATH)["source"]["type"] == "rtmpsConn"
    assert encrypted.api("/v3/rtmpconns/list")["itemCount"] == 0
    connection = encrypted.api("/v3/rtmpsconns/list")["items"][0]
    assert encrypted.api("/v3/rtmpsconns/get/" + connection["id"])["state"] == "publish"
    assert f'rtmps_conns{{id="{connection["id"]}"' in encrypted.metrics()
    readers = [record(encrypted.secure, tmp_path / "secure.flv"), record(encrypted.url(PATH), tmp_path / "plain.flv")]
    assert publisher.wait(DEADLINE) == 0
    for reader, file in zip(readers, ("secure.flv", "plain.flv")):
        assert reader.wait(DEADLINE) == 0
        for kind in "va":
            assert_continues(packets(sample, kind), packets(tmp_path / file, kind))


def test_openssl_is_there_where_it_is_needed_only(encrypted, router):
    def libraries(one):
        return (Path("/proc") / str(one.process.pid) / "maps").read_text()
    assert "/libssl.so" in libraries(encrypted) and "/libcrypto.so" in libraries(encrypted)
    assert "/libssl.so" not in libraries(router) and "/libcrypto.so" not in libraries(router)


def test_kick(encrypted, publish, sample):
    """By the list that the connection stands in, and by no other."""
    publisher = publish(sample, encrypted.secure)
    connection = encrypted.wait_ready(PATH)["source"]["id"]

    def kick(kind):
        url = f"http://127.0.0.1:{encrypted.ports['api']}/v3/{kind}/kick/{connection}"
        return urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5).status

    with pytest.raises(urllib.error.HTTPError, match="404"):
        kick("rtmpconns")
    assert kick("rtmpsconns") == 200
    assert publisher.wait(DEADLINE) != 0


def test_gstreamer_both_ways(encrypted, start, sample, tmp_path):
    publisher = start("gst-launch-1.0", "-q", "filesrc", f"location={sample}", "!", "flvdemux", "name=d",
                      "flvmux", "name=m", "streamable=true", "!", "rtmp2sink", f"location={encrypted.secure}",
                      "tls-validation-flags=0", "d.video", "!", "queue", "!", "h264parse", "!",
                      "video/x-h264,stream-format=avc,alignment=au", "!", "identity", "sync=true", "!", "m.video",
                      "d.audio", "!", "queue", "!", "aacparse", "!", "m.audio")
    encrypted.wait_ready(PATH)
    player = start("gst-launch-1.0", "-q", "rtmp2src", f"location={encrypted.secure}", "tls-validation-flags=0", "!",
                   "filesink", f"location={tmp_path / 'seen.flv'}")
    wait_until("the player", lambda: encrypted.path(PATH)["readers"])
    assert publisher.wait(DEADLINE) == 0
    assert player.wait(DEADLINE) == 0
    assert_same_pictures(sample, tmp_path / "seen.flv")


def test_librtmp_both_ways(encrypted, start, sample, tmp_path):
    publisher = start("gst-launch-1.0", "-q", "filesrc", f"location={sample}", "!", "flvdemux", "name=d",
                      "flvmux", "name=m", "streamable=true", "!", "rtmpsink", f"location={encrypted.secure} live=1",
                      "d.video", "!", "queue", "!", "h264parse", "!", "video/x-h264,stream-format=avc,alignment=au", "!",
                      "identity", "sync=true", "!", "m.video", "d.audio", "!", "queue", "!", "aacparse", "!", "m.audio")
    encrypted.wait_ready(PATH)
    player = start("rtmpdump", "-q", "-r", encrypted.secure, "--live", "-o", tmp_path / "seen.flv")
    wait_until("the player", lambda: encrypted.path(PATH)["readers"])
    assert publisher.wait(DEADLINE) == 0
    assert player.wait(DEADLINE) == 0
    assert_same_pictures(sample, tmp_path / "seen.flv")


def test_mpv_plays(encrypted, publish, start, sample, tmp_path):
    publisher = publish(sample, encrypted.url(PATH))
    encrypted.wait_ready(PATH)
    player = start("mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", f"--log-file={tmp_path / 'mpv.log'}",
                   encrypted.secure)
    assert publisher.wait(DEADLINE) == 0
    assert player.wait(DEADLINE) == 0
    log = (tmp_path / "mpv.log").read_text(errors="replace")
    assert "Video --vid=1" in log and "Audio --aid=1" in log and "EOF reached" in log


def test_a_plain_client_at_the_encrypted_port_is_told_in_the_log(encrypted, publish, sample):
    assert publish(sample, encrypted.secure.replace("rtmps:", "rtmp:")).wait(DEADLINE) != 0
    encrypted.wait_log("the TLS handshake failed")


def test_a_certificate_that_is_not_there(program, tmp_path):
    (tmp_path / "router.yml").write_text(f"rtmpEncryption: strict\nrtmpServerCert: {tmp_path}/none.crt\n")
    done = subprocess.run([program("media-router"), "--config", tmp_path / "router.yml", "--log-dir", "", "--log-format", "text",
                           "--rtmp-address", "127.0.0.1:0", "--rtsp-address", "127.0.0.1:0", "--api-address", "127.0.0.1:0",
                           "--metrics-address", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2
    assert "rtmpServerCert" in done.stderr and "none.crt" in done.stderr


def test_right_password(make_router, publish, record, sample, tmp_path):
    router = make_router(USERS)
    publisher = publish(sample, router.url(f"{PATH}?lang=es&{CREDENTIALS}"))
    router.wait_ready(PATH)
    reader = record(router.url(f"{PATH}?{CREDENTIALS}"), tmp_path / "seen.flv")
    wait_until("the reader", lambda: router.path(PATH)["readers"])
    assert [c["query"] for c in router.api("/v3/rtmpconns/list")["items"]] == ["lang=es&user=anna&pass=***",
                                                                             "user=anna&pass=***"]
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    assert_continues(packets(sample, "v"), packets(tmp_path / "seen.flv", "v"))
    router.wait_log("hook sees lang%3Des%26user%3Danna%26pass%3D%2A%2A%2A")
    assert "s3cret" not in router.log()


def test_wrong_password(make_router, publish, sample):
    router = make_router(USERS)
    tries = {PATH: "?user=anna&pass=guessed", "live/other/in": "", "other/demo": f"?{CREDENTIALS}"}
    publishers = [publish(sample, router.url(path + query)) for path, query in tries.items()]
    assert 0 not in [publisher.wait(DEADLINE) for publisher in publishers]
    for path in tries:
        router.wait_log(f"may not publish path {path}")
    assert "authentication failed" in router.log()
    assert "guessed" not in router.log() and "s3cret" not in router.log()
    assert router.api("/v3/paths/list")["itemCount"] == 0


def test_a_player_with_a_wrong_password_is_told(make_router):
    router = make_router(USERS)
    seen = subprocess.run(["ffprobe", "-v", "error", router.url(f"{PATH}?user=anna&pass=guessed")], capture_output=True,
                          text=True, timeout=DEADLINE, check=False)
    assert seen.returncode != 0
    assert "authentication failed" in seen.stderr
