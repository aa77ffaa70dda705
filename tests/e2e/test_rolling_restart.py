"""Three speech instances behind HAProxy, restarted one after the other under dubbed streams: what is lost at most is what was
in flight, and the output goes on."""

import pytest

from support import account, analyse, report, sample
from support.balancer import Balancer
from support.broadcast import Broadcast
from support.processes import wait_until
from support.stack import Layout, Ports, Stack, find_programs

pytestmark = pytest.mark.p2

STREAMS = ("one", "two", "three")
KEY = "not-for-everybody"
# Waits until something is in flight on the instance, notes how much, and returns when the process has ended.
RESTART = """
pid=$(cat "{folder}/$0.pid")
count() {{ curl -fsS "http://127.0.0.1:$(cat "{folder}/$0.port")/metrics" | awk '/^sts_fragments_in_flight/ {{ print $2 }}'; }}
n=0
for _ in $(seq 150); do
    n=$(count)
    [ "$n" -gt 0 ] && break
    sleep 0.1
done
kill -TERM "$pid"
echo "$0 $n" >>"{folder}/in-flight"
while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
"""


@pytest.fixture(scope="module")
def talkative_sample(samples_folder):
    """A sentence every three seconds or so, for 28 s."""
    recipe = sample.Recipe(duration=28.0, width=320, height=180, sentences=sample.SENTENCES[:7], pauses=(0.7,))
    return sample.make_sample(samples_folder / "talkative.mp4", recipe)


@pytest.fixture(scope="module")
def rolled(build_dir, talkative_sample, tmp_path_factory):
    """A run with all three restarted: the evidence of each stream, what was in flight when, what the tool said."""
    folder = tmp_path_factory.mktemp("rolled")
    programs = find_programs(build_dir)
    layout = Layout(programs, folder / "stack", Ports.free(), {"ORCH_GRACE_PERIOD": "4s"})
    environment = {**layout.environment(), "STS_API_KEY": KEY, "STS_ECHO_DELAY_MS": "700"}
    with Balancer(programs["sts-service"], folder / "sts", environment, "--mode", "echo") as balancer:
        for one in balancer.instances:
            (one.folder / f"{one.name}.port").write_text(str(one.port))
        layout.settings.update(WORKER_STS_SERVICE_URL=balancer.url, WORKER_STS_API_KEY=KEY)
        with Stack(layout).start("media-router", "media-service") as stack:
            broadcasts = [Broadcast(stack, name, talkative_sample, folder, watch_arrivals=name == STREAMS[0])
                          for name in STREAMS]
            try:
                for broadcast in broadcasts:
                    broadcast.publish()
                for broadcast in broadcasts:
                    broadcast.watch()
                script = folder / "restart.sh"
                script.write_text(RESTART.format(folder=balancer.instances[0].folder))
                tool = balancer.roll(f"sh -c \"$(cat '{script}')\" {{server}}", "--settle", "0.5", "--timeout", "30",
                                     output=folder / "tool.log")
                try:
                    wait_until(lambda: balancer.tend() or tool.poll() is not None, 60, "all to be restarted",
                               lambda: broadcasts[0].publisher.running())
                finally:
                    tool.kill()
                at_the_end = [len(stack.phrases(name)) for name in STREAMS]
                evidence = [broadcast.finish() for broadcast in broadcasts]
            finally:
                for broadcast in broadcasts:
                    broadcast.__exit__()
    noted = [line.split() for line in (balancer.instances[0].folder / "in-flight").read_text().splitlines()]
    return {"evidence": evidence, "in flight": {name: int(count) for name, count in noted}, "tool": tool.returncode,
            "said": (folder / "tool.log").read_text(), "exits": [one.exits for one in balancer.instances],
            "phrases then": at_the_end}


def test_all_were_restarted_in_order(rolled):
    assert rolled["tool"] == 0, rolled["said"]
    assert rolled["exits"] == [[0], [0], [0]], "each ended once, by itself, cleanly"
    assert list(rolled["in flight"]) == ["sts1", "sts2", "sts3"] and min(rolled["in flight"].values()) > 0, \
        "each had something in flight when it was told to stop"


def test_at_most_what_was_in_flight_is_lost(rolled):
    lines = [line for one in rolled["evidence"] for line in one.ledger]
    lost = [line for line in lines if line["state"] != "dubbed"]
    assert [line for line in lost if not line["fragmentId"]] == [], "what had not been sent went to the next instance"
    assert len(lost) < sum(rolled["in flight"].values()), f"and most of what had been sent was answered first: {lost}"
    for one, then in zip(rolled["evidence"], rolled["phrases then"]):
        assert account.complaints(one.ledger, [line["fragmentId"] for line in one.ledger]) == []
        assert len(one.ledger) > then, "and it goes on"
        assert one.ledger[-1]["state"] == "dubbed"


@pytest.mark.parametrize("place", range(len(STREAMS)), ids=STREAMS)
def test_the_output_goes_on(rolled, place):
    """Every picture, and sound without a gap or a step, in time with it."""
    evidence = rolled["evidence"][place]
    recording = report.Recording(evidence)
    video = analyse.video_identical(recording.sent, recording.video)
    assert video.facts["identical"] == video.facts["packets"] and not video.facts["missing"], video.text
    assert video.facts["shortSeconds"] == 0, video.text
    verdicts = [analyse.audio_timestamps(recording.audio), *report.sample_verdicts(recording, report.bed_of(recording))]
    if evidence.left:
        verdicts.append(analyse.never_stalls(evidence.left, 0.5, evidence.pauses))
    assert report.complaints(verdicts) == []
