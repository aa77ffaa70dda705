"""The dub checks pass a dub that is there and fail one that is absent, misplaced, another text or not ducked."""

import dataclasses

import numpy as np
import pytest

from support import analyse, dubbing, media, simulated, spoken


def listen(sample, samples, ledger, tmp_path, clips=None, max_lag=2.0):
    path = simulated.record(sample, samples, tmp_path / "out.mp4")
    recording = media.decode_sound(path)
    offset = analyse.timeline_offset(media.packets(sample.path, "video"), media.packets(path, "video"))
    bed = analyse.track_bed(recording, offset)
    phrases = dubbing.phrases_of(ledger, dubbing.origin_of(ledger, sample.sentences))
    heard = dubbing.listen(recording, offset, bed, phrases, sample.sentences, "es", max_lag, clips)
    return heard, bed


def verdicts(sample, samples, ledger, tmp_path):
    heard, bed = listen(sample, samples, ledger, tmp_path)
    return (dubbing.sentences_dubbed(heard, sample.sentences), dubbing.claims_hold(heard),
            dubbing.original_elsewhere(bed, heard))


@pytest.fixture
def dubs(small_sample):
    return simulated.dubs_of(small_sample)


@pytest.fixture
def ledger(small_sample, dubs):
    return simulated.ledger_of(small_sample, dubs)


def test_a_good_dub_is_heard(small_sample, dubs, ledger, tmp_path):
    samples = simulated.dubbed_sound(small_sample, dubs)
    assert [verdict.text for verdict in verdicts(small_sample, samples, ledger, tmp_path) if not verdict.ok] == []


def test_a_dub_that_trails_the_picture_is_heard_where_the_ledger_says(small_sample, dubs, tmp_path):
    late = [dataclasses.replace(dub, lag=1.2) for dub in dubs]
    samples = simulated.dubbed_sound(small_sample, late)
    assert verdicts(small_sample, samples, simulated.ledger_of(small_sample, late), tmp_path)[0].ok


def test_an_undubbed_recording_fails(small_sample, ledger, tmp_path):
    samples = media.decode_sound(small_sample.path).samples
    dubbed, claims, _ = verdicts(small_sample, samples, ledger, tmp_path)
    assert not dubbed.ok and not claims.ok
    assert dubbed.facts["dubbed"] == 0


def test_a_shifted_dub_fails(small_sample, dubs, ledger, tmp_path):
    shifted = [dataclasses.replace(dub, lag=0.8) for dub in dubs]
    samples = simulated.dubbed_sound(small_sample, shifted)
    dubbed, claims, _ = verdicts(small_sample, samples, ledger, tmp_path)
    assert not dubbed.ok and not claims.ok


def test_the_texts_swapped_fail(small_sample, dubs, ledger, tmp_path):
    swapped = [dataclasses.replace(dub, text=other.text) for dub, other in zip(dubs, reversed(dubs))]
    samples = simulated.dubbed_sound(small_sample, swapped)
    assert not verdicts(small_sample, samples, ledger, tmp_path)[0].ok


def test_a_dub_over_the_full_original_fails(small_sample, dubs, ledger, tmp_path):
    samples = simulated.dubbed_sound(small_sample, dubs, ducked=0.9)
    heard, _ = listen(small_sample, samples, ledger, tmp_path)
    assert not any(one.present for one in heard)


def test_one_sentence_in_four_missing_is_too_many(small_sample, dubs, ledger, tmp_path):
    ledger[2].update(state="passthrough", reason="TIMEOUT")
    samples = simulated.dubbed_sound(small_sample, dubs[:2] + dubs[3:])
    dubbed, claims, elsewhere = verdicts(small_sample, samples, ledger, tmp_path)
    assert not dubbed.ok and dubbed.facts["dubbed"] == 3
    assert claims.ok and elsewhere.ok


def test_an_original_left_ducked_is_seen(small_sample, dubs, ledger, tmp_path):
    samples = simulated.changed(simulated.dubbed_sound(small_sample, dubs), 20.0, 2.0, lambda piece: piece * 0.1)
    assert not verdicts(small_sample, samples, ledger, tmp_path)[2].ok


def test_a_text_said_again_and_again_is_heard_each_time(small_sample, dubs, tmp_path):
    same = [dataclasses.replace(dub, text=dubs[0].text) for dub in dubs]
    samples = simulated.dubbed_sound(small_sample, same)
    noise = np.random.default_rng(1).normal(0, 0.005, len(samples))
    samples = simulated.changed(samples, same[0].start, 2.0, lambda piece: piece + noise[:len(piece)])   # the next is clearer
    heard, _ = listen(small_sample, samples, simulated.ledger_of(small_sample, same), tmp_path, max_lag=4.0)
    assert [one.problem for one in heard] == [""] * 4
    samples = simulated.dubbed_sound(small_sample, same[:1] + same[2:])
    heard, _ = listen(small_sample, samples, simulated.ledger_of(small_sample, same), tmp_path, max_lag=4.0)
    assert [one.present for one in heard] == [True, False, True, True]


def test_another_voice_is_heard_by_what_it_said(small_sample, dubs, ledger, tmp_path):
    foreign = [dataclasses.replace(dub, voice="fr") for dub in dubs]
    samples = simulated.dubbed_sound(small_sample, foreign)
    clips = {line["fragmentId"]: spoken.say(dub.text, dub.voice) for line, dub in zip(ledger, foreign)}
    assert all(one.present for one in listen(small_sample, samples, ledger, tmp_path, clips)[0])
    swapped = dict(zip(clips, reversed(clips.values())))
    assert not any(one.present for one in listen(small_sample, samples, ledger, tmp_path, swapped)[0])


@pytest.mark.parametrize("origin", [-1.5, 0.0, 2.34])
def test_the_ledgers_zero_is_found(small_sample, dubs, origin):
    ledger = simulated.ledger_of(small_sample, dubs)
    for line in ledger:
        line["startMs"] -= round(origin * 1000)
        line["endMs"] -= round(origin * 1000)
    assert dubbing.origin_of(ledger, small_sample.sentences) == pytest.approx(origin, abs=0.1)
