#!/usr/bin/env python3
"""Makes the configuration files /etc/live-dubbing/{media,router,sts}.env from .env.example.

Every variable of a service's programs stands in its file, commented out, with its meaning; where the unit gives it
another default than the program, that one is shown. What media-service sets for its children is left out.
"""
import pathlib
import re
import sys

PARTS = {"media": ("all programs", "media-service", "media-worker", "egress-forwarder"),
         "router": ("all programs", "media-router"),
         "sts": ("all programs", "sts-service")}
# Not of the program itself, but of the hooks that it starts.
HOOKS = """
## mtx-hook (started by media-router; media-service's address, and its key where it has one)

# Where media-service listens
#ORCHESTRATOR_URL=http://127.0.0.1:8080
# The same as media-service's ORCH_API_KEY; or ORCH_API_KEY_FILE
#ORCH_API_KEY=
"""
HEAD = """# Configuration of live-dubbing-{name}.service: NAME=value, without quotes and without blanks around "=". Uncomment
# what you change, then: systemctl restart live-dubbing-{name}
# Secrets belong here (nobody but root can read this file) or into files named by <NAME>_FILE.
"""
# Of the libraries, not of the programs.
NOT_OURS = {"GSETTINGS_BACKEND", "XDG_CACHE_HOME"}
SET_FOR_IT = re.compile(r"media-service sets it")


def sections(text):
    """The example's sections by title, a title's remark in brackets left out."""
    parts = re.split(r"(?m)^## (.*)$", text)
    return {re.sub(r" \(.*", "", title): body.strip("\n") for title, body in zip(parts[1::2], parts[2::2])}


def entries(section):
    """(comment, name, default) of each variable."""
    for comment, name, default in re.findall(r"((?:^# .*\n)+)#([A-Z0-9_]+)=(.*)", section, re.MULTILINE):
        if not SET_FOR_IT.search(comment):
            yield comment, name, default


def unit_defaults(unit):
    """What the unit sets, as the programs will see it."""
    return dict(re.findall(r"(?m)^Environment=([A-Z0-9_]+)=(.*)$", unit))


def env_file(name, example, unit):
    found = sections(example)
    defaults = unit_defaults(unit)
    seen = set()
    lines = [HEAD.format(name=name)]
    for title in PARTS[name]:
        lines.append(f"\n## {title}\n\n")
        for comment, variable, default in entries(found[title]):
            # What has a "%" is worked out by systemd, which it does not do in these files.
            if variable not in seen and "%" not in defaults.get(variable, ""):
                lines.append(f"{comment}#{variable}={defaults.get(variable, default)}\n")
            seen.add(variable)
    if name == "router":
        lines.append(HOOKS)
    unknown = set(defaults) - seen - NOT_OURS
    if unknown:
        raise SystemExit(f"env_files: the unit of {name} sets {', '.join(sorted(unknown))}, which .env.example does not have")
    return "".join(lines)


def main(example, target, units):
    text = pathlib.Path(example).read_text(encoding="utf-8")
    pathlib.Path(target).mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        unit = pathlib.Path(units, f"live-dubbing-{name}.service").read_text(encoding="utf-8")
        pathlib.Path(target, f"{name}.env").write_text(env_file(name, text, unit), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
