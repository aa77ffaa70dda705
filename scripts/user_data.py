#!/usr/bin/env python3
"""Makes cloud-init user-data, or with ROLE=pod a pod's manifest, from an input file: deploy/ec2, deploy/gpu.

The result goes to standard output; it holds the secrets of the input file. Nothing is written when an input is wrong.
"""
import argparse
import base64
import gzip
import hashlib
import ipaddress
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True

from cloud_inputs import BadInputs, load, variables_of                                               # noqa: E402

ETC = "/etc/live-dubbing"
DEPLOY = "/usr/local/sbin/live-dubbing-deploy"
# What a provider takes at most, as it is sent.
LIMIT_BYTES = 16384


# -- parts of the host's configuration

def of_programs(values, part):
    """The variables of a side's programs among the inputs."""
    known = variables_of(part)
    return {name: value for name, value in values.items() if name in known}


def env_text(values):
    return "".join(f"{name}={value}\n" for name, value in values.items())


def shell_text(values):
    return "".join(f"{name}={json.dumps(value)}\n" for name, value in values.items())


def folders(role):
    name = {"media": "media", "speech": "sts"}[role]
    return f"/var/lib/live-dubbing-{name}", f"/var/log/live-dubbing-{name}"


def tls_folder(values):
    return f"{ETC}/tls" if values["METHOD"] == "packages" else f"{ETC}/config/tls"


def seen_tls(values, name):
    """Where the programs see the file: in a container the configuration lies elsewhere."""
    return f"{tls_folder(values)}/{name}".replace(f"{ETC}/config", "/etc/dubbing")


def settings(values):
    """What live-dubbing-deploy reads."""
    role = values["ROLE"]
    scheme = "https" if role == "speech" and "TLS_CERT_FILE" in values else "http"
    port = 8080 if role == "media" else int(values.get("STS_PORT", "8000"))
    state, logs = folders(role)
    names = ("ROLE", "METHOD", "RELEASE_URL", "RELEASE_SHA256", "READY_SECONDS", "STATE_DEVICE", "LOG_DEVICE", "NVIDIA_DRIVER",
             "MODELS_URL", "MODELS_SHA256", "STS_DEVICE")
    return shell_text({**{name: values[name] for name in names if name in values},
                       "SPEECH_IMAGE": "sts-gpu" if values.get("STS_DEVICE") == "cuda" else "sts-service",
                       "READY_URL": f"{scheme}://127.0.0.1:{port}/ready", "STATE_FOLDER": state, "LOG_FOLDER": logs,
                       "TLS_FOLDER": tls_folder(values)})


def media_env(values):
    found = of_programs(values, "media")
    if "ORCH_API_KEY" in values:
        found.setdefault("ORCH_HTTP_ADDR", "0.0.0.0:8080")
    return found


def router_env(values):
    """Its hooks show media-service's key."""
    key = {name: values[name] for name in ("ORCH_API_KEY",) if name in values}
    return {"ROUTER_RTMP_ADDRESS": "0.0.0.0:1935", "ROUTER_RTSP_ADDRESS": "0.0.0.0:8554", **of_programs(values, "router"), **key}


def speech_env(values):
    found = {"STS_ADDR": "0.0.0.0", "REQUIRE_AUTH": "true", **of_programs(values, "sts")}
    if "TLS_CERT_FILE" in values:
        found.update(STS_TLS_CERT=seen_tls(values, "cert.pem"), STS_TLS_KEY=seen_tls(values, "key.pem"))
    return found


def stack_env(values):
    """Everything for Compose, in one file."""
    state, logs = folders(values["ROLE"])
    common = {"DUBBING_CONFIG_DIR": f"{ETC}/config", "LOG_DIR": logs}
    if values["ROLE"] == "media":
        return {"COMPOSE_PROFILES": "media", **common, "ASSET_STORE_ROOT": f"{state}/runs", **router_env(values), **media_env(values)}
    profile = "sts-gpu" if values.get("STS_DEVICE") == "cuda" else "sts"
    return {"COMPOSE_PROFILES": profile, **common, "STS_MODEL_CACHE_DIR": f"{state}/models", **speech_env(values)}


def router_yml(values):
    """Publishers with the password, viewers without; the host's own programs by their address."""
    digest = base64.b64encode(hashlib.sha256(values["PUBLISHER_PASSWORD"].encode()).digest()).decode()
    local = ["127.0.0.1", "::1"] if values["METHOD"] == "packages" else ["127.0.0.0/8", "::1", "172.16.0.0/12", "192.168.0.0/16"]
    tls = ""
    if "TLS_CERT_FILE" in values:
        tls = ('rtmpEncryption: "optional"\nrtmpsAddress: :1936\n'
               f"rtmpServerCert: {seen_tls(values, 'cert.pem')}\nrtmpServerKey: {seen_tls(values, 'key.pem')}\n")
    return ROUTER.format(local=json.dumps(local), hash=digest, tls=tls)


