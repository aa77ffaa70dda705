"""Which media router the stack runs on: the built-in one, a `mediamtx` from PATH, or one that runs already.

MEDIA_ROUTER says which. With `mediamtx` the stack writes a configuration from deploy/mediamtx, with its own ports and hooks.
With `external` nothing is started: MEDIAMTX_RTMP_URL, MEDIAMTX_RTSP_URL and MEDIAMTX_API_URL say where the router is.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "deploy" / "mediamtx" / "mediamtx.yml"
KINDS = ("builtin", "mediamtx", "external")

# Where an external router is, and where its hooks find media-service: the only variables of ours that a stack with it takes
# from its surroundings.
EXTERNAL_VARIABLES = ("MEDIAMTX_RTMP_URL", "MEDIAMTX_RTSP_URL", "MEDIAMTX_API_URL", "ROUTER_METRICS_ADDRESS",
                      "ORCH_HTTP_ADDR", "ORCHESTRATOR_URL")

# Everybody on this machine may do everything, nobody else may do anything.
LOCAL_USERS = """authInternalUsers:
- user: any
  pass:
  ips: ['127.0.0.1', '::1']
  permissions:
  - action: publish
  - action: read
  - action: api
  - action: metrics
"""


class RouterUnavailable(Exception):
    """There is no such router here; the message says what to do."""


def kind_of(value: str) -> str:
    """The value of MEDIA_ROUTER, checked; empty is the built-in one."""
    kind = value or "builtin"
    if kind not in KINDS:
        raise RouterUnavailable(f"MEDIA_ROUTER is \"{value}\": it must be one of {', '.join(KINDS)}")
    return kind


def find_mediamtx(path: str | None) -> str:
    """The program on this PATH."""
    found = shutil.which("mediamtx", path=path)
    if not found:
        raise RouterUnavailable("MEDIA_ROUTER=mediamtx, but there is no program mediamtx on PATH: install it (one binary, "
                                "https://mediamtx.org), or set MEDIA_ROUTER=builtin for the router that is built here, or "
                                "MEDIA_ROUTER=external for one that runs already")
    return found


def builtin_config(hook: Path) -> str:
    """MediaMTX's file format: hooks on the inputs, everything else open to anybody on this machine."""
    return (f"paths:\n"
            f"  '~^live/[A-Za-z0-9_-]+/in$':\n"
            f"    runOnReady: {quoted(hook, 'ready')}\n"
            f"    runOnNotReady: {quoted(hook, 'not-ready')}\n"
            f"  all_others:\n")


def quoted(hook: Path, event: str) -> str:
    """A command as a YAML string: the quotes of the command inside those of YAML."""
    return "'\"" + str(hook).replace("'", "''") + f"\" {event}'"


def replace_key(text: str, key: str, replacement: str) -> str:
    """The file with a top-level key and all that belongs to it replaced; comments above the next key stay. It must be there."""
    lines = text.splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if line.startswith(f"{key}:")]
    if len(starts) != 1:
        raise ValueError(f"{key} stands {len(starts)} times in the file")
    end = next((index for index in range(starts[0] + 1, len(lines)) if lines[index][0].isalpha()), len(lines))
    while end > starts[0] + 1 and lines[end - 1][0] in "#\n":
        end -= 1
    return "".join(lines[:starts[0]]) + replacement + "".join(lines[end:])


def mediamtx_config(hook: Path, addresses: dict[str, str], template: str | None = None) -> str:
    """deploy/mediamtx for one machine: our addresses (rtmpAddress and so on) and hook, and no passwords."""
    text = TEMPLATE.read_text() if template is None else template
    text = replace_key(text, "authInternalUsers", LOCAL_USERS)
    for key, address in addresses.items():
        text = replace_key(text, key, f"{key}: {address}\n")
    text, count = re.subn(r"(?m)^(\s+runOn(?:Available|Unavailable)): mtx-hook ((?:not-)?ready)$",
                          lambda found: f"{found[1]}: {quoted(hook, found[2])}", text)
    if count != 2:
        raise ValueError(f"{count} hooks in the file, there should be 2")
    # A path of any other name too: the tests and the demo use some.
    return text.rstrip("\n") + "\n\n  all_others:\n"
