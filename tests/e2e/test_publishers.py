"""Publishers as they are in the wild: sound that comes later, holes in it, timestamps that jump, wrap or are uneven.

All of them at once, each a stream of its own, the same clip sent tag by tag with one thing odd. The picture comes out
whole and in order, the sound without a gap, and both in step on either side of what happened.
"""

import subprocess
from dataclasses import dataclass, replace

import pytest

from support import analyse, media, metrics, picture, report, sample
from support.broadcast import Broadcast
from support.processes import wait_until
from support.rtmp_raw import PlannedPublisher, flv_tags
from support.stack import Layout, Stack, find_programs

pytestmark = pytest.mark.p3

AUDIO, VIDEO = 8, 9
ODD_AT = 9.0             # seconds of the clip; not at a key frame
WRAP = 1 << 32
LATE, GAP = 1.0, 1.5     # seconds without sound, at the beginning and at ODD_AT


def plain(tag):
    return tag


def sound_later(tag):
    return None if tag.kind == AUDIO and tag.time_ms < LATE * 1000 and is_media(tag) else tag


def sound_with_a_hole(tag):
    return None if tag.kind == AUDIO and 0 <= tag.time_ms - ODD_AT * 1000 < GAP * 1000 else tag


def shifted(by_ms, after_ms=0):
    def change(tag):
        return replace(tag, time_ms=(tag.time_ms + by_ms) % WRAP) if tag.time_ms >= after_ms else tag
    return change


def jumping(by_ms):
    """From 60 s on the timestamps' own clock, so that a step back is not one below zero."""
    def change(tag):
        return replace(tag, time_ms=tag.time_ms + 60000 + (by_ms if tag.time_ms >= ODD_AT * 1000 else 0))
    return change


def is_media(tag):
    """Not a codec's header, which tells readers that there is such a track."""
    return tag.body[1] != 0


ODDITIES = {
    "plain": plain, "sound-later": sound_later, "hole": sound_with_a_hole, "forward": jumping(3_600_000),
    "back": jumping(-20_000), "wrap": shifted(WRAP - 9000),
}


def plan(clip, change):
    """Sent when the clip says, with what the change makes of it."""
    for tag in flv_tags(clip):
        odd = change(tag)
        if odd:
            yield tag.time_ms / 1000, odd


@dataclass
class Seen:
    sample: sample.Sample
    recording: report.Recording
    metrics: str

    def flashes(self):
        luma = media.decode_luma(self.recording.evidence.recording, self.sample.geometry)
        small = picture.Geometry(self.sample.geometry.width // 4, self.sample.geometry.height // 4)
        return analyse.flash_times(picture.read_flashes(luma, small), self.recording.times)

    def bed(self):
        return report.bed_of(self.recording)


@pytest.fixture(scope="module")
def clip(samples_folder):
    recipe = sample.Recipe(duration=18.0, width=320, height=180, sentences=(), pauses=())
    return sample.make_sample(samples_folder / "odd.mp4", recipe)


@pytest.fixture(scope="module")
def uneven_clip(clip, samples_folder):
    """The same with pictures left out here and there: a variable frame rate."""
    path = samples_folder / "uneven.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", clip.path, "-vf", "select='not(mod(n,7)*mod(n,11)*lt(mod(n,90),60))"
                    "+lt(mod(n,90),45)'", "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "45",
                    "-c:a", "copy", path], check=True, stdin=subprocess.DEVNULL)
    return replace(clip, path=path)


@pytest.fixture(scope="module")
def seen(build_dir, clip, uneven_clip, tmp_path_factory):
    """Everything that came out, by oddity."""
    folder = tmp_path_factory.mktemp("odd")
    layout = Layout(find_programs(build_dir), folder / "stack", settings={"ORCH_GRACE_PERIOD": "8s"})
    with Stack(layout).start(sts_mode="echo") as stack:
        streams = {name: stream_of(stack, name, clip, change, folder) for name, change in ODDITIES.items()}
        streams["uneven"] = stream_of(stack, "uneven", uneven_clip, plain, folder)
        try:
            for broadcast in streams.values():
                broadcast.publish()
            for broadcast in streams.values():
                broadcast.watch()
            wait_until(lambda: not any(one.publisher.running() for one in streams.values()), 40, "all to be published")
            text = stack.metrics("media-service")
            yield {name: Seen(one.sample, report.Recording(one.finish()), text) for name, one in streams.items()}
        finally:
            for broadcast in streams.values():
                broadcast.__exit__()


def stream_of(stack, name, clip, change, folder):
    """Begins to publish at once: all of them have to run before the viewers of the first are due."""
    publisher = PlannedPublisher(stack.layout.listener("rtmp"), f"live/{name}/in", plan(clip.path, change))
    return Broadcast(stack, name, clip, folder, watch_arrivals=False, publisher=lambda: publisher)


@pytest.mark.parametrize("name", [*ODDITIES, "uneven"])
def test_every_picture_comes_out_once_and_in_order(seen, name):
    recording = seen[name].recording
    sent = [packet.hash for packet in recording.sent]
    places = analyse.follow(sent, [packet.hash for packet in recording.video])
    verdict = analyse.video_identical(recording.sent, recording.video)
    assert places == list(range(places[0], len(sent))), verdict.text
    assert recording.video[0].key and places[0] < 2 * 90, verdict.text
    steps = [right.dts - left.dts for left, right in zip(recording.video, recording.video[1:])]
    own = max(right.dts - left.dts for left, right in zip(recording.sent, recording.sent[1:]))
    assert 0 < min(steps) and max(steps) < own + 0.1, f"steps of {min(steps)} to {max(steps)} s"


@pytest.mark.parametrize("name", [*ODDITIES, "uneven"])
def test_the_sound_has_no_gap(seen, name):
    verdict = analyse.audio_timestamps(seen[name].recording.audio)
    assert verdict.ok, verdict.text


@pytest.mark.parametrize("name", [*ODDITIES, "uneven"])
def test_picture_and_sound_stay_in_step(seen, name):
    verdict = analyse.av_sync(seen[name].flashes(), seen[name].recording.sound)
    assert verdict.ok and verdict.facts["deltasMs"], verdict.text


@pytest.mark.parametrize("name, begin, end", [
    ("plain", 0, 0), ("wrap", 0, 0), ("uneven", 0, 0), ("sound-later", 0, LATE), ("hole", ODD_AT, ODD_AT + GAP)])
def test_silence_is_where_sound_was_missing_and_nowhere_else(seen, name, begin, end):
    bed = seen[name].bed()
    missing = (bed.times > begin - 0.1) & (bed.times < end + 0.1)
    inside = (bed.times > begin + 0.1) & (bed.times < end - 0.1)
    assert (bed.gain_db[~missing] > analyse.FULL_DB).all(), analyse.bed_unbroken(bed).text
    assert (bed.gain_db[inside] < analyse.SILENT_DB).all()


@pytest.mark.parametrize("name", [*ODDITIES, "uneven"])
def test_the_delay_is_the_same_afterwards(seen, name):
    assert metrics.value(seen[name].metrics, "worker_delay_ms", stream_id=name) == pytest.approx(3000, abs=20)


@pytest.mark.parametrize("name", ["plain", "wrap", "uneven"])
def test_not_a_sample_is_lost(seen, name):
    verdict = analyse.no_step(seen[name].bed(), seen[name].recording.sound, seen[name].recording.offset)
    assert verdict.ok, verdict.text
