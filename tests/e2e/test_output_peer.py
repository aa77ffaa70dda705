"""A peer of the output that does not read for a while, or goes away and comes back: the input runs on, memory stays
bounded, and the output goes on where that is possible, or begins again at a key frame."""

import json
import subprocess
import urllib.request
from dataclasses import replace

import pytest

from support import analyse, media, metrics, picture, report, sample
from support.processes import resident_mib, wait_until
from support.relay import Relay
from support.streams import Recorder, publish

pytestmark = pytest.mark.p3

MIB = 1 << 20
BITS_PER_SECOND = 6_000_000     # more than kernels keep for a peer that stalls
PATIENCE = 10.0                 # of the worker with such a peer
SHORT, LONG, AWAY = 6.0, 13.0, 4.0


@pytest.fixture(scope="module")
def heavy_sample(samples_folder):
    """Clock, flashes and marks as ever, under so much noise that they fill the bit rate."""
    recipe = sample.Recipe(duration=58.0, width=320, height=180, sentences=(), pauses=())
    plain = sample.make_sample(samples_folder / "light.mp4", recipe)
    path = samples_folder / "heavy.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", plain.path, "-vf", "noise=c0s=24:c0f=t", "-c:v", "libx264",
                    "-preset", "ultrafast", "-b:v", str(BITS_PER_SECOND), "-maxrate", str(BITS_PER_SECOND), "-bufsize",
                    str(BITS_PER_SECOND // 2), "-g", "60", "-c:a", "copy", path], check=True, stdin=subprocess.DEVNULL)
    return replace(plain, path=path)


class Output:
    """The stream whose output goes through the relay, with what is known of its worker."""

    def __init__(self, stack, relay, clip, folder):
        self.stack, self.clip, self.folder = stack, clip, folder
        self.publisher = publish(clip.path, stack.layout.rtmp("camera/peer"), folder)
        stack.wait_path("camera/peer", 10)
        urllib.request.urlopen(urllib.request.Request(
            f"{stack.media}/api/v1/streams", method="POST", headers={"Content-Type": "application/json"},
            data=json.dumps({"streamId": "peer", "inputUrl": stack.layout.rtmp("camera/peer"),
                             "outputUrl": f"rtmp://127.0.0.1:{relay.port}/live/peer/out"}).encode()), timeout=5).close()
        self.worker = wait_until(lambda: stack.worker_pid("peer"), 10, "the worker")
        self.recordings = []

    def record(self, timeout=20):
        self.stack.wait_path("live/peer/out", timeout)
        path = self.folder / f"peer-{len(self.recordings)}.mp4"
        self.recordings.append(Recorder(self.stack.url("peer", "out"), path, self.folder, path.stem))

    def value(self, name):
        return metrics.value(self.stack.metrics("media-service"), name, stream_id="peer")

    def resident(self):
        return resident_mib(self.worker) * MIB

    def most_resident_while(self, seconds, until=lambda: False):
        """The peak of that time."""
        peaks = []

        def over():
            peaks.append(self.resident())
            return until()
        try:
            wait_until(over, seconds, "")
        except TimeoutError:
            pass
        return max(peaks)

    def judged(self, index):
        """Each recording holds the clip's packets from a key frame on, sound without a gap, both in step."""
        recorder = self.recordings[index]
        recorder.finish(5.0)
        seen = report.Recording(report.Evidence(self.clip, recorder.path, []))
        verdicts = [analyse.video_identical(seen.sent, seen.video, tail=60.0), analyse.audio_timestamps(seen.audio)]
        small = picture.Geometry(self.clip.geometry.width // 4, self.clip.geometry.height // 4)
        luma = media.decode_luma(recorder.path, self.clip.geometry)
        flashes = analyse.flash_times(picture.read_flashes(luma, small), seen.times)
        bed = report.bed_of(seen)
        verdicts += [analyse.av_sync(flashes, seen.sound), analyse.bed_unbroken(bed),
                     analyse.no_step(bed, seen.sound, seen.offset)]
        return report.complaints(verdicts), seen


def test_a_peer_that_stalls_then_hangs_then_goes(make_stack, heavy_sample, tmp_path):
    stack = make_stack(LOG_LEVEL="info").start(sts_mode="echo")
    with Relay(stack.layout.listener("rtmp")[1]) as relay:
        output = Output(stack, relay, heavy_sample, tmp_path)
        output.record()
        calm = output.most_resident_while(5.0)

        relay.stall()
        stalled = output.most_resident_while(SHORT)
        relay.resume()
        output.most_resident_while(5.0)
        assert relay.connections == 1, "a short stall is waited for"

        relay.stall()
        hung = output.most_resident_while(LONG)
        assert output.value("worker_delay_ms") == pytest.approx(3000, abs=100), "the input runs on"
        relay.resume()
        output.recordings[0].child.finish(20)
        output.record()
        # The worker says it once a second.
        wait_until(lambda: output.value("worker_output_reconnects_total") >= 1, 30, "the new connection in the metrics")
        output.most_resident_while(7.0)

        relay.refuse()
        output.most_resident_while(AWAY)
        relay.accept()
        output.recordings[1].child.finish(20)
        output.record()
        output.most_resident_while(7.0)

        assert output.value("worker_input_reconnects_total") == 0
        assert stack.worker_pid("peer") == output.worker
        after = output.resident()

    # What waits for the peer, in bytes of stream; after it has gone nothing is left of it.
    second = BITS_PER_SECOND / 8
    assert stalled - calm < (SHORT + 2) * second + 8 * MIB
    assert hung - calm < (PATIENCE + 3) * second + 8 * MIB
    assert after - calm < 10 * MIB, f"{calm / MIB:.1f} to {after / MIB:.1f} MiB"
    wrong = {index: output.judged(index)[0] for index in range(3)}
    assert wrong == {0: [], 1: [], 2: []}
    assert all(len(output.judged(index)[1].video) > 60 for index in range(3))
