#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well speech is found and cut: the worker's detector and fragmenter on a labelled test set, beside others.

Beside it on the same sound: WebRTC's voice activity detector (GStreamer's webrtcdsp) and a plain level gate (ffmpeg's
silencedetect), each with the same rule of 300 ms that makes phrases of it. By condition:

  recall      labelled hops of 10 ms that were sent         precision  sent hops that lie within 300 ms of speech
  found       phrases of which 80 % were sent               right      fragments at least half of which is speech
  wrong/min   fragments per minute without speech           end ms     until a phrase is known to be complete
  joined      pauses of 0.7 s and more inside a fragment
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speech_detection_set import PARTS, Clip, bridge, clips

NEAR_HOPS, PAUSE_HOPS, LONG_PAUSE_HOPS = 30, 30, 70
FOUND_PART, RIGHT_PART = 0.8, 0.5
GATE_DB = -42
WEBRTC_LIKELIHOOD = "low"


@dataclass(frozen=True)
class Fragment:
    """In hops: what was sent, and when it was known to be complete."""

    first: int
    end: int
    found: int


@dataclass
class Score:
    """Sums over clips; what is printed is made of them at the end."""

    minutes: float = 0
    labelled: int = 0
    labelled_sent: int = 0
    sent: int = 0
    sent_near: int = 0
    phrases: int = 0
    phrases_found: int = 0
    fragments: int = 0
    fragments_right: int = 0
    pauses: int = 0
    pauses_joined: int = 0
    end_hops: list[int] = field(default_factory=list)

    def add(self, clip: Clip, fragments: list[Fragment]) -> None:
        sent = np.zeros(len(clip.speech), bool)
        for fragment in fragments:
            sent[fragment.first:fragment.end] = True
        near = _widened(clip.speech, NEAR_HOPS)
        self.minutes += len(sent) / 6000
        self.labelled += int(clip.speech.sum())
        self.labelled_sent += int((sent & clip.speech).sum())
        self.sent += int(sent.sum())
        self.sent_near += int((sent & near).sum())
        self.fragments += len(fragments)
        self.fragments_right += sum(near[f.first:f.end].mean() >= RIGHT_PART for f in fragments if f.end > f.first)
        self.phrases += len(clip.phrases)
        for first, end in clip.phrases:
            speech = clip.speech[first:end]
            self.phrases_found += bool((sent[first:end] & speech).sum() >= FOUND_PART * speech.sum())
        self._add_pauses(clip, fragments)

    def _add_pauses(self, clip: Clip, fragments: list[Fragment]) -> None:
        for (_, end), (start, _) in zip(clip.phrases, clip.phrases[1:]):
            if start - end < LONG_PAUSE_HOPS:
                continue
            self.pauses += 1
            self.pauses_joined += any(f.first < end and f.end > start for f in fragments)
            self.end_hops += [f.found - end for f in fragments if f.first < end <= f.end + 10]

    def row(self) -> dict[str, float | None]:
        def part(count, of):
            return round(100 * count / of, 1) if of else None
        speechless = self.labelled == 0
        ends = 10 * np.array(self.end_hops)
        return {"recall": part(self.labelled_sent, self.labelled), "precision": part(self.sent_near, self.sent),
                "found": part(self.phrases_found, self.phrases),
                "right": None if speechless else part(self.fragments_right, self.fragments),
                "joined": part(self.pauses_joined, self.pauses),
                "end_ms": int(np.median(ends)) if len(ends) else None,
                "end_ms_90": int(np.percentile(ends, 90)) if len(ends) else None,
                "wrong_per_min": round(self.fragments / self.minutes, 2) if speechless else None}


def _widened(flags: np.ndarray, hops: int) -> np.ndarray:
    return np.convolve(flags, np.ones(2 * hops + 1), "same") > 0.5


