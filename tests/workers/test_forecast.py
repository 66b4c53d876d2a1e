"""Forecasts of model calls, worked by hand; and the accounts that they rest on."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema.models import StageAccount, StageForecast
from graph_schema.options import PromptedParserOptions
from workers.accounts import Accounts, VideoAccount, VideoSize
from workers.forecast import first_rates, forecast, rates_of, without

OPTIONS = PromptedParserOptions(model="m")


def account(clips: int, keyframes: int, **calls: StageAccount | int) -> VideoAccount:
    counted = {stage: StageAccount(calls=one) if isinstance(one, int) else one for stage, one in calls.items()}
    return VideoAccount(clips=clips, keyframes=keyframes, calls=counted)


def test_each_stage_grows_with_what_it_is_asked_about() -> None:
    # 10 keyframes in 4 clips: 6 steps, 3 cuts
    done = account(4, 10, narrative=10, attributes=30, motion=12, same_across=6, event=4)
    rates = {stage: rate for stage, rate in rates_of([done], OPTIONS).items() if rate}
    assert rates == {"narrative": 1, "attributes": 3, "motion": 2, "same_across": 2, "event": 1}
    # 20 keyframes in 5 clips: 15 steps, 4 cuts
    expected = forecast([VideoSize(clips=5, keyframes=20)], [done], OPTIONS)
    assert {stage: one.calls for stage, one in expected.stages.items()} == {
        "narrative": 20, "attributes": 60, "motion": 30, "same_across": 8, "event": 5,
    }  # fmt: skip
    assert (expected.calls, expected.from_videos, expected.spread) == (123, 1, None)


def test_rates_are_of_sums_so_that_long_videos_weigh_more() -> None:
    assert rates_of([account(1, 1, objects=5), account(1, 9, objects=5)], OPTIONS)["objects"] == 1.0


def test_what_the_videos_done_had_nothing_of_is_guessed() -> None:
    # one clip of one keyframe: no cut, no step
    expected = forecast([VideoSize(clips=3, keyframes=5)], [account(1, 1, objects=1)], OPTIONS)
    guessed = first_rates(OPTIONS)
    assert {stage: one.calls for stage, one in expected.stages.items()} == {
        "objects": 5, "motion": 2 * guessed["motion"], "same_across": 2 * guessed["same_across"],
    }  # fmt: skip


def test_tokens_and_time_are_those_of_the_calls_that_were_made() -> None:
    done = account(1, 4, objects=StageAccount(calls=4, kept=2, prompt_tokens=200, completion_tokens=20, seconds=3))
    (one,) = forecast([VideoSize(clips=1, keyframes=8)], [done], OPTIONS).stages.values()
    assert (one.calls, one.prompt_tokens, one.completion_tokens, one.seconds) == (8, 800, 80, 12)
    kept = account(1, 4, objects=StageAccount(calls=4, kept=4))
    (unknown,) = forecast([VideoSize(clips=1, keyframes=2)], [kept], OPTIONS).stages.values()
    assert (unknown.calls, unknown.prompt_tokens, unknown.seconds) == (2, None, None)


def test_calls_that_are_kept_of_videos_begun_are_not_expected_again() -> None:
    done = account(1, 4, objects=StageAccount(calls=4, prompt_tokens=400, completion_tokens=40, seconds=2), event=1)
    expected = forecast([VideoSize(clips=1, keyframes=8)], [done], OPTIONS)
    left = without(expected, {"objects": StageAccount(calls=6, kept=6), "event": StageAccount(calls=1), "narrative": StageAccount(calls=3)})
    assert left.stages == {"objects": StageForecast(calls=2, prompt_tokens=200, completion_tokens=20, seconds=1)}
    assert left.calls == 2


def test_the_spread_is_how_far_off_the_videos_were_that_it_rests_on() -> None:
    # rate 10: the two are 20 % off, up and down; deviation 0.2 * sqrt(2), t of one degree of freedom 12.706, two videos each way
    done = [account(1, 10, objects=120), account(1, 10, objects=80)]
    sizes = [VideoSize(clips=1, keyframes=10)] * 2
    assert forecast(sizes, done, OPTIONS).spread == pytest.approx(12.706 * 0.2 * 2**0.5, abs=1e-3)
    same = [account(1, 10, objects=100)] * 3
    assert forecast(sizes, same, OPTIONS).spread == 0


def test_nothing_to_do_takes_no_calls() -> None:
    assert forecast([], [account(1, 10, objects=100)] * 2, OPTIONS).calls == 0
    one_clip = forecast([VideoSize(clips=1, keyframes=1)], [account(3, 9, same_across=8, motion=12)], OPTIONS)
    assert one_clip.calls == 0


def test_without_any_account_it_is_a_guess_from_the_options() -> None:
    # of 5 objects a keyframe, 10 pairs
    rates = first_rates(OPTIONS)
    assert (rates["verify_object"], rates["relations"], rates["same_across"], rates["event"]) == (5, 10, 5, 1)
    bounded = first_rates(PromptedParserOptions(model="m", max_objects=2, max_pairs=0, yes_no=False, merge=False, bridge=False))
    assert bounded == {"narrative": 1, "objects": 1, "kinds": 1, "description": 2, "attributes": 2, "relations": 0, "event": 1}
    assert set(first_rates(PromptedParserOptions(model="m", staged=False, yes_no=False))) == {"whole", "motion", "same_across", "event"}
    assert forecast([VideoSize(clips=1, keyframes=4)], [], OPTIONS).from_videos == 0


def test_accounts_are_kept_by_parser_and_video(tmp_path: Path) -> None:
    accounts, other = Accounts(tmp_path, {"name": "a"}), Accounts(tmp_path, {"name": "b"})
    accounts.keep("f" * 64, account(1, 2, objects=3))
    accounts.keep("f" * 64, account(1, 2, objects=4))
    assert [one.calls["objects"].calls for one in accounts.read()] == [4]
    assert accounts.has("f" * 64) and not accounts.has("e" * 64) and not other.has("f" * 64)
    (path,) = accounts.folder.glob("*.json")
    path.write_text("")
    assert accounts.read() == [] and other.read() == []
