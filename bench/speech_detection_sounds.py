# SPDX-License-Identifier: GPL-3.0-or-later
"""Backgrounds for the test set of speech_detection.py: music, crowds and rooms made by arithmetic.

Each maker takes a random generator and a length in seconds and gives two channels at 48 kHz, shape (samples, 2), at
0 dBFS RMS. The same generator state gives the same sound.
"""
from __future__ import annotations

import numpy as np

RATE = 48000
MINOR, MAJOR = (0, 3, 7), (0, 4, 7)
PROGRESSIONS = (((0, MAJOR), (7, MAJOR), (9, MINOR), (5, MAJOR)), ((0, MINOR), (8, MAJOR), (3, MAJOR), (10, MAJOR)),
                ((2, MINOR), (7, MAJOR), (0, MAJOR), (0, MAJOR)))
PENTATONIC = (0, 2, 4, 7, 9)
CLAP_SECONDS = 0.06


def level(samples: np.ndarray, rms_db: float) -> np.ndarray:
    """Scaled to this RMS in dBFS."""
    return samples * (10 ** (rms_db / 20) / max(1e-9, np.sqrt(np.mean(samples ** 2))))


def shaped_noise(rng: np.random.Generator, count: int, response) -> np.ndarray:
    """White noise behind a filter: response(hz) is its gain."""
    spectrum = np.fft.rfft(rng.standard_normal(count)) * response(np.fft.rfftfreq(count, 1 / RATE))
    return level(np.fft.irfft(spectrum, count), 0)


def pink(hz: np.ndarray) -> np.ndarray:
    return 1 / np.sqrt(np.maximum(hz, 30))


def brown(hz: np.ndarray) -> np.ndarray:
    return 1 / np.maximum(hz, 30)


def throats(hz: np.ndarray) -> np.ndarray:
    """Where many voices together have their power."""
    return np.exp(-np.log2(np.maximum(hz, 1) / 700) ** 2 / 1.6)


def swell(rng: np.random.Generator, count: int, every_s: float, depth_db: float) -> np.ndarray:
    """A slow random course of gain."""
    points = max(4, round(count / RATE / every_s) + 2)
    course_db = rng.uniform(-depth_db, 0, points)
    return 10 ** (np.interp(np.linspace(0, points - 1, count), np.arange(points), course_db) / 20)


def _add(sound: np.ndarray, piece: np.ndarray, at_s: float) -> None:
    start = round(at_s * RATE)
    room = max(0, len(sound) - start)
    sound[start:start + len(piece)] += piece[:room]


