"""People's RTSP publishers and players against the router, and streams that come by one protocol and leave by the
other: pictures and sound bit for bit, at the times at which they were sent."""
import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from router_support import DEADLINE, packets, wait_until

PATH = "live/demo/in"
TCP = ("-rtsp_transport", "tcp")
FFMPEG_KEEPS = 40


def rtsp(router, path=PATH):
    return f"rtsp://127.0.0.1:{router.ports['rtsp']}/{path}"


def hash_command(source, target, *options):
    """Decoded pictures and sound as it is packed, with their times: target.v and target.a."""
    return ["ffmpeg", "-nostdin", "-v", "warning", "-y", "-copyts", *options, "-i", str(source), "-map", "0:v:0",
            "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framehash", "-hash", "md5", f"{target}.v",
            "-map", "0:a:0", "-c", "copy", "-f", "framehash", "-hash", "md5", f"{target}.a"]


def rows(path):
    """[(ms, hash)]"""
    lines = path.read_text().splitlines()
    base = next(line for line in lines if line.startswith("#tb 0:")).split()[2].split("/")
    cells = [line.split(",") for line in lines if line and not line.startswith("#")]
    return [(1000 * int(cell[2]) * int(base[0]) / int(base[1]), cell[5].strip()) for cell in cells]


def shift(sent, seen, at_least, unsent=0, settled=0):
    """seen is a piece of sent up to its end, none missing, and its times were moved by the same everywhere: by so many
    ms. The first one's time does not count: ffmpeg gives an RTSP stream's first picture none, whoever serves it.
    settled: only so many at the end count."""
    hashes = [h for _, h in sent]
    assert len(seen) >= at_least, f"only {len(seen)} of {len(sent)} came"
    start = hashes.index(seen[0][1])
    missing = len(sent) - start - len(seen)
    assert 0 <= missing <= unsent, f"{missing} are missing"
    assert [h for _, h in seen] == hashes[start:start + len(seen)], "something is missing or changed"
    shifts = [b[0] - a[0] for a, b in zip(sent[start + 1:], seen[1:])][-settled:]
    assert max(shifts) - min(shifts) <= 1.1, f"times moved by {min(shifts)} to {max(shifts)} ms"
    return (max(shifts) + min(shifts)) / 2


def assert_same_media(reference, seen, unsent=0, settled=0):
    """Neither is the sound moved against the pictures. unsent: packets of sound that the publisher may keep to itself:
    ffmpeg collects several for one RTP packet, and forgets them when it ends."""
    video = shift(rows(reference.with_suffix(".v")), rows(seen.with_suffix(".v")), 75, settled=settled)
    audio = shift(rows(reference.with_suffix(".a")), rows(seen.with_suffix(".a")), 130, unsent, settled)
    assert abs(audio - video) <= 1.1, f"sound moved by {audio} ms, pictures by {video} ms"


def assert_same_sound(sample, seen):
    sent, got = ([h for _, h in packets(file, "a")] for file in (sample, seen))
    start = sent.index(got[0])
    assert len(got) > 130 and got == sent[start:start + len(got)]


@pytest.fixture(scope="module")
def reference(sample, tmp_path_factory):
    """What there is in the sample: pictures that are decoded in another order than they are shown in."""
    target = tmp_path_factory.mktemp("reference") / "sample"
    subprocess.run(hash_command(sample, target), check=True, timeout=DEADLINE)
    return target


@pytest.fixture
def publish_rtsp(start):
    def run(sample, url, *options):
        return start("ffmpeg", "-nostdin", "-v", "warning", "-readrate", "2", "-i", sample, "-c", "copy", "-f", "rtsp",
                     *(options or TCP), url)
    return run


@pytest.fixture
def hashes(start):
    """Reads until the stream ends."""
    def run(url, target, *options):
        return start(*hash_command(url, target, *options))
    return run


@pytest.fixture
def publish_by(publish, publish_rtsp, router):
    return {"rtmp": lambda sample: publish(sample, router.url(PATH)),
            "rtsp": lambda sample: publish_rtsp(sample, rtsp(router))}


