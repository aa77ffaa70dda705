"""The endless clip has no seam: its sound, decoded across the end of a round, is the sound that went in."""

import subprocess

import pytest

from support import analyse, loop, media


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return loop.make_loop(tmp_path_factory.mktemp("loop"))


def flv_of(tags):
    data = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"
    for tag in tags:
        stamp = (tag.time_ms & 0xFFFFFF).to_bytes(3, "big") + bytes([tag.time_ms >> 24 & 0xFF])
        header = bytes([tag.kind]) + len(tag.body).to_bytes(3, "big") + stamp + b"\0\0\0"
        data += header + tag.body + (len(header) + len(tag.body)).to_bytes(4, "big")
    return data


def test_a_round_is_whole(made):
    assert sum(tag.kind == loop.VIDEO for tag in made.tags) == loop.SECONDS * 30
    assert sum(tag.kind == loop.AUDIO for tag in made.tags) == loop.AUDIO_TAGS
    assert {tag.kind for tag in made.headers} >= {loop.AUDIO, loop.VIDEO}


def test_two_rounds_have_no_seam(made, tmp_path):
    path = tmp_path / "rounds.flv"
    endless = made.from_key(50_000)
    tags = []
    while not tags or tags[-1].time_ms < 80_000:
        tags.append(next(endless))
    path.write_bytes(flv_of(tags))
    whole = media.decode_sound(path)
    recording = media.Sound(whole.start + 0.2, whole.cut(whole.start + 0.2, whole.end - 0.2))
    bed = analyse.track_bed(recording, 0.0)
    assert analyse.audio_timestamps(media.packets(path, "audio")).ok
    assert analyse.bed_unbroken(bed).ok, analyse.bed_unbroken(bed).text
    assert analyse.no_step(bed, recording, 0.0).ok, analyse.no_step(bed, recording, 0.0).text
    steps = {round(right.dts - left.dts, 3) for left, right in zip(*[iter(media.packets(path, "video"))] * 2)}
    assert steps <= {0.033, 0.034}
    assert subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True,
                          stdin=subprocess.DEVNULL).stderr == b""


def test_who_joins_later_begins_at_a_key_frame_and_at_its_time(made):
    plan = made.live(began=0.0, shift_ms=5000)
    first = [next(plan) for _ in range(len(made.headers) + 40)]
    assert [tag.kind for _, tag in first[:len(made.headers)]] == [tag.kind for tag in made.headers]
    at, tag = first[len(made.headers)]
    assert loop.is_key(tag) and -0.3 < at < 2.1
    later, _ = first[-1]
    assert later > at
