# SPDX-License-Identifier: GPL-3.0-or-later
"""The labelled test set of speech_detection.py: voices of flite and espeak-ng at known times over backgrounds.

It has three parts that share no voice, no sentence and no tune: "tuning", from which weights and thresholds come;
"choosing", by which one way of doing it was preferred to another; "held-out", looked at only when all was decided.
A part is the same bytes every time.
"""
from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import speech_detection_sounds as sounds

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support import sound, spoken  # noqa: E402

RATE = sound.RATE
HOP = RATE // 100
SPEECH_DB, QUIET_DB, LOUD_DB = -20.0, -45.0, -12.0
RATIOS_DB = (20, 10, 5, 0)
BED_ALONE_DB = (-36, -24, -12)
LEAD_S = 1.5
# A sound this much below the loud parts of its sentence is a pause in it.
PAUSE_DB = 35.0
PAUSES_S, NO_PAUSES_S = (0.4, 0.7, 1.0, 1.5, 2.5), (0.1, 0.15, 0.25)
BRIDGED_HOPS, PHRASE_GAP_HOPS = 15, 30


@dataclass(frozen=True)
class Part:
    """(engine, voice) and sentences; seconds of background without speech per clip."""

    name: str
    voices: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    alone_s: float = 60.0


TUNING = Part("tuning", (
    ("flite", "slt"), ("espeak", "en-us"), ("flite", "rms"), ("espeak", "en+f2"), ("espeak", "de"),
    ("espeak", "es+m3"), ("espeak", "fr+f4"),
), (
    "Good evening and welcome to the news.", "The mayor opened the new bridge this morning, in front of a large crowd.",
    "Several hundred people came to see it.", "Thank you, Anna.", "It will rain in the north tomorrow.",
    "The match ended with a late goal, and nobody in the stadium could believe it.", "Is that so?",
    "The minister said that schools would open again on Monday.", "We have seen this before, but never on this scale.",
    "Prices have risen by four percent since the spring.", "Yes, of course.",
    "Our reporter is on the square and has spoken with the people there."))
CHOOSING = Part("choosing", (
    ("flite", "awb"), ("espeak", "en-gb-scotland"), ("flite", "kal16"), ("espeak", "it+f3"), ("espeak", "en-us+m7"),
    ("espeak", "pl"), ("espeak", "pt+f5"),
), (
    "And now over to our studio for the weather.", "He passes the ball to the left, and here comes the shot.",
    "What a beautiful evening.", "The river has reached its highest level in twenty years.", "Not at all.",
    "Please stay with us, we are back after a short break.", "Scientists have found water under the ice of the moon.",
    "She was born in a small village by the sea and moved to the capital as a child.", "Who will win?",
    "The trains are running again, though with some delay.", "Nobody was hurt in the accident last night.",
    "This was the first time that the two teams have met."))
HELD_OUT = Part("held-out", (
    ("flite", "kal"), ("espeak", "en-029+m5"), ("espeak", "nl+f5"), ("espeak", "en-us+f1"), ("espeak", "cs+m1"),
    ("espeak", "en+m4"), ("espeak", "ro+f2"),
), (
    "This is the evening edition, live from the harbour.", "A storm has closed the airport for most of the day.",
    "No comment.", "The goalkeeper had no chance, it was a perfect free kick.", "How are you feeling today?",
    "Farmers fear that the harvest will be small, because it has hardly rained since May.",
    "The museum shows pictures that have never been seen in public.", "Back to you.",
    "More than half of the votes have been counted by now.", "I think so, yes.",
    "The old theatre will be rebuilt within two years, the council has decided.",
    "Tomorrow we will talk about what this means for you."))
PARTS = {part.name: part for part in (TUNING, CHOOSING, HELD_OUT)}


@dataclass(frozen=True)
class Clip:
    """Sound as int16 (samples, 2); speech[i] says whether somebody speaks in hop i; phrases are (first, end) hops."""

    name: str
    group: str
    pcm: np.ndarray
    speech: np.ndarray
    phrases: list[tuple[int, int]]


@cache
def _spoken(part: Part, index: int, voice: int) -> np.ndarray:
    """One sentence without the silence around it; its loud part at 0 dBFS RMS."""
    text = part.sentences[index % len(part.sentences)]
    engine, name = part.voices[voice % len(part.voices)]
    samples = sound.speak(text, name) if engine == "flite" else spoken.say(text, name)
    samples = sound.trim_silence(samples, RATE)
    loud = samples[np.abs(samples) > 0.02 * np.abs(samples).max()]
    return samples / np.sqrt(np.mean(loud ** 2))


