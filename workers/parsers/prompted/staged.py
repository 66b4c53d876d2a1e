"""One keyframe, prompt by prompt: narrative, objects, kinds, descriptions, attributes, relations of pairs; each builds on what was checked.

Source: STEP, semantics parsing; METHODS 1.1, S2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graph_schema.models import FrameRelation
from graph_schema.vocabulary import forward, is_person
from workers.induction import Similarity
from workers.parsers.prompted import replies
from workers.parsers.prompted.asking import TEXT_TOKENS, PicturePrompts
from workers.parsers.prompted.boxes import box_words
from workers.parsers.prompted.canonical import canonical_attribute, canonical_predicate, plain
from workers.parsers.prompted.consistency import agreed, agreed_objects
from workers.parsers.prompted.findings import (
    FoundObject,
    RelationKey,
    found_objects,
    listed,
    salient_pairs,
    verified_relations,
    with_attributes,
)
from workers.parsers.prompted.reader import items_of
from workers.video_llms import Call


def read_staged(ask: PicturePrompts, similar: Similarity | None = None) -> tuple[list[FoundObject], list[FrameRelation]]:
    """Return the objects of a keyframe and their relations."""
    ((narrative, _),) = ask.text([ask.prompt("narrative", tokens=TEXT_TOKENS)])
    found = _objects(ask, narrative, similar)
    if not found:
        return [], []
    found = _attributes(ask, _kinds(ask, found))
    return found, _relations(ask, found)


def _objects(ask: PicturePrompts, narrative: str, similar: Similarity | None) -> list[FoundObject]:
    options = ask.options
    schema = replies.objects_schema(boxes=options.boxes != "none")
    fields = {"narrative": narrative, "max_objects": options.max_objects, **box_words(options.boxes)}
    (call,) = ask.sampled([ask.prompt("objects", schema, **fields)])  # type: ignore[arg-type]
    said = items_of(ask.lists(call, "objects", replies.ObjectReply))
    seen = agreed_objects(said, options.min_frequency, similar)
    return found_objects(ask, seen[: options.max_objects], call.id)


def _kinds(ask: PicturePrompts, found: Sequence[FoundObject]) -> list[FoundObject]:
    """Static or dynamic, as most replies say; of what they say nothing, people are dynamic."""
    (call,) = ask.sampled([ask.prompt("kinds", replies.KINDS_SCHEMA, objects=listed([f.name for f in found]))])
    read = [reply for reply in ask.objects(call, replies.KindsReply, ("dynamic", "static")) if reply is not None]
    results = []
    for f in found:
        name = plain(f.name)
        votes = sum((name in map(plain, reply.dynamic)) - (name in map(plain, reply.static)) for reply in read)
        dynamic = votes > 0 or (votes == 0 and is_person(f.seen.label))
        results.append(replace(f, kind="dynamic" if dynamic else "static", call_ids=(*f.call_ids, call.id)))
    return results


def _attributes(ask: PicturePrompts, found: Sequence[FoundObject]) -> list[FoundObject]:
    """Each object is described; its attributes are read from picture and description."""
    everything = listed([f.name for f in found])
    described = ask.text([ask.prompt("description", tokens=TEXT_TOKENS, objects=everything, object=f.name) for f in found])
    calls = ask.sampled(
        [
            ask.prompt("attributes", replies.ATTRIBUTES_SCHEMA, object=f.name, description=text)
            for f, (text, _) in zip(found, described, strict=True)
        ]
    )
    agreed_of = []
    for call in calls:
        lists = items_of(ask.lists(call, "attributes", replies.AttributeReply))
        said = [None if one is None else [canonical_attribute(a.kind, a.name) for a in one] for one in lists]
        agreed_of.append(agreed(said, ask.options.min_frequency))
    ids_of = [(description_id, call.id) for (_, description_id), call in zip(described, calls, strict=True)]
    return with_attributes(ask, found, agreed_of, ids_of)


def _relations(ask: PicturePrompts, found: Sequence[FoundObject]) -> list[FrameRelation]:
    """Of the most salient pairs of objects."""
    pairs = salient_pairs([f.kind for f in found], ask.options.max_pairs)
    prompts = [ask.prompt("relations", replies.RELATIONS_SCHEMA, first=found[a].name, second=found[b].name) for a, b in pairs]
    shares: dict[RelationKey, float] = {}
    ids_of: dict[RelationKey, str] = {}
    for pair, call in zip(pairs, ask.sampled(prompts) if prompts else (), strict=True):
        numbers = {plain(found[n].name): n for n in pair}
        lists = items_of(ask.lists(call, "relations", replies.RelationReply))
        said = [None if one is None else _keys(ask, call, one, numbers) for one in lists]
        for key, share in agreed(said, ask.options.min_frequency).items():
            shares[key], ids_of[key] = share, call.id
    return verified_relations(ask, found, shares, ids_of)


def _keys(ask: PicturePrompts, call: Call, said: Sequence[replies.RelationReply], numbers: Mapping[str, int]) -> list[RelationKey]:
    """The relations of a reply between the two objects it was asked about."""
    keys = []
    for r in said:
        subject, target = numbers.get(plain(r.subject)), numbers.get(plain(r.object))
        if subject is None or target is None or subject == target:
            ask.reject(call, f"a relation of {r.subject!r} and {r.object!r}, which are not the two that were asked about")
        else:
            keys.append(forward(subject, canonical_predicate(r.predicate), target))
    return keys
