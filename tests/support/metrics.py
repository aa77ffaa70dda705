"""Reads the Prometheus text format and complains about what is wrong in it.

Source: "Exposition formats", text-based format, Prometheus documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')
_SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass
class Family:
    """One metric with its HELP, TYPE and samples (labels as a sorted tuple of pairs)."""

    name: str
    type: str = "untyped"
    help: str = ""
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)


class BadMetrics(ValueError):
    """A line that is not of the format; the message shows it."""


def parse(text: str) -> dict[str, Family]:
    """Families by name."""
    families: dict[str, Family] = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, said = (line.split(" ", 3) + [""])[:4]
            families.setdefault(name, Family(name)).help = said
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            families.setdefault(name, Family(name)).type = kind
        elif line.strip() and not line.startswith("#"):
            _add_sample(families, line)
    return families


def _add_sample(families: dict[str, Family], line: str) -> None:
    found = _SAMPLE.match(line)
    if not found:
        raise BadMetrics(f"not a sample: {line!r}")
    name, labels, value = found.groups()
    pairs = tuple(sorted(_LABEL.findall(labels or "")))
    if labels and _LABEL.sub("", labels).strip():
        raise BadMetrics(f"bad labels: {line!r}")
    family = families.get(_family_name(families, name)) or families.setdefault(name, Family(name))
    if (name, pairs) in family.samples:
        raise BadMetrics(f"twice: {line!r}")
    try:
        family.samples[(name, pairs)] = float(value)
    except ValueError:
        raise BadMetrics(f"not a number: {line!r}") from None


def _family_name(families: dict[str, Family], name: str) -> str:
    for suffix in _SUFFIXES:
        base = name.removesuffix(suffix)
        if base != name and base in families and families[base].type in ("histogram", "summary"):
            return base
    return name


def value(text: str, name: str, **labels: str) -> float:
    """Sum of the samples of that name whose labels include these; 0 when there is none."""
    wanted = set(labels.items())
    return sum(number for family in parse(text).values() for (sample, pairs), number in family.samples.items()
               if sample == name and wanted <= set(pairs))
