"""A clip that never ends: FLV tags that can be sent again and again without a seam in picture, sound or time.

The length is a whole number of pictures, of AAC frames, of milliseconds and of the pilots' periods. The tags are the
middle of three rounds that were encoded in one go, so that also the encoders' state goes round.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import sample, sound
from .rtmp_raw import Tag, flv_tags

SECONDS = 64
AUDIO_TAGS = SECONDS * sound.RATE // 1024
AUDIO, VIDEO = 8, 9
LEAD_MS = 200       # sent at once, as a publisher that connects has something to send


@dataclass(frozen=True)
class Loop:
    """One round; times from 0 to SECONDS * 1000 ms."""

    headers: list[Tag]
    tags: list[Tag]

    def from_key(self, start_ms: int) -> Iterator[Tag]:
        """Endless, from the first key frame at or after that time of the endless clip; headers first."""
        position, begun = start_ms // (SECONDS * 1000) * SECONDS * 1000, False
        while True:
            for tag in self.tags:
                at = position + tag.time_ms
                if not begun and at >= start_ms and is_key(tag):
                    begun = True
                    yield from (replace(header, time_ms=at) for header in self.headers)
                if begun:
                    yield replace(tag, time_ms=at)
            position += SECONDS * 1000

    def live(self, began: float, shift_ms: int = 0) -> Iterator[tuple[float, Tag]]:
        """What a publisher sends who joins now a clip that began at that monotonic second, as (seconds from now, tag);
        shift_ms is added to the timestamps."""
        now_ms = round((time.monotonic() - began) * 1000)
        for tag in self.from_key(now_ms - LEAD_MS):
            yield (tag.time_ms - now_ms) / 1000, replace(tag, time_ms=(tag.time_ms + shift_ms) % (1 << 32))


def is_key(tag: Tag) -> bool:
    return tag.kind == VIDEO and tag.body[0] >> 4 == 1 and tag.body[1] == 1


def is_header(tag: Tag) -> bool:
    """The codecs' headers and the metadata."""
    return tag.kind not in (AUDIO, VIDEO) or tag.body[1] == 0


def make_loop(folder: Path) -> Loop:
    """About half a minute's work."""
    recipe = sample.Recipe(duration=SECONDS, width=320, height=180)
    speech = [sound.speak(text, voice) for voice, text in recipe.sentences]
    sentences, marks = sample.schedule(recipe, speech), sample.mark_times(SECONDS)
    track, clip = folder / "loop.wav", folder / "loop.mp4"
    sound.write_wav(track, np.tile(sound.mix_on(sound.pilot(SECONDS), sentences, speech, marks), 3))
    encoder = subprocess.Popen(sample.encoder_command(replace(recipe, duration=3 * SECONDS), track, clip),
                               stdin=subprocess.PIPE)
    assert encoder.stdin
    for _ in range(3):
        sample.draw(sample.Sample(clip, recipe, sentences, marks), encoder.stdin.write)
    encoder.stdin.close()
    if encoder.wait() != 0:
        raise RuntimeError("ffmpeg could not encode the loop")
    return middle_of(list(flv_tags(clip)), recipe.fps)


def middle_of(tags: list[Tag], fps: int) -> Loop:
    media = [tag for tag in tags if not is_header(tag)]
    begin = next(tag.time_ms for tag in media if tag.kind == VIDEO) + SECONDS * 1000
    video = [tag for tag in media if tag.kind == VIDEO and begin <= tag.time_ms < begin + SECONDS * 1000]
    audio = [tag for tag in media if tag.kind == AUDIO and tag.time_ms >= begin][:AUDIO_TAGS]
    if len(video) != SECONDS * fps or not is_key(video[0]):
        raise RuntimeError(f"the loop has {len(video)} pictures; its first is {'' if is_key(video[0]) else 'not '}a key frame")
    chosen = sorted(video + audio, key=lambda tag: tag.time_ms)
    return Loop([tag for tag in tags if is_header(tag) and tag.time_ms < begin],
                [replace(tag, time_ms=tag.time_ms - begin) for tag in chosen])
