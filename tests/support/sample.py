"""Makes the clip that is published: the test picture, the test sound, English sentences at known times."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from . import picture, sound
from .picture import ClockPicture
from .sound import Sentence

FIRST_MARK, MARK_EVERY = 2.5, 5.0
FLASH_SECONDS = 0.1

# Plain sentences about plain things: the distribution's recogniser and translator are of that size.
SENTENCES = (
    ("slt", "Good morning and welcome to our program."),
    ("rms", "The children are in the park with their friends."),
    ("rms", "The teacher is reading a book to the students."),
    ("slt", "Our team won the game last night."),
    ("rms", "The old man has two dogs and three cats."),
    ("slt", "The world is changing very quickly."),
    ("slt", "She lives in a small house with her mother."),
    ("rms", "The water of the river is very cold."),
    ("slt", "The price of bread is very high this year."),
    ("rms", "There are many books in the library."),
    ("rms", "The government wants to build a new school."),
    ("slt", "Thank you very much for your attention."),
)
PAUSES = (1.9, 1.3, 2.3, 1.6, 1.1, 2.0, 1.5, 2.4, 1.2, 1.8, 1.4)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the bytes of a sample."""

    duration: float = 60.0
    width: int = 1280
    height: int = 720
    fps: int = 30
    sentences: tuple[tuple[str, str], ...] = SENTENCES
    pauses: tuple[float, ...] = PAUSES
    first_speech: float = 4.0
    video_codec: str = "libx264"
    b_frames: int = 2
    gop_seconds: float = 2.0
    audio: bool = True

    def key(self) -> str:
        """Changes with the recipe and with the code that follows it."""
        code = b"".join(Path(module).read_bytes() for module in (__file__, picture.__file__, sound.__file__))
        return hashlib.sha256(code + json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Sample:
    """A clip on disk and what is known of it; times in seconds."""

    path: Path
    recipe: Recipe
    sentences: list[Sentence] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)

    @property
    def geometry(self) -> picture.Geometry:
        return picture.Geometry(self.recipe.width, self.recipe.height)


def mark_times(duration: float) -> list[float]:
    return [float(at) for at in np.arange(FIRST_MARK, duration - 1.0, MARK_EVERY)]


def make_sample(path: Path, recipe: Recipe = Recipe(), progress: Callable[[str], None] = lambda line: None) -> Sample:
    """The sample of this recipe at path, made if what is there was made by another recipe or not at all."""
    facts = path.with_suffix(".json")
    known = _load(path, facts, recipe)
    if known:
        progress(f"sample is there already: {path}")
        return known
    progress(f"making the sample: {recipe.duration:.0f} s, {recipe.width}x{recipe.height}, "
             f"{len(recipe.sentences)} sentences")
    path.parent.mkdir(parents=True, exist_ok=True)
    speech = [sound.speak(text, voice) for voice, text in recipe.sentences]
    sample = Sample(path, recipe, schedule(recipe, speech), mark_times(recipe.duration))
    _encode(sample, speech)
    facts.write_text(json.dumps({
        "key": recipe.key(), "sentences": [asdict(sentence) for sentence in sample.sentences],
        "marks": sample.marks}, indent=1) + "\n")
    return sample


def schedule(recipe: Recipe, speech: list[np.ndarray]) -> list[Sentence]:
    """One sentence after the other with the recipe's pauses; refuses what does not fit."""
    sentences, at = [], recipe.first_speech
    for index, ((voice, text), samples) in enumerate(zip(recipe.sentences, speech)):
        end = at + len(samples) / sound.RATE
        sentences.append(Sentence(voice, text, round(at, 3), round(end, 3)))
        at = end + recipe.pauses[index % len(recipe.pauses)] if recipe.pauses else end
    if sentences and sentences[-1].end > recipe.duration:
        raise ValueError(f"the sentences end at {sentences[-1].end:.1f} s, after the sample's {recipe.duration} s")
    return sentences


def _load(path: Path, facts: Path, recipe: Recipe) -> Sample | None:
    try:
        known = json.loads(facts.read_text())
    except (OSError, ValueError):
        return None
    if known.get("key") != recipe.key() or not path.exists():
        return None
    return Sample(path, recipe, [Sentence(**sentence) for sentence in known["sentences"]], known["marks"])


def _encode(sample: Sample, speech: list[np.ndarray]) -> None:
    recipe = sample.recipe
    with tempfile.TemporaryDirectory(dir=sample.path.parent) as folder:
        track = Path(folder) / "sound.wav"
        sound.write_wav(track, sound.mix(recipe.duration, sample.sentences, speech, sample.marks))
        finished = Path(folder) / f"sample{sample.path.suffix}"
        encoder = subprocess.Popen(encoder_command(recipe, track, finished), stdin=subprocess.PIPE)
        assert encoder.stdin
        draw(sample, encoder.stdin.write)
        encoder.stdin.close()
        if encoder.wait() != 0:
            raise RuntimeError(f"ffmpeg could not make the sample (exit code {encoder.returncode})")
        # Only a whole file gets the name: an interrupted run leaves no half sample behind.
        shutil.move(finished, sample.path)


def encoder_command(recipe: Recipe, track: Path, output: Path) -> list[str]:
    gop = str(round(recipe.gop_seconds * recipe.fps))
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y",
               "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{recipe.width}x{recipe.height}",
               "-r", str(recipe.fps), "-i", "-", "-i", str(track), "-map", "0:v"]
    if recipe.audio:
        command += ["-map", "1:a", "-c:a", "aac", "-b:a", "192k"]
    command += ["-c:v", recipe.video_codec, "-preset", "veryfast", "-crf", "23", "-threads", "2",
                "-g", gop, "-keyint_min", gop, "-bf", str(recipe.b_frames)]
    if recipe.video_codec == "libx264":
        command += ["-sc_threshold", "0", "-profile:v", "high"]
    else:
        command += ["-x265-params", "log-level=error"]
    return command + ["-fflags", "+bitexact", str(output)]


def draw(sample: Sample, write: Callable[[bytes], object]) -> None:
    """All pictures, as raw 4:2:0."""
    recipe = sample.recipe
    clock = ClockPicture(recipe.width, recipe.height, recipe.fps)
    for number in range(round(recipe.duration * recipe.fps)):
        now = number / recipe.fps
        flash = any(mark <= now + 1e-9 < mark + FLASH_SECONDS for mark in sample.marks)
        speaking = any(sentence.start <= now < sentence.end for sentence in sample.sentences)
        write(clock.planes(number, flash, speaking))
