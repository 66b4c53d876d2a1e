"""A run in words: what became of each input, what its model calls came to beside what was forecast."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from api.views.words import clock
from graph_schema.models import Forecast, InputRecord, RunRecord, StageAccount, StageForecast
from graph_schema.options import ParserOptions
from graph_schema.vocabulary import plural

LONG_UNSEEN_SECONDS = 10.0
"""A video with a longer time between two keyframes has a part that the parser did not look at; that is said."""
_NOTHING_FOUND = {
    "opencv": "nothing found: no simple shape, nobody, nothing that moves",
    "detector": "nothing found: nothing that the detector has a name for",
    "prompted": "nothing found: the model named nothing that it stood by",
}


class CallRow(NamedTuple):
    """The model calls of one stage: expected, and what they came to. None: not expected, or not known."""

    stage: str
    expected: StageForecast | None
    account: StageAccount


def nothing_found(parser: str) -> str:
    """What is said of a video in which a parser of this kind found nothing."""
    return _NOTHING_FOUND.get(parser, "nothing found")


def remark(entry: InputRecord, parser: str) -> str:
    """What there is to say about an input beside its status; empty where there is nothing."""
    if entry.error is not None:
        return entry.error
    if entry.same_content_as is not None:
        return f"same content as {entry.same_content_as}"
    parts = [nothing_found(parser) if entry.things == 0 else "", unseen(entry)]
    return "; ".join(filter(None, parts))


def unseen(entry: InputRecord) -> str:
    """What is said of a video with a long time between two keyframes."""
    most = entry.max_unseen_seconds
    if most is None or most <= LONG_UNSEEN_SECONDS:
        return ""
    return f"up to {clock(most)} pass between two keyframes, which nobody looked at; more: --set split.max_keyframes=N"


def parser_names(options: ParserOptions) -> list[tuple[str, str]]:
    """What a parser works with, as (word, name): its model, its detector."""
    named = {"model": "model", "detector": "detector", "plugin": "entry point", "boxes_from": "boxes by"}
    return [(word, Path(name).name or name) for key, word in named.items() if (name := getattr(options, key, None))]


def call_rows(run: RunRecord) -> list[CallRow]:
    """A row for each stage of which calls were made or expected, those made first."""
    expected = {} if run.forecast is None else run.forecast.stages
    stages = [*run.calls, *(stage for stage, one in expected.items() if stage not in run.calls and one.calls)]
    return [CallRow(stage, expected.get(stage), run.calls.get(stage, StageAccount())) for stage in stages]


def describe_calls(run: RunRecord) -> str:
    """How many model calls a run took, and how many were expected."""
    made = sum(account.made for account in run.calls.values())
    kept = sum(account.kept for account in run.calls.values())
    parts = [f"{made:,} made", f"{kept:,} kept from before"] if kept else [f"{made:,} made"]
    return ", ".join(parts) if run.forecast is None else f"{', '.join(parts)}; {describe_basis(run.forecast)}"


def describe_basis(forecast: Forecast) -> str:
    """What was expected, how sure that is, and what it rests on."""
    expected = f"forecast {forecast.calls:,}"
    if forecast.from_videos == 0:
        return f"{expected}, a guess: no video was done before with this model and these options; induce one or two, then look again"
    rests_on = f"from {plural(forecast.from_videos, 'video')} done before with this model and these options"
    return f"{expected}, {rests_on}" if forecast.spread is None else f"{expected} ± {forecast.spread:.0%}, {rests_on}"


def hours(seconds: float | None) -> str:
    """Seconds as hours: `0.02`, `12.5`; a dash where nothing is known."""
    return "–" if seconds is None else f"{seconds / 3600:,.2f}"