def _hop_levels_db(samples: np.ndarray) -> np.ndarray:
    hops = samples[:len(samples) // HOP * HOP].reshape(-1, HOP)
    return 10 * np.log10(np.mean(hops ** 2, axis=1) + 1e-12)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(int), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def bridge(flags: np.ndarray, hops: int) -> np.ndarray:
    """Gaps shorter than this are filled."""
    filled = flags.copy()
    runs = _runs(flags)
    for (_, end), (start, _) in zip(runs, runs[1:]):
        if start - end < hops:
            filled[end:start] = True
    return filled


def _label(speech: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """From the clean speech alone, laid out on its timeline at 0 dBFS."""
    flags = bridge(_hop_levels_db(speech) > -PAUSE_DB, BRIDGED_HOPS)
    return flags, _runs(bridge(flags, PHRASE_GAP_HOPS))


def _lay_out(part: Part, rng: np.random.Generator, sentences: int,
             pauses_s: tuple[float, ...] = PAUSES_S) -> np.ndarray:
    """Sentences by all voices in turn."""
    pieces, first = [np.zeros(round(LEAD_S * RATE))], int(rng.integers(1000))
    for number in range(sentences):
        pieces.append(_spoken(part, first + number, first + number))
        pieces.append(np.zeros(round(rng.choice(pauses_s) * RATE)))
    track = np.concatenate(pieces)
    return np.pad(track, (0, -len(track) % HOP))


def _clip(name: str, group: str, speech: np.ndarray, speech_db: float, bed: np.ndarray, bed_db: float,
          places: tuple[float, float] = (1, 1)) -> Clip:
    """bed: two channels of at least this length at 0 dBFS; places: how much of the speech each channel has."""
    mixed = 10 ** (speech_db / 20) * np.outer(speech, places) + 10 ** (bed_db / 20) * bed[:len(speech)]
    flags, phrases = _label(speech)
    return Clip(name, group, np.clip(np.round(mixed * 32767), -32768, 32767).astype("<i2"), flags, phrases)


def _rng(part: Part, *key: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr((part.name, *key)).encode()))


def _bed(part: Part, name: str, seconds: float) -> np.ndarray:
    rng = _rng(part, "bed", name, round(seconds))
    if name == "silence":
        return np.zeros((round(seconds * RATE), 2))
    if name == "babble":
        voices = np.concatenate([_spoken(part, i, i * 5 + 1) for i in range(len(part.sentences))])
        return sounds.babble(rng, seconds, voices)
    return {**sounds.MUSIC, **sounds.CROWD, **sounds.NOISE}[name](rng, seconds)


GROUPS = {"music": tuple(sounds.MUSIC), "crowd": (*sounds.CROWD, "babble"), "noise": tuple(sounds.NOISE)}


def _over_beds(part: Part, quick: bool) -> Iterator[Clip]:
    for group, names in GROUPS.items():
        for name in names:
            speech = _lay_out(part, _rng(part, "speech", name), 6 if quick else 16)
            bed = _bed(part, name, len(speech) / RATE)
            for ratio_db in RATIOS_DB[1:4:2] if quick else RATIOS_DB:
                yield _clip(f"{name} {ratio_db:+d} dB", f"speech over {group}, {ratio_db:+d} dB", speech, SPEECH_DB,
                            bed, SPEECH_DB - ratio_db)


def _levels(part: Part, quick: bool) -> Iterator[Clip]:
    """Alone, quiet, loud, on one side, and with a background that changes."""
    speech = _lay_out(part, _rng(part, "speech", "levels"), 7 if quick else 14)
    seconds = len(speech) / RATE
    silence, quiet_room, tune = (_bed(part, name, seconds) for name in ("silence", "room", "band"))
    yield _clip("clean", "speech alone", speech, SPEECH_DB, silence, 0)
    yield _clip("loud", "speech alone", speech, LOUD_DB, quiet_room, -60)
    yield _clip("quiet, silence", "quiet speaker", speech, QUIET_DB, silence, 0)
    yield _clip("quiet, room", "quiet speaker", speech, QUIET_DB, quiet_room, QUIET_DB - 15)
    yield _clip("quiet, music", "quiet speaker", speech, QUIET_DB, tune, QUIET_DB - 15)
    yield _clip("left only", "one channel", speech, SPEECH_DB, quiet_room, -50, (1, 0))
    mono = np.repeat(tune.mean(axis=1, keepdims=True), 2, axis=1)
    yield _clip("mono music", "one channel", speech, SPEECH_DB, mono, SPEECH_DB - 10)
    yield _clip("changing", "changing background", speech, SPEECH_DB, _changing(part, seconds), SPEECH_DB - 8)


def _without_pauses(part: Part, quick: bool) -> Iterator[Clip]:
    """Where the background is hardly ever heard alone."""
    speech = _lay_out(part, _rng(part, "speech", "nonstop"), 8 if quick else 16, NO_PAUSES_S)
    for name in ("room", "band", "stadium"):
        yield _clip(f"nonstop over {name}", "speech without pauses, +10 dB", speech, SPEECH_DB,
                    _bed(part, name, len(speech) / RATE), SPEECH_DB - 10)


def _changing(part: Part, seconds: float) -> np.ndarray:
    """A new background every 6 s, silence among them."""
    names = ("band", "silence", "stadium", "room", "piano", "silence", "babble", "synth")
    beds = {name: _bed(part, name, seconds) for name in names}
    out = np.zeros((round(seconds * RATE), 2))
    for number, start in enumerate(range(0, len(out), 6 * RATE)):
        out[start:start + 6 * RATE] = beds[names[number % len(names)]][start:start + 6 * RATE]
    return out


def _without_speech(part: Part, quick: bool) -> Iterator[Clip]:
    """The bed begins after a second of silence, which is when its level is a surprise."""
    seconds = 20.0 if quick else part.alone_s
    nobody = np.zeros(round(seconds * RATE))
    for group, names in GROUPS.items():
        for name in names:
            bed = np.concatenate((np.zeros((RATE, 2)), _bed(part, name, seconds)))
            for bed_db in BED_ALONE_DB[1:2] if quick else BED_ALONE_DB:
                yield _clip(f"{name} alone {bed_db} dBFS", f"{group} alone", nobody, 0, bed, bed_db)


def clips(part: Part, quick: bool = False) -> Iterator[Clip]:
    """One after the other: a minute of sound is 11 MB."""
    yield from _levels(part, quick)
    yield from _without_pauses(part, quick)
    yield from _over_beds(part, quick)
    yield from _without_speech(part, quick)