ROUTER = """\
authMethod: internal
authInternalUsers:
# media-service, its workers and forwarders.
- user: any
  pass:
  ips: {local}
  permissions:
  - action: read
    path: '~^live/[A-Za-z0-9_-]{{1,64}}/(in|out)$'
  - action: publish
    path: '~^live/[A-Za-z0-9_-]{{1,64}}/out$'
  - action: api
  - action: metrics
- user: publisher
  pass: sha256:{hash}
  ips: []
  permissions:
  - action: publish
    path: '~^live/[A-Za-z0-9_-]{{1,64}}/in$'
- user: any
  pass:
  ips: []
  permissions:
  - action: read
    path: '~^live/[A-Za-z0-9_-]{{1,64}}/out$'
readTimeout: 10s
writeTimeout: 10s
writeQueueSize: 1024
{tls}pathDefaults:
  overridePublisher: yes
paths:
  '~^live/[A-Za-z0-9_-]{{1,64}}/in$':
    maxReaders: 20
    runOnAvailable: mtx-hook ready
    runOnUnavailable: mtx-hook not-ready
  '~^live/[A-Za-z0-9_-]{{1,64}}/out$':
    maxReaders: 500
"""


# -- firewall

def allow(networks, ports):
    """Rules for TCP ports, of both families."""
    families = {4: "ip", 6: "ip6"}
    of = {family: [network for network in networks.split() if ipaddress.ip_network(network).version == family] for family in families}
    return [f"{families[family]} saddr {{ {', '.join(found)} }} tcp dport {{ {', '.join(map(str, ports))} }} accept"
            for family, found in of.items() if found]


def firewall(values):
    rules = allow(values["ADMIN_NETWORKS"], [22])
    if values["ROLE"] == "media":
        ports = [1935, 8554, *([1936] if "TLS_CERT_FILE" in values else [])]
        rules += allow(values["STREAM_NETWORKS"], ports)
        if "ORCH_API_KEY" in values:
            rules += allow(values["ADMIN_NETWORKS"], [8080])
    else:
        rules += allow(values["CLIENT_NETWORKS"], [values.get("STS_PORT", "8000")])
    return FIREWALL.replace("@RULES@", "\n        ".join(rules))


# Before destination NAT, so that ports which a container engine publishes are seen as outsiders see them. Other tables,
# a container engine's among them, are left alone.
FIREWALL = """\
#!/usr/sbin/nft -f
table inet live_dubbing
delete table inet live_dubbing
table inet live_dubbing {
    chain incoming {
        type filter hook prerouting priority mangle; policy drop;
        iifname "lo" accept
        # The provider's metadata, with this user-data in it, is for root alone, not for containers.
        iifname "docker0" ip daddr 169.254.169.254 drop
        iifname "br-*" ip daddr 169.254.169.254 drop
        iifname "docker0" accept
        iifname "br-*" accept
        ct state established,related accept
        ct state invalid drop
        # ICMP of both families, by number: a minimal Debian has no list of names.
        meta l4proto { 1, 58 } accept
        udp sport 67 udp dport 68 accept
        udp sport 547 udp dport 546 accept
        @RULES@
    }
    chain outgoing {
        type filter hook output priority filter; policy accept;
        ip daddr 169.254.169.254 tcp dport 80 meta skuid != 0 reject
    }
}
"""


# -- user-data

def files(values, folder):
    """(path, mode, text) of the configuration that the host gets."""
    found = [("/etc/nftables.conf", "0644", firewall(values)), ("/etc/live-dubbing-deploy/settings", "0600", settings(values))]
    router = f"{ETC}/router.yml" if values["METHOD"] == "packages" else f"{ETC}/config/router.yml"
    if values["METHOD"] == "containers":
        found.append((f"{ETC}/stack.env", "0600", env_text(stack_env(values))))
    elif values["ROLE"] == "media":
        found += [(f"{ETC}/media.env", "0640", env_text(media_env(values))), (f"{ETC}/router.env", "0640", env_text(router_env(values)))]
    else:
        found.append((f"{ETC}/sts.env", "0640", env_text(speech_env(values))))
    if values["ROLE"] == "media":
        found.append((router, "0640", router_yml(values)))
    for name, target in (("TLS_CERT_FILE", "cert.pem"), ("TLS_KEY_FILE", "key.pem")):
        if name in values:
            found.append((f"{tls_folder(values)}/{target}", "0600", (folder / values[name]).read_text(encoding="ascii")))
    return found


def block(text, indent):
    """A YAML literal block; every line of ours has its text at the margin or deeper."""
    pad = " " * indent
    return "|\n" + "".join(f"{pad}{line}\n" if line else "\n" for line in text.rstrip("\n").split("\n"))