def _fragments_of(voice: np.ndarray) -> list[Fragment]:
    """The rule of 300 ms on the decisions of another detector; single hops are no speech for it either."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bridge(voice, PAUSE_HOPS).astype(int), [0]))))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist())
    return [Fragment(max(0, first - 15), min(len(voice), end + 12), end + PAUSE_HOPS)
            for first, end in pairs if voice[first:end].sum() >= 12]


class Detectors:
    """Each takes a clip and gives fragments; `cost_ns` collects what our hops have cost."""

    def __init__(self, probe: Path, folder: Path):
        self.probe, self.raw, self.cost_ns = probe, folder / "clip.raw", []
        self.all = {"worker": self.worker, "webrtc": self.webrtc, "level gate": self.gate}

    def load(self, clip: Clip) -> None:
        clip.pcm.tofile(self.raw)

    def worker(self, clip: Clip) -> list[Fragment]:
        with self.raw.open("rb") as sound:
            output = subprocess.run([self.probe], stdin=sound, capture_output=True, text=True, check=True).stdout
        self.cost_ns.append(float(re.search(r"^ns_per_hop (\S+)", output, re.M)[1]))
        found = re.findall(r"^fragment (\d+) (\d+) (\d+)", output, re.M)
        return [Fragment(*(int(ms) // 10 for ms in times)) for times in found]

    def webrtc(self, clip: Clip) -> list[Fragment]:
        """Posts a message when its opinion changes."""
        output = subprocess.run(
            ["gst-launch-1.0", "-m", "filesrc", f"location={self.raw}", "blocksize=192000", "!",
             "rawaudioparse", "format=pcm", "pcm-format=s16le", "sample-rate=48000", "num-channels=2", "!",
             "audioconvert", "!", "audio/x-raw,channels=1", "!",
             "webrtcdsp", "echo-cancel=false", "noise-suppression=false", "gain-control=false",
             "high-pass-filter=false", "voice-detection=true", f"voice-detection-likelihood={WEBRTC_LIKELIHOOD}", "!",
             "fakesink", "sync=false"], capture_output=True, text=True, check=True).stdout
        voice = np.zeros(len(clip.speech), bool)
        for ns, on in re.findall(r"voice-activity, stream-time=\(guint64\)(\d+), stream-has-voice=\(boolean\)(\w+)",
                                 output):
            voice[int(ns) // 10_000_000:] = on == "true"
        return _fragments_of(voice)

    def gate(self, clip: Clip) -> list[Fragment]:
        output = subprocess.run(
            ["ffmpeg", "-hide_banner", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", str(self.raw),
             "-af", f"silencedetect=noise={GATE_DB}dB:duration=0.05", "-f", "null", "-"],
            capture_output=True, text=True, check=True).stderr
        voice = np.ones(len(clip.speech), bool)
        starts = re.findall(r"silence_start: (-?[\d.]+)", output)
        ends = re.findall(r"silence_end: ([\d.]+)", output) + ["1e6"]
        for start, end in zip(starts, ends):
            voice[max(0, round(float(start) * 100)):round(min(float(end), 1e6) * 100)] = False
        return _fragments_of(voice)


def measure(part: str, quick: bool, detectors: Detectors, wanted: list[str]) -> dict[str, dict[str, Score]]:
    """Scores by detector and group of conditions."""
    scores: dict[str, dict[str, Score]] = {name: {} for name in wanted}
    with ThreadPoolExecutor(2) as pool:
        for clip in clips(PARTS[part], quick):
            detectors.load(clip)
            for name, found in zip(wanted, pool.map(lambda name: detectors.all[name](clip), wanted)):
                scores[name].setdefault(clip.group, Score()).add(clip, found)
    return scores


COLUMNS = ("recall", "precision", "found", "right", "joined", "end_ms", "end_ms_90", "wrong_per_min")


def table(scores: dict[str, dict[str, Score]]) -> str:
    lines = ["| condition | detector | recall % | precision % | found % | right % | joined % | end ms | 90 % "
             "| wrong/min |", "|---|---|---|---|---|---|---|---|---|---|"]
    for group in next(iter(scores.values())):
        for name, groups in scores.items():
            row = groups[group].row()
            cells = ["" if row[column] is None else f"{row[column]:g}" for column in COLUMNS]
            lines.append(f"| {group} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the benchmarks have been built")
    parser.add_argument("--part", choices=[*PARTS, "all"], default="held-out", help="which part of the test set")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter clips: under a minute")
    parser.add_argument("--only-worker", action="store_true", help="without the references")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    probe = arguments.build_dir / "bench/speech-detection-probe"
    if not probe.exists():
        sys.exit(f"speech_detection: {probe} is missing: run make build")
    numbers = {}
    with tempfile.TemporaryDirectory() as folder:
        detectors = Detectors(probe, Path(folder))
        wanted = ["worker"] if arguments.only_worker else list(detectors.all)
        for part in PARTS if arguments.part == "all" else [arguments.part]:
            scores = measure(part, arguments.quick, detectors, wanted)
            minutes = sum(score.minutes for score in scores["worker"].values())
            print(f"\n{part}: {minutes:.0f} minutes of sound\n\n{table(scores)}\n", flush=True)
            numbers[part] = {name: {group: score.row() for group, score in groups.items()}
                             for name, groups in scores.items()}
    numbers["ns_per_hop"] = round(float(np.median(detectors.cost_ns)))
    print(f"a hop of 10 ms costs {numbers['ns_per_hop']} ns")
    if arguments.json:
        arguments.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
