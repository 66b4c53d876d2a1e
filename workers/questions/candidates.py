"""A path as the plans that can be read from it, the preferred ones first.

A relation leads to another object. A motion tells an object by what it does, or gives the time of what comes after it ("while the cup
moves left, …"), or is asked for. A reference leads to the clip in which an object is seen again, or is asked for. Paths that would
need two times of that kind in one sentence, or come back to an object, are not asked.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from graph_schema.models import SceneObject
from graph_schema.vocabulary import STANDS, caption_kinds, is_person
from workers.questions import words
from workers.questions.ask import Ask
from workers.questions.asks import candidate_asks
from workers.questions.graph_index import GraphIndex
from workers.questions.hops import GENERIC_LABELS, Hop, ending_of
from workers.questions.links import ANY_TIME, ByCaption, ByMotion, DuringMotion, Link, NextAppearance, Related, Scope, Start, Window
from workers.questions.plan import Plan

MIN_WINDOW_SECONDS = 0.4
"""A question about less time than this cannot be seen in a video."""


def candidate_plans(hops: Sequence[Hop], index: GraphIndex, chance: random.Random) -> Iterator[Plan]:
    """Yield the plans that the hops can be read as, in drawn order, each from any time to the narrowest."""
    forms = [(start, rest, ask) for start, rest in _starts(hops) for ask in candidate_asks(ending_of(hops, rest), index)]
    for start, rest, ask in chance.sample(forms, len(forms)):
        for links in dict.fromkeys((_links(rest, ask, labelled=False), _links(rest, ask, labelled=True))):
            if links is not None:
                yield from (Plan(start, links, timed, scope) for scope, timed in _times(start, links, ask, hops, index))


def by_caption(obj: SceneObject) -> ByCaption:
    """An object told by its caption."""
    kinds = caption_kinds(obj.label)
    properties = tuple((a.kind, a.name) for kind in kinds for a in obj.attributes if a.kind == kind)
    return ByCaption(obj.name, obj.label, properties, is_person(obj.label))


def _starts(hops: Sequence[Hop]) -> list[tuple[Start, Sequence[Hop]]]:
    """How the first object is told, and the hops that are left to phrase."""
    first = hops[0]
    person = is_person(first.known.label)
    starts: list[tuple[Start, Sequence[Hop]]] = [(by_caption(first.known), hops)]
    # a static object stands still too, and has no motion that says so
    if first.kind == "moves" and first.word != STANDS and _long_enough(first.window):
        starts.append((ByMotion(first.word, first.window, person), hops[1:]))
    return starts


def _links(rest: Sequence[Hop], ask: Ask, *, labelled: bool) -> tuple[Link, ...] | None:
    """The links that lead to what is asked; None where one is a clause that cannot be said.

    labelled: objects on the way are told by their labels, `the star that …`; people always are.
    """
    links: list[Link] = []
    for i, hop in enumerate(rest):
        last = i == len(rest) - 1
        if hop.kind == "relates":
            if i > 0 and not last and not words.can_nest(hop.word, forward=hop.forward):
                return None
            has_label = hop.target.label.casefold() not in GENERIC_LABELS if labelled else is_person(hop.target.label)
            is_answer = last and ask.names_object
            links.append(Related(hop.word, hop.forward, hop.target.label if has_label and not is_answer else None))
        elif not last:
            links.append(DuringMotion(hop.word) if hop.kind == "moves" else NextAppearance(hop.known.clip_index, hop.forward))
    return tuple(links)


def _times(start: Start, links: Sequence[Link], ask: Ask, hops: Sequence[Hop], index: GraphIndex) -> Iterator[tuple[Scope, Ask]]:
    """The scopes to try, from any time to the narrowest, each with the question's own time where it has one."""
    wide = [ANY_TIME, Scope(clip=hops[0].known.clip_index)] if len(index.graph.clips) > 1 else [ANY_TIME]
    bridged = any(not isinstance(link, Related) for link in links)
    last = hops[-1]
    for scope in wide:
        yield scope, ask
    if bridged or not ask.takes_window:
        return
    narrowed = ask.in_window(last.window)
    timed = [h.interval for h in hops if h.kind == "relates" or (narrowed is not None and h is last)]
    if timed:
        common = words.inner_tenths(max(s for s, _ in timed), min(e for _, e in timed))
        if _long_enough(common):
            yield Scope(window=common), ask
    if narrowed is not None and (links or isinstance(start, ByMotion)) and _long_enough(last.window):
        for scope in wide:
            yield scope, narrowed


def _long_enough(window: Window) -> bool:
    return window[1] - window[0] >= MIN_WINDOW_SECONDS - 1e-9