def _note(hz: float, seconds: float, brightness: float, attack_s: float, decay: float, vibrato: float = 0.0):
    """One note: up to twelve partials, a quick or slow beginning, decay per second (0: held)."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * hz * (time + vibrato * (1 - np.cos(2 * np.pi * 5.5 * time)) / (2 * np.pi * 5.5))
    partials = [n for n in range(1, 13) if n * hz < 12000]
    tone = sum(brightness ** (n - 1) * np.sin(n * phase + n) for n in partials)
    return tone * np.minimum(1, time / attack_s) * np.minimum(1, (seconds - time) / 0.03) * np.exp(-decay * time)


def _hz(semitones: float) -> float:
    return 220.0 * 2 ** (semitones / 12)


class _Song:
    """Key, tempo and chords, drawn once; its parts are played over each other."""

    def __init__(self, rng: np.random.Generator, seconds: float):
        self.rng, self.seconds = rng, seconds
        self.beat_s = 60 / rng.uniform(75, 140)
        self.key = int(rng.integers(-5, 6))
        self.chords = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]

    def empty(self) -> np.ndarray:
        return np.zeros(round(self.seconds * RATE))

    def beats(self, every: float = 1.0):
        return enumerate(np.arange(0, self.seconds, every * self.beat_s))

    def chord(self, at_s: float):
        root, shape = self.chords[int(at_s / (4 * self.beat_s)) % len(self.chords)]
        return [self.key + root + step for step in shape]

    def harmony(self, held: bool) -> np.ndarray:
        """Chords, held for a bar or struck on every beat."""
        out, every = self.empty(), 4.0 if held else 1.0
        for _, at in self.beats(every):
            for step in self.chord(at):
                length = every * self.beat_s
                note = _note(_hz(step), length, 0.55, 0.12, 0, 0.003) if held else \
                    _note(_hz(step), 1.5 * length, 0.6, 0.004, 3.0)
                _add(out, note / 3, at)
        return out

    def bass(self) -> np.ndarray:
        out = self.empty()
        for _, at in self.beats():
            _add(out, _note(_hz(self.chord(at)[0] - 24), 0.9 * self.beat_s, 0.5, 0.01, 2.0), at)
        return out

    def melody(self, brightness: float, vibrato: float) -> np.ndarray:
        """A walk over five notes in beats and half beats, with rests."""
        out, at, place = self.empty(), 0.0, 5
        while at < self.seconds:
            length = self.beat_s * self.rng.choice((0.5, 0.5, 1.0, 1.5))
            place = int(np.clip(place + self.rng.integers(-2, 3), 0, 10))
            hz = _hz(self.key + 12 * (place // 5) + PENTATONIC[place % 5])
            if self.rng.random() > 0.15:
                _add(out, _note(hz, 0.95 * length, brightness, 0.02, 1.0, vibrato), at)
            at += length
        return out

    def drums(self, fills: bool) -> np.ndarray:
        out = self.empty()
        for number, at in self.beats(0.5):
            _add(out, self._hat(), at)
            if number % 4 == 0:
                _add(out, self._kick(), at)
            if number % 4 == 2:
                _add(out, self._snare(), at)
            if fills and self.rng.random() < 0.35:
                _add(out, self._tom(), at + self.beat_s * self.rng.choice((0, 0.25)))
        return out

    def synth(self) -> np.ndarray:
        """A bright chord behind a filter that opens and closes: the shape of its spectrum moves all the time."""
        time = np.arange(len(self.empty())) / RATE
        sweep = 900 * 2 ** (1.2 * np.sin(2 * np.pi * time / (2 * self.beat_s)))
        out = self.empty()
        for step in self.chord(0):
            for partial in range(1, 20):
                hz = partial * _hz(step - 12)
                gain = 1 / (1 + ((hz - sweep) / 300) ** 2)
                out += gain * np.sin(2 * np.pi * hz * time + partial)
        return out

    def _hat(self):
        time = np.arange(round(0.08 * RATE)) / RATE
        return 0.25 * self.rng.standard_normal(len(time)) * np.exp(-60 * time)

    def _kick(self):
        time = np.arange(round(0.25 * RATE)) / RATE
        return 2.0 * np.sin(2 * np.pi * (55 * time + 4 * (1 - np.exp(-30 * time)))) * np.exp(-14 * time)

    def _snare(self):
        time = np.arange(round(0.2 * RATE)) / RATE
        return (0.5 * self.rng.standard_normal(len(time)) + 0.6 * np.sin(2 * np.pi * 190 * time)) * np.exp(-22 * time)

    def _tom(self):
        time = np.arange(round(0.3 * RATE)) / RATE
        return 1.5 * np.sin(2 * np.pi * self.rng.choice((95, 130, 170)) * time) * np.exp(-12 * time)


def _stereo(*parts: tuple[np.ndarray, float]) -> np.ndarray:
    """Parts with their place from 0 (left) to 1 (right), at 0 dBFS."""
    left = sum(part * np.cos(place * np.pi / 2) for part, place in parts)
    right = sum(part * np.sin(place * np.pi / 2) for part, place in parts)
    return level(np.column_stack((left, right)), 0)


def band(rng, seconds):
    song = _Song(rng, seconds)
    return _stereo((song.harmony(held=True), 0.3), (song.bass(), 0.5), (0.8 * song.melody(0.6, 0.01), 0.7),
                   (0.8 * song.drums(fills=False), 0.5))


def piano(rng, seconds):
    song = _Song(rng, seconds)
    return _stereo((song.harmony(held=False), 0.4), (song.melody(0.5, 0), 0.6))


def strings(rng, seconds):
    song = _Song(rng, seconds)
    return _stereo((song.harmony(held=True), 0.4), (song.melody(0.7, 0.015), 0.6)) * \
        swell(rng, round(seconds * RATE), 2.0, 8)[:, None]


def drums(rng, seconds):
    return _stereo((_Song(rng, seconds).drums(fills=True), 0.5))


def synth(rng, seconds):
    song = _Song(rng, seconds)
    return _stereo((song.synth(), 0.5), (8 * song.drums(fills=False), 0.5), (8 * song.bass(), 0.5))


def _claps(rng, seconds: float, per_second: float) -> np.ndarray:
    out = np.zeros(round(seconds * RATE))
    time = np.arange(round(CLAP_SECONDS * RATE)) / RATE
    for at in rng.uniform(0, seconds, round(per_second * seconds)):
        clap = rng.standard_normal(len(time)) * np.exp(-time * rng.uniform(80, 200))
        _add(out, clap * rng.uniform(0.2, 1), at)
    return out


def applause(rng, seconds):
    return _stereo((_claps(rng, seconds, 120), 0.3), (_claps(rng, seconds, 120), 0.7))


def stadium(rng, seconds):
    """A murmur that swells, bursts of applause, and cheers."""
    count = round(seconds * RATE)
    sides = [shaped_noise(rng, count, throats) * swell(rng, count, 1.5, 6) for _ in range(2)]
    for side in sides:
        for at in np.arange(rng.uniform(1, 4), seconds, 8.0):
            _add(side, _claps(rng, 3.0, 90) * np.hanning(3 * RATE) * 2, at)
    for at in np.arange(rng.uniform(3, 6), seconds, 9.0):
        cheer = shaped_noise(rng, 3 * RATE, lambda hz: throats(hz / 1.5)) * np.hanning(3 * RATE) ** 0.5
        for side in sides:
            _add(side, 2.0 * cheer, at)
    return level(np.column_stack(sides), 0)


def babble(rng, seconds, voices: np.ndarray, speakers: int = 40):
    """Many at once: `voices` from random places, a little faster or slower, to be understood by nobody."""
    count = round(seconds * RATE)
    sides = np.zeros((count, 2))
    for _ in range(speakers):
        speed = rng.uniform(0.88, 1.12)
        places = (rng.uniform(0, len(voices)) + speed * np.arange(count)) % (len(voices) - 1)
        voice = np.interp(places, np.arange(len(voices)), voices) * rng.uniform(0.4, 1)
        sides += np.outer(voice, rng.dirichlet((2, 2)))
    return level(sides, 0)


def hum(rng, seconds):
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(0.75 ** n * np.sin(2 * np.pi * 50 * n * time + n) for n in range(1, 16))
    return _stereo((level(tone, 0), 0.5), (0.1 * shaped_noise(rng, len(time), pink), 0.5))


def room(rng, seconds):
    count = round(seconds * RATE)
    return _stereo(*((shaped_noise(rng, count, pink), place) for place in (0.2, 0.8)))


def traffic(rng, seconds):
    count = round(seconds * RATE)
    return _stereo(*((shaped_noise(rng, count, brown) * swell(rng, count, 1.0, 15), place) for place in (0.3, 0.7)))


MUSIC = {"band": band, "piano": piano, "strings": strings, "drums": drums, "synth": synth}
NOISE = {"hum": hum, "room": room, "traffic": traffic}
CROWD = {"applause": applause, "stadium": stadium}
