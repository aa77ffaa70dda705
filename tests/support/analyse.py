"""The stream analyser: what a recording shows, measured from the recording itself.

Every function returns a Verdict, so that the demo can print it and a test can assert it. Nothing here asks the
programs under test; where their word is needed (which text was spoken), it comes in as an argument and is put to
the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from . import picture, sound
from .media import Packet, Sound
from .pulse import Pause
from .sound import RATE, Sentence

TIMESTAMP_SLACK = 0.0015      # RTMP carries whole milliseconds
PILOT_HOP = 0.02
SILENT_DB = -32.0             # bed below this: gone. Ducked it lies at -20 dB
DUCKED_DB = -10.0             # bed below this: something is said over it
FULL_DB = -1.5                # bed above this: original at full level
MAX_SLEW = 0.6e-3             # seconds a second: the clock of a publisher may be followed that fast (0.5), not faster
PHASE_JUMP = 0.8              # radians that no slew explains; noise under a loud voice makes up to 0.4
OUTLIER, OUTLIERS = 0.040, 0.05      # seconds off D, and the share of pictures that may be
BUSY = 0.1                    # share of pictures in pauses of the machine
CATCH_UP = 0.2                # seconds after a pause of the machine in which it is still busy with what waited
MARK_BAND_HZ = (11000.0, 12520.0)
CLICK_BAND_HZ = (14300.0, 15600.0)   # nothing of the sample lies here, nothing of a 24 kHz voice can


@dataclass
class Verdict:
    """One checked statement: holds or not, in words and in numbers."""

    name: str
    ok: bool
    text: str
    facts: dict = field(default_factory=dict)


def follow(sample: list[str], seen: list[str], reach: int = 300) -> list[int | None]:
    """Where in the sample each seen packet stands; None for one that is not of it.

    By order and not by hash alone: two pictures of a clip may well have the same bytes.
    """
    position = _begin(sample, seen)
    places: list[int | None] = []
    for value in seen:
        try:
            found = sample.index(value, position, position + reach)
        except ValueError:
            places.append(None)
            continue
        places.append(found)
        position = found + 1
    return places


def _begin(sample: list[str], seen: list[str], probe: int = 10) -> int:
    """Index of the first seen packet in the sample, by a run of them where that is possible."""
    starts = [index for index, value in enumerate(sample) if seen and value == seen[0]]
    for start in starts:
        if sample[start:start + probe] == seen[:probe]:
            return start
    return starts[0] if starts else 0


def timeline_offset(sample: list[Packet], recording: list[Packet]) -> float | None:
    """Recording time minus sample time, by the video packets; None when they are not of the sample."""
    offsets = _offsets(sample, recording)
    return float(np.median(offsets)) if offsets else None


def _offsets(sample: list[Packet], recording: list[Packet]) -> list[float]:
    places = follow([packet.hash for packet in sample], [packet.hash for packet in recording])
    return [packet.pts - sample[place].pts for packet, place in zip(recording, places) if place is not None]


def video_identical(sample: list[Packet], recording: list[Packet], tail: float = 0.0) -> Verdict:
    """Same packets in the same order from the first key frame to the end; at most `tail` seconds short of it."""
    name = "video identical"
    places = follow([packet.hash for packet in sample], [packet.hash for packet in recording])
    known = [place for place in places if place is not None]
    if not known:
        return Verdict(name, False, "no video packet of the recording is one of the sample's")
    foreign = len(places) - len(known)
    missing = known[-1] - known[0] + 1 - len(known)
    short = sample[-1].dts - sample[known[-1]].dts
    offsets = _offsets(sample, recording)
    wander = max(offsets) - min(offsets)
    starts_right = places[0] is not None and recording[0].key
    ok = starts_right and not foreign and not missing and short <= tail + 1e-6 and wander <= 2 * TIMESTAMP_SLACK
    text = (f"{len(known)} of {len(recording)} packets are the sample's, in order, from packet {known[0]} "
            f"({'a' if recording[0].key else 'NOT a'} key frame) on; {missing} missing, {foreign} foreign, "
            f"the end {short:.2f} s short; timestamps within {wander * 1000:.1f} ms")
    return Verdict(name, ok, text, {
        "packets": len(recording), "identical": len(known), "missing": missing, "foreign": foreign,
        "firstSamplePacket": known[0], "startsWithKeyFrame": recording[0].key, "shortSeconds": round(short, 3),
        "timestampWanderMs": round(wander * 1000, 2)})


def clock_runs(numbers: list[int | None]) -> Verdict:
    """The visible clock, read from the decoded pictures, goes on by one frame from picture to picture."""
    unreadable = numbers.count(None)
    readable = [number for number in numbers if number is not None]
    jumps = [(left, right) for left, right in zip(readable, readable[1:]) if right != left + 1]
    ok = bool(readable) and not unreadable and not jumps
    text = f"frames {readable[0]} to {readable[-1]} read from the picture" if readable else "no clock in the picture"
    if jumps or unreadable:
        text += f"; {len(jumps)} jumps (first {jumps[0] if jumps else '-'}), {unreadable} unreadable"
    return Verdict("visible clock", ok, text, {"pictures": len(numbers), "jumps": len(jumps), "unreadable": unreadable})


def audio_timestamps(packets: list[Packet], frame_samples: int = 1024) -> Verdict:
    """Each packet follows the one before without a gap or an overlap, and none wanders off the sample clock."""
    times = np.array([packet.pts for packet in packets])
    name = "audio packets"
    if len(times) < 2:
        return Verdict(name, False, f"only {len(times)} audio packets")
    length = frame_samples / RATE
    steps = np.diff(times) - length
    worst = int(np.abs(steps).argmax())
    drift = times - times[0] - np.arange(len(times)) * length
    ok = bool(np.abs(steps).max() <= 2 * TIMESTAMP_SLACK)
    text = (f"{len(times)} packets; largest step {steps[worst] * 1000:+.2f} ms at {times[worst]:.2f} s, "
            f"drift {drift[-1] * 1000:+.1f} ms over {times[-1] - times[0]:.1f} s")
    return Verdict(name, ok, text, {"packets": len(times), "largestStepMs": round(float(steps[worst]) * 1000, 3),
                                    "driftMs": round(float(drift[-1]) * 1000, 3)})


@dataclass(frozen=True)
class BedTrack:
    """The original sound's level and phase in the recording, every PILOT_HOP seconds of the sample's timeline."""

    times: np.ndarray
    gain_db: np.ndarray
    phasors: np.ndarray       # (pilots, times), complex: 1 = untouched

    def mean_db(self, start: float, end: float) -> float:
        inside = (self.times >= start) & (self.times < end)
        return float(np.median(self.gain_db[inside])) if inside.any() else float("nan")


def track_bed(recording: Sound, offset: float) -> BedTrack:
    """Follows the pilots. Windows of PILOT_HOP with a Hann shape two hops long."""
    hop = round(PILOT_HOP * RATE)
    window = np.hanning(2 * hop + 1)[:-1]
    count = (len(recording.samples) - 2 * hop) // hop
    source_time = recording.start - offset + np.arange(len(recording.samples)) / RATE
    phasors = []
    for hz in sound.PILOTS_HZ:
        carrier = np.exp(-2j * np.pi * hz * source_time) * recording.samples
        frames = np.lib.stride_tricks.sliding_window_view(carrier, 2 * hop)[::hop][:count]
        # sin(wt) leaves -j/2 of its level in the demodulated mean.
        phasors.append(frames @ window / window.sum() * 2j / sound.PILOT_LEVEL)
    stacked = np.array(phasors)
    times = source_time[hop] + np.arange(count) * hop / RATE
    gain = np.sqrt((np.abs(stacked) ** 2).mean(axis=0))
    return BedTrack(times, 20 * np.log10(gain + 1e-6), stacked)


def bed_unbroken(bed: BedTrack) -> Verdict:
    """The original is always there, ducked or not: no drop-out, never louder than it was."""
    gaps = _stretches(bed.gain_db < SILENT_DB, bed.times)
    loud = _stretches(bed.gain_db > 1.5, bed.times)
    full = float(np.mean(bed.gain_db > FULL_DB))
    ok = not gaps and not loud
    text = f"original heard at full level {full:.0%} of the time, lowest {bed.gain_db.min():.1f} dB"
    if gaps:
        text += f"; {len(gaps)} drop-outs, first at {gaps[0][0]:.2f} s for {(gaps[0][1] - gaps[0][0]) * 1000:.0f} ms"
    if loud:
        text += f"; louder than the original at {loud[0][0]:.2f} s"
    return Verdict("no drop-out", ok, text, {"gaps": gaps, "louder": loud, "lowestDb": round(float(bed.gain_db.min()), 2),
                                             "fullLevelShare": round(full, 3)})


def no_step(bed: BedTrack, recording: Sound, offset: float) -> Verdict:
    """No sample lost, doubled or moved (pilot phase), and no click (a burst where nothing should be)."""
    jumps = _phase_jumps(bed)
    clicks = _clicks(recording, offset)
    slewed = _slewed_ms(bed)
    text = f"{len(jumps)} phase jumps, {len(clicks)} clicks, moved {slewed:+.2f} ms by slew"
    if jumps or clicks:
        text += f", first at {min(jumps + clicks):.2f} s"
    return Verdict("no step", not jumps and not clicks, text,
                   {"jumps": [round(at, 2) for at in jumps], "clicks": [round(at, 3) for at in clicks],
                    "slewedMs": round(slewed, 3)})


def _phase_jumps(bed: BedTrack, reach: int = 2) -> list[float]:
    """Where the pilots' phases after differ from those before by what no allowed slew makes of them."""
    unit = bed.phasors / (np.abs(bed.phasors) + 1e-9)
    smooth = np.stack([np.convolve(row, np.ones(reach) / reach, mode="valid") for row in unit])
    at = np.arange(reach, smooth.shape[1] - 1)
    turn = smooth[:, at + 1] * np.conj(smooth[:, at - reach])
    most = MAX_SLEW * PILOT_HOP * (reach + 1)
    pilots = np.array(sound.PILOTS_HZ)[:, None]
    unexplained = np.full(len(at), np.inf)
    for shift in np.linspace(-most, most, 41):
        left = np.abs(np.angle(turn * np.exp(2j * np.pi * pilots * shift))).max(axis=0)
        unexplained = np.minimum(unexplained, left)
    return [start for start, _ in _stretches(unexplained > PHASE_JUMP, bed.times[at])]


