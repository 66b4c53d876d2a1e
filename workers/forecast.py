"""How many model calls videos will take, before any is made. Pure: sizes and earlier accounts in, a forecast out.

The calls of a stage grow with keyframes, with steps from one keyframe to the next, with clips, or with cuts. How many there are for
each is taken from the accounts of earlier videos, as a ratio of sums; without any, from `first_rates`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from scipy.stats import t as student

from graph_schema.models import Forecast, StageAccount, StageForecast
from graph_schema.options import PromptedParserOptions
from workers.accounts import VideoAccount, VideoSize

Unit = Literal["keyframes", "steps", "clips", "cuts"]
UNIT_OF: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        "same_in_clip": "steps",
        "motion": "steps",
        "same_across": "cuts",
        "event": "clips",
        "verify_event": "clips",
        "deny_event": "clips",
    }
)
"""{stage: what its calls grow with}; all others grow with the keyframes."""
OBJECTS, DYNAMIC, ATTRIBUTES, RELATIONS, DENIED = 5.0, 0.4, 2.0, 0.8, 0.1
"""What is expected where nothing is known: objects a keyframe, the share of them that moves, attributes an object, relations a pair, and
the share of things that are denied. Guesses: a forecast that rests on them says so."""


def forecast(videos: Sequence[VideoSize], accounts: Sequence[VideoAccount], options: PromptedParserOptions) -> Forecast:
    """Return what the videos will take, stage by stage.

    Args: accounts: of videos that were done with the same model, options and prompts.
    """
    rates = rates_of(accounts, options)
    stages: dict[str, StageForecast] = {}
    for stage, rate in rates.items():
        unit = UNIT_OF.get(stage, "keyframes")
        calls = rate * sum(_units(video, unit) for video in videos)
        if round(calls):
            stages[stage] = _stage_forecast(accounts, stage, calls)
    total = sum(stage.calls for stage in stages.values())
    return Forecast(stages=stages, calls=total, spread=_spread(accounts, rates, videos), from_videos=len(accounts))


def without(expected: Forecast, kept: Mapping[str, StageAccount]) -> Forecast:
    """A forecast less the calls that are kept from videos that were begun and not done."""
    stages = {stage: _less(one, kept.get(stage, StageAccount()).calls) for stage, one in expected.stages.items()}
    left = {stage: one for stage, one in stages.items() if one.calls}
    return expected.model_copy(update={"stages": left, "calls": sum(one.calls for one in left.values())})


def _less(expected: StageForecast, kept: int) -> StageForecast:
    calls = max(0, expected.calls - kept)
    share = calls / expected.calls if expected.calls else 0.0
    scaled = {key: value and round(value * share, 3) for key, value in expected.model_dump().items() if key != "calls"}
    tokens = {key: value and round(value) for key, value in scaled.items() if key != "seconds"}
    return StageForecast.model_validate({**scaled, **tokens, "calls": calls})


def rates_of(accounts: Sequence[VideoAccount], options: PromptedParserOptions) -> dict[str, float]:
    """{stage: calls for each of what they grow with}, over all accounts together; what these had nothing of, such as cuts, is guessed."""
    guessed = first_rates(options)
    rates = {}
    for stage in dict.fromkeys([*guessed, *(stage for account in accounts for stage in account.calls)]):
        units = sum(_units(account, UNIT_OF.get(stage, "keyframes")) for account in accounts)
        calls = sum(_of(account, stage).calls for account in accounts)
        if units or stage in guessed:
            rates[stage] = calls / units if units else guessed[stage]
    return rates


def first_rates(options: PromptedParserOptions) -> dict[str, float]:
    """The same where no video was done yet: from the options and the guesses above."""
    objects = min(OBJECTS, float(options.max_objects))
    pairs = min(objects * (objects - 1) / 2, float(options.max_pairs))
    named = {"object": objects, "attribute": objects * ATTRIBUTES, "relation": pairs * RELATIONS}
    rates = {"narrative": 1.0, "objects": 1.0, "kinds": 1.0, "description": objects, "attributes": objects, "relations": pairs}
    if not options.staged:
        rates = {"whole": 1.0}
    if options.yes_no:
        rates |= {f"verify_{what}": count for what, count in named.items()} | {f"deny_{what}": DENIED * n for what, n in named.items()}
        rates |= {"verify_event": 1.0, "deny_event": DENIED}
    if options.merge:
        rates |= {"motion": objects * DYNAMIC}
    if options.bridge:
        rates |= {"same_across": objects * min(1.0, options.max_candidates)}
    return rates | {"event": 1.0}


def _units(video: VideoSize, unit: Unit) -> int:
    count: int = getattr(video, unit)
    return count


def _of(account: VideoAccount, stage: str) -> StageAccount:
    return account.calls.get(stage, StageAccount())


def _stage_forecast(accounts: Sequence[VideoAccount], stage: str, calls: float) -> StageForecast:
    """Tokens and seconds of so many calls are by the mean of those that were made."""
    done = [_of(account, stage) for account in accounts]
    made = sum(one.made for one in done)
    if not made:
        return StageForecast(calls=round(calls))
    return StageForecast(
        calls=round(calls),
        prompt_tokens=round(calls * sum(one.prompt_tokens for one in done) / made),
        completion_tokens=round(calls * sum(one.completion_tokens for one in done) / made),
        seconds=calls * math.fsum(one.seconds for one in done) / made,
    )


def _spread(accounts: Sequence[VideoAccount], rates: Mapping[str, float], videos: Sequence[VideoSize]) -> float | None:
    """How far off the total may be, as a share of it: 95 % by Student's t over how far each account is off; None of fewer than 2."""
    if len(accounts) < 2 or not videos:
        return None
    off = []
    for account in accounts:
        expected = sum(rate * _units(account, UNIT_OF.get(stage, "keyframes")) for stage, rate in rates.items())
        off.append(sum(one.calls for one in account.calls.values()) / expected - 1 if expected else 0.0)
    deviation = math.sqrt(math.fsum(o * o for o in off) / (len(off) - 1))
    # the mean of the videos to come, and that of those it rests on
    return float(student.ppf(0.975, len(off) - 1)) * deviation * math.sqrt(1 / len(videos) + 1 / len(off))
