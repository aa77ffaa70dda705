"""What sts-service kept of a run (`STS_ARTIFACT_DIR`): which engines worked, and what they said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from . import media

STAGES = ("asr", "translation", "tts")


def read(folder: Path) -> list[dict]:
    """One record per fragment, in the order of their ends; `dub.file` names the sound beside it."""
    return [{**json.loads(path.read_text()), "folder": str(path.parent)} for path in sorted(folder.glob("*/*.json"))]


def models(records: list[dict]) -> dict[str, list[str]]:
    """By stage what has served, each once: an engine and its model."""
    served = {stage: [record["stages"].get(stage, {}).get("model") for record in records] for stage in STAGES}
    return {stage: list(dict.fromkeys(filter(None, names))) for stage, names in served.items()}


def clips(records: list[dict], but: str = "") -> dict[str, np.ndarray]:
    """By fragment the sound that was sent for it; without what the engine called `but` has spoken."""
    return {record["fragment_id"]: media.decode_sound(Path(record["folder"]) / record["dub"]["file"]).samples
            for record in records
            if record.get("dub") and record["stages"]["tts"]["model"].split()[0] != but}
