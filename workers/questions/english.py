"""A plan as English: the question, and how it names its things on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graph_schema.vocabulary import is_person
from workers.questions import words
from workers.questions.plan import (
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
    NextAppearance,
    Plan,
    Related,
    Scope,
)


@dataclass(frozen=True)
class NounPhrase:
    """A thing as the sentence names it.

    text: `the small cup`, `the thing that …`, or `it` once a clause has named it. full: the same without a pronoun. nested: whether
    the text has a verb of its own.
    """

    text: str
    full: str
    person: bool
    nested: bool


@dataclass(frozen=True)
class Phrasing:
    """A plan's start and links. mentions: the thing at the start and after each link; clauses: what stands before the question."""

    mentions: tuple[NounPhrase, ...]
    clauses: tuple[str, ...]


def question(plan: Plan) -> str:
    """Say the whole question."""
    told = tell(plan)
    front = "" if _time_goes_inside(plan) else time_words(plan.scope)
    if isinstance(plan.ask, AskMotion) and plan.ask.window is not None:
        front = words.between(plan.ask.window)
    if isinstance(plan.ask, AskThing) and isinstance(plan.start, ByMotion) and not plan.links:
        front = words.between(plan.start.window)
    return words.sentence(front, *told.clauses, main_clause(plan, told.mentions[-2:]))


def main_clause(plan: Plan, last: tuple[NounPhrase, ...]) -> str:
    """What is asked. last: the thing before the last link, where there is one, and the thing after it."""
    before, thing, link = last[0], last[-1], plan.links[-1] if plan.links else plan.start
    match plan.ask:
        case AskThing():
            if isinstance(link, Related):
                what = "what" if link.label is None else f"which {link.label}"
                return (words.ask_subject if link.forward else words.ask_object)(link.predicate, before.text, what)
            if isinstance(link, ByMotion):
                return f"what {words.verb_phrase(link.motion)}"
        case AskColour():
            return f"what colour does {thing.text} wear" if thing.person else f"what colour is {thing.text}"
        case AskMotion():
            return f"what does {thing.text} do"
        case AskFirst(forward):
            return f"what does {thing.text} do {'first' if forward else 'last'}"
        case AskTime(motion):
            return f"when does {thing.text} {words.bare_verb(motion)}"
        case AskNext(forward):
            if isinstance(link, DuringMotion):
                return f"what does {before.text} do right {'after' if forward else 'before'} {words.participle(link.motion)}"
        case AskShot(shot, forward):
            side, which = ("after", "next") if forward else ("before", "last")
            return f"{side} {words.shot_name(shot)}, in which shot does {thing.text} appear {which}"
    raise ValueError(f"{plan.ask} cannot follow {link}")


def tell(plan: Plan) -> Phrasing:
    """Name the things of a plan, from its start on."""
    inside = time_words(plan.scope) if _time_goes_inside(plan) else ""
    mentions, clauses = [_start(plan, inside)], []
    for i, link in enumerate(plan.links):
        thing = mentions[-1]
        if isinstance(link, Related):
            following = plan.links[i + 1] if i + 1 < len(plan.links) else None
            ends_scope = not isinstance(following, Related) and not any(
                isinstance(earlier, DuringMotion | NextAppearance) for earlier in plan.links[:i]
            )
            mentions.append(described(thing, link, inside if ends_scope else ""))
            continue
        if isinstance(link, NextAppearance):
            side, which = ("after", "next") if link.forward else ("before", "last")
            since = "" if inside else f" {side} {words.shot_name(link.shot)}"
            clauses.append(f"the {which} time {thing.text} is seen{since}")
        elif not isinstance(plan.ask, AskNext):
            clauses.append(f"while {thing.text} {words.verb_phrase(link.motion)}")
        mentions.append(NounPhrase(text="that person" if thing.person else "it", full=thing.full, person=thing.person, nested=False))
    return Phrasing(tuple(mentions), tuple(clauses))


def described(thing: NounPhrase, link: Related, when: str = "") -> NounPhrase:
    """The thing a relation leads to: `the thing that touches the cup in shot 1`, `the thing that, in shot 1, is above the thing that …`."""

    def say(known: str) -> str:
        relation = words.relative_clause(link.predicate, known, forward=link.forward)
        if not when:
            return f"{who} {relation}"
        return f"{who}, {when}, {relation}" if thing.nested else f"{who} {relation} {when}"

    person = is_person(link.label or "")
    that = "who" if person and words.can_nest(link.predicate, forward=link.forward) else "that"
    who = f"{words.the(link.label or 'thing')} {that}"
    return NounPhrase(text=say(thing.text), full=say(thing.full), person=person, nested=True)


def caption(thing: ByCaption) -> NounPhrase:
    """A thing by its caption."""
    said = words.the(thing.name)
    return NounPhrase(text=said, full=said, person=thing.person, nested=False)


def time_words(scope: Scope) -> str:
    """`in shot 2`, `between 1.0 s and 2.5 s`, or nothing for any time."""
    if scope.window is not None:
        return words.between(scope.window)
    return "" if scope.shot is None else words.in_shot(scope.shot)


def _start(plan: Plan, inside: str) -> NounPhrase:
    start = plan.start
    if isinstance(start, ByCaption):
        thing = caption(start)
        if inside and plan.scope.shot is not None and not (plan.links and isinstance(plan.links[0], Related)):
            said = f"{thing.text} of {words.shot_name(plan.scope.shot)}"
            return replace(thing, text=said, full=said)
        return thing
    who = "the person who" if start.person else "the thing that"
    said = f"{who} {words.verb_phrase(start.motion)} {words.between(start.window)}"
    return NounPhrase(text=said, full=said, person=start.person, nested=True)


def _time_goes_inside(plan: Plan) -> bool:
    """Whether the scope is said with the thing it is about: where the sentence as a whole is about another time."""
    own_time = isinstance(plan.ask, AskMotion) and plan.ask.window is not None
    return own_time or isinstance(plan.ask, AskShot) or any(isinstance(link, NextAppearance) for link in plan.links)
