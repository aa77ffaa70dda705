#!/usr/bin/env python3
"""Fetches the recommended models: make models LANGS="en es" DEVICE=cpu. Nothing is fetched unless this is run.

What there is to fetch, `sts-service models list --json` says. A file is written as NAME.part, gone on with after an
interruption, and gets its name only when its size and checksum are right: what is interrupted or spoilt is never used.
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

BLOCK = 1 << 20
TIMEOUT_S = 60
ATTEMPTS = 3


class Refused(Exception):
    """It cannot be done; the message says what to do."""


def listed(program):
    done = subprocess.run([program, "models", "list", "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"{program} cannot be asked: {done.stderr.strip()}")
    return json.loads(done.stdout)


def wanted(models, languages, device, names):
    """Those named; else those for one of the languages and the device."""
    if names:
        known = {model["name"] for model in models}
        for name in names:
            if name not in known:
                raise Refused(f"no model is called {name}; there are: {', '.join(sorted(known))}")
        return [model for model in models if model["name"] in names]
    return [model for model in models if model["device"] in (device, "any")
            and (model["languages"] == "*" or set(model["languages"].split()) & set(languages))]


def sum_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def is_whole(model, path):
    return path.exists() and path.stat().st_size == model["size_bytes"] and sum_of(path) == model["sha256"]


def show(name, done, size):
    if sys.stderr.isatty():
        print(f"\r{name}: {done * 100 // size} % of {size / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)


def go_on(model, part):
    """Appends what is missing to the part. A server that cannot begin in the middle begins anew."""
    have = part.stat().st_size if part.exists() else 0
    size = model["size_bytes"]
    if have >= size:
        return
    request = urllib.request.Request(model["address"], headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        if answer.status != 206:
            have = 0
        with open(part, "ab" if have else "wb") as file:
            while block := answer.read(BLOCK):
                have += len(block)
                if have > size:
                    raise Refused(f"{model['address']} is longer than {size} bytes: it is another file than the one known here")
                file.write(block)
                show(model["name"], have, size)
    if have < size:
        raise OSError(f"ended after {have} of {size} bytes")


def fetch_part(model, part):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            go_on(model, part)
            return
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                raise Refused(f"{model['address']}: {error}") from error
            if attempt == ATTEMPTS:
                raise Refused(f"{model['address']}: {error}; run this again to go on") from error
            time.sleep(attempt)


def fetch(model):
    path = pathlib.Path(model["path"])
    part = path.with_name(path.name + ".part")
    if model["sha256"] is None:
        raise Refused(f"{model['name']}: its checksum is not known here: fetch it by hand from {model['address']}")
    if is_whole(model, path):
        print(f"{model['name']}: is there")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fetch_part(model, part)
    if not is_whole(model, part):
        part.unlink()
        raise Refused(f"{model['address']} has another checksum than the one known here: nothing was kept")
    os.replace(part, path)
    print(f"{model['name']}: {path}, {model['size_bytes'] / 1e6:.1f} MB, {model['licence']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="sts-service")
    parser.add_argument("--languages", default="", help="codes: en es")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("names", nargs="*", help="models by name, whatever their languages and device")
    args = parser.parse_args()
    languages = args.languages.split()
    try:
        if not languages and not args.names:
            raise Refused('say for which languages: make models LANGS="en es"')
        for model in wanted(listed(args.program), languages, args.device, args.names):
            fetch(model)
    except Refused as refused:
        print(f"models: {refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmodels: interrupted; run this again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
