"""A plan as English: the question, and how it names its objects on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workers.questions import words
from workers.questions.links import ByCaption, DuringMotion, NextAppearance, Related
from workers.questions.noun_phrase import NounPhrase, caption, described, time_words
from workers.questions.plan import Plan


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
