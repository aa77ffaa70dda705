"""What a run leaves, with the real worker: the account, the audio of every fragment, and logs that tell its story."""

import json
import wave

import pytest

from support import stack
from support.broadcast import Broadcast
from support.processes import wait_until


@pytest.fixture(scope="module")
def run(build_dir, brief_sample, tmp_path_factory):
    """A captured stream of three sentences, over: the folder of its bundle, its manifest, that of the logs."""
    folder = tmp_path_factory.mktemp("bundle")
    layout = stack.Layout(stack.find_programs(build_dir), folder / "stack",
                          settings={"CAPTURE_MODE": "media", "ORCH_GRACE_PERIOD": "1s"})
    with stack.Stack(layout).start(sts_mode="echo") as running:
        with Broadcast(running, "kept", brief_sample, folder, watch_arrivals=False) as broadcast:
            broadcast.start()
            run_id = wait_until(lambda: running.stream("kept").get("runId"), 60, "the run")
            broadcast.finish()
        bundle = folder / "stack" / "runs" / run_id
        wait_until(lambda: manifest_of(bundle).get("status") == "complete", 60, "the bundle is closed")
    return bundle, manifest_of(bundle), folder / "stack" / "logs"


def manifest_of(bundle):
    return json.loads((bundle / "manifest.json").read_text())


def test_the_audio_of_every_fragment_is_kept_and_linked(run):
    bundle, manifest, _ = run
    ledger = [json.loads(line) for line in (bundle / "ledger.ndjson").read_text().splitlines()]
    assert len(ledger) >= 3 and {line["state"] for line in ledger} == {"dubbed"}
    audio = {(file["fragmentId"], file["direction"]): bundle / file["path"]
             for file in manifest["files"] if "fragmentId" in file}
    assert {fragment for fragment, _ in audio} == {line["fragmentId"] for line in ledger}
    for line in ledger:
        with wave.open(str(audio[line["fragmentId"], "in"])) as sent, \
                wave.open(str(audio[line["fragmentId"], "out"])) as received:
            assert (sent.getnchannels(), sent.getsampwidth(), sent.getframerate()) == (1, 2, 24000)
            assert sent.getnframes() / 24000 == pytest.approx((line["endMs"] - line["startMs"]) / 1000, abs=0.05)
            assert received.readframes(received.getnframes()) == sent.readframes(sent.getnframes()), "an echo"
    numbers = sorted(int(path.name.split("-")[0]) for path in audio.values())
    assert numbers == sorted(list(range(1, len(ledger) + 1)) * 2)


def test_the_manifest_tells_of_the_run(run):
    _, manifest, _ = run
    assert manifest["streamId"] == "kept" and manifest["latencyMs"] == 3000 and manifest["captureMode"] == "media"
    assert (manifest["sourceLang"], manifest["targetLang"], manifest["voice"]) == ("en", "es", "default")
    assert manifest["phrases"]["dubbed"] == manifest["ledgerLines"]
    assert manifest["exit"] and "lastError" not in manifest


def test_the_logs_of_both_programs_tell_of_the_run(run):
    bundle, manifest, logs = run
    service = [json.loads(line) for line in (logs / "media-service.log").read_text().splitlines()]
    worker = [json.loads(line) for line in (logs / "media-worker-kept.log").read_text().splitlines()]
    assert {line["instanceId"] for line in service} == {manifest["instanceId"]}
    assert {line["runId"] for line in service if line.get("streamId") == "kept" and "runId" in line} == {bundle.name}
    assert {(line["streamId"], line["runId"]) for line in worker} == {("kept", bundle.name)}
    assert len({line["instanceId"] for line in worker}) == 1
    assert {line["component"] for line in worker} == {"media-worker"}
