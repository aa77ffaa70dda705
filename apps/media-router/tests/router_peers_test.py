"""People's publishers and players against the router: each connects, and packets arrive as they were sent."""
import subprocess

import pytest

from router_support import DEADLINE, assert_continues, packets

PATH = "live/demo/in"


def assert_same_stream(sample, seen):
    """Pictures from a key frame on (one every 25 in the sample) and sound, to the last packet."""
    first = assert_continues(packets(sample, "v"), packets(seen, "v"))
    assert first % 25 == 0
    assert_continues(packets(sample, "a"), packets(seen, "a"))


def test_ffmpeg_to_ffmpeg(router, publish, record, sample, tmp_path):
    publisher = publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    reader = record(router.url(PATH), tmp_path / "seen.flv")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    assert_same_stream(sample, tmp_path / "seen.flv")


def test_several_streams_and_readers(router, publish, record, sample, tmp_path):
    paths = ["live/one/in", "live/two/in"]
    publishers = [publish(sample, router.url(path)) for path in paths]
    for path in paths:
        router.wait_ready(path)
    readers = {tmp_path / f"{i}{j}.flv": record(router.url(path), tmp_path / f"{i}{j}.flv")
               for i, path in enumerate(paths) for j in range(3)}
    assert [p.wait(DEADLINE) for p in publishers] == [0, 0]
    for file, reader in readers.items():
        assert reader.wait(DEADLINE) == 0
        assert_same_stream(sample, file)


@pytest.mark.parametrize("app, key", [("live/demo", "in"), ("live", "demo/in"), ("live/demo?lang=es", "in"),
                                      ("live", "demo/in?lang=es")])
def test_obs_ways_to_split_the_path(router, publish, record, sample, tmp_path, app, key):
    publisher = publish(sample, router.url(""), "-rtmp_app", app, "-rtmp_playpath", key, "-rtmp_tcurl", router.url(app))
    router.wait_ready(PATH)
    connection = router.api("/v3/rtmpconns/list")["items"][0]
    assert connection["query"] == ("lang=es" if "?" in app + key else "")
    reader = record(router.url(PATH), tmp_path / "seen.flv")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    assert_same_stream(sample, tmp_path / "seen.flv")


@pytest.mark.parametrize("kind", ["v", "a"])
def test_one_track_alone(router, publish, record, video_only, audio_only, tmp_path, kind):
    source = video_only if kind == "v" else audio_only
    publisher = publish(source, router.url(PATH))
    assert router.wait_ready(PATH)["tracks"] == ["H264" if kind == "v" else "MPEG-4 Audio"]
    reader = record(router.url(PATH), tmp_path / "seen.flv")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    assert_continues(packets(source, kind), packets(tmp_path / "seen.flv", kind))


def test_stream_that_runs_for_hours(router, publish, record, sample, tmp_path):
    """Timestamps pass 2^24 ms (4 h 40 min) on the way: from there on they are extended ones."""
    publisher = publish(sample, router.url(PATH), "-output_ts_offset", "16775")
    router.wait_ready(PATH)
    reader = record(router.url(PATH), tmp_path / "seen.flv")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    assert_same_stream(sample, tmp_path / "seen.flv")


def test_gstreamer_publishes(router, start, record, sample, tmp_path):
    publisher = start("gst-launch-1.0", "-q", "filesrc", f"location={sample}", "!", "flvdemux", "name=d",
                      "flvmux", "name=m", "streamable=true", "!", "rtmp2sink", f"location={router.url(PATH)}",
                      "d.video", "!", "queue", "!", "h264parse", "!", "video/x-h264,stream-format=avc,alignment=au", "!",
                      "identity", "sync=true", "!", "m.video", "d.audio", "!", "queue", "!", "aacparse", "!", "m.audio")
    router.wait_ready(PATH)
    reader = record(router.url(PATH), tmp_path / "seen.flv")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    sent = [h for _, h in packets(sample, "v")]
    seen = [h for _, h in packets(tmp_path / "seen.flv", "v")]
    assert len(seen) > 50 and seen == sent[len(sent) - len(seen):]


def test_gstreamer_plays(router, publish, start, sample, tmp_path):
    publisher = publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    player = start("gst-launch-1.0", "-q", "rtmp2src", f"location={router.url(PATH)}", "!", "filesink",
                   f"location={tmp_path / 'seen.flv'}")
    assert publisher.wait(DEADLINE) == 0
    assert player.wait(DEADLINE) == 0
    sent = [h for _, h in packets(sample, "v")]
    seen = [h for _, h in packets(tmp_path / "seen.flv", "v")]
    assert len(seen) > 50 and seen == sent[len(sent) - len(seen):]


def test_mpv_plays(router, publish, start, sample, tmp_path):
    publisher = publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    player = start("mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", f"--log-file={tmp_path / 'mpv.log'}",
                   router.url(PATH))
    assert publisher.wait(DEADLINE) == 0
    assert player.wait(DEADLINE) == 0
    log = (tmp_path / "mpv.log").read_text(errors="replace")
    assert "Video --vid=1" in log and "Audio --aid=1" in log and "EOF reached" in log


def test_ffprobe_sees_the_tracks(router, publish, sample):
    publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    seen = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height,sample_rate",
                           "-of", "compact=p=0:nk=1", router.url(PATH)], check=True, capture_output=True, text=True,
                          timeout=DEADLINE).stdout.split()
    assert sorted(seen) == ["aac|48000", "h264|320|180"]


def test_player_without_stream_is_told_at_once(router):
    seen = subprocess.run(["ffprobe", "-v", "error", router.url("live/nobody/in")], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)
    assert seen.returncode != 0
    assert "no one is publishing to path live/nobody/in" in seen.stderr


def test_killed_publisher_ends_its_stream_only(router, publish, record, sample, tmp_path):
    victim = publish(sample, router.url("live/victim/in"))
    other = publish(sample, router.url(PATH))
    router.wait_ready("live/victim/in")
    router.wait_ready(PATH)
    short = record(router.url("live/victim/in"), tmp_path / "short.flv")
    whole = record(router.url(PATH), tmp_path / "whole.flv")
    router.wait_log("live/victim/in: rtmpConn")
    victim.kill()
    router.wait_gone("live/victim/in")
    short.wait(DEADLINE)
    assert other.wait(DEADLINE) == 0
    assert whole.wait(DEADLINE) == 0
    assert_same_stream(sample, tmp_path / "whole.flv")


def test_newer_publisher_takes_over(router, publish, sample):
    older = publish(sample, router.url(PATH))
    first = router.wait_ready(PATH)["source"]["id"]
    newer = publish(sample, router.url(PATH))
    assert older.wait(DEADLINE) != 0
    assert router.wait_ready(PATH)["source"]["id"] != first
    assert newer.wait(DEADLINE) == 0
