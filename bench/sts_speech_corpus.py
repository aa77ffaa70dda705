# SPDX-License-Identifier: GPL-3.0-or-later
"""What the speech benchmarks listen to, and how answers are scored.

Sentences of `sts_speech_sentences.tsv` spoken by flite, noise mixed in at a given ratio, sounds that are no speech; word
error rate and chrF. All of it is made from fixed seeds: two runs hear the same samples.
"""
import array
import math
import random
import re
import subprocess
import wave
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
VOICES = ("slt", "rms", "awb", "kal16")
RATE_HZ = 16000
FULL_SCALE = 32768


def sentences(part=None):
    """[(English, Spanish)] of "tune", "test" or both."""
    rows = []
    for line in (HERE / "sts_speech_sentences.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, english, spanish = line.split("\t")
            if part in (None, name):
                rows.append((english, spanish))
    return rows


def speak(text, voice, path):
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)


def read_wav(path):
    with wave.open(str(path)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
        return samples, file.getframerate()


def write_wav(path, samples, rate_hz=RATE_HZ):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(array.array("h", (max(-32768, min(32767, round(value))) for value in samples)).tobytes())


def power(samples):
    return sum(value * value for value in samples) / max(len(samples), 1)


def scaled(samples, level_dbfs):
    """The same sound with an RMS of level_dbfs."""
    gain = FULL_SCALE * 10 ** (level_dbfs / 20) / math.sqrt(max(power(samples), 1e-12))
    return [value * gain for value in samples]


def mixed(speech, noise, ratio_db):
    """Speech with noise, looped, ratio_db below it."""
    gain = math.sqrt(power(speech) / max(power(noise), 1e-12) / 10 ** (ratio_db / 10))
    return [value + gain * noise[i % len(noise)] for i, value in enumerate(speech)]


def white(seconds, seed):
    random.seed(seed)
    return [random.gauss(0, 1) for _ in range(int(seconds * RATE_HZ))]


def pink(seconds, seed):
    """White noise through the three-pole filter that Paul Kellet published on the music-dsp list."""
    low, middle, high, samples = 0.0, 0.0, 0.0, []
    for value in white(seconds, seed):
        low = 0.99765 * low + value * 0.0990460
        middle = 0.96300 * middle + value * 0.2965164
        high = 0.57000 * high + value * 1.0526913
        samples.append(low + middle + high + value * 0.1848)
    return samples


def hum(seconds, seed):
    """Mains and its harmonics."""
    random.seed(seed)
    partials = [(50 * k, 1 / k, random.uniform(0, 6.28)) for k in range(1, 12)]
    return tones(seconds, partials)


def tones(seconds, partials):
    return [sum(level * math.sin(6.283185 * hz * i / RATE_HZ + phase) for hz, level, phase in partials)
            for i in range(int(seconds * RATE_HZ))]


def music(seconds, seed):
    """Chords that change every 300 to 500 ms, each note with harmonics and a decay, and a bass."""
    random.seed(seed)
    samples = []
    while len(samples) < seconds * RATE_HZ:
        root = 110 * 2 ** (random.randrange(12) / 12)
        chord = [(root * ratio * k, 0.6 ** k, random.uniform(0, 6.28))
                 for ratio in (0.5, 1, random.choice((1.189, 1.26)), 1.498) for k in range(1, 6)]
        note = tones(random.uniform(0.3, 0.5), chord)
        samples += [value * math.exp(-3.0 * i / len(note)) for i, value in enumerate(note)]
    return samples[:int(seconds * RATE_HZ)]


def applause(seconds, seed):
    """Many short claps a second, each a burst of noise that dies away within 20 ms."""
    random.seed(seed)
    samples = [0.0] * int(seconds * RATE_HZ)
    for _ in range(int(seconds * 60)):
        start, level = random.randrange(len(samples)), random.uniform(0.3, 1)
        for i in range(min(320, len(samples) - start)):
            samples[start + i] += level * math.exp(-i / 64) * random.gauss(0, 1)
    return samples


def clicks(seconds, seed):
    """A few single clicks over faint noise."""
    random.seed(seed)
    samples = [random.gauss(0, 0.001) for _ in range(int(seconds * RATE_HZ))]
    for _ in range(int(seconds * 3)):
        start = random.randrange(len(samples) - 40)
        for i in range(40):
            samples[start + i] += math.exp(-i / 8) * random.choice((-1, 1))
    return samples


def engine(seconds, seed):
    """Low noise that swells and fades a few times a second, as a motor or a rotor does."""
    base = pink(seconds, seed)
    return [value * (1 + 0.8 * math.sin(6.283185 * 4.0 * i / RATE_HZ)) for i, value in enumerate(base)]


def crickets(seconds, seed):
    """A high chirp, as of a phone or an insect: bursts of a tone that glides."""
    random.seed(seed)
    samples = []
    while len(samples) < seconds * RATE_HZ:
        hz, length = random.uniform(700, 3000), int(RATE_HZ * random.uniform(0.05, 0.2))
        samples += [math.sin(6.283185 * (hz + 500 * i / length) * i / RATE_HZ) for i in range(length)]
        samples += [random.gauss(0, 0.003) for _ in range(int(RATE_HZ * random.uniform(0.05, 0.3)))]
    return samples[:int(seconds * RATE_HZ)]


NO_SPEECH = {"white": white, "pink": pink, "hum": hum, "music": music, "applause": applause, "clicks": clicks,
             "engine": engine, "crickets": crickets}


def words_of(text):
    return re.findall(r"[a-z']+", text.lower())


def word_errors(reference, heard):
    """Least number of words replaced, left out and put in."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(diagonal + (wanted != got), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def chrf(reference, answer, longest=6, beta=2.0):
    """0..100: F-score of the character n-grams, recall counting beta times as much (Popovic 2015, chrF2)."""
    reference, answer = (re.sub(r"\s+", "", text) for text in (reference, answer))
    precisions, recalls = [], []
    for n in range(1, longest + 1):
        wanted = Counter(reference[i:i + n] for i in range(len(reference) - n + 1))
        got = Counter(answer[i:i + n] for i in range(len(answer) - n + 1))
        common = sum((wanted & got).values())
        if wanted and got:
            precisions.append(common / got.total())
            recalls.append(common / wanted.total())
    if not precisions or not sum(precisions):
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 100 * (1 + beta ** 2) * precision * recall / (beta ** 2 * precision + recall)
