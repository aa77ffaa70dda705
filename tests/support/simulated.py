"""Recordings as a perfect dubber would make them, and as broken ones would: what the analyser is tested with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import media, sound, spoken
from .sample import Sample
from .sound import RATE

SPANISH = {
    "Good morning and welcome to our program.": "buenos días y bienvenido a nuestro programa",
    "Our team won the game last night.": "Nuestro equipo ganó el juego anoche",
    "The world is changing very quickly.": "El mundo está cambiando muy deprisa",
    "The water of the river is very cold.": "El agua del río es muy fría",
}
ATTACK, RELEASE, DUCKED = 0.05, 0.2, 0.1


@dataclass(frozen=True)
class Dub:
    """One dubbed sentence: what is said when, seconds on the sample's timeline."""

    text: str
    start: float
    lag: float = 0.0
    voice: str = "es"


def dubs_of(sample: Sample) -> list[Dub]:
    return [Dub(SPANISH[sentence.text], sentence.start) for sentence in sample.sentences]


def ledger_of(sample: Sample, dubs: list[Dub]) -> list[dict]:
    return [{"seq": index, "fragmentId": f"fragment-{index}", "startMs": round(sentence.start * 1000),
             "endMs": round(sentence.end * 1000), "state": "dubbed", "reason": "", "transcript": sentence.text, "translatedText": dub.text,
             "lagMs": round(dub.lag * 1000)} for index, (sentence, dub) in enumerate(zip(sample.sentences, dubs))]


def dubbed_sound(sample: Sample, dubs: list[Dub], ducked: float = DUCKED) -> np.ndarray:
    """The soundtrack of a perfect dub."""
    original = media.decode_sound(sample.path).samples
    gain = np.ones(len(original))
    voice = np.zeros(len(original))
    for dub in dubs:
        spoken_text = spoken.say(dub.text, dub.voice)
        spoken_text = spoken_text * sound.SPEECH_LEVEL / np.sqrt(np.mean(spoken_text ** 2))
        first = round((dub.start + dub.lag) * RATE)
        last = min(first + len(spoken_text), len(original))
        voice[first:last] += spoken_text[:last - first]
        gain[first:last] = ducked
    return original * _ramped(gain) + voice


def _ramped(gain: np.ndarray) -> np.ndarray:
    """Attack and release, in linear ramps around each change."""
    changes = np.flatnonzero(np.diff(gain))
    ramped = gain.copy()
    for at in changes:
        before, after = gain[at], gain[at + 1]
        length = round((ATTACK if after < before else RELEASE) * RATE)
        piece = ramped[at:at + length]
        piece[:] = np.linspace(before, after, length)[:len(piece)]
    return ramped


def record(sample: Sample, samples: np.ndarray, path: Path, delay: float = 0.0, skip_frames: int = 0) -> Path:
    """A recording of the sample's own video with this sound, as a viewer's ffmpeg writes it.

    The detour over FLV gives it what RTMP gives: whole milliseconds and no edit lists. delay shifts the sound.
    """
    track, flv = path.with_suffix(".wav"), path.with_suffix(".flv")
    sound.write_wav(track, samples)
    sound_delay = ["-itsoffset", str(delay)] if delay else []
    video_filter = ["-bsf:v", f"noise=drop='between(n,200,{199 + skip_frames})'"] if skip_frames else []
    _ffmpeg("-i", str(sample.path), *sound_delay, "-i", str(track), "-map", "0:v", "-map", "1:a", "-c:v", "copy",
            *video_filter, "-c:a", "aac", "-b:a", "128k", str(flv))
    _ffmpeg("-i", str(flv), "-c", "copy", str(path))
    return path


def without(samples: np.ndarray, start: float, seconds: float) -> np.ndarray:
    """A piece lost, the rest moved up, the end filled."""
    first, count = round(start * RATE), round(seconds * RATE)
    return np.concatenate((samples[:first], samples[first + count:], np.zeros(count)))


def changed(samples: np.ndarray, start: float, seconds: float, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    altered = samples.copy()
    first, last = round(start * RATE), round((start + seconds) * RATE)
    altered[first:last] = change(altered[first:last])
    return altered


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL)