@pytest.mark.parametrize("protocol", ["rtsp", "rtmp"])
def test_both_protocols_get_the_same(router, publish_by, hashes, sample, reference, tmp_path, protocol):
    publisher = publish_by[protocol](sample)
    path = router.wait_ready(PATH)
    assert path["source"]["type"] == {"rtsp": "rtspSession", "rtmp": "rtmpConn"}[protocol]
    assert path["tracks"] == ["H264", "MPEG-4 Audio"]
    readers = [hashes(rtsp(router), tmp_path / "rtsp", *TCP), hashes(router.url(PATH), tmp_path / "rtmp")]
    wait_until("both read", lambda: len(router.path(PATH)["readers"]) == 2)
    assert sorted(reader["type"] for reader in router.path(PATH)["readers"]) == ["rtmpConn", "rtspSession"]
    assert publisher.wait(DEADLINE) == 0
    assert [reader.wait(DEADLINE) for reader in readers] == [0, 0]
    for name in ("rtsp", "rtmp"):
        assert_same_media(reference, tmp_path / name, FFMPEG_KEEPS if protocol == "rtsp" else 0)


def test_udp_is_refused_and_clients_go_on_with_tcp(router, publish_rtsp, hashes, sample, reference, tmp_path):
    publisher = publish_rtsp(sample, rtsp(router), "-rtsp_transport", "udp+tcp")
    router.wait_ready(PATH)
    reader = hashes(rtsp(router), tmp_path / "seen")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    assert_same_media(reference, tmp_path / "seen", FFMPEG_KEEPS)


def end_when_silent(router, publisher, seconds=3.0):
    """GStreamer 1.22's rtspclientsink does not always end after its last packet: its RTCP may miss that."""
    seen, since = -1, time.monotonic()

    def has_ended():
        nonlocal seen, since
        count = sum(session["inboundRTPPackets"] for session in router.api("/v3/rtspsessions/list")["items"])
        if count != seen:
            seen, since = count, time.monotonic()
        return publisher.poll() is not None or time.monotonic() - since > seconds

    wait_until("the end of what is published", has_ended, 60)
    publisher.kill()


def test_gstreamer_publishes(router, start, hashes, sample, reference, tmp_path):
    publisher = start("gst-launch-1.0", "-q", "filesrc", f"location={sample}", "!", "flvdemux", "name=d",
                      "rtspclientsink", "name=s", "protocols=tcp", "latency=0", f"location={rtsp(router)}",
                      "d.video", "!", "queue", "!", "h264parse", "!", "identity", "sync=true", "!", "s.",
                      "d.audio", "!", "queue", "!", "aacparse", "!", "s.")
    assert router.wait_ready(PATH)["source"]["type"] == "rtspSession"
    reader = hashes(rtsp(router), tmp_path / "seen", *TCP)
    end_when_silent(router, publisher)
    assert reader.wait(DEADLINE) == 0
    # Its first sender reports come seconds after the media; only then is known how the two belong together.
    assert_same_media(reference, tmp_path / "seen", settled=10)


@pytest.mark.parametrize("protocol", ["rtsp", pytest.param("rtmp", marks=pytest.mark.slow)])
def test_gstreamer_plays(router, publish_by, start, sample, tmp_path, protocol):
    publisher = publish_by[protocol](sample)
    router.wait_ready(PATH)
    player = start("gst-launch-1.0", "rtspsrc", "protocols=tcp", f"location={rtsp(router)}", "name=s", "latency=0",
                   "matroskamux", "name=m", "!", "filesink", f"location={tmp_path / 'seen.mkv'}",
                   "s.", "!", "rtph264depay", "!", "h264parse", "!", "h264timestamper", "!", "h264parse", "!", "queue", "!",
                   "m.", "s.", "!", "rtpmp4gdepay", "!", "aacparse", "!", "queue", "!", "m.")
    assert publisher.wait(DEADLINE) == 0
    # Its exit status says nothing: while it shuts down it may interrupt itself amid our answer to PAUSE, and complain of the rest.
    player.wait(DEADLINE)
    assert "Got EOS from element" in (tmp_path / "peer1.log").read_text()
    assert_same_sound(sample, tmp_path / "seen.mkv")