def _slewed_ms(bed: BedTrack) -> float:
    """How far the sound has moved on the timeline in all."""
    phase = np.unwrap(np.angle(bed.phasors[0]))
    return float((phase[0] - phase[-1]) / (2 * np.pi * sound.PILOTS_HZ[0]) * 1000)


def _clicks(recording: Sound, offset: float) -> list[float]:
    """Times of bursts in the band that the sample and the voices leave empty."""
    band = band_pass(recording.samples, *CLICK_BAND_HZ)
    size = round(0.002 * RATE)
    energy = (band[:len(band) // size * size].reshape(-1, size) ** 2).mean(axis=1)
    floor = np.median(energy) + 1e-12
    # Loud sibilants leave some coding noise up here: a click has to stand out of that too.
    limit = max(400 * floor, 10 ** (-58 / 10))
    times = recording.start - offset + np.arange(len(energy)) * size / RATE
    edge = round(0.1 / 0.002)      # the cut ends of the recording are steps of our own
    return [start for start, _ in _stretches(energy[edge:-edge] > limit, times[edge:-edge])]


def band_pass(samples: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    size = 1 << max(1, len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size)
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    return np.fft.irfft(spectrum, size)[:len(samples)]


def _stretches(mask: np.ndarray, times: np.ndarray) -> list[tuple[float, float]]:
    """Runs of true as (first time, last time)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(int), [0]))))
    return [(round(float(times[start]), 3), round(float(times[end - 1]), 3))
            for start, end in zip(edges[::2], edges[1::2])]


def sound_marks(recording: Sound, expected: list[float], reach: float = 0.4) -> list[tuple[float, float]]:
    """(expected, found) for each chirp that stands out near its expected time in the recording."""
    template = sound.chirp()
    found = []
    for mark in expected:
        stretch = band_pass(recording.cut(mark - reach, mark + reach + sound.MARK_SECONDS), *MARK_BAND_HZ)
        match = np.abs(_hilbert(np.correlate(stretch, template, mode="valid")))
        peak = int(match.argmax())
        if match[peak] > 8 * np.median(match) + 1e-9:
            found.append((mark, mark - reach + peak / RATE))
    return found


def _hilbert(samples: np.ndarray) -> np.ndarray:
    spectrum = np.fft.fft(samples)
    half = len(samples) // 2
    spectrum[1:half] *= 2
    spectrum[half + 1:] = 0
    return np.fft.ifft(spectrum)


def flash_times(flashes: list[bool], times: list[float]) -> list[float]:
    """Presentation times of the first picture of each flash."""
    return [time for before, now, time in zip([False] + flashes, flashes, times) if now and not before]


def av_sync(flashes: list[float], recording: Sound, limit: float = 0.010) -> Verdict:
    """Sound marks against the flashes of the picture, both as recorded. Positive: the sound is late."""
    pairs = sound_marks(recording, flashes)
    name = "A/V in step"
    if len(pairs) < max(1, len(flashes) // 2):
        return Verdict(name, False, f"only {len(pairs)} of {len(flashes)} marks heard", {"marks": len(pairs)})
    deltas = [(heard - seen) * 1000 for seen, heard in pairs]
    ok = max(abs(min(deltas)), abs(max(deltas))) <= limit * 1000
    text = (f"sound against picture {min(deltas):+.1f} / {np.median(deltas):+.1f} / {max(deltas):+.1f} ms "
            f"(min / median / max of {len(deltas)} marks)")
    return Verdict(name, ok, text, {"deltasMs": [round(delta, 2) for delta in deltas]})


@dataclass(frozen=True)
class Arrival:
    """A packet as a viewer got it: wall clock seconds and the packet's hash."""

    wall: float
    hash: str


def added_delay(sample: list[Packet], before: list[Arrival], after: list[Arrival], wanted: float,
                slack: float = 0.020, settle: float = 3.0, pauses: Sequence[Pause] = ()) -> Verdict:
    """Wall time from a packet's arrival at a viewer of the input to its arrival at a viewer of the output.

    The middle of all pictures holds D to slack, and so does each of them to OUTLIER but for a share of OUTLIERS: the
    viewers are programs themselves. Each reader's first seconds are left out: a new reader gets the router's kept
    pictures at once. So are pictures that arrived while the machine slept (pauses) or had to catch up; where that is
    more than a share of BUSY, the machine has more to do than it can, and single pictures tell nothing.
    """
    name = "added delay"
    entered = _settled(sample, before, settle)
    left = _settled(sample, after, settle)
    both = [place for place in left if place in entered]
    judged = [place for place in both
              if not any(_during(pauses, arrived[place]) for arrived in (entered, left))]
    delays = np.array([left[place] - entered[place] for place in judged])
    if len(delays) < 30:
        return Verdict(name, False, f"only {len(delays)} packets seen on both sides, and {len(both) - len(delays)} "
                                    "while the machine slept")
    low, median, high = np.percentile(delays, [1, 50, 99])
    outliers = float(np.mean(np.abs(delays - wanted) > OUTLIER))
    busy = len(delays) < (1 - BUSY) * len(both)
    ok = bool(abs(median - wanted) <= slack and (busy or outliers <= OUTLIERS) and delays.max() <= wanted + 0.5)
    text = (f"D = {median * 1000:.0f} ms, 1 % to 99 %: {low * 1000:.0f} to {high * 1000:.0f} ms, "
            f"all: {delays.min() * 1000:.0f} to {delays.max() * 1000:.0f} ms over {len(delays)} pictures, "
            f"{outliers:.1%} more than {OUTLIER * 1000:.0f} ms off; {len(both) - len(delays)} left out"
            f"{' (a busy machine)' if busy else ''}")
    return Verdict(name, ok, text, {"packets": len(delays), "wantedMs": round(wanted * 1000),
                                    "outlierShare": round(outliers, 4), "leftOut": len(both) - len(delays), **{
        key: round(float(value) * 1000, 1) for key, value in
        (("minMs", delays.min()), ("p1Ms", low), ("medianMs", median), ("p99Ms", high), ("maxMs", delays.max()))}})


def _during(pauses: Sequence[Pause], wall: float) -> bool:
    """Whether it came in a pause of the machine, or in what it took to catch up."""
    return any(pause.start <= wall <= pause.end + CATCH_UP for pause in pauses)


def _settled(sample: list[Packet], arrivals: list[Arrival], settle: float) -> dict[int, float]:
    """Wall time of each of the sample's packets, from settle seconds after the first on."""
    places = follow([packet.hash for packet in sample], [arrival.hash for arrival in arrivals])
    return {place: arrival.wall for place, arrival in zip(places, arrivals)
            if place is not None and arrival.wall >= arrivals[0].wall + settle}


def never_stalls(arrivals: list[Arrival], limit: float, pauses: Sequence[Pause] = ()) -> Verdict:
    """A viewer of the output waits for no packet longer than limit, while the machine was awake."""
    walls = np.array([arrival.wall for arrival in arrivals])
    name = "output never stalls"
    if len(walls) < 2:
        return Verdict(name, False, "a viewer got nothing")
    slept = [sum(pause.end - pause.start for pause in pauses if left <= pause.end and pause.start <= right)
             for left, right in zip(walls, walls[1:])]
    waits = np.diff(walls) - np.array(slept)
    longest = int(waits.argmax())
    return Verdict(name, bool(waits[longest] <= limit),
                   f"longest wait for a packet {waits[longest] * 1000:.0f} ms, "
                   f"{walls[longest] - walls[0]:.1f} s after the first",
                   {"longestWaitMs": round(float(waits[longest]) * 1000, 1)})


def silent_stretches(recording: Sound, shortest: float = 0.03) -> list[tuple[float, float]]:
    """Digital silence, for clips without pilots."""
    size = round(0.005 * RATE)
    peaks = np.abs(recording.samples[:len(recording.samples) // size * size]).reshape(-1, size).max(axis=1)
    times = recording.start + np.arange(len(peaks)) * size / RATE
    return [stretch for stretch in _stretches(peaks < 2 / 32768, times) if stretch[1] - stretch[0] >= shortest]


def read_clock(luma: np.ndarray, geometry: picture.Geometry) -> list[int | None]:
    """Frame numbers of pictures decoded by media.decode_luma (a quarter of the size)."""
    return picture.read_frame_numbers(luma, picture.Geometry(geometry.width // 4, geometry.height // 4))


def sentence_of(sentences: list[Sentence], start: float, end: float) -> Sentence | None:
    """The sentence that shares most time with the stretch; None when none does."""
    def shared(sentence: Sentence) -> float:
        return min(end, sentence.end) - max(start, sentence.start)

    best = max(sentences, key=shared, default=None)
    return best if best and shared(best) > 0 else None
