"""What differs between two graphs of one video. Of everything: what only one of them has, and what both have, but otherwise."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from graph_schema.models.base import Interval, Kind, Seconds
from graph_schema.record import Record


class DiffEntity(Record):
    """An entity as a graph shows it in some clips: `in_view` is when, an interval a clip."""

    entity_id: str
    caption: str
    label: str
    kind: Kind
    attributes: tuple[str, ...] = Field(description="`kind: name`, in alphabetical order")
    in_view: tuple[Interval, ...]


class DiffRelation(Interval):
    """Subject - predicate - object, by captions and entities."""

    subject: str
    subject_entity_id: str
    predicate: str
    object: str
    object_entity_id: str


class DiffMotion(Interval):
    """What an object does, by caption and entity."""

    object: str
    object_entity_id: str
    motion: str


class DiffEvent(Interval):
    """What a graph says happens in a clip."""

    clip_index: int
    description: str


class DiffReference(Record):
    """That an object is in one clip, and next in another. `seconds`: when it comes into view there."""

    object: str
    object_entity_id: str
    from_clip_index: int
    to_clip_index: int
    seconds: Seconds


class DiffCut(Record):
    """A border between two clips."""

    seconds: Seconds


Item = TypeVar("Item", bound=Record)
Aspect = Literal["label", "kind", "attributes", "times", "description"]


class Changed(Record, Generic[Item]):
    """What both graphs have, but otherwise. Times that differ by less than a fact's interruption may count as the same."""

    before: Item
    after: Item
    differs_in: tuple[Aspect, ...]


class Changes(Record, Generic[Item]):
    """`lost`: in the first graph alone; `gained`: in the second alone; both in time order. `unchanged`: how many are as before."""

    lost: tuple[Item, ...] = ()
    gained: tuple[Item, ...] = ()
    changed: tuple[Changed[Item], ...] = ()
    unchanged: int = 0


class DiffSide(Record):
    """One of the two graphs. `counts`: entities, and all that a GraphSummary counts."""

    id: str
    producer: str
    cycle: int
    counts: dict[str, int]


class GraphDiff(Record):
    """What another model or cycle changed in the graph of a video, from `before` to `after`; see `compare.diff` for the rules."""

    video_id: str
    video_name: str
    before: DiffSide
    after: DiffSide
    entities: Changes[DiffEntity]
    relations: Changes[DiffRelation]
    motions: Changes[DiffMotion]
    events: Changes[DiffEvent]
    references: Changes[DiffReference]
    cuts: Changes[DiffCut]

    @property
    def is_empty(self) -> bool:
        """Whether the two graphs say the same."""
        kinds = (self.entities, self.relations, self.motions, self.events, self.references, self.cuts)
        return not any(kind.lost or kind.gained or kind.changed for kind in kinds)
