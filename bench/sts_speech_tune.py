#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Word error rate against time for settings of the recogniser, over the sentences kept for tuning.

Each setting is the model directory with a decoder.params that holds the option: the engine is measured as it is, without a
build of its own. The settings in use are the first row, everything else beside it.
docs/decisions/ says what was chosen from it; bench/sts_speech.py measures the choice on sentences that took no part.
"""
import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import sts_speech_corpus as corpus

MODEL = Path("/usr/share/pocketsphinx/model/en-us")
KINDS = {"clean": None, "pink 20 dB": (corpus.pink, 20), "music 10 dB": (corpus.music, 10), "pink 10 dB": (corpus.pink, 10)}
SETTINGS = [
    "", "-remove_noise no", "-maxhmmpf 10000", "-maxhmmpf 3000", "-maxhmmpf 2000", "-maxwpf 20", "-maxwpf 5", "-lw 5.5",
    "-lw 7.5", "-lw 9", "-wip 0.3", "-wip 0.9", "-ds 2", "-topn 2", "-pl_window 5", "-fwdflat no", "-bestpath no",
    "-beam 1e-40 -wbeam 1e-24", "-beam 1e-60 -wbeam 1e-40", "-fwdflatlw 7", "-silprob 0.02", "-fillprob 1e-6",
    "--no-stream",
]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", type=Path, help="where the programs have been built")
    parser.add_argument("--every", default=3, type=int, help="use every N-th sentence (3)")
    parser.add_argument("--setting", action="append", help='measure only this, "" for the settings in use; may be repeated')
    parser.add_argument("--model", default=MODEL, type=Path, help="model directory")
    parser.add_argument("--part", default="tune", choices=("tune", "test"), help="which sentences (tune)")
    return parser.parse_args()


def make_corpus(folder, part, every):
    """{kind: [(path, words)]}; a folder per voice and kind, as a stream of its own."""
    chosen = corpus.sentences(part)[::every]
    noises = {kind: noise[0](6, 1) if noise else None for kind, noise in KINDS.items()}
    made = {kind: [] for kind in KINDS}
    for voice in corpus.VOICES:
        for number, (english, _) in enumerate(chosen):
            clean = folder / f"{voice}-{number}.wav"
            corpus.speak(english, voice, clean)
            samples, _rate = corpus.read_wav(clean)
            for kind, noise in KINDS.items():
                path = folder / f"{voice} {kind}" / f"{number:02}.wav"
                path.parent.mkdir(exist_ok=True)
                corpus.write_wav(path, corpus.mixed(samples, noises[kind], noise[1]) if noise else samples)
                made[kind].append((path, corpus.words_of(english)))
    return made


def model_with(setting, model, folder):
    """The model directory again, with a decoder.params that holds the setting."""
    copy = folder / "model" / model.name  # the language is read from the name
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for part in model.iterdir():
        (copy / part.name).symlink_to(part)
    (copy / "decoder.params").write_text(setting + "\n")
    return copy


def recognise(program, model, files, options):
    """[(audio ms, CPU ms, text)] in the files' order."""
    command = [program, "--model", model, *options, *(path for path, _ in files)]
    lines = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.splitlines()
    return [(float(row[1]), float(row[2]), row[5]) for row in (line.split("\t") for line in lines)]


def measure(program, setting, model, files, folder):
    """(errors, words, CPU ms, audio ms, worst real-time factor)"""
    options = [setting] if setting.startswith("--") else []
    copy = model_with("" if options else setting, model, folder)
    answers = recognise(program, copy, files, options)
    errors = sum(corpus.word_errors(words, corpus.words_of(answer[2])) for (_, words), answer in zip(files, answers))
    return (errors, sum(len(words) for _, words in files), sum(a[1] for a in answers), sum(a[0] for a in answers),
            max(a[1] / a[0] for a in answers))


def main():
    arguments = parse_arguments()
    program = arguments.build_dir / "apps/sts-service/engines/try_asr"
    print("| setting | " + " | ".join(f"{kind}" for kind in KINDS) + " | all | CPU s per s | worst |")
    print("|---|" + "---|" * (len(KINDS) + 3), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_corpus(folder, arguments.part, arguments.every)
        for setting in arguments.setting or SETTINGS:
            rows = [measure(program, setting, arguments.model, files[kind], folder) for kind in KINDS]
            errors, words, cpu, audio, _ = (sum(column) for column in zip(*rows))
            cells = [f"{100 * row[0] / row[1]:.1f} %" for row in rows] + [f"**{100 * errors / words:.1f} %**"]
            print(f"| `{setting or 'in use'}` | " + " | ".join(cells) +
                  f" | {cpu / audio:.2f} | {max(row[4] for row in rows):.2f} |", flush=True)


if __name__ == "__main__":
    main()
