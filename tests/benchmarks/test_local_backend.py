"""The benchmark of the local Video-LLM at toy size: both ways say the same, and what it returns is what the tables show."""

from __future__ import annotations

import pytest

from benchmarks import local_backend


def test_both_ways_are_timed_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = {"SIZES": {}, "SIDE": 2 * 28, "PROMPTS": 3, "NEW_TOKENS": 4, "CHECKS": 4}
    for name, value in toy.items():
        monkeypatch.setattr(local_backend, name, value)
    measured = local_backend.run(repeats=1)
    ways = ["24 prompts, together", "24 prompts, one at a time", "44 checks, together", "44 checks, one at a time"]
    assert [row["way"] for row in measured["rows"]] == ways
    assert [goal["what"] for goal in measured["goals"]] == ["speedup_24_prompts", "speedup_yes_no"]
    seconds = {row["way"]: row["seconds"] for row in measured["rows"]}
    assert measured["goals"][0]["measured"] == seconds[ways[1]] / seconds[ways[0]]


def test_a_difference_between_the_two_ways_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = {"SIZES": {}, "SIDE": 2 * 28, "PROMPTS": 3, "NEW_TOKENS": 4, "CHECKS": 4}
    for name, value in toy.items():
        monkeypatch.setattr(local_backend, name, value)
    monkeypatch.setattr(local_backend._OneByOne, "reply", lambda *_: "another reply")
    with pytest.raises(AssertionError):
        local_backend.run(repeats=1)
