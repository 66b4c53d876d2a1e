"""What another model or cycle changed: two graphs of one video, neither of them the truth. In: two graphs. Out: a GraphDiff. Pure.

The unit of objects is the appearance, as in `match`, and so is the one-to-one assignment; but here a label may have changed, and
a model may name what it does not place. Two appearances can be one object if half of the shorter one lies within the other and, where
both have boxes, these agree as in `match`. First those of one label are paired, then, of what is left, those whose boxes agree, whatever
they are called. Among several the greatest agreement decides: times, boxes, attributes, what else the graphs say of them; ids decide
only between equals, so that a graph has no difference to itself.

A relation, motion or reference is in both graphs by the rules of `match`; times that both have, but moved by less than JOIN_SECONDS
at either end, count as the same. An event is in both if most of its time is the same, a cut within one frame.

Which graph comes first decides no pair: `diff_graphs(b, a)` has as lost what `diff_graphs(a, b)` has as gained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from graph_schema.compare.facts import JOIN_SECONDS, Appearance, Fact, appearances, link_facts, motion_facts, relation_facts
from graph_schema.compare.match import MIN_BOX_IOU, MIN_TIME_IOU, assign, match_cuts, match_facts, track_iou
from graph_schema.errors import DifferentVideos
from graph_schema.intervals import HasInterval, TimeInterval, time_iou
from graph_schema.models import (
    STSG,
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
    Interval,
    Record,
)
from graph_schema.models.diff import Aspect
from graph_schema.vocabulary import SYMMETRIC

MIN_SHARED = 0.5
"""Share of the shorter of two appearances that must lie within the other, for them to be one object."""
SAME_ID = 1e-6
"""What the same entity id in the same clip adds to an agreement: less than anything that can be seen."""

Assign = Callable[[NDArray[np.float64]], dict[int, int]]
Item = TypeVar("Item", bound=Record)


class _Side(NamedTuple):
    """One of the two graphs, taken apart."""

    graph: STSG
    appearances: list[Appearance]
    relations: list[Fact]
    motions: list[Fact]
    links: list[Fact]


def diff_graphs(before: STSG, after: STSG) -> GraphDiff:
    """Return what is in one of two graphs of a video only, or in both but otherwise; see the module for the rules.

    Raises: DifferentVideos.
    """
    if before.video.sha256 != after.video.sha256:
        videos = [f"{graph.video.name!r} ({graph.video.id})" for graph in (before, after)]
        raise DifferentVideos(before.id, videos[0], after.id, videos[1])
    old, new, one_to_one = _side(before), _side(after), _assign_for(before, after)
    pairs = _match_objects(old, new, one_to_one)

    def facts(olds: Sequence[Fact], news: Sequence[Fact], item: Callable[[Fact, Sequence[Appearance]], Item]) -> Changes[Item]:
        hits = match_facts(olds, news, pairs)
        return _changes([item(f, old.appearances) for f in olds], [item(f, new.appearances) for f in news], hits)

    old_events, new_events = _events(before), _events(after)
    matched_cuts, lost_cuts, gained_cuts = match_cuts(before, after)
    return GraphDiff(
        video_id=before.video.id,
        video_name=before.video.name,
        before=_summary(before),
        after=_summary(after),
        entities=_by_entity([_entity(a) for a in old.appearances], [_entity(a) for a in new.appearances], pairs),
        relations=facts(old.relations, new.relations, _relation),
        motions=facts(old.motions, new.motions, _motion),
        events=_changes(old_events, new_events, _match_events(old_events, new_events, one_to_one)),
        references=facts(old.links, new.links, _reference),
        cuts=Changes[DiffCut](
            lost=tuple(DiffCut(seconds=s) for s in lost_cuts),
            gained=tuple(DiffCut(seconds=s) for s in gained_cuts),
            unchanged=matched_cuts,
        ),
    )


def _side(graph: STSG) -> _Side:
    listed, index = appearances(graph)

    def in_time_order(facts: list[Fact]) -> list[Fact]:
        return sorted(facts, key=lambda fact: fact.interval or listed[fact.ends[-1]].interval)

    relations, motions, links = relation_facts(graph, index), motion_facts(graph, index), link_facts(graph, listed, index)
    return _Side(graph, listed, in_time_order(relations), in_time_order(motions), in_time_order(links))


def _summary(graph: STSG) -> DiffSide:
    counts = {
        "clips": len(graph.clips),
        "entities": len({o.entity_id for o in graph.objects}),
        "objects": len(graph.objects),
        "relations": len(graph.relations),
        "motions": len(graph.motions),
        "references": len(graph.references),
        "events": sum(len(clip.events) for clip in graph.clips),
    }
    return DiffSide(id=graph.id, producer=graph.producer, cycle=graph.cycle, counts=counts)


# ------------------------------------------------------------------------------------------- which are the same


def _assign_for(before: STSG, after: STSG) -> Assign:
    """`assign`, with the same pairs for the same two graphs in either order, also where several assignments are as good."""
    if (before.id, before.model_dump_json()) <= (after.id, after.model_dump_json()):
        return assign
    return lambda agreement: {row: column for column, row in assign(agreement.T).items()}


def _match_objects(old: _Side, new: _Side, one_to_one: Assign) -> dict[int, int]:
    """Return {index of an appearance: index of the other graph's appearance of the same object}."""
    olds, new_ones = old.appearances, new.appearances
    old_context, new_context = _context(old), _context(new)
    candidates = _overlapping(olds, new_ones)
    pairs: dict[int, int] = {}
    for same_label in (True, False):
        taken = set(pairs.values())
        agreement = np.zeros((len(olds), len(new_ones)))
        for i, j in candidates:
            a, b = olds[i], new_ones[j]
            if i in pairs or j in taken or (a.label == b.label) != same_label:
                continue
            placed = bool(a.track and b.track)
            in_space = _same_place(a, b) if placed else 0.0
            if in_space >= MIN_BOX_IOU if placed else same_label:
                in_words = _share(a.attributes, b.attributes) + _share(old_context[i], new_context[j])
                same_id = SAME_ID * ((a.entity, a.clip) == (b.entity, b.clip))
                agreement[i, j] = same_label + time_iou(a.interval, b.interval) + in_space + in_words + same_id
        pairs |= one_to_one(agreement)
    return pairs


def _overlapping(olds: Sequence[Appearance], news: Sequence[Appearance]) -> list[tuple[int, int]]:
    """The pairs of which half of the shorter one lies within the other; a moment may lie at an end."""
    old_times, new_times = (np.array([a.interval for a in side]).reshape(-1, 2) for side in (olds, news))
    shared = np.minimum.outer(old_times[:, 1], new_times[:, 1]) - np.maximum.outer(old_times[:, 0], new_times[:, 0])
    shorter = np.minimum.outer(old_times[:, 1] - old_times[:, 0], new_times[:, 1] - new_times[:, 0])
    rows, columns = np.nonzero(shared >= MIN_SHARED * shorter)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _same_place(a: Appearance, b: Appearance) -> float:
    """How well the boxes agree, from whichever side they are better interpolated; 1 for the same boxes."""
    return 1.0 if a.track == b.track else max(track_iou(a, b), track_iou(b, a))


def _context(side: _Side) -> Mapping[int, AbstractSet[tuple[object, ...]]]:
    """What a graph says of each appearance, by words and labels: (word, which end of it, label of the other end)."""
    context: dict[int, set[tuple[object, ...]]] = defaultdict(set)
    for fact in (*side.relations, *side.motions):
        for place, end in enumerate(fact.ends):
            others = (side.appearances[other].label for n, other in enumerate(fact.ends) if n != place)
            context[end].add((fact.word, 0 if fact.word in SYMMETRIC else place, *others))
    return context


def _share(a: AbstractSet[object], b: AbstractSet[object]) -> float:
    """What two sets have in common of all they have, 0 for two empty ones."""
    return len(a & b) / len(a | b) if a or b else 0.0


def _match_events(olds: Sequence[DiffEvent], news: Sequence[DiffEvent], one_to_one: Assign) -> dict[int, int]:
    agreement = np.zeros((len(olds), len(news)))
    for i, a in enumerate(olds):
        for j, b in enumerate(news):
            if (in_time := time_iou(a, b)) >= MIN_TIME_IOU:
                agreement[i, j] = in_time + (a.description == b.description)
    return one_to_one(agreement)


# ------------------------------------------------------------------------------------------------ what differs


def _changes(olds: Sequence[Item], news: Sequence[Item], hits: Mapping[int, int]) -> Changes[Item]:
    found = [Changed[Item](before=olds[i], after=news[j], differs_in=_differs(olds[i], news[j])) for i, j in sorted(hits.items())]
    taken = set(hits.values())
    return Changes[Item](
        lost=tuple(item for i, item in enumerate(olds) if i not in hits),
        gained=tuple(item for j, item in enumerate(news) if j not in taken),
        changed=tuple(pair for pair in found if pair.differs_in),
        unchanged=sum(1 for pair in found if not pair.differs_in),
    )


def _differs(a: Record, b: Record) -> tuple[Aspect, ...]:
    aspects: list[Aspect] = []
    if isinstance(a, DiffEntity) and isinstance(b, DiffEntity):
        aspects = [aspect for aspect in ("label", "kind", "attributes") if getattr(a, aspect) != getattr(b, aspect)]
        if _moved(a.in_view[0], b.in_view[0]):
            aspects.append("times")
    if isinstance(a, DiffEvent) and isinstance(b, DiffEvent) and a.description != b.description:
        aspects.append("description")
    if isinstance(a, Interval) and isinstance(b, Interval) and _moved(a, b):
        aspects.append("times")
    return tuple(aspects)


def _moved(a: HasInterval, b: HasInterval) -> bool:
    return max(abs(a.start_seconds - b.start_seconds), abs(a.end_seconds - b.end_seconds)) >= JOIN_SECONDS


def _by_entity(olds: Sequence[DiffEntity], news: Sequence[DiffEntity], pairs: Mapping[int, int]) -> Changes[DiffEntity]:
    """The changes of appearances, those of one entity that say the same in one; `unchanged` counts pairs of entities."""
    single = _changes(olds, news, pairs)
    changed: dict[tuple[object, ...], list[Changed[DiffEntity]]] = defaultdict(list)
    for pair in single.changed:
        changed[(*_words(pair.before), *_words(pair.after), pair.differs_in)].append(pair)
    differ = {(pair.before.entity_id, pair.after.entity_id) for pair in single.changed}
    return Changes[DiffEntity](
        lost=_joined(single.lost),
        gained=_joined(single.gained),
        changed=tuple(
            Changed[DiffEntity](before=_join(p.before for p in group), after=_join(p.after for p in group), differs_in=group[0].differs_in)
            for group in changed.values()
        ),
        unchanged=len({(olds[i].entity_id, news[j].entity_id) for i, j in pairs.items()} - differ),
    )


def _joined(entities: Iterable[DiffEntity]) -> tuple[DiffEntity, ...]:
    groups: dict[tuple[object, ...], list[DiffEntity]] = defaultdict(list)
    for entity in entities:
        groups[_words(entity)].append(entity)
    return tuple(_join(group) for group in groups.values())


def _join(same: Iterable[DiffEntity]) -> DiffEntity:
    first, *others = same
    return first.model_copy(update={"in_view": (*first.in_view, *(i for other in others for i in other.in_view))})


def _words(entity: DiffEntity) -> tuple[object, ...]:
    return entity.entity_id, entity.caption, entity.label, entity.kind, entity.attributes


# ---------------------------------------------------------------------------------------------- facts as records


def _entity(a: Appearance) -> DiffEntity:
    return DiffEntity(
        entity_id=a.entity,
        caption=a.name,
        label=a.label,
        kind=a.kind,
        attributes=tuple(sorted(f"{kind}: {name}" for kind, name in a.attributes)),
        in_view=(_interval(a.interval),),
    )


def _relation(fact: Fact, appearances: Sequence[Appearance]) -> DiffRelation:
    subject, target = (appearances[end] for end in fact.ends)
    assert fact.interval is not None
    return DiffRelation(
        subject=subject.name,
        subject_entity_id=subject.entity,
        predicate=fact.word,
        object=target.name,
        object_entity_id=target.entity,
        **fact.interval._asdict(),
    )


def _motion(fact: Fact, appearances: Sequence[Appearance]) -> DiffMotion:
    moving = appearances[fact.ends[0]]
    assert fact.interval is not None
    return DiffMotion(object=moving.name, object_entity_id=moving.entity, motion=fact.word, **fact.interval._asdict())


def _reference(fact: Fact, appearances: Sequence[Appearance]) -> DiffReference:
    first, again = (appearances[end] for end in fact.ends)
    return DiffReference(
        object=first.name,
        object_entity_id=first.entity,
        from_clip_index=first.clip,
        to_clip_index=again.clip,
        seconds=again.interval.start_seconds,
    )


def _events(graph: STSG) -> list[DiffEvent]:
    events = [
        DiffEvent(clip_index=clip.index, description=e.description, start_seconds=e.start_seconds, end_seconds=e.end_seconds)
        for clip in graph.clips
        for e in clip.events
    ]
    return sorted(events, key=lambda e: (e.start_seconds, e.end_seconds))


def _interval(interval: TimeInterval) -> Interval:
    return Interval(**interval._asdict())
