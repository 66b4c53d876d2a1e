"""One keyframe by one prompt for its whole scene graph. Source: STEP's ablation of the parsing order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graph_schema.models import FrameRelation
from graph_schema.vocabulary import forward
from workers.induction import Similarity
from workers.parsers.prompted import replies
from workers.parsers.prompted.asking import WHOLE_TOKENS, PicturePrompts
from workers.parsers.prompted.boxes import box_words
from workers.parsers.prompted.canonical import canonical_attribute, canonical_predicate
from workers.parsers.prompted.consistency import agreed, agreed_objects
from workers.parsers.prompted.findings import FoundObject, RelationKey, found_objects, verified_relations, with_attributes
from workers.parsers.prompted.reader import items_of

Replies = Sequence[tuple[replies.WholeObjectReply, ...] | None]


def read_whole(ask: PicturePrompts, similar: Similarity | None = None) -> tuple[list[FoundObject], list[FrameRelation]]:
    """Return the objects of a keyframe and their relations."""
    options = ask.options
    schema = replies.whole_schema(boxes=options.boxes != "none")
    fields = {"max_objects": options.max_objects, **box_words(options.boxes)}
    (call,) = ask.sampled([ask.prompt("whole", schema, tokens=WHOLE_TOKENS, **fields)])
    objects = ask.lists(call, "objects", replies.WholeObjectReply)
    said = items_of(objects)
    seen = agreed_objects(said, options.min_frequency, similar)[: options.max_objects]
    found = [_of_kind(f, said) for f in found_objects(ask, seen, call.id)]
    attributes = [agreed(_attributes(f, said), options.min_frequency) for f in found]
    found = with_attributes(ask, found, attributes, [(call.id,)] * len(found))
    edges = items_of(ask.lists(call, "relations", replies.WholeRelationReply))
    # where an object could not be read, numbers in the reply's relations may mean another
    edges = [one if named is not None and not named.rejected else None for one, named in zip(edges, objects, strict=True)]
    shares = agreed(_relations(found, edges), options.min_frequency)
    return found, verified_relations(ask, found, shares, dict.fromkeys(shares, call.id))


def _members(f: FoundObject, said: Replies) -> list[replies.WholeObjectReply]:
    """What the replies say of an object."""
    return [objects[i] for r, i in f.seen.members if (objects := said[r]) is not None]


def _of_kind(f: FoundObject, said: Replies) -> FoundObject:
    members = _members(f, said)
    return replace(f, kind="dynamic" if 2 * sum(m.dynamic for m in members) > len(members) else "static")


def _attributes(f: FoundObject, said: Replies) -> list[list[tuple[str, str]] | None]:
    """Of each reply, the attributes it gives an object; None of one that does not name it."""
    given = [[canonical_attribute(a.kind, a.name) for a in m.attributes] for m in _members(f, said)]
    return [*given, *[None] * (len(said) - len(given))]


def _relations(
    found: Sequence[FoundObject], edges: Sequence[tuple[replies.WholeRelationReply, ...] | None]
) -> list[list[RelationKey] | None]:
    """Of each reply, its relations between objects that were found."""
    numbers = {member: n for n, f in enumerate(found) for member in f.seen.members}
    results: list[list[RelationKey] | None] = []
    for r, one in enumerate(edges):
        ends = [(numbers.get((r, e.subject)), canonical_predicate(e.predicate), numbers.get((r, e.object))) for e in one or ()]
        keys = [forward(a, predicate, b) for a, predicate, b in ends if a is not None and b is not None and a != b]
        results.append(None if one is None else keys)
    return results
