"""The account passes a complete ledger and fails every other one."""

import pytest

from support import account

LEDGER = [{"seq": 1, "fragmentId": "a", "state": "dubbed", "reason": ""},
          {"seq": 2, "fragmentId": "", "state": "passthrough", "reason": "UNAVAILABLE"},
          {"seq": 3, "fragmentId": "b", "state": "passthrough", "reason": "TIMEOUT"}]


def changed(index, **fields):
    return [{**line, **(fields if at == index else {})} for at, line in enumerate(LEDGER)]


def test_a_complete_ledger():
    assert account.complaints(LEDGER, ["a", "b"]) == []
    assert account.complaints(changed(2, reason="UNAVAILABLE"), ["a"]) == [], "lost with its connection"


@pytest.mark.parametrize("ledger, received, word", [
    (LEDGER, ["a", "b", "c"], "fragment c was sent"),
    (LEDGER, ["a"], "fragment b is in the ledger and was never sent"),
    (changed(2, fragmentId="a"), ["a"], "fragment a is in the ledger 2 times"),
    (changed(2, seq=4), ["a", "b"], "numbered [1, 2, 4]"),
    (changed(1, state="open"), ["a", "b"], "no final state"),
    (changed(0, reason="TIMEOUT"), ["a", "b"], "has the reason"),
    (changed(1, reason=""), ["a", "b"], "has the reason"),
    (changed(1, reason="ASR_FAILED"), ["a", "b"], "never sent, for the reason"),
])
def test_what_is_wrong_is_named(ledger, received, word):
    assert any(word in text for text in account.complaints(ledger, received))
