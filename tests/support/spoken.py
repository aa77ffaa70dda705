"""Is this sentence spoken in this stretch of sound? Template matching against a rendering of the same text.

The reference comes from libespeak-ng, loaded here and not asked of the programs under test. Tempo may differ (the
service fits the duration), so the two are compared by dynamic time warping of mel cepstra: H. Sakoe, S. Chiba,
"Dynamic programming algorithm optimization for spoken word recognition", IEEE Trans. ASSP 26(1), 1978, with the
step pattern that keeps the tempo between one half and two, and a free start and end in the searched stretch.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from dataclasses import dataclass

import numpy as np

from .sound import RATE, upsample

HOP = 0.02
WINDOW = 0.032
BANDS, CEPSTRA = 26, 13
LOW_HZ, HIGH_HZ = 150.0, 4500.0

_SYNCHRONOUS, _UTF8 = 2, 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class NoVoice(Exception):
    """libespeak-ng is missing or has no such voice; the message says what to install."""


@dataclass(frozen=True)
class Match:
    """Where a text fits best in the searched stretch: seconds from its start; cost 0 (same) to 1 (unlike)."""

    cost: float
    start: float
    end: float


def say(text: str, language: str) -> np.ndarray:
    """The text spoken by espeak-ng, at its own rate resampled to RATE."""
    return _say(text, language).copy()


@functools.lru_cache(maxsize=256)
def _say(text: str, language: str) -> np.ndarray:
    library, rate = _espeak()
    if library.espeak_SetVoiceByName(language.encode()) != 0:
        raise NoVoice(f"espeak-ng has no voice '{language}'; install espeak-ng-data")
    pieces: list[np.ndarray] = []

    def collect(samples, count, _events):
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).astype(float) / 32768.0)
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    data = text.encode() + b"\0"
    library.espeak_Synth(data, len(data), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(pieces) if pieces else np.zeros(rate // 10)
    return upsample(samples, rate)


@functools.cache
def _espeak() -> tuple[ctypes.CDLL, int]:
    name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise NoVoice("libespeak-ng is not installed: apt-get install libespeak-ng1 espeak-ng-data") from error
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
    if rate <= 0:
        raise NoVoice("espeak-ng finds no data: apt-get install espeak-ng-data")
    return library, rate


def cepstra(sound: np.ndarray) -> np.ndarray:
    """Mel cepstra, (frames, CEPSTRA), mean taken away so that level and colour do not count."""
    hop, window = round(HOP * RATE), round(WINDOW * RATE)
    if len(sound) < window:
        sound = np.pad(sound, (0, window - len(sound)))
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bands = power @ _mel_bank(window).T
    # A floor 50 dB under the loudest band keeps silence from being compared by its noise.
    logs = np.log(np.maximum(bands, bands.max() * 1e-5 + 1e-12))
    rows = np.arange(CEPSTRA)[:, None] * (np.arange(BANDS)[None, :] + 0.5) * np.pi / BANDS
    found = logs @ np.cos(rows).T
    found[:, 0] *= 0.3            # the level counts, but less than the shape
    return found - found.mean(axis=0)


def find(reference: np.ndarray, searched: np.ndarray) -> Match:
    """The best place of the reference (cepstra) in the searched stretch (cepstra)."""
    rows, columns = len(reference), len(searched)
    local = _distances(reference, searched)
    previous = np.full(columns, np.inf)
    before = np.full(columns, np.inf)
    current, origin = local[0].copy(), np.arange(columns)
    previous_origin = origin
    for row in range(1, rows):
        before, previous, before_origin, previous_origin = previous, current, previous_origin, origin
        candidates = np.stack((
            _shift(previous, 1) + local[row],
            _shift(previous, 2) + local[row],
            _shift(before, 1) + _shift(local[row - 1], 0) + local[row] if row > 1 else np.full(columns, np.inf),
        ))
        origins = np.stack((_shift(previous_origin, 1, 0), _shift(previous_origin, 2, 0),
                            _shift(before_origin, 1, 0)))
        choice = candidates.argmin(axis=0)
        current = candidates[choice, np.arange(columns)]
        origin = origins[choice, np.arange(columns)]
    end = int(current.argmin())
    return Match(float(current[end] / rows), float(origin[end] * HOP), float((end + 1) * HOP))


def _distances(reference: np.ndarray, searched: np.ndarray) -> np.ndarray:
    """Cosine distance between all frames, scaled to 0..1."""
    left = reference / (np.linalg.norm(reference, axis=1, keepdims=True) + 1e-9)
    right = searched / (np.linalg.norm(searched, axis=1, keepdims=True) + 1e-9)
    return (1.0 - left @ right.T) / 2.0


def _shift(values: np.ndarray, by: int, fill: float = np.inf) -> np.ndarray:
    if by == 0:
        return values
    shifted = np.full(len(values), fill, dtype=values.dtype)
    shifted[by:] = values[:-by]
    return shifted


@functools.cache
def _mel_bank(window: int) -> np.ndarray:
    def mel(hz: float) -> float:
        return 2595 * np.log10(1 + hz / 700)

    edges = 700 * (10 ** (np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(window, 1 / RATE)
    rising = (frequencies[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rising, falling))
