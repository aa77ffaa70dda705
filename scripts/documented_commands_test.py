"""What the documentation tells to type is there: scripts that can be executed, targets of the Makefile."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
# Before a command: variables of its own, and the right to run it.
IN_FRONT = re.compile(r"(?:sudo |[A-Z_]+=\S* )*")
SCRIPT = re.compile(r"(?:\.|scripts|deploy|bench|tests)/[\w./-]+")


def pages():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split()]


def commands(page):
    """The commands of its blocks, one by one."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|\||;|\|", line.partition(" #")[0]):
                yield IN_FRONT.sub("", part.strip(), count=1)


def complaint(page, command, targets):
    word, _, rest = command.partition(" ")
    if SCRIPT.fullmatch(word):
        path = (page.parent if word.startswith("./") else ROOT) / word
        return "" if os.access(path, os.X_OK) else f"{word} cannot be executed"
    target = rest.split(" ")[0]
    return f"make knows no {target}" if word == "make" and target not in targets else ""


def make_targets():
    return set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_there(page):
    found = [complaint(page, command, make_targets()) for command in commands(page)]
    assert not list(filter(None, found))


def test_what_is_not_there_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("text\n\n```sh\nsudo scripts/none.py up   # it\nA=1 make images && make nothing\n./none.sh\n```\n")
    (tmp_path / "none.sh").touch(mode=0o644)
    assert list(filter(None, (complaint(page, command, make_targets()) for command in commands(page)))) == [
        "scripts/none.py cannot be executed", "make knows no nothing", "./none.sh cannot be executed"]
