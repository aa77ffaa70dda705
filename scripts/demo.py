#!/usr/bin/env python3
"""Dubs a live stream from English to Spanish on this machine and checks the recording that a viewer made.

Publishes a sample over RTMP in real time, records live/demo/out with ffmpeg, stops everything and then measures from
the recording: video, audio, delay, and whether the Spanish is really there. Exits 0 only if all of it holds.
"""
import argparse
import json
import pathlib
import shutil
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

try:
    import numpy  # noqa: F401  (only to say clearly that it is missing)
except ImportError:
    sys.exit("demo: python3-numpy is missing for this Python: run `make setup` and use Debian's /usr/bin/python3")

from support import artifacts, media, report, spoken                          # noqa: E402
from support.broadcast import Broadcast                                       # noqa: E402
from support.processes import StartFailed                                     # noqa: E402
from support.router import RouterUnavailable                                  # noqa: E402
from support.sample import Recipe, Sample, make_sample                        # noqa: E402
from support.stack import Layout, NotBuilt, Stack, engine_settings, find_programs  # noqa: E402

STREAM = "demo"
LATENCY, MAX_LAG, GRACE = 3.0, 2.0, 6.0
TOOLS = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "flite": "flite", "stdbuf": "coreutils"}


class Refused(Exception):
    """The demo cannot begin; the message says what to do."""


class Progress:
    """One line per step, with the seconds since the start."""

    def __init__(self):
        self.begin = time.monotonic()

    def __call__(self, line):
        print(f"[{time.monotonic() - self.begin:5.1f} s] {line}", flush=True)


def check_prerequisites(folder):
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if missing:
        raise Refused(f"missing: {', '.join(missing)}. Run `make setup`, or apt-get install {' '.join(missing)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error.strerror}. Use --work-dir to name another folder") from error
    try:
        spoken.say("hola", "es")
    except spoken.NoVoice as error:
        raise Refused(str(error)) from error


def check_clip(clip):
    """A clip of the user's must be what RTMP and the worker can carry; the refusal says why it is not."""
    if not clip.is_file():
        raise Refused(f"{clip}: no such file")
    try:
        found = media.tracks(clip)
    except media.MediaError as error:
        raise Refused(f"{clip} is not a clip that ffmpeg can read ({error})") from error
    codecs = {track.kind: track.codec for track in reversed(found)}
    how = f"try: ffmpeg -i {clip} -c:v libx264 -g 60 -c:a aac clip.mp4"
    if codecs.get("video") != "h264":
        raise Refused(f"{clip}: the video is {codecs.get('video', 'missing')}, and only H.264 is passed through; {how}")
    if "audio" not in codecs:
        raise Refused(f"{clip}: no audio track, so there is nothing to dub")
    if codecs["audio"] != "aac":
        raise Refused(f"{clip}: the audio is {codecs['audio']}, and RTMP carries AAC; {how}")


def own_clip(clip, path):
    path.with_suffix(".json").unlink(missing_ok=True)      # what lies there is no longer our own sample
    media.copy_clip(clip, path)
    return Sample(path, Recipe(duration=media.duration(path), sentences=()))


def note_engines(evidence, folder, progress):
    """Which engines worked; what a voice said that cannot be rendered here is what the recording is searched for."""
    records = artifacts.read(folder)
    for stage, names in artifacts.models(records).items():
        progress(f"  {stage} by {', '.join(names) or 'nobody'}")
    evidence.clips = artifacts.clips(records, but="espeak-ng")


