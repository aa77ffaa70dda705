# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of a soak: each check looks at recordings or measures alone, and explains what it found."""
import statistics
from dataclasses import dataclass

import numpy as np
from support import account, analyse, media

EDGE_S = 0.4               # around a hole in the sound: fades, and the analysis's own windows
BACK_S = 7.0               # after a publisher is back: the worker asks every 4 s, and waits for a key frame
OUTPUT_BACK_S = 6.0        # after it was thrown out: 1 s, and a key frame
GROWTH_MIB, GROWTH_COUNT = 6.0, 4
MOST_RSS_MIB = 75          # 60 MB, and D of stream


@dataclass
class Heard:
    """One recording, taken apart."""

    name: str
    seconds: float
    audio: analyse.Verdict
    holes: list[tuple[float, float]]
    seams: list[float]         # steps and clicks that are not beside a hole
    picture_holes: list[float]
    backwards: int
    loudest_db: float


def listen(path):
    """None for a recording that is too short to say anything."""
    try:
        audio, video = media.packets(path, "audio"), media.packets(path, "video")
    except media.MediaError:
        return None
    if len(audio) < 100 or len(video) < 30:
        return None
    whole = media.decode_sound(path)
    recording = media.Sound(whole.start + 0.2, whole.cut(whole.start + 0.2, whole.end - 0.2))
    bed = analyse.track_bed(recording, 0.0)
    holes = analyse.bed_unbroken(bed).facts["gaps"]
    steps = analyse.no_step(bed, recording, 0.0).facts
    seams = [at for at in steps["jumps"] + steps["clicks"]
             if not any(begin - EDGE_S <= at <= end + EDGE_S for begin, end in holes)]
    pauses = np.diff([packet.dts for packet in video])
    return Heard(path.name, recording.end - recording.start, analyse.audio_timestamps(audio), holes, seams,
                 [float(pause) for pause in pauses if pause > 0.5], int((pauses <= 0).sum()), float(bed.gain_db.max()))


def judge(history, latency_s, max_lag_s, delay_slack_ms):
    heard = [one for one in map(listen, history.recordings) if one]
    return [recorded(history, heard), sound_goes_on(heard), holes_are_outages(history, heard), no_seams(heard),
            picture(history, heard), output_comes_back(history), delay(history, latency_s, delay_slack_ms),
            lag(history, max_lag_s),
            ledger(history, max_lag_s), dubbed_after_all(history), one_worker(history), memory(history),
            flat(history, "descriptors"), flat(history, "threads"), all_faults(history)]


def recorded(history, heard):
    seconds, whole = sum(one.seconds for one in heard), history.samples[-1]["at"]
    kicks = sum(name == "output kicked" for _, name, _ in history.faults)
    ok = seconds >= whole - 15 - kicks * OUTPUT_BACK_S
    return analyse.Verdict("recorded", ok, f"{seconds:.0f} s of {whole:.0f} s in {len(heard)} recordings")


def sound_goes_on(heard):
    bad = [f"{one.name}: {one.audio.text}" for one in heard if not one.audio.ok]
    largest = max((abs(one.audio.facts.get("largestStepMs", 0)) for one in heard), default=0)
    return analyse.Verdict("sound without a gap", not bad and bool(heard),
                           "; ".join(bad) or f"largest step between packets {largest:.2f} ms")


def absences(history):
    """How long the publisher was away each time; one that goes again before the worker can have asked for it was away
    all the time."""
    spans = []
    for begin, name, seconds in history.faults:
        if name != "publisher cut":
            continue
        if spans and begin < spans[-1][1] + BACK_S:
            spans[-1][1] = begin + seconds
        else:
            spans.append([begin, begin + seconds])
    return [end - begin for begin, end in spans]


def holes_are_outages(history, heard):
    """The original is silent only while there was no publisher."""
    cuts, away = history.durations("publisher cut"), absences(history)
    holes = [end - begin for one in heard for begin, end in one.holes]
    longest = max(away, default=0.0) + BACK_S
    loud = [one.name for one in heard if one.loudest_db > 3.0]
    ok = len(holes) <= len(cuts) and max(holes, default=0.0) <= longest and not loud
    text = (f"{len(holes)} holes in the original, longest {max(holes, default=0.0):.1f} s; the publisher was away "
            f"{len(cuts)} times, longest {max(away, default=0.0):.1f} s")
    return analyse.Verdict("silent only without a publisher", ok, text + (f"; too loud: {loud}" if loud else ""))


def no_seams(heard):
    seams = [f"{one.name} at {at:.2f} s" for one in heard for at in one.seams]
    return analyse.Verdict("no step, no click", not seams, f"{len(seams)} steps and clicks {', '.join(seams[:5])}")


