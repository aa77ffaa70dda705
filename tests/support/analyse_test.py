"""The analyser passes a perfect recording and fails every broken one, each by the check that is meant for it."""

import numpy as np
import pytest

from support import analyse, media, simulated, sound
from support.analyse import Arrival
from support.pulse import Pause
from support.sound import RATE


class Recording:
    """A recording with everything that the checks read from it."""

    def __init__(self, sample, path):
        self.sample = sample
        self.source = media.packets(sample.path, "video")
        self.video = media.packets(path, "video")
        self.audio = media.packets(path, "audio")
        self.sound = media.decode_sound(path)
        self.offset = analyse.timeline_offset(self.source, self.video) or 0.0
        self.luma = media.decode_luma(path, sample.geometry)
        self.times = sorted(packet.pts for packet in self.video)

    @property
    def bed(self):
        return analyse.track_bed(self.sound, self.offset)

    @property
    def flashes(self):
        geometry = self.sample.geometry
        small = type(geometry)(geometry.width // 4, geometry.height // 4)
        return analyse.flash_times(analyse.picture.read_flashes(self.luma, small), self.times)

    def verdicts(self):
        return [analyse.video_identical(self.source, self.video), analyse.audio_timestamps(self.audio),
                analyse.clock_runs(analyse.read_clock(self.luma, self.sample.geometry)),
                analyse.bed_unbroken(self.bed), analyse.no_step(self.bed, self.sound, self.offset),
                analyse.av_sync(self.flashes, self.sound)]

    def failed(self):
        return {verdict.name for verdict in self.verdicts() if not verdict.ok}


@pytest.fixture(scope="module")
def perfect_sound(small_sample):
    return simulated.dubbed_sound(small_sample, simulated.dubs_of(small_sample))


def recorded(sample, samples, tmp_path, **changes):
    return Recording(sample, simulated.record(sample, samples, tmp_path / "out.mp4", **changes))


def test_a_perfect_recording_passes_everything(small_sample, perfect_sound, tmp_path):
    recording = recorded(small_sample, perfect_sound, tmp_path)
    assert [verdict.text for verdict in recording.verdicts() if not verdict.ok] == []


def heard_of(samples):
    """The bed as it would be tracked in a recording of these samples."""
    recording = media.Sound(0.0, samples)
    return analyse.track_bed(recording, 0.0), recording


@pytest.mark.parametrize("lost", [6, 24, 64, 128, 240, 441, 480, 512, 960, 1024, 1152, 2048, 4800])
def test_lost_samples_are_a_step(lost):
    samples = sound.pilot(4.0)
    bed, recording = heard_of(np.concatenate((samples[:100000], samples[100000 + lost:])))
    assert not analyse.no_step(bed, recording, 0.0).ok


def test_a_slow_slew_is_no_step():
    times = np.arange(6 * RATE) / RATE
    moved = np.where(times > 2.0, times + 0.5e-3 * (times - 2.0), times)
    samples = sound.PILOT_LEVEL * sum(np.sin(2 * np.pi * hz * moved) for hz in sound.PILOTS_HZ)
    verdict = analyse.no_step(*heard_of(samples), 0.0)
    assert verdict.ok and verdict.facts["slewedMs"] == pytest.approx(-2.0, abs=0.1)


def test_lost_sound_is_a_step(small_sample, perfect_sound, tmp_path):
    recording = recorded(small_sample, simulated.without(perfect_sound, 7.3, 1024 / RATE), tmp_path)
    assert "no step" in recording.failed()


def test_lost_sound_under_a_dub_is_a_step(small_sample, perfect_sound, tmp_path):
    during = small_sample.sentences[1].start + 0.7
    recording = recorded(small_sample, simulated.without(perfect_sound, during, 0.010), tmp_path)
    assert "no step" in recording.failed()


def test_a_click_is_a_step(small_sample, perfect_sound, tmp_path):
    clicked = simulated.changed(perfect_sound, 15.0, 1 / RATE, lambda piece: piece + 0.25)
    assert recorded(small_sample, clicked, tmp_path).failed() == {"no step"}


def test_silence_is_a_drop_out(small_sample, perfect_sound, tmp_path):
    silent = simulated.changed(perfect_sound, 12.0, 0.1, lambda piece: piece * 0)
    assert "no drop-out" in recorded(small_sample, silent, tmp_path).failed()


def test_late_sound_is_out_of_step(small_sample, perfect_sound, tmp_path):
    assert "A/V in step" in recorded(small_sample, perfect_sound, tmp_path, delay=0.040).failed()


def test_a_lost_picture_is_seen_twice(small_sample, perfect_sound, tmp_path):
    failed = recorded(small_sample, perfect_sound, tmp_path, skip_frames=1).failed()
    assert {"video identical", "visible clock"} <= failed


def test_a_video_encoded_again_is_not_identical(small_sample, tmp_path):
    path = tmp_path / "again.mp4"
    simulated._ffmpeg("-i", str(small_sample.path), "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy", str(path))
    verdict = analyse.video_identical(media.packets(small_sample.path, "video"), media.packets(path, "video"))
    assert not verdict.ok


def test_a_recording_that_ends_early_is_not_whole(small_sample):
    source = media.packets(small_sample.path, "video")
    assert not analyse.video_identical(source, source[:-5]).ok
    assert analyse.video_identical(source, source[:-5], tail=0.2).ok


def test_a_recording_may_begin_at_a_later_key_frame(small_sample):
    source = media.packets(small_sample.path, "video")
    second_key = [index for index, packet in enumerate(source) if packet.key][1]
    assert analyse.video_identical(source, source[second_key:]).ok
    assert not analyse.video_identical(source, source[second_key + 1:]).ok


def test_a_gap_in_audio_timestamps_is_seen(small_sample):
    packets = media.packets(small_sample.path, "audio")[1:]
    assert analyse.audio_timestamps(packets).ok
    assert not analyse.audio_timestamps(packets[:100] + packets[101:]).ok


SENT = [media.Packet(index / 30, index / 30, index % 60 == 0, 100, f"packet{index}") for index in range(600)]


def arrivals(count, late=lambda index: 0.0):
    return [Arrival(100.0 + index / 30 + late(index), f"packet{index}") for index in range(count)]


def test_delay_is_measured_and_its_spread():
    verdict = analyse.added_delay(SENT, arrivals(600), arrivals(600, lambda index: 3.0 + 0.005 * (index % 3)), 3.0)
    assert verdict.ok
    assert verdict.facts["medianMs"] == pytest.approx(3005, abs=1)


def test_a_growing_delay_is_not_D():
    verdict = analyse.added_delay(SENT, arrivals(600), arrivals(600, lambda index: 2.95 + index * 0.0005), 3.0)
    assert not verdict.ok


@pytest.mark.parametrize("share, ok", [(25, True), (15, False)])
def test_one_picture_in_many_may_be_off(share, ok):
    verdict = analyse.added_delay(SENT, arrivals(600), arrivals(600, lambda index: 3.0 + 0.08 * (index % share == 0)), 3.0)
    assert verdict.ok == ok and verdict.facts["medianMs"] == 3000
    early = analyse.added_delay(SENT, arrivals(600), arrivals(600, lambda index: 3.0 - 0.08 * (index % share == 0)), 3.0)
    assert early.ok == ok


def test_what_came_while_the_machine_slept_is_not_judged():
    late = arrivals(600, lambda index: 3.7 if 300 <= index < 315 else 3.0)
    assert not analyse.added_delay(SENT, arrivals(600), late, 3.0).ok
    slept = [Pause(100.0 + 300 / 30 + 3.0, 100.0 + 315 / 30 + 3.7)]
    verdict = analyse.added_delay(SENT, arrivals(600), late, 3.0, pauses=slept)
    assert verdict.ok and 15 <= verdict.facts["leftOut"] < 120


def test_a_busy_machine_is_judged_by_the_middle():
    uneven = arrivals(600, lambda index: 3.0 + 0.08 * (index % 4 == 0))
    assert not analyse.added_delay(SENT, arrivals(600), uneven, 3.0).ok
    often = [Pause(100.0 + second, 100.02 + second) for second in range(30)]
    assert analyse.added_delay(SENT, arrivals(600), uneven, 3.0, pauses=often).ok
    wrong = arrivals(600, lambda index: 3.05)
    assert not analyse.added_delay(SENT, arrivals(600), wrong, 3.0, pauses=often).ok
    late = arrivals(600, lambda index: 3.0)
    always = [Pause(0.0, 1000.0)]
    assert not analyse.added_delay(SENT, arrivals(600), late, 3.0, pauses=always).ok


def test_what_a_new_reader_gets_at_once_does_not_count():
    burst = [Arrival(101.0, f"packet{index}") for index in range(30)] + arrivals(600)[30:]
    verdict = analyse.added_delay(SENT, burst, arrivals(600, lambda index: 3.0), 3.0)
    assert verdict.facts["minMs"] == pytest.approx(3000, abs=1)


def test_packets_with_the_same_bytes_keep_their_places():
    sample = ["key", "a", "same", "b", "same", "c"]
    assert analyse.follow(sample, ["a", "same", "b", "same", "c"]) == [1, 2, 3, 4, 5]
    assert analyse.follow(sample, ["b", "other", "same", "c"]) == [3, None, 4, 5]


def test_a_stall_is_seen():
    assert analyse.never_stalls(arrivals(300), 0.5).ok
    stalled = arrivals(300, lambda index: 1.0 if index > 100 else 0.0)
    assert not analyse.never_stalls(stalled, 0.5).ok
    assert analyse.never_stalls(stalled, 0.5, [Pause(103.5, 104.3)]).ok


def test_silence_is_found_without_pilots():
    noise = np.random.default_rng(1).normal(size=RATE) * 0.1
    noise[24000:28800] = 0
    stretches = analyse.silent_stretches(media.Sound(2.0, noise))
    assert len(stretches) == 1 and stretches[0][0] == pytest.approx(2.5, abs=0.01)