def user_data(values, folder):
    parts = [f"#cloud-config\n# {values['ROLE']} side of live dubbing by {values['METHOD']}; has secrets in it.\nwrite_files:\n"]
    for path, mode, text in files(values, folder):
        parts.append(f"- path: {path}\n  permissions: '{mode}'\n  content: {block(text, 4)}")
    # Packed, because there is room for 16 KB in all.
    deploy = gzip.compress((ROOT / "deploy/ec2/live-dubbing-deploy.sh").read_bytes(), 9, mtime=0)
    parts.append(f"- path: {DEPLOY}\n  permissions: '0755'\n  encoding: gz+b64\n  content: {base64.b64encode(deploy).decode()}\n")
    if "CA_FILE" in values:
        parts.append(f"ca_certs:\n  trusted:\n  - {block((folder / values['CA_FILE']).read_text(encoding='ascii'), 4)}")
    parts.append(f"runcmd:\n- [{DEPLOY}, install]\n")
    return "".join(parts)


# -- GPU pod

MODELS = "/var/lib/dubbing/models"
# A GPU's engine does not start without a model, and into a container that does not start none can be copied.
WAIT_FOR_MODELS = """\
test -e {folder}/.complete || echo "waiting for the models: kubectl cp models/. {pod}:{folder} -c models; then \
kubectl exec {pod} -c models -- touch {folder}/.complete"
until test -e {folder}/.complete; do sleep 1; done
"""


def pod(values):
    """A Secret, a volume for the models and the pod, as JSON, which kubectl and podman take for YAML."""
    env = speech_env(values)
    secret = {key: env.pop(key) for key in sorted(env) if key.endswith(("_API_KEY", "_AUTH_KEY"))}
    env.setdefault("STS_DEVICE", "cuda")
    env["STS_MODEL_CACHE_DIR"] = MODELS
    name, labels = "sts-service", {"app.kubernetes.io/name": "sts-service", "app.kubernetes.io/part-of": "live-dubbing"}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": values["POD_MODEL_STORAGE"]}}}
    if "POD_STORAGE_CLASS" in values:
        claim["storageClassName"] = values["POD_STORAGE_CLASS"]
    return {"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "stringData": secret},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": f"{name}-models", "labels": labels}, "spec": claim},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": pod_spec(values, name, env)}]}


def pod_spec(values, name, env):
    port = int(env.get("STS_PORT", "8000"))
    limits = {"nvidia.com/gpu": "1"} if env["STS_DEVICE"] != "cpu" else {}
    probe = {"httpGet": {"path": "/ready", "port": port}, "periodSeconds": 5, "timeoutSeconds": 3}
    models = {"name": "models", "mountPath": MODELS}
    container = {
        "name": name, "image": values["POD_IMAGE"],
        "ports": [{"containerPort": port, "name": "socketio"}],
        "env": [{"name": key, "value": value} for key, value in sorted(env.items())],
        "envFrom": [{"secretRef": {"name": name}}],
        "resources": {"limits": limits, "requests": {"cpu": "2", "memory": "4Gi"}},
        # Models are loaded before it listens: until then neither is right, and loading may take the start-up time.
        "startupProbe": {**probe, "failureThreshold": max(1, int(values["READY_SECONDS"]) // 5)},
        "readinessProbe": {**probe, "failureThreshold": 2},
        "livenessProbe": {**probe, "httpGet": {"path": "/health", "port": port}, "periodSeconds": 10, "failureThreshold": 6},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [models, {"name": "logs", "mountPath": "/var/log/dubbing"},
                         {"name": "artifacts", "mountPath": "/var/lib/dubbing/artifacts"}, {"name": "tmp", "mountPath": "/tmp"}]}
    scratch = [{"name": one, "emptyDir": {"sizeLimit": "1Gi"}} for one in ("logs", "artifacts", "tmp")]
    return {"restartPolicy": "Always", "terminationGracePeriodSeconds": 45,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001},
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": f"{name}-models"}}, *scratch],
            "initContainers": [models_first(container, models)] if env["STS_DEVICE"] == "cuda" else [], "containers": [container]}


def models_first(container, volume):
    """What the pod does before the service: it waits until somebody has put models onto the volume."""
    script = WAIT_FOR_MODELS.format(folder=MODELS, pod=container["name"])
    return {"name": "models", "image": container["image"], "args": ["sh", "-c", script],
            "securityContext": container["securityContext"], "volumeMounts": [volume]}


def produce(path, packed=False):
    """What a provider is given, from an input file; BadInputs says what is wrong."""
    values = load(path)
    if values["ROLE"] == "pod":
        return (json.dumps(pod(values), indent=2) + "\n").encode()
    data = user_data(values, path.parent).encode()
    data = gzip.compress(data, 9, mtime=0) if packed else data
    if len(data) > LIMIT_BYTES:
        raise BadInputs(f"the user-data has {len(data)} bytes, more than the {LIMIT_BYTES} that EC2 takes: " +
                        ("use smaller certificates" if packed else "use --gzip, which cloud-init unpacks"))
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["check", "render"])
    parser.add_argument("inputs", type=pathlib.Path, help="the input file")
    parser.add_argument("--gzip", action="store_true", help="compressed, for what does not fit into the 16 KB that EC2 takes")
    args = parser.parse_args()
    try:
        data = produce(args.inputs, args.gzip)
    except BadInputs as error:
        print(error, file=sys.stderr)
        return 2
    if args.command == "render":
        sys.stdout.buffer.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
