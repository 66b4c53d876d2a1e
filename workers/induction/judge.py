"""Who settles what the frame scene graphs leave open, by looking at the pictures again; and which steps of induction are taken.

Merging and bridging ask; what they make of the answers is theirs. Without a judge they go by labels, attributes and boxes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from graph_schema.models import Confidence, Record
from workers.induction.labels import Similarity


class Sighting(NamedTuple):
    """An object as one keyframe shows it: index of the clip, index of the keyframe in it, what the object is called there."""

    clip: int
    keyframe: int
    name: str


class Opinion(Record):
    """How likely it is that two sightings are of one object; null where that could not be read. `call_ids`: the calls it rests on."""

    likely: Confidence | None
    call_ids: tuple[str, ...] = ()


class MotionOpinion(Record):
    """What an object does between two keyframes; null where the replies do not agree on it."""

    motion: str | None
    confidence: Confidence = 1.0
    call_ids: tuple[str, ...] = ()


class EventOpinion(Record):
    """What happens in a clip, in one sentence, and who takes part, by the names that were given."""

    description: str
    agents: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    verified: bool | None = None
    call_ids: tuple[str, ...] = ()


class Judge(Protocol):
    """Looks at keyframes and says. Answers come in the order of what was asked; methods raise as the model behind it does."""

    def same_in_clip(self, pairs: Sequence[tuple[Sighting, Sighting]]) -> list[Opinion]:
        """Of sightings at two keyframes of one clip each."""
        ...

    def same_across(self, pairs: Sequence[tuple[Sighting, Sighting]], *, left_out: int) -> list[Opinion]:
        """Of sightings in two clips each, the earlier one first. `left_out`: how many more pairs could be asked about, for the account."""
        ...

    def motions(self, steps: Sequence[tuple[Sighting, Sighting]]) -> list[MotionOpinion]:
        """Of one object at two keyframes of a clip each."""
        ...

    def event(self, clip: int, names: Sequence[str]) -> EventOpinion | None:
        """Of a clip that shows objects of these names. None where no reply could be read, or the model does not stand by it."""
        ...


@dataclass(frozen=True)
class Induction:
    """How frame scene graphs become one graph.

    Args:
        judge: who is asked; None: nobody.
        similar: how much two phrases mean the same; None: only the same words do.
        merge: objects of a clip's keyframes become one, with motions; False: each keyframe's stay their own.
        bridge: objects of different clips become one; False: no references.
        max_candidates: with a judge, the earlier objects that one of a later keyframe or clip is compared with, at most.
    """

    judge: Judge | None = None
    similar: Similarity | None = None
    merge: bool = True
    bridge: bool = True
    max_candidates: int = 3


PLAIN = Induction()
"""By labels, attributes and boxes alone."""
MIN_LIKELY = 0.5
"""From here on two sightings are of one object. Source: METHODS 1.1, S2v."""
