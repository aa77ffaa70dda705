# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds manifests against the shapes of Kubernetes' resources: what is required, of which type, and that nothing else is there.

The shapes come from the npm package kubernetes-types, which is made from the OpenAPI document of its Kubernetes version:
one .d.ts file for each group and version, of interfaces alone, in a form so regular that it is read here line by line. What the
document calls a plain string, though only some values are taken, is in VALUES.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "kubernetes-schema" / "node_modules" / "kubernetes-types"
QUANTITY = re.compile(r"[+-]?(\d+|\d+\.\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
# Of the fields that we use, by the interface that they stand in.
VALUES = {
    ("ServiceSpec", "type"): {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"},
    ("ServiceSpec", "sessionAffinity"): {"None", "ClientIP"},
    ("ServiceSpec", "externalTrafficPolicy"): {"Local", "Cluster"},
    ("DeploymentStrategy", "type"): {"Recreate", "RollingUpdate"},
    ("PersistentVolumeClaimSpec", "accessModes"): {"ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"},
    ("NetworkPolicySpec", "policyTypes"): {"Ingress", "Egress"},
    ("NetworkPolicyPort", "protocol"): {"TCP", "UDP", "SCTP"},
    ("LabelSelectorRequirement", "operator"): {"In", "NotIn", "Exists", "DoesNotExist"},
    ("HTTPGetAction", "scheme"): {"HTTP", "HTTPS"},
    ("SeccompProfile", "type"): {"RuntimeDefault", "Unconfined", "Localhost"},
    ("PodSecurityContext", "fsGroupChangePolicy"): {"OnRootMismatch", "Always"},
    ("Toleration", "operator"): {"Exists", "Equal"},
    ("Toleration", "effect"): {"NoSchedule", "PreferNoSchedule", "NoExecute"},
    ("TopologySpreadConstraint", "whenUnsatisfiable"): {"DoNotSchedule", "ScheduleAnyway"},
    ("EmptyDirVolumeSource", "medium"): {"", "Memory", "HugePages"},
    ("MetricSpec", "type"): {"Resource", "Pods", "Object", "External", "ContainerResource"},
    ("MetricTarget", "type"): {"Utilization", "Value", "AverageValue"},
    ("HPAScalingPolicy", "type"): {"Pods", "Percent"},
}


class Module:
    """One .d.ts file: its interfaces as {name: {field: (type, required)}}, and where other names come from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.interfaces: dict[str, dict[str, tuple[str, bool]]] = {}
        self.aliases: dict[str, str] = {}
        self.imports: dict[str, Path] = {}
        fields: dict[str, tuple[str, bool]] | None = None
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        text = re.sub(r"\{\s*\[name: string\]: ([^;]+);\s*\}", r"Map<\1>", text)
        text = re.sub(r"import \{([^}]*)\} from \"([^\"]+)\";", self._import, text)
        for line in filter(str.strip, text.splitlines()):
            if found := re.fullmatch(r"export interface (\w+) \{", line):
                fields = self.interfaces[found[1]] = {}
            elif found := re.fullmatch(r"export type (\w+) = (.+);", line):
                self.aliases[found[1]] = found[2]
            elif found := re.fullmatch(r"    (?:readonly )?\"?([\w$-]+)\"?(\??): (.+);", line):
                assert fields is not None, (path, line)
                fields[found[1]] = (found[3], not found[2])
            elif line != "}":
                raise ValueError(f"{path}: not understood: {line}")

    def _import(self, found: re.Match) -> str:
        source = (self.path.parent / f"{found[2]}.d.ts").resolve()
        self.imports.update({name.strip(): source for name in found[1].split(",") if name.strip()})
        return ""


@cache
def module(path: Path) -> Module:
    return Module(path)


def module_of(api_version: str) -> Module | None:
    group, _, version = api_version.rpartition("/")
    path = FOLDER / (group.split(".")[0] or "core") / f"{version}.d.ts"
    return module(path.resolve()) if path.exists() else None


def complaints(document: dict) -> list[str]:
    """What is wrong with a manifest, each with its place; empty when nothing is."""
    kind, api_version = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(api_version, str):
        return ["kind and apiVersion are required"]
    shapes = module_of(api_version)
    if shapes is None or kind not in shapes.interfaces or "metadata" not in shapes.interfaces[kind]:
        return [f"there is no {kind} in {api_version}"]
    name = (document.get("metadata") or {}).get("name")
    found = [] if isinstance(name, str) and NAME.fullmatch(name) else [f"metadata.name: {name!r} is none"]
    return found + _interface(document, kind, shapes, "")


def _interface(value: object, name: str, shapes: Module, place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: must be an object ({name}), is {value!r}"]
    fields = shapes.interfaces[name]
    found = [f"{place}.{key}: {name} has no such field" for key in value if key not in fields]
    found += [f"{place}.{key}: is required" for key, (_, required) in fields.items() if required and value.get(key) is None]
    for key, one in value.items():
        if key in fields and one is not None:
            found += _typed(one, fields[key][0], shapes, f"{place}.{key}")
            allowed = VALUES.get((name, key))
            found += [f"{place}.{key}: {item!r} is none of {', '.join(sorted(allowed))}"
                      for item in (one if isinstance(one, list) else [one]) if allowed and item not in allowed]
    return found


PLAIN = {"string": str, "number": (int, float), "boolean": bool, "number | string": (int, float, str)}


def _typed(value: object, kind: str, shapes: Module, place: str) -> list[str]:
    if kind in PLAIN:
        good = isinstance(value, PLAIN[kind]) and (kind == "boolean" or not isinstance(value, bool))
        return [] if good else [f"{place}: must be a {kind}, is {value!r}"]
    if kind.startswith('"'):
        return [] if value == kind.strip('"') else [f"{place}: must be {kind}, is {value!r}"]
    if found := re.fullmatch(r"Array<(.+)>", kind):
        if not isinstance(value, list):
            return [f"{place}: must be a list, is {value!r}"]
        return [text for index, one in enumerate(value) for text in _typed(one, found[1], shapes, f"{place}[{index}]")]
    if found := re.fullmatch(r"Map<(.+)>", kind):
        if not isinstance(value, dict):
            return [f"{place}: must be an object, is {value!r}"]
        return [text for key, one in value.items() for text in _typed(one, found[1], shapes, f"{place}.{key}")]
    if kind == "Quantity":
        good = isinstance(value, str) and QUANTITY.fullmatch(value)
        return [] if good else [f"{place}: {value!r} is no quantity"]
    if kind in shapes.interfaces:
        return _interface(value, kind, shapes, place)
    if kind in shapes.aliases:
        return _typed(value, shapes.aliases[kind], shapes, place)
    if kind in shapes.imports:
        return _typed(value, kind, module(shapes.imports[kind]), place)
    raise ValueError(f"{shapes.path}: type {kind} is not understood")
