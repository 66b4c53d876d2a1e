"""Times and names as a person reads them, and how wide they are on a page without a browser to ask."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from graph_schema.models import SceneObject
from graph_schema.vocabulary import plural

_NARROW = frozenset("iljtfrI.,:;'|!()[] ")
_WIDE = frozenset("mwMW@%")


def clock(seconds: float) -> str:
    """`2.40 s` below a minute, `1:02.4` from there on."""
    if round(seconds, 2) < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def span(start_seconds: float, end_seconds: float) -> str:
    """An interval: `1.20 – 3.04 s`; a moment stays one time."""
    start, end = clock(start_seconds), clock(end_seconds)
    return f"{start.removesuffix(' s') if end.endswith(' s') else start} – {end}" if start != end else start


def verdicts(node: SceneObject) -> str:
    """What was said of a node when it was asked whether it is there: `, confirmed by the model`; empty if nobody was asked."""
    parts = ["confirmed by the model"] if node.verified else []
    if node.detected is not None:
        parts.append("seen by the detector too" if node.detected else "not seen by the detector")
    return "".join(f", {part}" for part in parts)


def text_width(text: str, size: float) -> float:
    """Width in pixels of `text` in a sans-serif font of `size` pixels, within about a tenth, rather too wide than too narrow."""
    ems = 0.0
    for character in text:
        if character in _NARROW:
            ems += 0.38
        elif character in _WIDE:
            ems += 0.97
        elif unicodedata.east_asian_width(character) in "WF":
            ems += 1.0
        else:
            ems += 0.71 if character.isupper() else 0.63
    return ems * size


def shorten(text: str, width: float, size: float) -> str:
    """`text`, or as much of its beginning as fits into `width` pixels, with an ellipsis; at least one letter."""
    if text_width(text, size) <= width:
        return text
    kept = text
    while len(kept) > 1 and text_width(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def describe_shortfalls(lacking: Mapping[str, int]) -> str:
    """What a set lacks of the questions asked for, as a sentence's end; empty if it lacks nothing."""
    counts = ", ".join(f"{count} of {plural(int(steps), 'step')}" for steps, count in lacking.items())
    return f"short of what was asked, as no more questions with just one answer were found in these graphs: {counts}" if counts else ""


def as_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines whose cells stand below each other."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
