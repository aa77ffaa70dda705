"""The input file of a cloud deployment (deploy/ec2, deploy/gpu): read, and checked whole, with one message each.

NAME=value lines. Inputs of the deployment are named here; any variable of the programs (.env.example) may stand beside
them and is handed on. Files are named relative to the input file.
"""
import dataclasses
import ipaddress
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "deploy/deb/debian/tools"))

import env_files                                                                                     # noqa: E402

URL = re.compile(r"(https?|file)://[^\s\"'\\$`]+")
# Both systemd's and Compose's files take these as they stand.
PLAIN = re.compile(r"[^\"'\\$`#\n]*")


class BadInputs(Exception):
    """Every problem of the file, a line each."""


@dataclasses.dataclass(frozen=True)
class Input:
    kind: str                  # the check below
    roles: tuple = ("media", "speech")       # of the hosts; "pod" is one in a cluster
    default: str | None = ""   # None: it has to be there


INPUTS = {
    "ROLE": Input("role", ("media", "speech", "pod"), None),
    "METHOD": Input("method", default="packages"),
    "RELEASE_URL": Input("url", default=None),
    "RELEASE_SHA256": Input("sha256", default=None),
    "ADMIN_NETWORKS": Input("networks", default=None),
    "STREAM_NETWORKS": Input("networks", ("media",), "0.0.0.0/0"),
    "PUBLISHER_PASSWORD": Input("password", ("media",), None),
    "CLIENT_NETWORKS": Input("networks", ("speech",), None),
    "PLAIN_HTTP": Input("yes_no", ("speech",), "no"),
    "TLS_CERT_FILE": Input("pem"),
    "TLS_KEY_FILE": Input("pem"),
    "CA_FILE": Input("pem"),
    "STATE_DEVICE": Input("device"),
    "LOG_DEVICE": Input("device"),
    "READY_SECONDS": Input("number", ("media", "speech", "pod"), "300"),
    "NVIDIA_DRIVER": Input("driver", ("speech",), "preinstalled"),
    "MODELS_URL": Input("url", ("speech",)),
    "MODELS_SHA256": Input("sha256", ("speech",)),
    "POD_IMAGE": Input("image", ("pod",), None),
    "POD_MODEL_STORAGE": Input("storage", ("pod",), "20Gi"),
    "POD_STORAGE_CLASS": Input("label", ("pod",)),
}

CHOICES = {"role": ("media", "speech", "pod"), "method": ("packages", "containers"), "yes_no": ("yes", "no"),
           "driver": ("preinstalled", "debian")}
PATTERNS = {"sha256": (r"[0-9a-f]{64}", "64 hexadecimal digits"), "device": (r"/dev/[A-Za-z0-9/_-]+", "a device, like /dev/nvme1n1"),
            "number": (r"[1-9][0-9]{0,4}", "a number of seconds"), "storage": (r"[1-9][0-9]*[KMGT]i", "a size, like 20Gi"),
            "label": (r"[a-z0-9][a-z0-9.-]*", "a name of lower-case letters, digits, dots and dashes"),
            "image": (r"[a-z0-9][a-z0-9._/:@-]*", "an image, like registry.example.org/live-dubbing/sts-service:0.1.0-gpu"),
            "password": (r"[\x21-\x7e]{8,}", "8 or more characters, none of them a blank")}
# What the deployment sets itself.
OURS = {"ROUTER_CONFIG", "ORCH_STATE_DIR", "ORCH_STREAMS_DIR", "ASSET_STORE_ROOT", "LOG_DIR", "STS_ADDR", "STS_TLS_CERT", "STS_TLS_KEY",
        "STS_MODEL_CACHE_DIR", "STS_VOICES_FILE", "STS_MODE", "ORCHESTRATOR_URL", "REQUIRE_AUTH", "STS_API_KEY_FILE", "ORCH_API_KEY_FILE"}


def variables_of(part):
    """The variables of a side's programs, from .env.example: media, router or sts."""
    sections = env_files.sections((ROOT / ".env.example").read_text(encoding="utf-8"))
    return {name for title in env_files.PARTS[part] for _, name, _ in env_files.entries(sections[title])}


def program_variables():
    return set().union(*map(variables_of, env_files.PARTS))


def check_value(kind, value, folder):
    """What is wrong with it, or nothing."""
    if kind in CHOICES:
        return "" if value in CHOICES[kind] else f"must be {', '.join(CHOICES[kind])}"
    if kind == "url":
        return "" if URL.fullmatch(value) else "must be an address, https://..., http://... or file://..."
    if kind == "networks":
        return check_networks(value)
    if kind == "pem":
        return check_pem(folder / value)
    pattern, wanted = PATTERNS[kind]
    return "" if re.fullmatch(pattern, value) else f"must be {wanted}"


