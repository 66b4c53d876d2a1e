"""What several replies to one prompt agree on. Pure: replies in, what enough of them say out, with how many do as its confidence.

Source: STEP, dual verification (i); METHODS 1.1, S2v. A reply that could not be read agrees with nothing, but counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from graph_schema.geometry import box_iou
from workers.induction import Similarity, group_labels
from workers.parsers.prompted.canonical import canonical_label, plain
from workers.parsers.prompted.replies import ObjectReply

T = TypeVar("T", bound=Hashable)
ReplyIndex = tuple[int, int]
"""(reply, index in its list of objects)"""
_ANY_PAIR = 0.01
"""Score of two objects of one label of which nothing says that they are one, nor that they are not."""


@dataclass(frozen=True)
class AgreedObject:
    """An object that enough replies name. `members`: where they do; `rank`: its mean place in their lists, from 0."""

    label: str
    which: str
    box: tuple[float, float, float, float] | None
    confidence: float
    rank: float
    members: tuple[ReplyIndex, ...]


def agreed(replies: Sequence[Iterable[T] | None], min_frequency: float) -> dict[T, float]:
    """Return {item: share of the replies that have it} of what at min_score `min_frequency` have; None: a reply that could not be read."""
    counts = Counter(item for reply in replies if reply is not None for item in dict.fromkeys(reply))
    return {item: count / len(replies) for item, count in counts.items() if count / len(replies) >= min_frequency - 1e-9}


def agreed_objects(
    replies: Sequence[Sequence[ObjectReply] | None], min_frequency: float, similar: Similarity | None = None
) -> tuple[AgreedObject, ...]:
    """Return the objects that enough replies name, the most certain first, then as the replies order them.

    Replies mean one object where its label is the same, or similar, and, of several of a label in one reply, where `which` or the box
    match best. A reply that lists two cups speaks of two.
    """
    labels = [canonical_label(o.label) for reply in replies if reply is not None for o in reply]
    names = group_labels(labels, similar)
    by_label: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for r, reply in enumerate(replies):
        for i, obj in enumerate(reply or ()):
            if label := canonical_label(obj.label):
                by_label[names[label]][r].append(i)
    found = [obj for label, places in sorted(by_label.items()) for obj in _instances(label, places, replies)]
    kept = [obj for obj in found if obj.confidence >= min_frequency - 1e-9]
    return tuple(sorted(kept, key=lambda obj: (-obj.confidence, obj.rank, obj.label, obj.which)))


def _instances(label: str, places: dict[int, list[int]], replies: Sequence[Sequence[ObjectReply] | None]) -> list[AgreedObject]:
    """The objects of one label. The reply that lists as many as most do says which there are; the others' are matched to these."""
    sizes = Counter(len(indices) for indices in places.values())
    usual = max(sizes, key=lambda size: (sizes[size], size))
    reference = next(r for r, indices in places.items() if len(indices) == usual)
    members: list[list[ReplyIndex]] = [[(reference, i)] for i in places[reference]]
    for r, indices in places.items():
        if r != reference:
            for mine, theirs in _matches(_objects(replies, reference, places[reference]), _objects(replies, r, indices)):
                members[mine].append((r, indices[theirs]))
    instances = []
    for (r, i), *others in members:
        said = _objects(replies, r, [i])[0]
        where = sorted([(r, i), *others])
        rank = sum(index for _, index in where) / len(where)
        instances.append(AgreedObject(label, plain(said.which), said.box, len(where) / len(replies), rank, tuple(where)))
    return instances


def _objects(replies: Sequence[Sequence[ObjectReply] | None], r: int, indices: Sequence[int]) -> list[ObjectReply]:
    reply = replies[r]
    assert reply is not None
    return [reply[i] for i in indices]


def _matches(ours: Sequence[ObjectReply], theirs: Sequence[ObjectReply]) -> list[tuple[int, int]]:
    """Pairs of the best one-to-one assignment. Where one has fewer, those of which nothing says that they match stay alone."""
    score = np.array([[_alikeness(a, b) for b in theirs] for a in ours])
    rows, columns = linear_sum_assignment(score, maximize=True)
    min_score = 0.0 if len(ours) == len(theirs) else _ANY_PAIR
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if score[a, b] > min_score]


def _alikeness(a: ObjectReply, b: ObjectReply) -> float:
    words, others = set(plain(a.which).split()), set(plain(b.which).split())
    shared = len(words & others) / len(words | others) if words | others else 0.0
    overlap = 0.0 if a.box is None or b.box is None else max(0.0, box_iou(a.box, b.box))
    return _ANY_PAIR + max(shared, overlap)
