#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the speech chain hears, makes of it and costs: word error rate, a translation score, real-time factors, streams.

The real service with the engines of the distribution answers sentences that took no part in its tuning, spoken by flite's
voices, clean and with noise, and sounds that are no speech. The figures stand beside those tracked in
results/sts_speech.json, so that a change shows; --update writes them there. --quick hears a fifth of the sentences and half of
the voices and has tracked figures of its own. Human speech from --media joins in when it is
there (NAME.wav with NAME.txt, what is said).
"""
import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import sts_speech_corpus as corpus

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "apps/sts-service/tests"))
from sts_client import Service, Worker  # noqa: E402

TRACKED = Path(__file__).resolve().parent / "results/sts_speech.json"
CONDITIONS = {"clean": None, "pink 20 dB": (corpus.pink, 20), "pink 10 dB": (corpus.pink, 10), "music 10 dB": (corpus.music, 10)}
LEVELS_DBFS = (-45, -30, -20, -10)
D_S = 3.0
PAUSE_S = 0.3  # between two phrases of a stream, as the fragmenter has it
LATE_ALLOWED = 0.01
TICKS = os.sysconf("SC_CLK_TCK")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--quick", action="store_true", help="a part of everything, in less than a minute")
    parser.add_argument("--media", default=ROOT.parent / "shared/media", type=Path, help="folder with human speech")
    parser.add_argument("--tracked", default=TRACKED, type=Path, help="the figures to compare with")
    parser.add_argument("--update", action="store_true", help="write the new figures there")
    return parser.parse_args()


def start_service(build_dir, *arguments, cpu=None):
    program = (build_dir / "apps/sts-service/sts-service").resolve()
    service = Service(program, ["--voices-file", ROOT / "config/voices.json", "--http-rate-limit", 0, *arguments])
    if cpu is not None:  # its threads and the translator's processes inherit it
        for task in Path(f"/proc/{service.process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cpu})
    return service.wait_until_listening()


def cpu_seconds(pid):
    """Of the process and its living children, theirs included."""
    seconds = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(path.parent.name) == pid or int(fields[1]) == pid:
            seconds += (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def pcm_bytes(samples):
    return b"".join(max(-32768, min(32767, round(value))).to_bytes(2, "little", signed=True) for value in samples)


@contextlib.contextmanager
def stream(service, name):
    """A session, as a worker has one: the recogniser gets used to its sound."""
    worker = Worker(service.url, name)
    worker.init(config={"sample_rate_hz": corpus.RATE_HZ, "channels": 1}, timeout_ms=30000)
    yield worker
    worker.close()


def ask(worker, pcm):
    """The answer to the stream's next fragment."""
    number, duration_ms = len(worker.received("fragment:processed")), len(pcm) * 1000 // (2 * corpus.RATE_HZ)
    worker.send(number, pcm, audio={"sample_rate_hz": corpus.RATE_HZ, "duration_ms": duration_ms})
    return {**worker.wait_for("fragment:processed", number + 1, timeout=40), "audio_ms": duration_ms}


class Tally:
    """What a condition adds up to."""

    def __init__(self):
        self.errors = self.words = self.audio_ms = self.unanswered = 0
        self.stage_ms = {"asr_ms": 0, "translation_ms": 0, "tts_ms": 0}
        self.chrf, self.chrf_heard_right = [], []

    def add(self, english, spanish, answer):
        wanted, heard = corpus.words_of(english), corpus.words_of(answer.get("transcript") or "")
        errors = corpus.word_errors(wanted, heard)
        self.errors += errors
        self.words += len(wanted)
        self.audio_ms += answer["audio_ms"]
        self.unanswered += not heard
        for stage in self.stage_ms:
            self.stage_ms[stage] += (answer.get("stage_timings") or {}).get(stage, 0)
        if spanish:
            score = corpus.chrf(spanish, answer.get("translated_text") or "")
            self.chrf.append(score)
            if errors == 0:
                self.chrf_heard_right.append(score)

    def wer(self):
        return 100 * self.errors / max(self.words, 1)


def mean(values):
    return sum(values) / len(values) if values else 0.0


def spoken(folder, voice, chosen):
    """[(English, Spanish, samples)]"""
    made = []
    for english, spanish in chosen:
        path = folder / "sentence.wav"
        corpus.speak(english, voice, path)
        made.append((english, spanish, corpus.read_wav(path)[0]))
    return made


def measure_speech(service, folder, quick):
    """Figures by name, and clean fragments for the streams."""
    chosen = corpus.sentences("test")[::5 if quick else 1]
    voices = corpus.VOICES[:2] if quick else corpus.VOICES
    conditions = list(CONDITIONS.items())[:2 if quick else None]
    tallies = {}
    clean = {voice: spoken(folder, voice, chosen) for voice in voices}
    cpu_s, started = cpu_seconds(service.process.pid), time.monotonic()
    for kind, noise in conditions:
        tally = tallies[kind] = Tally()
        background = noise[0](6, 1) if noise else None
        for voice in voices if kind == "clean" else voices[:2]:
            with stream(service, f"{voice}-{kind}".replace(" ", "-")) as worker:
                for english, spanish, samples in clean[voice]:
                    heard = corpus.mixed(samples, background, noise[1]) if noise else samples
                    tally.add(english, spanish, ask(worker, pcm_bytes(heard)))
    cpu_s = cpu_seconds(service.process.pid) - cpu_s
    audio_s = sum(tally.audio_ms for tally in tallies.values()) / 1000
    figures = {f"WER, {kind}, %": tally.wer() for kind, tally in tallies.items()}
    figures["chrF of the translation, all clean, 0..100"] = mean(tallies["clean"].chrf)
    figures["chrF of the translation, heard right, 0..100"] = mean(tallies["clean"].chrf_heard_right)
    for stage in ("asr_ms", "translation_ms", "tts_ms"):
        total_ms = sum(tally.stage_ms[stage] for tally in tallies.values())
        figures[f"real-time factor, {stage[:-3]}, elapsed"] = total_ms / 1000 / audio_s
    figures["real-time factor, whole chain, CPU"] = cpu_s / audio_s
    print(f"# {audio_s:.0f} s of speech in {time.monotonic() - started:.0f} s", flush=True)
    return figures, [pcm_bytes(samples) for rows in clean.values() for _, _, samples in rows]


