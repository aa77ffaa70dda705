"""Was it dubbed? The ledger's claims put to the test in the recording.

A phrase that the ledger calls dubbed must be heard: the text it names is found at its place in the recording (see
spoken.py and, for other voices than eSpeak NG's, artifacts.py), better than any other text of the run, and the original
lies ducked under it. Where nothing was dubbed the original must be at full level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import spoken
from .analyse import FULL_DB, BedTrack, Verdict, sentence_of
from .media import Sound
from .sound import RATE, Sentence

MAX_COST = 0.26           # right texts lie at 0.07 to 0.20, others at 0.26 and above
MIN_MARGIN = 0.02         # by which the right text beats every other one
COMPARABLE = 0.7          # of a text's length: what competes with it
MIN_COVERED = 0.5         # of a sentence, for it to count as dubbed
DUCK_DB, DUCK_SLACK_DB = -20.0, 4.0
EARLY = 0.35              # a fragment begins a little before its speech, and matching has a grid
SLACK = 0.1               # of the ledger's times
LEAD = 1.0                # searched before the phrase, to catch a dub that is too early
MIN_SHARE = 0.8


@dataclass(frozen=True)
class Phrase:
    """A ledger line, times in seconds on the sample's timeline."""

    start: float
    end: float
    state: str
    reason: str
    transcript: str
    translated: str
    lag: float
    fragment: str = ""


@dataclass
class Heard:
    """What the recording shows of one phrase."""

    phrase: Phrase
    sentence: Sentence | None
    cost: float = 1.0
    next_cost: float = 1.0
    at: float = float("nan")       # where the dub starts, seconds on the sample's timeline
    bed_db: float = float("nan")
    present: bool = False
    problem: str = ""


def phrases_of(ledger: list[dict], origin: float) -> list[Phrase]:
    """Ledger lines as phrases; origin is where the ledger's zero lies on the sample's timeline."""
    return [Phrase(line["startMs"] / 1000 + origin, line["endMs"] / 1000 + origin, line["state"],
                   line.get("reason") or "", line.get("transcript") or "", line.get("translatedText") or "",
                   (line.get("lagMs") or 0) / 1000, line.get("fragmentId") or "") for line in ledger]


def origin_of(ledger: list[dict], sentences: list[Sentence]) -> float:
    """Where the ledger's time zero lies on the sample's timeline.

    The worker counts from the first thing it received. The pauses between the sentences are like a bar code: the
    shift at which the ledger's phrases cover most of the sentences and least of the pauses is the right one.
    """
    if not ledger or not sentences:
        return 0.0
    grid = 0.02
    length = max(sentence.end for sentence in sentences) + 60.0
    speech = np.full(round(length / grid), -1.0)
    for sentence in sentences:
        speech[round(sentence.start / grid):round(sentence.end / grid)] = 1.0
    shifts = np.arange(-20.0, 30.0, grid)
    scores = [sum(speech[max(0, round((line["startMs"] / 1000 + shift) / grid)):
                         max(0, round((line["endMs"] / 1000 + shift) / grid))].sum() for line in ledger)
              for shift in shifts]
    best = np.flatnonzero(np.array(scores) >= max(scores) - 1e-9)
    return float(shifts[best].mean())


def listen(recording: Sound, offset: float, bed: BedTrack, phrases: list[Phrase], sentences: list[Sentence],
           language: str, max_lag: float, clips: dict[str, np.ndarray] | None = None) -> list[Heard]:
    """Looks for every phrase in the recording: for what was said where `clips` has it by fragment (a voice that cannot be
    rendered here), else for eSpeak NG's rendering of its text."""
    def said(phrase: Phrase) -> np.ndarray:
        clip = (clips or {}).get(phrase.fragment)
        return spoken.say(phrase.translated, language) if clip is None else clip

    references = {phrase: spoken.cepstra(said(phrase)) for phrase in phrases if phrase.translated}
    ends = [_said_again(phrase, phrases[index + 1:]) for index, phrase in enumerate(phrases)]
    return [_hear(Heard(phrase, sentence_of(sentences, phrase.start, phrase.end)), recording, offset, bed, references,
                  max_lag, end) for phrase, end in zip(phrases, ends)]


def _said_again(phrase: Phrase, later: list[Phrase]) -> float:
    """When the same text is said the next time: by then this phrase's dub is over, and that one is not its."""
    return min((one.start + one.lag for one in later if one.translated == phrase.translated), default=float("inf"))


