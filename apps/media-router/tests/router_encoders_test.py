"""More of people's encoders and players: librtmp (rtmpdump, GStreamer's rtmpsink and rtmpsrc), VLC, OBS."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import obs_profile
from router_support import DEADLINE, packets, wait_until

PATH = "live/demo/in"
NOBODY = 65534


def assert_same_pictures(sample, seen):
    sent = [h for _, h in packets(sample, "v")]
    got = [h for _, h in packets(seen, "v")]
    assert len(got) > 50 and got == sent[len(sent) - len(got):]


@pytest.fixture
def wait_readers(router):
    def run(count):
        wait_until(f"{count} readers", lambda: (p := router.path(PATH)) and len(p["readers"]) == count)
    return run


def test_librtmp_publishes_and_plays(router, start, wait_readers, sample, tmp_path):
    publisher = start("gst-launch-1.0", "-q", "filesrc", f"location={sample}", "!", "flvdemux", "name=d",
                      "flvmux", "name=m", "streamable=true", "!", "rtmpsink", f"location={router.url(PATH)} live=1",
                      "d.video", "!", "queue", "!", "h264parse", "!", "video/x-h264,stream-format=avc,alignment=au", "!",
                      "identity", "sync=true", "!", "m.video", "d.audio", "!", "queue", "!", "aacparse", "!", "m.audio")
    router.wait_ready(PATH)
    dump = start("rtmpdump", "-q", "-r", router.url(PATH), "--live", "-o", tmp_path / "dump.flv")
    source = start("gst-launch-1.0", "-q", "rtmpsrc", f"location={router.url(PATH)} live=1", "!", "filesink",
                   f"location={tmp_path / 'source.flv'}")
    wait_readers(2)
    assert publisher.wait(DEADLINE) == 0
    assert dump.wait(DEADLINE) == 0
    assert source.wait(DEADLINE) == 0
    assert_same_pictures(sample, tmp_path / "dump.flv")
    assert_same_pictures(sample, tmp_path / "source.flv")


@pytest.fixture
def vlc(start):
    """VLC in a folder of its own, and not as root, which it refuses."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="router-vlc-"))
    folder.chmod(0o777)
    as_other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []

    def run(*arguments):
        return start("env", f"HOME={folder}", *as_other, "cvlc", "-q", "--no-dbus", *arguments, "vlc://quit")

    run.folder = folder
    yield run
    shutil.rmtree(folder)


def test_vlc_plays(router, publish, vlc, wait_readers, sample):
    """What VLC demultiplexes it writes to a file."""
    seen = vlc.folder / "seen.ts"
    publisher = publish(sample, router.url(PATH))
    router.wait_ready(PATH)
    player = vlc(router.url(PATH), "--sout", f"#std{{access=file,mux=ts,dst={seen}}}")
    wait_readers(1)
    assert publisher.wait(DEADLINE) == 0
    assert player.wait(DEADLINE) == 0
    assert len(packets(seen, "v")) > 50
    assert len(packets(seen, "a")) > 50


def test_vlc_publishes(router, vlc, record, sample, tmp_path):
    clip = vlc.folder / "sample.flv"
    shutil.copy(sample, clip)
    publisher = vlc(clip, "--sout", f"#std{{access=rtmp,mux=ffmpeg{{mux=flv}},dst={router.url(PATH)}}}")
    assert router.wait_ready(PATH)["tracks"] == ["H264", "MPEG-4 Audio"]
    reader = record(router.url(PATH), tmp_path / "seen.flv")
    assert publisher.wait(DEADLINE) == 0
    assert reader.wait(DEADLINE) == 0
    sent = [h for _, h in packets(sample, "v")]
    seen = [h for _, h in packets(tmp_path / "seen.flv", "v")]
    assert len(seen) > 50 and len([h for h in seen if h in sent]) > 50


@pytest.fixture
def obs(router, tmp_path):
    """OBS without a screen, streaming to PATH; play: the stream that it shows."""
    running = []

    def run(play=None):
        if not (shutil.which("obs") and shutil.which("xvfb-run")):
            pytest.skip("OBS is not installed: make setup-peers")
        command, environment = obs_profile.prepare(tmp_path / "obs", router.url("live/demo"), "in", play)
        with open(tmp_path / "obs.log", "wb") as log:
            running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env={**os.environ, **environment}))
        wait_until("OBS", lambda: (p := router.path(PATH)) and p["ready"], 60)
        return running[-1]

    yield run
    for process in running:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.mark.slow
def test_obs_publishes(router, obs, tmp_path):
    obs()
    assert router.path(PATH)["tracks"] == ["H264", "MPEG-4 Audio"]
    seen = tmp_path / "seen.flv"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", router.url(PATH), "-t", "3", "-c", "copy", seen], check=True,
                   timeout=60)
    assert len(packets(seen, "v")) > 20 and len(packets(seen, "a")) > 100


@pytest.mark.slow
def test_obs_plays(router, start, obs, sample, tmp_path):
    """What OBS shows is the other stream: its picture is not that of a scene that shows nothing."""
    source = "live/source/in"
    start("ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", sample, "-c", "copy", "-f", "flv",
          router.url(source))
    router.wait_ready(source)
    obs(router.url(source))
    wait_until("OBS as a reader", lambda: router.path(source)["readers"], 60)

    def colours():
        picture = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", router.url(PATH), "-frames:v", "1", "-f", "rawvideo",
                                  "-pix_fmt", "gray", "-"], check=True, capture_output=True, timeout=60).stdout
        return len(set(picture)) > 32

    wait_until("its picture", colours, 60)
