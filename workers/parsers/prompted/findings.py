"""What becomes known of a keyframe, prompt by prompt: objects with the names that prompts call them, attributes, relations. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from graph_schema.models import Attribute, FrameRelation, Kind
from workers.induction import unlike_names
from workers.parsers.prompted.asking import PicturePrompts
from workers.parsers.prompted.consistency import AgreedObject

AttributeKey = tuple[str, str]
"""(kind, name)"""
RelationKey = tuple[int, str, int]
"""(index of the subject, predicate, index of the object)"""


@dataclass(frozen=True)
class FoundObject:
    """An object under way: what prompts call it, the calls it rests on, what became known of it."""

    name: str
    seen: AgreedObject
    call_ids: tuple[str, ...]
    verified: bool | None = None
    kind: Kind = "static"
    attributes: tuple[Attribute, ...] = ()


def names(seen: Sequence[AgreedObject]) -> list[str]:
    """What prompts call each object, no two the same: the label; of several of one label with what tells it apart, else a number."""
    labels = [o.label for o in seen]
    return unlike_names([o.label if labels.count(o.label) == 1 or not o.which else f"{o.label} ({o.which})" for o in seen])


def listed(called: Sequence[str]) -> str:
    """Names as the prompts list them, one a line."""
    return "\n".join(f'- "{name}"' for name in called)


def salient_pairs(kinds: Sequence[Kind], most: int) -> list[tuple[int, int]]:
    """The pairs whose relations are worth asking for: those with a dynamic object first, then those of the objects named first."""
    pairs = itertools.combinations(range(len(kinds)), 2)
    ranked = sorted(pairs, key=lambda pair: ("dynamic" not in (kinds[pair[0]], kinds[pair[1]]), sum(pair), pair))
    return ranked[:most]


def found_objects(ask: PicturePrompts, seen: Sequence[AgreedObject], call_id: str) -> list[FoundObject]:
    """The objects that, asked for one by one, are there."""
    found = [FoundObject(name, o, (call_id,)) for name, o in zip(names(seen), seen, strict=True)]
    verdicts = ask.verified("object", [{"object": f.name} for f in found])
    return [
        replace(f, verified=verdict.agrees, call_ids=(*f.call_ids, *verdict.call_ids))
        for f, verdict in zip(found, verdicts, strict=True)
        if verdict.agrees is not False
    ]


def with_attributes(
    ask: PicturePrompts,
    found: Sequence[FoundObject],
    agreed_of: Sequence[Mapping[AttributeKey, float]],
    ids_of: Sequence[tuple[str, ...]],
) -> list[FoundObject]:
    """Put those attributes on the objects that, asked for one by one, are there.

    Args: agreed_of: of each object, {attribute: confidence}; ids_of: the calls that these rest on.
    """
    places = [(n, kind, name) for n, of_one in enumerate(agreed_of) for kind, name in sorted(of_one) if kind and name]
    verdicts = ask.verified("attribute", [{"object": found[n].name, "kind": kind, "name": name} for n, kind, name in places])
    attributes: list[list[Attribute]] = [[] for _ in found]
    for (n, kind, name), verdict in zip(places, verdicts, strict=True):
        if verdict.agrees is not False:
            calls = (*ids_of[n], *verdict.call_ids)
            share = agreed_of[n][kind, name]
            attributes[n].append(Attribute(kind=kind, name=name, confidence=share, verified=verdict.agrees, call_ids=calls))
    return [replace(f, attributes=tuple(of_one)) for f, of_one in zip(found, attributes, strict=True)]


def verified_relations(
    ask: PicturePrompts, found: Sequence[FoundObject], agreed: Mapping[RelationKey, float], ids_of: Mapping[RelationKey, str]
) -> list[FrameRelation]:
    """The relations that, asked for one by one, hold. Args: agreed: {relation: confidence}; ids_of: the call that each rests on."""
    keys = sorted(key for key in agreed if key[1])
    fields: list[dict[str, object]] = [
        {"subject": found[subject].name, "predicate": predicate, "object": found[target].name} for subject, predicate, target in keys
    ]
    return [
        FrameRelation(
            subject=key[0],
            predicate=key[1],
            object=key[2],
            confidence=agreed[key],
            verified=verdict.agrees,
            call_ids=(ids_of[key], *verdict.call_ids),
        )
        for key, verdict in zip(keys, ask.verified("relation", fields), strict=True)
        if verdict.agrees is not False
    ]