def _hear(heard: Heard, recording: Sound, offset: float, bed: BedTrack, references: dict[Phrase, np.ndarray],
          max_lag: float, end: float) -> Heard:
    phrase = heard.phrase
    if phrase.state != "dubbed":
        heard.problem = f"{phrase.state}: {phrase.reason or 'no reason given'}"
        return heard
    if phrase not in references:
        heard.problem = "dubbed, but the ledger names no text"
        return heard
    own = references[phrase]
    first = phrase.start - LEAD
    last = min(phrase.start + max_lag + len(own) * spoken.HOP * 1.6 + 0.5, end + SLACK)
    searched = spoken.cepstra(recording.cut(first + offset, last + offset))
    match = spoken.find(own, searched)
    # The others compete for the place that was found: further on they may well be spoken themselves. Much shorter
    # ones stay out: a word fits somewhere in any sentence.
    place = spoken.cepstra(recording.cut(first + match.start - 0.3 + offset, first + match.end + 0.3 + offset))
    others = [spoken.find(reference, place).cost for other, reference in references.items()
              if other.translated != phrase.translated and len(reference) >= COMPARABLE * len(own)]
    heard.cost, heard.next_cost, heard.at = match.cost, min(others, default=1.0), first + match.start
    middle, half = first + (match.start + match.end) / 2, (match.end - match.start) / 4
    heard.bed_db = bed.mean_db(middle - half, middle + half)
    heard.problem = _problem(heard, max_lag)
    heard.present = not heard.problem
    return heard


def _problem(heard: Heard, max_lag: float) -> str:
    phrase = heard.phrase
    if heard.cost > MAX_COST or heard.cost > heard.next_cost - MIN_MARGIN:
        return f"its text is not heard there (cost {heard.cost:.2f}, next best {heard.next_cost:.2f})"
    if not phrase.start - EARLY <= heard.at <= phrase.start + max_lag + EARLY:
        return f"heard {heard.at - phrase.start:+.2f} s from its place"
    if not abs(heard.at - phrase.start - phrase.lag) <= EARLY:
        return f"heard {heard.at - phrase.start:+.2f} s from its place, the ledger says {phrase.lag:+.2f} s"
    if not abs(heard.bed_db - DUCK_DB) <= DUCK_SLACK_DB:
        return f"the original lies at {heard.bed_db:.1f} dB under it"
    return ""


def sentences_dubbed(heard: list[Heard], sentences: list[Sentence], share: float = MIN_SHARE) -> Verdict:
    """Enough sentences whose dub is in the recording, at its place, over the ducked original."""
    done = [sentence for sentence in sentences if _covered(sentence, heard) >= MIN_COVERED]
    problems = [f"{one.phrase.start:.1f} s: {one.problem}" for one in heard if one.problem]
    ok = bool(sentences) and len(done) >= share * len(sentences)
    text = f"{len(done)} of {len(sentences)} sentences heard in translation at their place, original ducked under them"
    return Verdict("sentences dubbed", ok, text, {
        "sentences": len(sentences), "dubbed": len(done), "share": round(len(done) / max(1, len(sentences)), 3),
        "wanted": share, "problems": problems})


def _covered(sentence: Sentence, heard: list[Heard]) -> float:
    """How much of the sentence belongs to phrases whose dub is in the recording, 0 to 1."""
    shared = sum(max(0.0, min(one.phrase.end, sentence.end) - max(one.phrase.start, sentence.start))
                 for one in heard if one.present)
    return shared / (sentence.end - sentence.start)


def claims_hold(heard: list[Heard]) -> Verdict:
    """What the ledger calls dubbed is heard so in the recording: the ledger does not boast."""
    claimed = [one for one in heard if one.phrase.state == "dubbed"]
    false = [one for one in claimed if not one.present]
    text = f"{len(claimed) - len(false)} of {len(claimed)} phrases that the ledger calls dubbed are heard"
    if false:
        text += f"; {false[0].phrase.start:.1f} s: {false[0].problem}"
    return Verdict("ledger holds", not false, text, {"claimed": len(claimed), "heard": len(claimed) - len(false)})


def original_elsewhere(bed: BedTrack, heard: list[Heard], margin: float = 0.6) -> Verdict:
    """Away from every dub the original is at full level."""
    clear = np.ones(len(bed.times), dtype=bool)
    for one in heard:
        if one.phrase.state == "dubbed":
            begin = min(one.phrase.start, one.at if one.at == one.at else one.phrase.start)
            length = max(one.phrase.end - one.phrase.start, 1.0) * 1.6 + 1.0
            clear &= ~((bed.times > begin - margin) & (bed.times < begin + one.phrase.lag + length + margin))
    if not clear.any():
        return Verdict("original elsewhere", True, "no stretch without a dub", {"seconds": 0.0})
    low = clear & (bed.gain_db < FULL_DB)
    seconds = float(clear.sum() * (bed.times[1] - bed.times[0]))
    text = f"original at full level in {1 - low.sum() / clear.sum():.0%} of the {seconds:.1f} s away from dubs"
    return Verdict("original elsewhere", bool(low.sum() <= 0.02 * clear.sum()), text,
                   {"seconds": round(seconds, 2), "lowSeconds": round(float(low.sum()) * 0.02, 2)})


def speech_level_db(sound: Sound, start: float, end: float) -> float:
    piece = sound.cut(start, end)
    return float(10 * np.log10(np.mean(piece ** 2) + 1e-12)) if len(piece) > RATE // 100 else float("nan")
