"""Attributes of one object seen several times: which last, what most sightings say, how much two objects' have in common. Pure."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from graph_schema.models import Attribute

PASSING_KINDS = frozenset({"position", "state", "pose", "action"})
"""Attributes of a moment, which say nothing of identity."""


def lasting(attributes: Sequence[Attribute]) -> frozenset[tuple[str, str]]:
    """The attributes that belong to an object rather than to a moment, as (kind, name)."""
    return frozenset((a.kind, a.name.casefold()) for a in attributes if a.kind not in PASSING_KINDS)


def agreed_attributes(seen: Sequence[Sequence[Attribute]]) -> tuple[Attribute, ...]:
    """Return what most keyframes say, by kind: every name that more than half of them give, else the one given most often.

    Keyframes that say nothing of a kind do not vote on it. Confidence: share of the votes times mean confidence.
    """
    by_kind: dict[str, list[dict[str, float]]] = defaultdict(list)
    said: dict[tuple[str, str], list[Attribute]] = defaultdict(list)
    for attributes in seen:
        here: dict[str, dict[str, float]] = defaultdict(dict)
        for a in attributes:
            here[a.kind][a.name] = max(a.confidence, here[a.kind].get(a.name, 0.0))
            said[a.kind, a.name].append(a)
        for kind, names in here.items():
            by_kind[kind].append(names)
    agreed = []
    for kind, ballots in sorted(by_kind.items()):
        votes = Counter(name for names in ballots for name in names)
        surety = {name: math.fsum(names.get(name, 0.0) for names in ballots) for name in votes}
        winners = [name for name in sorted(votes) if votes[name] * 2 > len(ballots)]
        winners = winners or [min(votes, key=lambda name: (-votes[name], -surety[name], name))]
        agreed += [
            Attribute(
                kind=kind,
                name=name,
                confidence=min(1.0, surety[name] / len(ballots)),
                verified=any_agreed(a.verified for a in said[kind, name]),
                call_ids=all_calls(a.call_ids for a in said[kind, name]),
            )
            for name in winners
        ]
    return tuple(agreed)


def any_agreed(verdicts: Iterable[bool | None]) -> bool | None:
    """True where somebody, asked, agreed; what was denied is not in a frame's graph. None where nobody was asked."""
    return True if any(verdicts) else None


def all_calls(ids: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All of them once, in order."""
    return tuple(dict.fromkeys(itertools.chain.from_iterable(ids)))
