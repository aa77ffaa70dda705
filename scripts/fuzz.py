#!/usr/bin/env python3
"""Runs every libFuzzer target of a build made with -Dfuzz=true for a while each; a finding is a failure.

New inputs go to .local/fuzz/<target>; the seed corpus of a target is the folder corpus/<target> beside its source.
"""
import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    args = parser.parse_args()
    targets = sorted(p for p in (ROOT / args.build_dir).rglob("*-fuzz") if p.is_file())
    if not targets:
        print("fuzz: no target was built", file=sys.stderr)
        return 1
    failed = []
    for target in targets:
        work = ROOT / ".local" / "fuzz" / target.name
        work.mkdir(parents=True, exist_ok=True)
        seeds = [str(p) for p in ROOT.glob(f"*/**/corpus/{target.name.removesuffix('-fuzz')}") if p.is_dir()]
        print(f"fuzz: {target.name} for {args.seconds} s", flush=True)
        code = subprocess.run([str(target), str(work), *seeds, f"-max_total_time={args.seconds}",
                               "-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1",
                               f"-artifact_prefix={work}/finding-"], cwd=ROOT, check=False,
                              stderr=subprocess.DEVNULL).returncode
        if code:
            failed.append(target.name)
    print(f"fuzz: findings in {', '.join(failed)}; see .local/fuzz" if failed else
          f"fuzz: {len(targets)} targets, no finding")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
