#!/usr/bin/env python3
"""Runs every libFuzzer target of a build made with -Dfuzz=true for a while each; a finding is a failure.

New inputs go to .local/fuzz/<target>; the seed corpus of a target is the folder corpus/<target> beside its source.
What libFuzzer says goes to .local/fuzz/<target>/log; on a finding its end is shown, and where the input lies.
"""
import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


LOG_TAIL_LINES = 40


def report(target, work, log):
    """What libFuzzer said last, and the inputs that it left behind."""
    print(f"fuzz: {target.name} failed; the end of {log}:", flush=True)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join("  " + line for line in lines[-LOG_TAIL_LINES:]))
    findings = sorted(work.glob("finding-*"), key=lambda path: path.stat().st_mtime)
    for finding in findings[-1:]:
        print(f"fuzz: the input is {finding}; again with: {target} {finding}", flush=True)
    if not findings:
        print(f"fuzz: no input was written to {work}", flush=True)


def run(target, seconds):
    """True when nothing was found."""
    work = ROOT / ".local" / "fuzz" / target.name
    inputs = work / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    seeds = [str(p) for p in ROOT.glob(f"*/**/corpus/{target.name.removesuffix('-fuzz')}") if p.is_dir()]
    print(f"fuzz: {target.name} for {seconds} s", flush=True)
    log = work / "log"
    with log.open("w", encoding="utf-8") as stream:
        code = subprocess.run([str(target), str(inputs), *seeds, f"-max_total_time={seconds}", "-rss_limit_mb=2048",
                               "-timeout=10", "-print_final_stats=1", f"-artifact_prefix={work}/finding-"], cwd=ROOT,
                              check=False, stdout=stream, stderr=subprocess.STDOUT).returncode
    if code:
        report(target, work, log)
    return code == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("targets", nargs="*", help="names such as sts-voices-fuzz; default: all")
    args = parser.parse_args()
    targets = sorted(p for p in (ROOT / args.build_dir).rglob("*-fuzz")
                     if p.is_file() and (not args.targets or p.name in args.targets))
    if not targets:
        print("fuzz: no target was built", file=sys.stderr)
        return 1
    failed = [target.name for target in targets if not run(target, args.seconds)]
    print(f"fuzz: findings in {', '.join(failed)}; see .local/fuzz" if failed else
          f"fuzz: {len(targets)} targets, no finding")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