@pytest.mark.slow
def test_mpv_plays(router, publish_rtsp, start, sample, tmp_path):
    publisher = publish_rtsp(sample, rtsp(router))
    router.wait_ready(PATH)
    player = start("mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", f"--log-file={tmp_path / 'mpv.log'}",
                   rtsp(router))
    assert publisher.wait(DEADLINE) == 0
    assert player.wait(DEADLINE) == 0
    log = (tmp_path / "mpv.log").read_text(errors="replace")
    assert "Video --vid=1" in log and "Audio --aid=1" in log and "EOF reached" in log


def test_ffprobe_sees_the_tracks(router, publish, sample):
    publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    seen = subprocess.run(["ffprobe", "-v", "error", *TCP, "-show_entries", "stream=codec_name,width,height,sample_rate",
                           "-of", "compact=p=0:nk=1", rtsp(router)], check=True, capture_output=True, text=True,
                          timeout=DEADLINE).stdout.split()
    assert sorted(seen) == ["aac|48000", "h264|320|180"]


def probe(url):
    return subprocess.run(["ffprobe", "-v", "error", *TCP, url], capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_player_without_stream_is_told_at_once(router):
    seen = probe(rtsp(router, "live/nobody/in"))
    assert seen.returncode != 0
    assert "404" in seen.stderr


@pytest.mark.parametrize("kind", [pytest.param("v", marks=pytest.mark.slow), "a"])
def test_one_track_alone(router, publish_rtsp, record, video_only, audio_only, tmp_path, kind):
    source = video_only if kind == "v" else audio_only
    publisher = publish_rtsp(source, rtsp(router))
    assert router.wait_ready(PATH)["tracks"] == ["H264" if kind == "v" else "MPEG-4 Audio"]
    reader = record(router.url(PATH), tmp_path / "seen.flv")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    sent, seen = packets(source, kind), packets(tmp_path / "seen.flv", kind)
    assert len(seen) > 60
    if kind == "a":
        assert_same_sound(source, tmp_path / "seen.flv")


def test_hooks_are_told_about_rtsp(make_router, publish_rtsp, sample, tmp_path):
    out = tmp_path / "hook.txt"
    router = make_router("pathDefaults: {runOnReady: \"sh -c 'echo $MTX_PATH $MTX_QUERY $MTX_SOURCE_TYPE $MTX_SOURCE_ID "
                         f"$RTSP_PORT > {out}.new; mv {out}.new {out}'\"}}")
    publish_rtsp(sample, rtsp(router) + "?lang=es")
    session = router.wait_ready(PATH)["source"]["id"]
    wait_until("the hook", out.exists)
    assert out.read_text().split() == [PATH, "lang%3Des", "rtspSession", session, str(router.ports["rtsp"])]


def test_control_api_and_metrics(router, publish_rtsp, sample):
    publisher = publish_rtsp(sample, rtsp(router) + "?lang=es")
    source = router.wait_ready(PATH)["source"]["id"]
    session = router.api(f"/v3/rtspsessions/get/{source}")
    assert [s["id"] for s in router.api("/v3/rtspsessions/list")["items"]] == [source]
    assert (session["state"], session["path"], session["query"], session["transport"]) == ("publish", PATH, "lang=es", "TCP")
    connection = router.api("/v3/rtspconns/list")["items"][0]
    assert session["conns"] == [connection["id"]] and connection["session"] == source
    assert router.api(f"/v3/rtspconns/get/{connection['id']}")["remoteAddr"] == session["remoteAddr"]
    wait_until("packets", lambda: router.api(f"/v3/rtspsessions/get/{source}")["inboundRTPPackets"] > 10)
    text = router.metrics()
    labels = f'id="{source}",path="{PATH}",remoteAddr="{session["remoteAddr"]}",state="publish"'
    assert f"rtsp_sessions{{{labels}}} 1\n" in text
    assert f"rtsp_sessions_inbound_rtp_packets{{{labels}}} " in text
    assert f'rtsp_conns{{id="{connection["id"]}"}} 1\n' in text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    complaints = [line for line in (checked.stdout + checked.stderr).splitlines() if line]
    assert all("label names should be written in 'snake_case'" in line for line in complaints), complaints
    kick = urllib.request.Request(f"http://127.0.0.1:{router.ports['api']}/v3/rtspsessions/kick/{source}", method="POST")
    assert json.load(urllib.request.urlopen(kick, timeout=5)) == {"status": "ok"}
    assert publisher.wait(DEADLINE) != 0
    wait_until("the session is gone", lambda: router.api("/v3/rtspsessions/list")["items"] == [])
    with pytest.raises(urllib.error.HTTPError, match="404"):
        router.api(f"/v3/rtspsessions/get/{source}")


USERS = """
authInternalUsers:
- {user: me, pass: secret, permissions: [{action: publish}, {action: read}]}
- {user: any, permissions: [{action: api}]}
"""


def test_credentials(make_router, publish_rtsp, hashes, sample, reference, tmp_path):
    router = make_router(USERS)
    right, wrong = (rtsp(router).replace("://", f"://{who}@") for who in ("me:secret", "me:wrong"))
    assert publish_rtsp(sample, wrong).wait(DEADLINE) != 0
    publisher = publish_rtsp(sample, right)
    router.wait_ready(PATH)
    reader = hashes(right, tmp_path / "seen", *TCP)
    by_query = probe(rtsp(router) + "?user=me&pass=secret")
    refused = probe(rtsp(router))
    assert by_query.returncode == 0
    assert refused.returncode != 0 and "401" in refused.stderr
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    assert len(rows(tmp_path / "seen.v")) > 50
    assert "secret" not in router.log() and "wrong" not in router.log()


def test_digest(make_router, start, publish_rtsp, hashes, sample, tmp_path):
    """Nothing else is offered, and both ffmpeg and GStreamer get in with it."""
    router = make_router("rtspAuthMethods: [digest]\n" + USERS)
    right, wrong = (rtsp(router).replace("://", f"://{who}@") for who in ("me:secret", "me:wrong"))
    assert publish_rtsp(sample, wrong).wait(DEADLINE) != 0
    publisher = publish_rtsp(sample, right)
    router.wait_ready(PATH)
    reader = hashes(right, tmp_path / "seen", *TCP)
    gstreamer = start("gst-launch-1.0", "rtspsrc", f"location={rtsp(router)}", "user-id=me", "user-pw=secret", "protocols=tcp", "!",
                      "rtph264depay", "!", "filesink", f"location={tmp_path / 'gstreamer'}")
    wait_until("both read", lambda: len(router.path(PATH)["readers"]) == 2)
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0 and len(rows(tmp_path / "seen.v")) > 50
    gstreamer.wait(DEADLINE)
    assert (tmp_path / "gstreamer").stat().st_size > 10000


@pytest.mark.slow
def test_killed_publisher_ends_its_stream_only(router, publish_rtsp, hashes, sample, reference, tmp_path):
    victim = publish_rtsp(sample, rtsp(router, "live/victim/in"))
    other = publish_rtsp(sample, rtsp(router))
    router.wait_ready("live/victim/in")
    router.wait_ready(PATH)
    short = hashes(rtsp(router, "live/victim/in"), tmp_path / "short", *TCP)
    whole = hashes(rtsp(router), tmp_path / "whole", *TCP)
    wait_until("a reader", lambda: router.path("live/victim/in")["readers"])
    victim.kill()
    router.wait_gone("live/victim/in")
    short.wait(DEADLINE)
    assert other.wait(DEADLINE) == 0
    assert whole.wait(DEADLINE) == 0
    assert_same_media(reference, tmp_path / "whole", FFMPEG_KEEPS)


@pytest.mark.slow
def test_newer_publisher_of_the_other_protocol_takes_over(router, publish, publish_rtsp, sample):
    older = publish_rtsp(sample, rtsp(router))
    first = router.wait_ready(PATH)["source"]
    newer = publish(sample, router.url(PATH))
    assert older.wait(DEADLINE) != 0
    wait_until("the newer", lambda: (p := router.path(PATH)) and p["ready"] and p["source"]["id"] != first["id"])
    assert newer.wait(DEADLINE) == 0
