"""Is every phrase accounted for? The ledger beside what the speech service itself received, which knows nothing of it."""

from __future__ import annotations

import json
from pathlib import Path

STATES = {"dubbed", "passthrough", "dropped"}
# Of what never came to the service: it was not connected, paused or left alone, the turn or the time did not come.
UNSENT = {"UNAVAILABLE", "BREAKER_OPEN", "QUEUE_FULL", "TIMEOUT", "OVERTAKEN", "FLUSHED", "CANCELLED", "LAG_BOUND"}
# Of what may have been lost on its way to the service.
LOST = {"UNAVAILABLE", "CANCELLED"}


def complaints(ledger: list[dict], received: list[str]) -> list[str]:
    """What is wrong with the account of a run, in words. received: the ids of the fragments that the service got."""
    lines = [line["fragmentId"] for line in ledger]
    found = [f"fragment {one} was sent and is not in the ledger" for one in received if one not in lines]
    named = [one for one in lines if one]
    found += [f"fragment {one} is in the ledger {named.count(one)} times" for one in dict.fromkeys(named)
              if named.count(one) > 1]
    found += [f"fragment {line['fragmentId']} is in the ledger and was never sent" for line in ledger
              if line["fragmentId"] and line["fragmentId"] not in received and line.get("reason") not in LOST]
    if [line["seq"] for line in ledger] != list(range(1, len(ledger) + 1)):
        found.append(f"the ledger's lines are numbered {[line['seq'] for line in ledger]}")
    return found + [text for line in ledger for text in _wrong(line)]


def _wrong(line: dict) -> list[str]:
    reason, where = line.get("reason") or "", f"line {line['seq']} ({line['state']})"
    if line["state"] not in STATES:
        return [f"{where} is in no final state"]
    if (line["state"] == "dubbed") != (reason == ""):
        return [f"{where} has the reason {reason!r}"]
    if not line["fragmentId"] and reason not in UNSENT:
        return [f"{where} was never sent, for the reason {reason!r}"]
    return []


def bundle_ledger(runs: Path, run: str) -> list[dict]:
    """What is left of a run on disk."""
    return [json.loads(line) for line in (runs / run / "ledger.ndjson").read_text().splitlines()]
