"""Reading clips with ffprobe and ffmpeg: packets with their hashes, pictures, sound."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .picture import Geometry
from .sound import RATE


class MediaError(Exception):
    """A clip that cannot be read; the message says which and what ffmpeg said."""


@dataclass(frozen=True)
class Packet:
    """One coded packet; times in seconds."""

    pts: float
    dts: float
    key: bool
    size: int
    hash: str


@dataclass(frozen=True)
class Track:
    """What ffprobe knows of one track."""

    kind: str           # "video" or "audio"
    codec: str
    facts: dict


@dataclass(frozen=True)
class Sound:
    """Decoded mono sound; sample i lies at start + i / RATE on the clip's timeline."""

    start: float
    samples: np.ndarray

    @property
    def end(self) -> float:
        return self.start + len(self.samples) / RATE

    def cut(self, start: float, end: float) -> np.ndarray:
        """The samples from start to end; silence where the clip has none."""
        first, count = round((start - self.start) * RATE), round((end - start) * RATE)
        wanted = np.zeros(count)
        left, right = max(0, first), min(len(self.samples), first + count)
        if right > left:
            wanted[left - first:right - first] = self.samples[left:right]
        return wanted


def tracks(url: str | Path) -> list[Track]:
    found = _ffprobe_json(url, "-show_streams").get("streams", [])
    return [Track(one.get("codec_type", "?"), one.get("codec_name", "unknown"), one) for one in found]


def duration(path: Path) -> float:
    return float(_ffprobe_json(path, "-show_entries", "format=duration")["format"]["duration"])


def packets(path: Path, kind: str) -> list[Packet]:
    """All packets of the clip's first track of that kind ("video", "audio") in the order of the file."""
    found = _ffprobe_json(path, "-select_streams", f"{kind[0]}:0", "-show_packets", "-show_data_hash", "sha256",
                          "-show_entries", "packet=pts_time,dts_time,flags,size,data_hash")
    return [Packet(float(one["pts_time"]), float(one.get("dts_time", one["pts_time"])), "K" in one["flags"],
                   int(one["size"]), one["data_hash"]) for one in found.get("packets", [])]


def decode_sound(path: Path) -> Sound:
    """The first audio track as mono, in place on the clip's timeline."""
    pcm = _run("ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-ac", "1", "-ar", str(RATE),
               "-f", "s16le", "-")
    first = _ffprobe_json(path, "-select_streams", "a:0", "-read_intervals", "%+#8", "-show_frames",
                          "-show_entries", "frame=pts_time,best_effort_timestamp_time").get("frames", [])
    if not first:
        raise MediaError(f"{path}: the audio track holds nothing that decodes")
    start = first[0].get("pts_time", first[0].get("best_effort_timestamp_time", 0))
    return Sound(float(start), np.frombuffer(pcm, dtype="<i2") / 32768.0)


def decode_luma(path: Path, geometry: Geometry) -> np.ndarray:
    """Every decoded picture as luma, (count, height, width), a quarter of the size to save memory."""
    width, height = geometry.width // 4, geometry.height // 4
    raw = _run("ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough",
               "-vf", f"scale={width}:{height}:flags=area,format=gray", "-f", "rawvideo", "-")
    return np.frombuffer(raw, dtype=np.uint8).reshape(-1, height, width)


def frame_times(path: Path) -> list[float]:
    """Presentation times of the pictures, ascending."""
    return sorted(packet.pts for packet in packets(path, "video"))


def _ffprobe_json(source: str | Path, *arguments: str) -> dict:
    return json.loads(_run("ffprobe", "-v", "error", "-of", "json", *arguments, str(source)))


def _run(*command: str) -> bytes:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise MediaError(f"{command[0]} could not read {command[-1] if command[0] == 'ffprobe' else command}: "
                         f"{said[-1] if said else 'no message'}")
    return done.stdout


def copy_clip(source: Path, target: Path) -> None:
    """The first video and audio track in a container of our own, packets unchanged."""
    _run("ffmpeg", "-v", "error", "-y", "-i", str(source), "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", str(target))