def check_networks(value):
    for network in value.split():
        try:
            ipaddress.ip_network(network)
        except ValueError:
            return "must be networks separated by blanks, like 203.0.113.0/24 2001:db8::/32"
    return "" if value.split() else "must name a network"


def check_pem(path):
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
    return "" if text.startswith("-----BEGIN ") else f"is no PEM file: {path}"


def parse(text):
    """(values, problems)."""
    values, problems = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            problems.append(f"line {number}: not NAME=value: {line}")
        elif name in values:
            problems.append(f"line {number}: {name} stands here for the second time")
        else:
            values[name] = value.strip()
    return values, problems


def check_known(values, role, folder):
    """Inputs, each by itself."""
    for name, known in INPUTS.items():
        value = values.get(name, "") or known.default
        if value is None and role in known.roles:
            yield f"{name} is missing"
        elif name in values and role and role not in known.roles:
            yield f"{name} is of no use with ROLE={role}"
        elif value:
            wrong = check_value(known.kind, value, folder)
            if wrong:
                yield f"{name} {wrong}" + ("" if known.kind in ("password", "pem") else f", not \"{value}\"")


def check_variables(values):
    """Variables of the programs: the programs check their values, which cloud-init shows only later."""
    known = program_variables()
    for name, value in values.items():
        if name in INPUTS:
            continue
        if name in OURS:
            yield f"{name} is set by the deployment: leave it out"
        elif name not in known:
            yield f"{name} is neither an input nor a variable of .env.example"
        elif not PLAIN.fullmatch(value):
            yield f"{name} has #, or one of \" ' \\ $ `, which not every reader of the file takes as it is"


def check_together(values):
    def has(name):
        return bool(values.get(name))
    for name, value in values.items():
        if value.startswith("replace-me") or set(value) == {"0"} and name.endswith("_SHA256"):
            yield f"{name} still has the value of the example"
    if has("TLS_CERT_FILE") != has("TLS_KEY_FILE"):
        yield "TLS_CERT_FILE and TLS_KEY_FILE go together"
    if has("MODELS_URL") != has("MODELS_SHA256"):
        yield "MODELS_URL and MODELS_SHA256 go together"
    if has("MODELS_URL") and not has("STATE_DEVICE"):
        yield "MODELS_URL needs STATE_DEVICE, the volume that keeps the models when the host is replaced"
    if values.get("ROLE") == "media":
        yield from check_media(values)
    elif values.get("ROLE") in ("speech", "pod"):
        yield from check_speech(values, has)


def check_media(values):
    if not re.match(r"(https?|wss?)://", values.get("WORKER_STS_SERVICE_URL", "")):
        yield "WORKER_STS_SERVICE_URL must be the address of the speech service, https://host:8000"
    if values.get("TLS_CERT_FILE") and values.get("METHOD") == "containers":
        yield "TLS_CERT_FILE needs METHOD=packages here: the Compose files publish no port for RTMPS"
    if values.get("ORCH_API_KEY") and len(values["ORCH_API_KEY"]) < 16:
        yield "ORCH_API_KEY must have 16 or more characters: it can be reached from ADMIN_NETWORKS"


def check_speech(values, has):
    if len(values.get("STS_API_KEY", "")) < 16:
        yield "STS_API_KEY must have 16 or more characters: others can reach the service"
    if values["ROLE"] == "speech" and not has("TLS_CERT_FILE") and values.get("PLAIN_HTTP") != "yes":
        yield "TLS_CERT_FILE and TLS_KEY_FILE are missing: the key would go over the network in plain text. On a private network " \
              "between your hosts say PLAIN_HTTP=yes"
    if values["ROLE"] == "speech" and values.get("STS_DEVICE") == "cuda" and values.get("METHOD", "packages") == "packages":
        yield "STS_DEVICE=cuda needs METHOD=containers: Debian 12 has no engine that uses a GPU, the image sts-service has"
    if values["ROLE"] == "speech" and values.get("STS_DEVICE") == "cuda" and not has("STATE_DEVICE"):
        yield "STS_DEVICE=cuda needs a model that a GPU computes with: STATE_DEVICE, a volume that has one, or MODELS_URL besides, an " \
              "archive that fills it"


def load(path):
    """The checked inputs with their defaults; BadInputs names every problem at once."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInputs(f"cannot read the input file: {error}") from None
    values, problems = parse(text)
    role = values.get("ROLE") if values.get("ROLE") in CHOICES["role"] else ""
    problems += check_known(values, role, path.parent)
    problems += check_variables(values)
    problems += check_together(values)
    if problems:
        raise BadInputs("\n".join(f"{path.name}: {problem}" for problem in problems))
    defaults = {name: known.default for name, known in INPUTS.items() if known.default and role in known.roles}
    return {**defaults, **{name: value for name, value in values.items() if value}}
