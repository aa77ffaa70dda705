"""All checks of one recording together, for the demo and for the end-to-end tests."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from . import analyse, dubbing, media, picture
from .analyse import Arrival, Verdict
from .pulse import Pause
from .sample import Sample


@dataclass
class Evidence:
    """What was collected while the stream ran."""

    sample: Sample
    recording: Path
    ledger: list[dict]
    entered: list[Arrival] = field(default_factory=list)    # a viewer of live/<id>/in
    left: list[Arrival] = field(default_factory=list)       # a viewer of live/<id>/out
    latency: float = 3.0
    max_lag: float = 2.0
    language: str = "es"
    pauses: list[Pause] = field(default_factory=list)       # of the machine meanwhile
    clips: dict[str, np.ndarray] = field(default_factory=dict)     # by fragment what other voices than eSpeak NG's said


class Recording:
    """What is read from the recording, each once."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.sent = media.packets(evidence.sample.path, "video")
        self.video = media.packets(evidence.recording, "video")
        self.audio = media.packets(evidence.recording, "audio")
        self.offset = analyse.timeline_offset(self.sent, self.video) or 0.0
        self.sound = self._within_the_sample(media.decode_sound(evidence.recording))
        self.times = sorted(packet.pts for packet in self.video)

    def _within_the_sample(self, sound: media.Sound) -> media.Sound:
        """Without the decoder's first packets, and without what came before the publisher and after it had gone."""
        start = max(sound.start, self.offset + self.sent[0].pts) + 0.1
        end = min(sound.end, self.offset + self.sent[-1].pts) - 0.1
        return media.Sound(start, sound.cut(start, max(start, end)))


def stream_verdicts(recording: Recording, tail: float = 0.0) -> list[Verdict]:
    """What must hold for any clip: video, audio packets, delay, no stall."""
    evidence = recording.evidence
    verdicts = [analyse.video_identical(recording.sent, recording.video, tail),
                analyse.audio_timestamps(recording.audio)]
    if evidence.entered:
        verdicts.append(analyse.added_delay(recording.sent, evidence.entered, evidence.left, evidence.latency,
                                             pauses=evidence.pauses))
        verdicts.append(analyse.never_stalls(evidence.left, 0.5, evidence.pauses))
    return verdicts


