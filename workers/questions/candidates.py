"""A path as the plans that can be read from it, the preferred ones first.

A relation leads to another thing. A motion tells a thing by what it does, or gives the time of what comes after it ("while the cup
moves left, …"), or is asked for. A reference leads to the shot in which a thing is seen again, or is asked for. Paths that would need
two times of that kind in one sentence, or come back to a thing, are not asked.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from graph_schema.models import Motion, ReasoningPath, Relation, SceneObject
from graph_schema.vocabulary import STANDS, caption_kinds, is_person
from workers.questions import words
from workers.questions.graph_index import GraphIndex
from workers.questions.plan import (
    ANY_TIME,
    Ask,
    AskColour,
    AskFirst,
    AskMotion,
    AskNext,
    AskShot,
    AskThing,
    AskTime,
    ByCaption,
    ByMotion,
    DuringMotion,
    Link,
    NextAppearance,
    Plan,
    Related,
    Scope,
    Start,
    Window,
)

MIN_WINDOW_SECONDS = 0.4
"""A question about less time than this cannot be seen in a video."""
SAYS_NOTHING = frozenset({"object", "thing", "item", "something", "moving object"})
"""Labels that are no answer: to "what moves left?" not at all, to others only with a colour."""


@dataclass(frozen=True)
class Hop:
    """One edge of a path, walked from the known end to the end it asks for.

    word: the predicate or motion; empty for a reference. forward: the end asked for is the relation's subject, or the later
    appearance. stretch: the whole time of the relation or motion that the edge is a part of, seconds.
    """

    kind: Literal["relates", "moves", "same"]
    word: str
    forward: bool
    stretch: Window
    edge_id: str
    known: SceneObject
    asked: SceneObject

    @property
    def window(self) -> Window:
        """The stretch in whole tenths of a second, as it is said."""
        return words.inner_tenths(*self.stretch)


def hops_of(path: ReasoningPath, index: GraphIndex) -> list[Hop] | None:
    """The path's edges from its far end to the answer; None where it comes back to a thing, or something on it has no word.

    Edges that are parts of one stretch of one motion are one hop.
    """
    hops: list[Hop] = []
    for i in reversed(range(len(path.edges))):
        hop = _hop(path.edges[i].id, index.objects[path.node_ids[i + 1]], index.objects[path.node_ids[i]], index)
        if hops and hop.kind == hops[-1].kind == "moves" and (hop.word, hop.stretch) == (hops[-1].word, hops[-1].stretch):
            continue
        hops.append(hop)
    said = [word for h in hops for word in (h.known.label, h.asked.label, *([] if h.kind == "same" else [h.word]))]
    if not all(word.strip() for word in said):
        return None
    met = [hops[0].known.entity_id, *(h.asked.entity_id for h in hops if h.kind == "relates")]
    return hops if len(set(met)) == len(met) else None


def candidate_plans(hops: Sequence[Hop], index: GraphIndex, chance: random.Random) -> Iterator[Plan]:
    """Yield the plans that the hops can be read as, in drawn order, each from any time to the narrowest."""
    forms = [(start, rest, ask) for start, rest in _starts(hops) for ask in _asks(hops, rest, index)]
    for start, rest, ask in chance.sample(forms, len(forms)):
        for links in dict.fromkeys((_links(rest, ask, labelled=False), _links(rest, ask, labelled=True))):
            if links is not None:
                yield from (Plan(start, links, timed, scope) for scope, timed in _times(start, links, ask, hops, index))


def by_caption(thing: SceneObject) -> ByCaption:
    """A thing told by its caption."""
    kinds = caption_kinds(thing.label)
    said = tuple((a.kind, a.name) for kind in kinds for a in thing.attributes if a.kind == kind)
    return ByCaption(thing.name, thing.label, said, is_person(thing.label))


def _hop(edge_id: str, known: SceneObject, asked: SceneObject, index: GraphIndex) -> Hop:
    what = index.edges[edge_id]
    if isinstance(what, Relation):
        return Hop("relates", what.predicate, asked.id == what.subject_id, index.stretch_of(what), edge_id, known, asked)
    if isinstance(what, Motion):
        return Hop("moves", what.motion, asked.id == what.to_id, index.stretch_of(what), edge_id, known, asked)
    return Hop("same", "", asked.clip_index > known.clip_index, (0.0, 0.0), edge_id, known, asked)


def _starts(hops: Sequence[Hop]) -> list[tuple[Start, Sequence[Hop]]]:
    """How the first thing is told, and the hops that are left to say."""
    first = hops[0]
    person = is_person(first.known.label)
    found: list[tuple[Start, Sequence[Hop]]] = [(by_caption(first.known), hops)]
    # what is static stands still too, and has no motion that says so
    if first.kind == "moves" and first.word != STANDS and _long_enough(first.window):
        found.append((ByMotion(first.word, first.window, person), hops[1:]))
    return found


def _links(rest: Sequence[Hop], ask: Ask, *, labelled: bool) -> tuple[Link, ...] | None:
    """The links that lead to what is asked; None where one is a clause that cannot be said.

    labelled: things on the way are told by their labels, `the star that …`; people always are.
    """
    links: list[Link] = []
    for i, hop in enumerate(rest):
        last = i == len(rest) - 1
        if hop.kind == "relates":
            if i > 0 and not last and not words.can_nest(hop.word, forward=hop.forward):
                return None
            told = hop.asked.label.casefold() not in SAYS_NOTHING if labelled else is_person(hop.asked.label)
            is_answer = last and isinstance(ask, AskThing)
            links.append(Related(hop.word, hop.forward, hop.asked.label if told and not is_answer else None))
        elif not last:
            links.append(DuringMotion(hop.word) if hop.kind == "moves" else NextAppearance(hop.known.clip_index, hop.forward))
    return tuple(links)


def _asks(hops: Sequence[Hop], rest: Sequence[Hop], index: GraphIndex) -> list[Ask]:
    """What can be asked at the end of the hops."""
    last, bridges = hops[-1], [h for h in rest[:-1] if h.kind != "relates"]
    if last.kind == "moves" and bridges and bridges[-1] is rest[-2] and bridges[-1].kind == "moves":
        one_after_another = all(h.kind == "same" for h in bridges[:-1]) and len(bridges) <= 2
        return [AskNext(last.stretch[0] > bridges[-1].stretch[0])] if one_after_another else []
    if len(bridges) > 1:
        return []
    if not rest or last.kind == "relates":
        colours = index.colours(last.asked.entity_id)
        says_nothing = last.asked.label.casefold() in SAYS_NOTHING and not (rest and colours)
        asks: list[Ask] = [] if says_nothing else [AskThing()] * 3
        return [*asks, AskColour()] if len(colours) == 1 else asks
    if last.kind == "same":
        beside = [c for c in index.graph.clips if (c.index > last.known.clip_index if last.forward else c.index < last.known.clip_index)]
        return [AskShot(last.known.clip_index, last.forward)] if not bridges and len(beside) > 1 else []
    if not bridges:
        return [AskMotion(), AskMotion(), AskTime(last.word)]
    return [AskMotion()] if bridges[0].kind == "moves" else [AskMotion(), AskFirst(bridges[0].forward), AskTime(last.word)]


def _times(start: Start, links: Sequence[Link], ask: Ask, hops: Sequence[Hop], index: GraphIndex) -> Iterator[tuple[Scope, Ask]]:
    """The scopes to try, from any time to the narrowest, each with the question's own time where it has one."""
    wide = [ANY_TIME, Scope(shot=hops[0].known.clip_index)] if len(index.graph.clips) > 1 else [ANY_TIME]
    bridged = any(not isinstance(link, Related) for link in links)
    moving = hops[-1] if isinstance(ask, AskMotion) and not bridged else None
    for scope in wide:
        yield scope, ask
    if bridged or isinstance(ask, AskTime | AskShot):
        return
    timed = [h.stretch for h in hops if h.kind == "relates" or h is moving]
    if timed:
        common = words.inner_tenths(max(s for s, _ in timed), min(e for _, e in timed))
        if _long_enough(common):
            yield Scope(window=common), ask
    if moving is not None and (links or isinstance(start, ByMotion)) and _long_enough(moving.window):
        for scope in wide:
            yield scope, AskMotion(moving.window)


def _long_enough(window: Window) -> bool:
    return window[1] - window[0] >= MIN_WINDOW_SECONDS - 1e-9
