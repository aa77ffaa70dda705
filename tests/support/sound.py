"""The test sound: speech by flite over a soft chord, with two things in it that a program can measure by.

Marks: a short chirp at 11 to 12 kHz every few seconds, together with a flash in the picture.
Pilots: three quiet steady tones near 13 kHz. The dubbed voice passes through a 24 kHz exchange, so nothing of it
can lie up there: the level of the pilots in a recording is the level of the original sound at that moment, and
their phase moves when even one sample is lost, doubled or out of place.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 48000
# Not whole multiples of 100 Hz: a lost block of any usual length (5, 10, 20 ms, 1024 samples) turns their phase.
PILOTS_HZ = (12637.0, 13411.0, 13907.0)
PILOT_LEVEL = 10 ** (-39 / 20)
MARK_HZ = (11200.0, 12400.0)    # over the voices of 22.05 kHz engines, under the pilots
MARK_SECONDS = 0.04
MARK_LEVEL = 10 ** (-26 / 20)
BED_LEVEL = 10 ** (-46 / 20)
SPEECH_LEVEL = 10 ** (-20 / 20)    # RMS of the spoken part

CHORDS = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9))
CHORD_SECONDS = 4.0


@dataclass(frozen=True)
class Sentence:
    """One spoken sentence; start and end are seconds on the sample's timeline, of the sound and not of its file."""

    voice: str
    text: str
    start: float
    end: float


def pilot(duration: float, level: float = PILOT_LEVEL) -> np.ndarray:
    time = np.arange(round(duration * RATE)) / RATE
    return level * sum(np.sin(2 * np.pi * hz * time) for hz in PILOTS_HZ)


def chirp() -> np.ndarray:
    time = np.arange(round(MARK_SECONDS * RATE)) / RATE
    low, high = MARK_HZ
    sweep = np.sin(2 * np.pi * (low * time + (high - low) * time ** 2 / (2 * MARK_SECONDS)))
    return MARK_LEVEL * np.hanning(len(time)) * sweep


def bed(duration: float) -> np.ndarray:
    """Slow chords with a soft swell, and the pilots."""
    time = np.arange(round(duration * RATE)) / RATE
    swell = 0.75 + 0.25 * np.sin(2 * np.pi * time / CHORD_SECONDS)
    chord_of = (time // CHORD_SECONDS).astype(int) % len(CHORDS)
    frequencies = np.array(CHORDS)[chord_of]
    # The phase is the integral of the frequency: a change of chord makes no click.
    phases = 2 * np.pi * np.cumsum(frequencies, axis=0) / RATE
    return BED_LEVEL * swell * np.sin(phases).sum(axis=1) + pilot(duration)


def speak(text: str, voice: str) -> np.ndarray:
    """flite's rendering at 48 kHz, without the silence around it, at SPEECH_LEVEL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        samples, rate = read_wav(path)
    samples = trim_silence(upsample(samples, rate), RATE)
    active = samples[np.abs(samples) > 0.02 * np.abs(samples).max()]
    return samples * SPEECH_LEVEL / np.sqrt(np.mean(active ** 2))


def trim_silence(samples: np.ndarray, rate: int) -> np.ndarray:
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    margin = rate // 100
    return samples[max(0, loud[0] - margin):loud[-1] + margin]


def upsample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Band-limited resampling to 48 kHz by zero-filling the spectrum."""
    spectrum = np.fft.rfft(samples)
    wanted = round(len(samples) * RATE / rate)
    padded = np.zeros(wanted // 2 + 1, dtype=complex)
    count = min(len(padded), len(spectrum))
    padded[:count] = spectrum[:count]
    return np.fft.irfft(padded, wanted) * wanted / len(samples)


def mix(duration: float, sentences: list[Sentence], speech: list[np.ndarray], marks: list[float]) -> np.ndarray:
    """The whole soundtrack, mono, full scale 1.0."""
    return mix_on(bed(duration), sentences, speech, marks)


def mix_on(ground: np.ndarray, sentences: list[Sentence], speech: list[np.ndarray], marks: list[float]) -> np.ndarray:
    """Speech and marks over this ground."""
    sound = ground.copy()
    for sentence, samples in zip(sentences, speech):
        _add(sound, samples, sentence.start)
    for mark in marks:
        _add(sound, chirp(), mark)
    return sound


def write_wav(path: Path, mono: np.ndarray) -> None:
    """Stereo 16-bit at 48 kHz."""
    pcm = np.clip(np.round(mono * 32767), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.column_stack((pcm, pcm)).tobytes())


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """First channel, full scale 1.0, and the rate."""
    with wave.open(str(path), "rb") as file:
        channels, rate = file.getnchannels(), file.getframerate()
        pcm = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return pcm.reshape(-1, channels)[:, 0] / 32768.0, rate


def _add(sound: np.ndarray, samples: np.ndarray, start: float) -> None:
    at = round(start * RATE)
    room = len(sound) - at
    sound[at:at + len(samples)] += samples[:room]
