""".env.example and the programs' --help name the same variables with the same defaults, and nothing else."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ["media-router", "media-service", "media-worker", "egress-forwarder", "sts-service"]


def documented():
    """{program or "all": {variable: default}} from the sections of .env.example."""
    sections, current = {}, None
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = line[3:].split()[0]
            current = sections.setdefault(name, {})
        elif match := re.fullmatch(r"#([A-Z][A-Z0-9_]+)=(.*)", line):
            current[match[1]] = match[2]
    return sections


def offered(path):
    """{variable: default} from a program's --help."""
    text = subprocess.run([path, "--help"], check=True, capture_output=True, text=True, timeout=20).stdout
    found = re.findall(r"\(([A-Z][A-Z0-9_]+)\)\n.*\[default: ([^\],]*)", text)
    return {name: "" if default == "empty" else default for name, default in found}


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_and_example_agree(program, name):
    sections = documented()
    known = {**sections["all"], **sections.get(name, {})}
    assert offered(program(name)) == known