def measure_no_speech(service, quick):
    """How many of the sounds bring words."""
    sounds = words = 0
    for name, make in corpus.NO_SPEECH.items():
        base = make(2.0, 11)
        with stream(service, f"no-speech-{name}".replace(" ", "-")) as worker:
            for level in LEVELS_DBFS[2:3] if quick else LEVELS_DBFS:
                answer = ask(worker, pcm_bytes(corpus.scaled(base, level)))
                sounds += 1
                if answer.get("transcript") or answer["status"] != "success":
                    words += 1
                    print(f"# {name} at {level} dBFS: {answer['status']} \"{answer.get('transcript') or ''}\"", flush=True)
    return {"sounds without speech that bring words, %": 100 * words / sounds}


def measure_human(service, media):
    tally = Tally()
    with stream(service, "human") as worker:
        for text in sorted(media.glob("*.txt")):
            if not text.with_suffix(".wav").exists():
                continue
            samples, rate_hz = corpus.read_wav(text.with_suffix(".wav"))
            if rate_hz == corpus.RATE_HZ:
                tally.add(text.read_text(encoding="utf-8"), None, ask(worker, pcm_bytes(samples)))
    if not tally.words:
        print(f"# no human speech in {media}: skipped", flush=True)
        return {}
    return {"WER, human reading, %": tally.wer()}


def live_stream(service, name, clips, seconds, latencies):
    """Speaks in real time: a fragment leaves when its last sample has been said."""
    worker = Worker(service.url, name)
    worker.init(config={"sample_rate_hz": corpus.RATE_HZ, "channels": 1}, max_inflight=10, timeout_ms=30000)
    sent, answered, due = {}, {}, time.monotonic()
    worker.sio.on("fragment:processed", lambda payload: answered.setdefault(payload["fragment_id"], time.monotonic()))
    end, number = due + seconds, 0
    while due < end:
        pcm = clips[number % len(clips)]
        due += len(pcm) / (2 * corpus.RATE_HZ)
        time.sleep(max(0, due - time.monotonic()))
        sent[worker.send(number, pcm, audio={"sample_rate_hz": corpus.RATE_HZ,
                                             "duration_ms": len(pcm) * 1000 // (2 * corpus.RATE_HZ)})] = time.monotonic()
        due += PAUSE_S
        number += 1
    last = time.monotonic() + 10
    while len(answered) < len(sent) and time.monotonic() < last:
        time.sleep(0.02)
    latencies += [answered.get(fragment, float("inf")) - at for fragment, at in sent.items()]
    worker.close()


def measure_streams(build_dir, clips, quick):
    """The most live streams that one core answers within D."""
    service = start_service(build_dir, "--asr-workers", 1, "--translation-workers", 1, "--tts-workers", 1,
                            cpu=max(os.sched_getaffinity(0)))
    carried, rows = 0, []
    try:
        for count in (1, 2) if quick else (1, 2, 3, 4, 5, 6, 8):
            latencies = []
            threads = [threading.Thread(target=live_stream, args=(service, f"live-{count}-{i}", clips[i * 7:] + clips[:i * 7],
                                                                  6 if quick else 30, latencies)) for i in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            latencies.sort()
            late = sum(latency > D_S for latency in latencies) / len(latencies)
            rows.append((count, latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.95)], late))
            print(f"# {count} streams on one core: median {rows[-1][1]:.2f} s, 95th percentile {rows[-1][2]:.2f} s, "
                  f"{100 * late:.0f} % of {len(latencies)} later than {D_S:.0f} s", flush=True)
            if late > LATE_ALLOWED:
                break
            carried = count
    finally:
        service.stop()
    return {"live streams on one core": carried, "answer with one stream, 95th percentile, s": rows[0][2]}


def report(figures, tracked):
    print("\n| figure | now | tracked | change |\n|---|---|---|---|")
    for name, value in figures.items():
        before = tracked.get(name)
        change = "" if before is None else f"{value - before:+.2f}"
        print(f"| {name} | {value:.2f} | {'' if before is None else f'{before:.2f}'} | {change} |")


def main():
    arguments = parse_arguments()
    if not shutil.which("flite"):
        sys.exit("sts_speech: flite is not installed")
    tracked = json.loads(arguments.tracked.read_text(encoding="utf-8")) if arguments.tracked.exists() else {}
    extent = "quick" if arguments.quick else "full"
    figures = {}
    service = start_service(arguments.build_dir, "--asr-workers", 1)
    try:
        with tempfile.TemporaryDirectory() as name:
            speech, clips = measure_speech(service, Path(name), arguments.quick)
        figures.update(speech)
        figures.update(measure_no_speech(service, arguments.quick))
        figures.update(measure_human(service, arguments.media))
    finally:
        service.stop()
    figures.update(measure_streams(arguments.build_dir, clips, arguments.quick))
    figures["load of the machine in this minute (elapsed times suffer from it)"] = os.getloadavg()[0]
    report(figures, tracked.get(extent, {}))
    if arguments.update:
        tracked[extent] = {name: round(value, 3) for name, value in figures.items()}
        arguments.tracked.parent.mkdir(exist_ok=True)
        arguments.tracked.write_text(json.dumps(tracked, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
