"""What the service kept is read back: who worked, and the sound that was sent for each fragment."""

import json
import wave

import numpy as np

from support import artifacts
from support.sound import RATE


def keep(folder, name, voice, level):
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / f"{name}.dub.wav"), "wb") as sound:
        sound.setparams((1, 2, 24000, 0, "NONE", ""))
        sound.writeframes(np.full(24000, level, dtype="<i2").tobytes())
    stages = {"asr": {"engine": "pocketsphinx", "model": "pocketsphinx en-us"}, "tts": {"engine": "x", "model": voice}}
    record = {"fragment_id": f"fragment-{name}", "stages": stages, "dub": {"file": f"{name}.dub.wav"}}
    (folder / f"{name}.json").write_text(json.dumps(record))


def test_what_was_said_is_found_by_its_fragment(tmp_path):
    keep(tmp_path / "demo", "1", "piper es_ES-davefx-medium", 1000)
    keep(tmp_path / "demo", "2", "espeak-ng es", 2000)
    records = artifacts.read(tmp_path)
    assert artifacts.models(records) == {"asr": ["pocketsphinx en-us"], "translation": [],
                                         "tts": ["piper es_ES-davefx-medium", "espeak-ng es"]}
    assert set(artifacts.clips(records)) == {"fragment-1", "fragment-2"}
    clips = artifacts.clips(records, but="espeak-ng")
    assert set(clips) == {"fragment-1"} and abs(len(clips["fragment-1"]) - RATE) < 10
    assert abs(np.median(clips["fragment-1"]) - 1000 / 32768) < 1e-4


def test_a_fragment_without_a_dub_has_no_clip(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "3.json").write_text(json.dumps({"stages": {}, "status": "failed"}))
    records = artifacts.read(tmp_path)
    assert artifacts.clips(records) == {} and artifacts.models(records)["tts"] == []
