"""What stack.py knows of the stack whether it runs as processes or in containers: parts, variables, addresses, ports."""
import os
import pathlib
import re
import shlex
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.processes import port_is_free                                                           # noqa: E402
from support.stack import HEALTH, LISTENERS, OUR_PREFIXES, Layout, Ports, http_status, wiring         # noqa: E402

# Elsewhere for a second stack beside the first, as the tests have it.
RUN = pathlib.Path(os.environ.get("STACK_RUN_DIR") or ROOT / ".local" / "run")
ENV_FILE = pathlib.Path(os.environ.get("STACK_ENV_FILE") or ROOT / ".env")
PROGRAMS = ("sts-service", "media-router", "media-service")
# What can be started together: everything, one side, or one program.
PARTS = {"all": PROGRAMS, "media": ("media-router", "media-service"), "sts": ("sts-service",),
         **{name: (name,) for name in PROGRAMS}}
NEEDS = {"sts-service": ("sts",), "media-router": ("rtmp", "rtsp", "api", "router_metrics"), "media-service": ("media",)}
NAMES_OF = {"rtmp": "RTMP", "rtsp": "RTSP", "api": "the router's Control API", "router_metrics": "the router's metrics",
            "media": "media-service", "sts": "sts-service"}


class Refused(Exception):
    """The stack cannot start; the message says what to do."""


def read_dotenv(path):
    """KEY=VALUE lines; comments, quotes and `export` as shells have them. Bad lines are all named at once."""
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path.name} cannot be read as a text file of NAME=value lines: {error}") from error
    values, bad = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = [""]
        words = words[1:] if words[:1] == ["export"] else words
        if not words:
            continue
        name, equals, value = words[0].partition("=")
        if len(words) != 1 or not equals or not name.isidentifier():
            bad.append(f"{path.name}:{number}: not NAME=value: {line.strip()}")
        values[name] = value
    if bad:
        raise Refused("; ".join(bad))
    return values


def surroundings():
    """Every variable: .env, then the environment."""
    return {**read_dotenv(ENV_FILE), **os.environ}


def documented():
    """The names in .env.example."""
    return set(re.findall(r"^#([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))


def read_settings():
    """Our variables as the surroundings want them. Empty is unset."""
    known = documented()
    return {name: value for name, value in surroundings().items() if value and (
        name.startswith(OUR_PREFIXES) or name.removesuffix("_FILE") in known)}


def make_layout(programs, settings):
    """The stack with these settings over our defaults."""
    local = ROOT / ".local"
    settings = {**{"ORCH_STATE_DIR": str(local / "state"), "ASSET_STORE_ROOT": str(local / "runs"),
                   "LOG_DIR": str(local / "logs"), "LOG_FORMAT": "text", "LOG_LEVEL": "info"},
                **derived(settings), **settings}
    return Layout(programs, RUN, Ports(), settings, settings["ORCH_STATE_DIR"])


def derived(settings):
    """A listener that was moved is told to those that connect to it."""
    found = {**wiring(Ports(), RUN), **settings}

    def at(name):
        host, _, port = found[name].rpartition(":")
        return f"{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}"

    return {"ORCHESTRATOR_URL": f"http://{at('ORCH_HTTP_ADDR')}", "MEDIAMTX_RTMP_URL": f"rtmp://{at('ROUTER_RTMP_ADDRESS')}",
            "MEDIAMTX_RTSP_URL": f"rtsp://{at('ROUTER_RTSP_ADDRESS')}", "MEDIAMTX_API_URL": f"http://{at('ROUTER_API_ADDRESS')}",
            "WORKER_STS_SERVICE_URL": f"http://127.0.0.1:{found['STS_PORT']}"}


def check_ports(layout, names):
    """Every port that is taken, in one message, each with the variable that moves it to one that is free."""
    wanted = {layout.listener(listener)[1] for listener in LISTENERS}
    taken = []
    for name in filter(layout.starts, names):
        for listener in NEEDS[name]:
            host, port = layout.listener(listener)
            if not port_is_free(host, port):
                other = free_port_after(host, port, wanted)
                wanted.add(other)
                taken.append(f"port {port} ({NAMES_OF[listener]}) is in use: stop what uses it, or set {LISTENERS[listener]}="
                             f"{other if listener == 'sts' else f'{host}:{other}'} in the environment or in .env")
    if taken:
        raise Refused("\n       ".join(taken))


def free_port_after(host, port, not_these):
    """The next port that nobody uses and that is not one of these; 0, which is any, when there is none."""
    return next((other for other in range(port + 1, 65536) if other not in not_these and port_is_free(host, other)), 0)


def shown_name(layout, name):
    """The program's name, with the kind of router where that is another than ours."""
    return f"{name} ({layout.router_kind})" if name == "media-router" and layout.router_kind != "builtin" else name


def print_addresses(layout, names):
    if "media-router" in names:
        print(f"stack: publish  {layout.rtmp('live/<streamId>/in')}     (H.264 + AAC; OBS: server "
              f"{layout.rtmp('live/<streamId>')}, key in)\n"
              f"stack: play     {layout.rtmp('live/<streamId>/out')}")
    print_health(layout, names)


def print_health(layout, names):
    for name in names:
        listener, path = HEALTH[name]
        code = http_status(layout.http(listener) + path)
        print(f"stack: {shown_name(layout, name):<13} {'ok' if code == 200 else f'not ready ({code})' if code else 'does not answer':<16} "
              f"{layout.http(listener)}{path}")
