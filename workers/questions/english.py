"""A plan as English: the question, and how it names its objects on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graph_schema.vocabulary import is_person
from workers.questions import words
from workers.questions.plan import ByCaption, DuringMotion, NextAppearance, Plan, Related, Scope


@dataclass(frozen=True)
class NounPhrase:
    """An object as the sentence names it.

    text: `the small cup`, `the thing that …`, or `it` once a clause has named it. full: the same without a pronoun. nested: whether
    the text has a verb of its own.
    """

    text: str
    full: str
    person: bool
    nested: bool


@dataclass(frozen=True)
class Phrasing:
    """A plan's start and links. nouns: the object at the start and after each link; clauses: what stands before the question."""

    nouns: tuple[NounPhrase, ...]
    clauses: tuple[str, ...]


def question(plan: Plan) -> str:
    """Phrase the whole question."""
    phrasing = phrase(plan)
    window = plan.ask.own_window(plan.last_link)
    scope = "" if _time_goes_inside(plan) else time_words(plan.scope)
    front = scope if window is None else words.between(window)
    before, noun = phrasing.nouns[-2:][0], phrasing.nouns[-1]  # the same where there is no link
    return words.sentence(front, *phrasing.clauses, plan.ask.clause(plan.last_link, before, noun))


def phrase(plan: Plan) -> Phrasing:
    """Name the objects of a plan, from its start on."""
    inside = time_words(plan.scope) if _time_goes_inside(plan) else ""
    nouns, clauses = [_start(plan, inside)], []
    for i, link in enumerate(plan.links):
        noun = nouns[-1]
        if isinstance(link, Related):
            following = plan.links[i + 1] if i + 1 < len(plan.links) else None
            ends_scope = not isinstance(following, Related) and not any(
                isinstance(earlier, DuringMotion | NextAppearance) for earlier in plan.links[:i]
            )
            nouns.append(described(noun, link, inside if ends_scope else ""))
            continue
        if isinstance(link, NextAppearance):
            side, which = ("after", "next") if link.forward else ("before", "last")
            since = "" if inside else f" {side} {words.clip_name(link.clip)}"
            clauses.append(f"the {which} time {noun.text} is seen{since}")
        elif not plan.ask.phrases_last_link or i < len(plan.links) - 1:
            clauses.append(f"while {noun.text} {words.verb_phrase(link.motion)}")
        nouns.append(NounPhrase(text="that person" if noun.person else "it", full=noun.full, person=noun.person, nested=False))
    return Phrasing(tuple(nouns), tuple(clauses))


def described(noun: NounPhrase, link: Related, when: str = "") -> NounPhrase:
    """What a relation leads to: `the thing that touches the cup in shot 1`, `the thing that, in shot 1, is above the thing that …`."""

    def with_known(known: str) -> str:
        relation = words.relative_clause(link.predicate, known, forward=link.forward)
        if not when:
            return f"{who} {relation}"
        return f"{who}, {when}, {relation}" if noun.nested else f"{who} {relation} {when}"

    person = is_person(link.label or "")
    that = "who" if person and words.can_nest(link.predicate, forward=link.forward) else "that"
    who = f"{words.the(link.label or 'thing')} {that}"
    return NounPhrase(text=with_known(noun.text), full=with_known(noun.full), person=person, nested=True)


def caption(start: ByCaption) -> NounPhrase:
    """An object by its caption."""
    text = words.the(start.name)
    return NounPhrase(text=text, full=text, person=start.person, nested=False)


def time_words(scope: Scope) -> str:
    """`in shot 2`, `between 1.0 s and 2.5 s`, or nothing for any time."""
    if scope.window is not None:
        return words.between(scope.window)
    return "" if scope.clip is None else words.in_clip(scope.clip)


def _start(plan: Plan, inside: str) -> NounPhrase:
    start = plan.start
    if isinstance(start, ByCaption):
        noun = caption(start)
        if inside and plan.scope.clip is not None and not (plan.links and isinstance(plan.links[0], Related)):
            text = f"{noun.text} of {words.clip_name(plan.scope.clip)}"
            return replace(noun, text=text, full=text)
        return noun
    who = "the person who" if start.person else "the thing that"
    text = f"{who} {words.verb_phrase(start.motion)} {words.between(start.window)}"
    return NounPhrase(text=text, full=text, person=start.person, nested=True)


def _time_goes_inside(plan: Plan) -> bool:
    """Whether the scope is said with the object it is about: where the sentence as a whole is about another time."""
    has_own_time = plan.ask.own_window(plan.last_link) is not None
    return has_own_time or plan.ask.ignores_scope or any(isinstance(link, NextAppearance) for link in plan.links)