def run_stream(stack, sample, latency, folder, progress):
    """One broadcast: published, watched from both sides, recorded. Returns the evidence."""
    def on_phrase(line):
        said = f"{line.get('transcript') or '-'}  ->  {line.get('translatedText') or '-'}"
        progress(f"  {line['state']}: {said}" + (f" ({line['reason']})" if line.get("reason") else ""))

    with Broadcast(stack, STREAM, sample, folder / "viewers", latency, MAX_LAG) as broadcast:
        broadcast.start()
        progress(f"publishing {stack.url(STREAM, 'in')}, recording {stack.url(STREAM, 'out')}, "
                 f"{sample.recipe.duration:.0f} s in real time")
        evidence = broadcast.finish(on_phrase, latency + GRACE + 15)
        evidence.recording = evidence.recording.rename(folder / "out.mp4")
    return evidence


def show(verdicts, heard, evidence):
    print("\nPhrases")
    for line in report.phrase_table(evidence.ledger, heard):
        print("  " + line)
    print("\nFrom the recording")
    for verdict in verdicts:
        print(f"  {'ok  ' if verdict.ok else 'FAIL'}  {verdict.name + ':':<20} {verdict.text}")
    for verdict in verdicts:
        for problem in verdict.facts.get("problems", []):
            print(f"        {problem}")


def demo(args, progress):
    folder = pathlib.Path(args.work_dir)
    check_prerequisites(folder)
    if args.input:
        check_clip(pathlib.Path(args.input))
    programs = find_programs(pathlib.Path(args.build_dir))
    if args.neural_root:
        programs["sts-service"] = ROOT / "scripts" / "sts_of_neural_root.sh"
    for old in ("out.mp4", "report.json"):
        (folder / old).unlink(missing_ok=True)
    for old in ("viewers", "stack"):
        shutil.rmtree(folder / old, ignore_errors=True)
    if args.input:
        sample = own_clip(pathlib.Path(args.input), folder / "sample.mp4")
    else:
        sample = make_sample(folder / "sample.mp4", progress=progress)
    sounds = folder / "stack" / "sounds"
    sounds.mkdir(parents=True)
    layout = Layout(programs, folder / "stack", settings={
        **engine_settings(), "STS_ARTIFACT_DIR": str(sounds.resolve()), "WORKER_LATENCY": f"{args.latency * 1000:.0f}ms",
        "WORKER_MAX_LAG": f"{MAX_LAG:.0f}s", "ORCH_GRACE_PERIOD": f"{(args.latency + GRACE - LATENCY) * 1000:.0f}ms"})
    with Stack(layout) as stack:
        progress("starting the stack on free ports")
        stack.start(progress=progress)
        evidence = run_stream(stack, sample, args.latency, folder, progress)
        progress("stopping the stack")
    note_engines(evidence, sounds, progress)
    progress("measuring the recording")
    verdicts, heard = report.judge(evidence)
    facts = report.as_json(verdicts, heard, evidence)
    (folder / "report.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    show(verdicts, heard, evidence)
    return verdicts, sample, folder


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", help="the Meson build folder")
    parser.add_argument("--input", default="", help="a clip of your own (H.264 + AAC) instead of the sample")
    parser.add_argument("--work-dir", default=str(ROOT / ".local" / "demo"), help="where sample, recording and report go")
    parser.add_argument("--neural-root", action="store_true",
                        help="take the sts-service of the Debian root that scripts/neural_root.py makes")
    parser.add_argument("--latency", default=LATENCY, type=float,
                        help="seconds of delay (WORKER_LATENCY): more for engines that take longer than %(default).0f s")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    try:
        verdicts, sample, folder = demo(args, Progress())
    except (Refused, NotBuilt, RouterUnavailable) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except (StartFailed, TimeoutError, media.MediaError) as error:
        print(f"demo: {error}\ndemo: logs are in {args.work_dir}/viewers and {args.work_dir}/stack", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: stopped; nothing is left running", file=sys.stderr)
        return 130
    failed = [verdict.name for verdict in verdicts if not verdict.ok]
    print(f"\ndemo: {'all of it holds' if not failed else 'FAILED: ' + ', '.join(failed)}; watch {folder}/out.mp4 beside "
          f"{sample.path}, numbers in {folder}/report.json")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
