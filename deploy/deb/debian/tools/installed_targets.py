#!/usr/bin/env python3
"""The files of a Meson build folder that are installed, as ninja names them: what a package has to build."""
import json
import os
import subprocess
import sys


def main(folder):
    out = subprocess.run(["meson", "introspect", "--installed", folder], check=True, capture_output=True, text=True).stdout
    print(*sorted(os.path.relpath(path, folder) for path in json.loads(out)))


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