def sample_verdicts(recording: Recording, bed: analyse.BedTrack) -> list[Verdict]:
    """What our own sample lets us see besides: its clock, marks and pilots."""
    sample = recording.evidence.sample
    luma = media.decode_luma(recording.evidence.recording, sample.geometry)
    small = picture.Geometry(sample.geometry.width // 4, sample.geometry.height // 4)
    flashes = analyse.flash_times(picture.read_flashes(luma, small), recording.times)
    return [analyse.clock_runs(picture.read_frame_numbers(luma, small)), analyse.bed_unbroken(bed),
            analyse.no_step(bed, recording.sound, recording.offset), analyse.av_sync(flashes, recording.sound)]


def foreign_clip_verdicts(recording: Recording) -> list[Verdict]:
    """For a clip of one's own: no silence that the clip does not have; the ledger says enough was dubbed."""
    own = analyse.silent_stretches(media.decode_sound(recording.evidence.sample.path))
    seen = analyse.silent_stretches(recording.sound)
    new = [stretch for stretch in seen if not any(
        start - 0.1 <= stretch[0] - recording.offset and stretch[1] - recording.offset <= end + 0.1 for start, end in own)]
    dubbed = sum(1 for line in recording.evidence.ledger if line.get("state") == "dubbed")
    share = dubbed / max(1, len(recording.evidence.ledger))
    return [Verdict("no drop-out", not new, f"{len(new)} stretches of silence that the clip does not have", {"gaps": new}),
            Verdict("phrases dubbed", share >= dubbing.MIN_SHARE,
                    f"{dubbed} of {len(recording.evidence.ledger)} phrases dubbed, by the ledger",
                    {"dubbed": dubbed, "phrases": len(recording.evidence.ledger)})]


def dub_verdicts(recording: Recording, bed: analyse.BedTrack) -> tuple[list[Verdict], list[dubbing.Heard]]:
    """The ledger put to the test, and the sentences counted."""
    evidence = recording.evidence
    sentences = evidence.sample.sentences
    phrases = dubbing.phrases_of(evidence.ledger, dubbing.origin_of(evidence.ledger, sentences))
    heard = dubbing.listen(recording.sound, recording.offset, bed, phrases, sentences, evidence.language,
                           evidence.max_lag, evidence.clips)
    return [dubbing.sentences_dubbed(heard, sentences), dubbing.claims_hold(heard),
            dubbing.original_elsewhere(bed, heard)], heard


def bed_of(recording: Recording) -> analyse.BedTrack:
    return analyse.track_bed(recording.sound, recording.offset)


def complaints(verdicts: list[Verdict]) -> list[str]:
    """What does not hold, in words; empty when all does."""
    return [f"{verdict.name}: {verdict.text} {verdict.facts.get('problems', '')}" for verdict in verdicts if not verdict.ok]


def interruptions(recording: Recording, bed: analyse.BedTrack) -> list[str]:
    """What a viewer sees or hears of any trouble: empty when picture and sound are as in an undisturbed run and only
    what is spoken differs."""
    return complaints(stream_verdicts(recording) + sample_verdicts(recording, bed))


def judge(evidence: Evidence) -> tuple[list[Verdict], list[dubbing.Heard]]:
    """Every check that fits the clip."""
    recording = Recording(evidence)
    verdicts = stream_verdicts(recording)
    if not evidence.sample.sentences:
        return verdicts + foreign_clip_verdicts(recording), []
    bed = bed_of(recording)
    dub, heard = dub_verdicts(recording, bed)
    return verdicts + sample_verdicts(recording, bed) + dub, heard


def as_json(verdicts: list[Verdict], heard: list[dubbing.Heard], evidence: Evidence) -> dict:
    """The report for machines."""
    return _plain({
        "ok": all(verdict.ok for verdict in verdicts),
        "sample": str(evidence.sample.path), "recording": str(evidence.recording),
        "checks": [asdict(verdict) for verdict in verdicts],
        "sentences": [asdict(sentence) for sentence in evidence.sample.sentences],
        "phrases": [_phrase_json(one) for one in heard], "ledger": evidence.ledger})


def _phrase_json(heard: dubbing.Heard) -> dict:
    phrase = heard.phrase
    return {"start": round(phrase.start, 3), "end": round(phrase.end, 3), "state": phrase.state, "reason": phrase.reason,
            "heard": phrase.transcript, "spoken": phrase.translated, "lag": phrase.lag,
            "foundAt": round(heard.at, 3), "cost": round(heard.cost, 3), "nextCost": round(heard.next_cost, 3),
            "bedDb": round(heard.bed_db, 2), "inRecording": heard.present, "problem": heard.problem}


def _plain(value: object) -> object:
    """numpy's numbers and not-a-number as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return None if value != value else float(value)
    return int(value) if isinstance(value, np.integer) else bool(value) if isinstance(value, np.bool_) else value


def phrase_table(ledger: list[dict], heard: list[dubbing.Heard]) -> list[str]:
    """time, English heard, Spanish spoken, state, lag."""
    rows = [("time", "English heard", "Spanish spoken", "state", "lag")]
    starts = [one.phrase.start for one in heard] or [line["startMs"] / 1000 for line in ledger]
    for start, line in zip(starts, ledger):
        state = line["state"] + (f" ({line['reason']})" if line.get("reason") else "")
        lag = f"{line.get('lagMs', 0) / 1000:+.2f} s" if line["state"] == "dubbed" else "-"
        rows.append((f"{start:5.1f} s", line.get("transcript") or "-", line.get("translatedText") or "-", state, lag))
    widths = [min(52, max(len(row[column]) for row in rows)) for column in range(5)]
    lines = ["  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
