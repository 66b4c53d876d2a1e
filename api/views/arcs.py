"""Relations drawn as arcs between lanes, each where its line and its label are free of others. In: edges and axes. Out: arcs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from api.views.edges import EdgeInterval, relations_of
from api.views.entities import EntityView
from api.views.lane_marks import SMALL_FONT_PX, Arc, Axes, MotionMark
from api.views.words import span, text_width
from graph_schema.models import STSG, Keyframe
from graph_schema.vocabulary import SYMMETRIC

MAX_ARCS = 240
Rectangle = tuple[float, float, float, float]
_SHARES = (0.5, 0.38, 0.62, 0.26, 0.74, 0.14, 0.86, 0.04, 0.96)
"""Of an interval, where an arc may stand in it: the middle first, the ends last."""
_GAPS = (21.0, 31.0, 13.0)
"""Pixels below a lane at which a label may stand."""


@dataclass
class _Free:
    """Rectangles that are taken already and must not meet."""

    taken: list[Rectangle] = field(default_factory=list)

    def take(self, x1: float, y1: float, x2: float, y2: float) -> bool:
        if any(x1 < b[2] and b[0] < x2 and y1 < b[3] and b[1] < y2 for b in self.taken):
            return False
        self.taken.append((x1, y1, x2, y2))
        return True


@dataclass(frozen=True)
class _Slot:
    """Where an arc stands: x of its line, the middle of its label, and whether both are free there."""

    x: float
    label_x: float
    label_y: float
    is_free: bool


class _Placer:
    """Chooses a slot for one arc after the other; the motion words are taken from the start."""

    def __init__(self, axes: Axes, words: Sequence[MotionMark]) -> None:
        self._width, self._tops = axes.width, sorted(axes.lane.values())
        self._labels, self._lines = _Free(), _Free()
        for word in words:
            if word.text:
                middle, half = word.x + word.width / 2, text_width(word.text, SMALL_FONT_PX) / 2
                self._labels.take(middle - half, word.y - 20, middle + half, word.y - 7)
        self._words = list(self._labels.taken)

    def place(self, start_x: float, end_x: float, upper: float, lower: float, half: float) -> _Slot:
        """Take a slot between two lanes for a label of twice `half` pixels: within [start_x, end_x], else not free, in the middle."""
        candidates = [start_x + share * (end_x - start_x) for share in _SHARES]
        candidates.sort(key=lambda at: _crosses(self._words, at, upper, lower))  # those that cut no word first
        for at in candidates:
            if _crosses(self._lines.taken, at, upper, lower):
                continue
            middle = self._inside(at, half)
            for y in (top + down for top in self._tops if upper <= top < lower for down in _GAPS):
                if self._labels.take(middle - half, y - 8, middle + half, y + 8):
                    self._lines.taken.append((at - 1, upper, at + 1, lower))
                    return _Slot(at, middle, y, is_free=True)
        at = (start_x + end_x) / 2
        return _Slot(at, self._inside(at, half), (upper + lower) / 2, is_free=False)

    def _inside(self, at: float, half: float) -> float:
        """The middle of a label that stays whole at the edge."""
        return min(max(at, half + 1), self._width - half - 1)


def arcs_of(
    graph: STSG, of_node: Mapping[str, EntityView], axes: Axes, words: Sequence[MotionMark], keyframe_keys: Mapping[str, str]
) -> tuple[list[Arc], int]:
    """Relations between shown entities, the longest first, and how many were left out.

    Each stands where, within its interval, its line runs clear of other lines and its label clear of other labels and of the
    motion words; without such a position it is quiet: in the middle, its label shown on demand.
    """
    by_key = {entity.key: entity for entity in of_node.values()}
    held = [r for r in relations_of(graph, of_node) if r.label[0] in axes.lane and r.label[2] in axes.lane]
    held.sort(key=lambda r: r.start_seconds - r.end_seconds)
    colours = {name: i % 6 for i, (name, _) in enumerate(Counter(r.label[1] for r in held).most_common())}
    keyframes = [k for c in graph.clips for k in c.keyframes]
    placer = _Placer(axes, words)
    arcs = []
    for relation in held[:MAX_ARCS]:
        subject, predicate, object_ = relation.label
        nearest = _nearest(keyframes, relation)
        key = keyframe_keys[nearest.id] if nearest else ""
        arcs.append(_arc(relation, by_key[subject], by_key[object_], axes, placer, colour=colours[predicate], keyframe=key))
    return arcs, len(held) - len(arcs)


def _arc(
    relation: EdgeInterval[tuple[str, str, str]],
    subject: EntityView,
    object_: EntityView,
    axes: Axes,
    placer: _Placer,
    *,
    colour: int,
    keyframe: str,
) -> Arc:
    predicate, start, end = relation.label[1], relation.start_seconds, relation.end_seconds
    subject_y, object_y = axes.lane[subject.key], axes.lane[object_.key]
    start_x, end_x = axes.x(start), axes.x(end)
    half = text_width(predicate, SMALL_FONT_PX) / 2 + 5
    slot = placer.place(start_x, end_x, min(subject_y, object_y), max(subject_y, object_y), half)
    directed = predicate not in SYMMETRIC
    tip = object_y - 9 if object_y > subject_y else object_y + 9
    return Arc(
        subject=subject,
        object=object_,
        predicate=predicate,
        path=f"M{slot.x:.1f} {subject_y:.1f}V{tip if directed else object_y:.1f}",
        colour=colour,
        directed=directed,
        label_x=slot.label_x,
        label_y=slot.label_y,
        label_width=2 * half,
        quiet=not slot.is_free,
        start_x=start_x,
        end_x=end_x,
        subject_y=subject_y,
        object_y=object_y,
        title=f"{subject.name} {predicate} {object_.name}, {span(start, end)}",
        keyframe=keyframe,
    )


def _nearest(keyframes: Sequence[Keyframe], relation: EdgeInterval[tuple[str, str, str]]) -> Keyframe | None:
    middle = (relation.start_seconds + relation.end_seconds) / 2
    return min(keyframes, key=lambda k: abs(k.time_seconds - middle), default=None)


def _crosses(taken: Sequence[Rectangle], at: float, upper: float, lower: float) -> bool:
    """Whether a vertical line at `at` comes within 6 pixels of one of the rectangles."""
    return any(at - 6 < x2 and x1 < at + 6 and upper < y2 and y1 < lower for x1, y1, x2, y2 in taken)