def picture(history, heard):
    cuts, away = history.durations("publisher cut"), absences(history)
    holes = [hole for one in heard for hole in one.picture_holes]
    backwards = sum(one.backwards for one in heard)
    ok = len(holes) <= len(cuts) and max(holes, default=0.0) <= max(away, default=0.0) + BACK_S and not backwards
    return analyse.Verdict("picture", ok, f"{len(holes)} pauses, longest {max(holes, default=0.0):.1f} s; "
                                          f"{backwards} steps back")


def output_comes_back(history):
    changes = history.out_ready
    away = [back[0] - gone[0] for gone, back in zip(changes, changes[1:]) if not gone[1] and back[1] and gone[0] > 15]
    ok = max(away, default=0.0) <= OUTPUT_BACK_S and changes[-1][1]
    return analyse.Verdict("output comes back", ok, f"away {len(away)} times, at most {max(away, default=0.0):.1f} s")


def settled(history, latency_s):
    """Away from beginnings: a reader gets the router's old pictures at once, which wait less than D for their time."""
    begun = [0.0] + [at + seconds for at, name, seconds in history.faults if name == "publisher cut"]
    unsettled = [(at, at + BACK_S + latency_s + 2) for at in begun]
    return [one for one in history.samples if not any(begin <= one["at"] < end for begin, end in unsettled)]


def delay(history, latency_s, slack_ms):
    delays = [one["delay_ms"] for one in settled(history, latency_s)]
    late = sum(abs(one - latency_s * 1000) > slack_ms for one in delays)
    return analyse.Verdict("delay", bool(delays) and not late,
                           f"{min(delays, default=0):.0f} to {max(delays, default=0):.0f} ms, {late} of {len(delays)} "
                           f"seconds off by more than {slack_ms:.0f} ms")


def lag(history, max_lag_s):
    most = max(max((one["lag_ms"] for one in history.samples), default=0),
               max((line.get("lagMs") or 0 for line in history.ledger), default=0))
    return analyse.Verdict("lag", most <= max_lag_s * 1000, f"at most {most:.0f} ms")


def ledger(history, max_lag_s):
    lines = history.ledger
    states = {state: sum(line["state"] == state for line in lines) for state in history.phrases_counted}
    problems = []
    problems += account.complaints(lines, history.sent)
    if states != {state: int(count) for state, count in history.phrases_counted.items()}:
        problems.append(f"counted were {history.phrases_counted}")
    # Written as they are settled, which is not always the order in which they were said.
    said = sorted(lines, key=lambda line: line["startMs"])
    if any(left["endMs"] > right["startMs"] for left, right in zip(said, said[1:])):
        problems.append("phrases overlap")
    reasons = sorted({line["reason"] for line in lines if line.get("reason")})
    return analyse.Verdict("ledger", not problems and bool(lines),
                           f"{len(lines)} phrases: {states}, for {', '.join(reasons) or 'no reason'}; {'; '.join(problems)}")


def dubbed_after_all(history):
    dubbed = sum(line["state"] == "dubbed" for line in history.ledger)
    ok = dubbed >= len(history.ledger) // 5
    return analyse.Verdict("dubbed between the faults", ok, f"{dubbed} of {len(history.ledger)}")


def one_worker(history):
    restarts = max(one["restarts"] for one in history.samples)
    return analyse.Verdict("one worker all the time", len(history.workers - {0}) == 1 and restarts == 0,
                           f"processes {sorted(history.workers)}, {restarts:.0f} restarts")


def thirds(history, key):
    """Of what came after the first fifth, the first and the last third."""
    values = [one[key] for one in history.samples]
    values = values[len(values) // 5:]
    return values[:len(values) // 3], values[-(len(values) // 3):]


def memory(history):
    early, late = thirds(history, "rss_mib")
    growth, most = statistics.median(late) - statistics.median(early), max(one["rss_mib"] for one in history.samples)
    return analyse.Verdict("memory", growth <= GROWTH_MIB and most <= MOST_RSS_MIB,
                           f"{statistics.median(early):.1f} to {statistics.median(late):.1f} MiB, at most {most:.1f}")


def flat(history, key):
    early, late = thirds(history, key)
    growth = statistics.median(late) - statistics.median(early)
    return analyse.Verdict(key, growth <= GROWTH_COUNT,
                           f"{statistics.median(early):.0f} to {statistics.median(late):.0f}, at most "
                           f"{max(one[key] for one in history.samples)}")


def all_faults(history):
    names = sorted({name for _, name, _ in history.faults})
    return analyse.Verdict("faults", len(history.faults) > 1, f"{len(history.faults) - 1}: {', '.join(names)}")
