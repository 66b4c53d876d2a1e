"""The diff of two graphs as lines to read on a terminal: `-` lost, `+` gained, `~` changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from graph_schema.intervals import HasInterval
from graph_schema.models import (
    Changed,
    Changes,
    DiffCut,
    DiffEntity,
    DiffEvent,
    DiffMotion,
    DiffReference,
    DiffRelation,
    DiffSide,
    GraphDiff,
    Record,
)

Item = TypeVar("Item", bound=Record)


def diff_lines(diff: GraphDiff) -> list[str]:
    """Which graphs, then a line of counts for each kind and one for each difference. Clips count from 1, as in questions."""
    lines = [f"{diff.video_name}: {_graph(diff.before)} -> {_graph(diff.after)}"]
    lines += _section("things", diff.entities, _entity, _changed_entity)
    lines += _section("relations", diff.relations, _relation)
    lines += _section("motions", diff.motions, _motion)
    lines += _section("events", diff.events, _event, _changed_event)
    lines += _section("references", diff.references, _reference)
    lines += _section("cuts", diff.cuts, _cut)
    return [*lines, "no difference"] if diff.is_empty else lines


def _graph(side: DiffSide) -> str:
    return f"{side.id} ({side.producer}, cycle {side.cycle})"


def _changed_times(pair: Changed[Item]) -> str:
    """Of an item that is an interval, and has moved."""
    assert isinstance(pair.before, DiffRelation | DiffMotion) and isinstance(pair.after, DiffRelation | DiffMotion)
    words = _relation_words(pair.after) if isinstance(pair.after, DiffRelation) else _motion_words(pair.after)
    return f"{words}: {_times([pair.before])} -> {_times([pair.after])}"


def _section(
    title: str, changes: Changes[Item], say: Callable[[Item], str], say_changed: Callable[[Changed[Item]], str] = _changed_times
) -> list[str]:
    counts = f"{len(changes.lost)} lost, {len(changes.gained)} gained, {len(changes.changed)} changed, {changes.unchanged} unchanged"
    marked = [("-", say(item)) for item in changes.lost] + [("+", say(item)) for item in changes.gained]
    marked += [("~", say_changed(pair)) for pair in changes.changed]
    return [f"{title}: {counts}", *(f"{mark} {' '.join(text.split())}" for mark, text in marked)]


def _times(intervals: Sequence[HasInterval]) -> str:
    return ", ".join(f"{i.start_seconds:.2f}-{i.end_seconds:.2f} s" for i in intervals)


def _entity(entity: DiffEntity) -> str:
    return f"{entity.caption}, {_times(entity.in_view)}"


def _changed_entity(pair: Changed[DiffEntity]) -> str:
    before, after = pair.before, pair.after
    changes = []
    for aspect in ("label", "kind"):
        if aspect in pair.differs_in:
            changes.append(f"{getattr(before, aspect)} -> {getattr(after, aspect)}")
    changes += [f"lost {name}" for name in before.attributes if name not in after.attributes]
    changes += [f"gained {name}" for name in after.attributes if name not in before.attributes]
    if "times" in pair.differs_in:
        changes.append(f"in view {_times(before.in_view)} -> {_times(after.in_view)}")
        return f"{before.caption}: {'; '.join(changes)}"
    return f"{_entity(before)}: {'; '.join(changes)}"


def _relation_words(relation: DiffRelation) -> str:
    return f"{relation.subject} {relation.predicate} {relation.object}"


def _relation(relation: DiffRelation) -> str:
    return f"{_relation_words(relation)}, {_times([relation])}"


def _motion_words(motion: DiffMotion) -> str:
    return f"{motion.object} {motion.motion}"


def _motion(motion: DiffMotion) -> str:
    return f"{_motion_words(motion)}, {_times([motion])}"


def _event(event: DiffEvent) -> str:
    return f"shot {event.clip_index + 1}, {_times([event])}: {event.description}"


def _changed_event(pair: Changed[DiffEvent]) -> str:
    before, after = pair.before, pair.after
    times = f"{_times([before])} -> {_times([after])}" if "times" in pair.differs_in else _times([before])
    words = f"{before.description} -> {after.description}" if "description" in pair.differs_in else before.description
    return f"shot {before.clip_index + 1}, {times}: {words}"


def _reference(reference: DiffReference) -> str:
    return f"{reference.object} of shot {reference.from_clip_index + 1} is seen again in shot {reference.to_clip_index + 1}"


def _cut(cut: DiffCut) -> str:
    return f"cut at {cut.seconds:.2f} s"
