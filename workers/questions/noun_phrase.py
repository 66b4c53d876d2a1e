"""How a sentence names an object, and says a time."""

from __future__ import annotations

from dataclasses import dataclass

from graph_schema.vocabulary import is_person
from workers.questions import words
from workers.questions.links import ByCaption, Related, Scope


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
