"""Publishers and players that people use, against the router: each connects, and the pictures arrive unchanged."""

import shutil
import subprocess

import pytest

from support import analyse, media
from support.processes import Child, wait_until
from support.streams import Recorder, playable, publish

pytestmark = pytest.mark.p1



def record_while(router, publisher, tmp_path, path="live/peer/in"):
    router.wait_path(path, 10)
    recorder = Recorder(router.layout.rtmp(path), tmp_path / "seen.mp4", tmp_path)
    assert publisher.finish(30) == 0, publisher.tail()
    recorder.finish(5)
    return media.packets(tmp_path / "seen.mp4", "video")


def assert_same_pictures(sample, seen, at_least=0.8):
    verdict = analyse.video_identical(media.packets(sample.path, "video"), seen)
    assert verdict.ok, verdict.text
    assert len(seen) >= at_least * sample.recipe.duration * sample.recipe.fps


@pytest.mark.parametrize("application, key", [("live/peer", "in"), ("live", "peer/in")])
def test_obs_may_split_the_path_either_way(router, short_sample, tmp_path, application, key):
    host, port = router.layout.listener("rtmp")
    publisher = Child("publisher", ["ffmpeg", "-nostdin", "-v", "warning", "-re", "-i", short_sample.path, "-c", "copy",
                                    "-f", "flv", "-rtmp_app", application, "-rtmp_playpath", key,
                                    "-rtmp_tcurl", f"rtmp://{host}:{port}/{application}", f"rtmp://{host}:{port}/"],
                      tmp_path)
    assert_same_pictures(short_sample, record_while(router, publisher, tmp_path))


def test_a_query_with_the_key_is_not_part_of_the_path(router, short_sample, tmp_path):
    publisher = publish(short_sample.path, router.url("peer", "in") + "?lang=es&src=en", tmp_path)
    assert_same_pictures(short_sample, record_while(router, publisher, tmp_path))


@pytest.mark.skipif(not shutil.which("gst-launch-1.0"), reason="gst-launch-1.0 is not installed")
def test_gstreamer_publishes(router, short_sample, tmp_path):
    publisher = Child("publisher", [
        "gst-launch-1.0", "-q", "filesrc", f"location={short_sample.path}", "!", "qtdemux", "name=d",
        "flvmux", "name=m", "streamable=true", "!", "rtmp2sink", f"location={router.url('peer', 'in')}", "sync=true",
        "d.video_0", "!", "queue", "!", "h264parse", "!", "video/x-h264,stream-format=avc,alignment=au", "!", "m.video",
        "d.audio_0", "!", "queue", "!", "aacparse", "!", "m.audio"], tmp_path)
    seen = record_while(router, publisher, tmp_path)
    assert len(seen) > 120 and seen[0].key


@pytest.mark.skipif(not shutil.which("gst-launch-1.0"), reason="gst-launch-1.0 is not installed")
def test_gstreamer_plays(router, short_sample, tmp_path):
    publisher = publish(short_sample.path, router.url("peer", "in"), tmp_path)
    router.wait_path("live/peer/in", 10)
    seen = tmp_path / "seen.mkv"
    player = Child("player", ["gst-launch-1.0", "-q", "-e", "rtmp2src", f"location={router.url('peer', 'in')}", "!",
                              "flvdemux", "!", "h264parse", "!", "matroskamux", "!", "filesink", f"location={seen}"],
                   tmp_path)
    publisher.finish(30)
    player.finish(5)
    assert len(media.packets(seen, "video")) > 120


@pytest.mark.skipif(not shutil.which("mpv"), reason="mpv is not installed")
def test_mpv_plays(router, short_sample, tmp_path):
    publisher = publish(short_sample.path, router.url("peer", "in"), tmp_path)
    router.wait_path("live/peer/in", 10)
    done = subprocess.run(["mpv", "--no-config", "--vo=null", "--ao=null", "--length=3", "--msg-level=all=info",
                           router.url("peer", "in")], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL)
    publisher.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "h264" in done.stdout and "aac" in done.stdout


def test_ffprobe_sees_both_tracks_at_once(router, short_sample, tmp_path):
    publisher = publish(short_sample.path, router.url("peer", "in"), tmp_path)
    router.wait_path("live/peer/in", 10)
    assert playable(router.url("peer", "in"))
    codecs = {track.kind: track.codec for track in media.tracks(router.url("peer", "in"))}
    assert codecs == {"video": "h264", "audio": "aac"}
    publisher.stop()


def test_a_late_viewer_starts_at_a_key_frame_and_several_see_the_same(router, short_sample, tmp_path):
    publisher = publish(short_sample.path, router.url("peer", "in"), tmp_path)
    router.wait_path("live/peer/in", 10)
    viewers = [Recorder(router.url("peer", "in"), tmp_path / "first.mp4", tmp_path, "first")]
    wait_until(lambda: (tmp_path / "first.mp4").exists(), 10, "the first viewer's file")
    viewers += [Recorder(router.url("peer", "in"), tmp_path / f"{name}.mp4", tmp_path, name) for name in ("second", "third")]
    publisher.finish(30)
    for viewer in viewers:
        viewer.finish(5)
        verdict = analyse.video_identical(media.packets(short_sample.path, "video"), media.packets(viewer.path, "video"))
        assert verdict.ok, f"{viewer.path.name}: {verdict.text}"
