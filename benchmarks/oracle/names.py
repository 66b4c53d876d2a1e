"""From what a prompt calls an object back to the object; and the other words that the oracle has for a label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from benchmarks.oracle.scenes import ShownObject
from graph_schema.vocabulary import COLOURS, SIZES
from workers.parsers.prompted.canonical import canonical_label, plain

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "circle": ("disc", "ball"),
        "square": ("box", "block"),
        "triangle": ("wedge", "pyramid"),
        "star": ("asterisk", "spark"),
        "cross": ("plus", "crucifix"),
    }
)
"""Label -> other words for it. No word stands for two labels."""
_LABELS = {word: label for label, words in SYNONYMS.items() for word in (label, *words)}
_NAME = re.compile(r"(?P<head>[^()]*?)\s*(?:\((?P<which>.*)\))?\s*(?P<number>\d+)?")


def respellings(label: str) -> tuple[str, ...]:
    """The label in another number or case, or with an article."""
    several = f"{label}es" if label.endswith(("s", "x")) else f"{label}s"
    return label.capitalize(), several, several.capitalize(), f"the {label}"


def object_called(name: str, objects: Sequence[ShownObject]) -> ShownObject | None:
    """The object that a name means in a picture, None where it means none of them.

    A name is as the parser makes them, "circle (red, large) 2", or a caption, "large red circle". Label, colour and size must be true of
    the object. Of what is left, a position decides if it is true of one; the number counts in the order of `objects`.
    """
    match = _NAME.fullmatch(" ".join(name.split()))
    if match is None:
        return None
    *details, noun = canonical_label(match["head"]).split() or [""]
    label = _LABELS.get(noun, noun)
    words = {word.strip(",") for word in (*details, *plain(match["which"] or "").split())}
    fitting = [o for o in objects if o.label == label]
    for kind, of_kind in (("colour", COLOURS), ("size", SIZES)):
        said = words & set(of_kind)
        fitting = [o for o in fitting if not said or said == {dict(o.attributes)[kind]}]
    position = plain((match["which"] or "").rpartition(",")[2])
    fitting = [o for o in fitting if position and o.which.endswith(position)] or fitting
    index = int(match["number"] or 1) - 1
    return fitting[index] if 0 <= index < len(fitting) else None
