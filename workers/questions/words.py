"""Predicates, motions and times as plain English words. Text in, text out.

Forms of verbs are lemminflect's, which looks them up in a dictionary; inflect makes them by rule, and some wrong (`openning`, `visitting`).
"""

from __future__ import annotations

import functools
import math
import re

import lemminflect

from graph_schema.vocabulary import INVERSE, LEFT_OF
from workers.questions.links import Window

PHRASES = {LEFT_OF: "to the left of", INVERSE[LEFT_OF]: "to the right of"}
"""`What is left of the cup?` asks how much of it remains."""


def verb_phrase(predicate: str) -> str:
    """Say it of a subject: `left of` -> `is to the left of`, `touches` -> `touches`, `holding` -> `is holding`."""
    plain = _plain(predicate)
    return plain if _is_verb(plain) else f"is {plain}"


def bare_verb(motion: str) -> str:
    """Say it after `does`: `moves left` -> `move left`, `turning` -> `be turning`."""
    plain = _plain(motion)
    if not _is_verb(plain):
        return f"be {plain}"
    first, _, rest = plain.partition(" ")
    return f"{_lemma(first)} {rest}".rstrip()


def participle(motion: str) -> str:
    """Say it after `right after`: `moves left` -> `moving left`, `turning` -> `turning`."""
    plain = _plain(motion)
    if not _is_verb(plain):
        return plain if plain.split()[0].endswith("ing") else f"being {plain}"
    first, _, rest = plain.partition(" ")
    (present, *_) = lemminflect.getInflection(_lemma(first), tag="VBG")
    return f"{present} {rest}".rstrip()


def ask_subject(predicate: str, noun: str, what: str = "what") -> str:
    """Ask for the subject: `what is to the left of the red circle`, `which cup touches the plate`."""
    return f"{what} {verb_phrase(predicate)} {noun}"


def ask_object(predicate: str, noun: str, what: str = "what") -> str:
    """Ask for the object of a known subject: `what is to the right of the circle`, `what is the man holding`, `what does he carry`."""
    if predicate in INVERSE:
        return ask_subject(INVERSE[predicate], noun, what)
    plain = _plain(predicate)
    return f"{what} does {noun} {bare_verb(plain)}" if _is_verb(plain) else f"{what} is {noun} {plain}"


def relative_clause(predicate: str, noun: str, *, forward: bool) -> str:
    """Tell an object by its relation, from the subject's side (forward) or the object's: `touches the cup`, `the man is holding`."""
    if not forward and predicate not in INVERSE:
        return f"{noun} {verb_phrase(predicate)}"
    return f"{verb_phrase(predicate if forward else INVERSE[predicate])} {noun}"


def can_nest(predicate: str, *, forward: bool) -> bool:
    """Whether a noun that is itself described can stand in `relative_clause`: not before its verb, `that the thing that … is holding`."""
    return forward or predicate in INVERSE


def the(name: str) -> str:
    """An object by its caption."""
    return f"the {re.sub('^(the|an?) ', '', ' '.join(name.split()), flags=re.IGNORECASE)}"


def between(window: Window) -> str:
    """`between 1.2 s and 3.0 s`."""
    return f"between {window[0]:.1f} s and {window[1]:.1f} s"


def in_clip(clip_index: int) -> str:
    """`in shot 1`, of the clip with index 0."""
    return f"in {clip_name(clip_index)}"


def clip_name(clip_index: int) -> str:
    """`shot 1`: people read of clips as shots, counted from 1."""
    return f"shot {clip_index + 1}"


def inner_tenths(start_seconds: float, end_seconds: float) -> Window:
    """The interval rounded inwards to tenths of a second; start >= end where nothing is left of it."""
    return math.ceil(start_seconds * 10 - 1e-6) / 10, math.floor(end_seconds * 10 + 1e-6) / 10


def nearest_tenths(start_seconds: float, end_seconds: float) -> Window:
    """The interval rounded to tenths of a second, halves up, as Cypher's `round` does."""
    return math.floor(start_seconds * 10 + 0.5) / 10, math.floor(end_seconds * 10 + 0.5) / 10


def sentence(*parts: str) -> str:
    """A question of its clauses: commas between, capital, question mark."""
    text = ", ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}?"


def contains_words(text: str, phrase: str) -> bool:
    """Whether a text contains words in a row, in any case."""
    return re.search(rf"(?<!\w){re.escape(' '.join(phrase.split()))}(?!\w)", text, flags=re.IGNORECASE) is not None


def _plain(predicate: str) -> str:
    plain = " ".join(predicate.replace("_", " ").split())
    plain = re.sub("^(is|are) ", "", plain)
    return PHRASES.get(plain, plain)


def _is_verb(plain: str) -> bool:
    """Whether it begins with a verb of the third person, as `touches`, not `left`, `across` or `holding`."""
    return _lemma(plain.split()[0]) is not None if plain else False


@functools.cache
def _lemma(verb: str) -> str | None:
    """The bare form of a verb of the third person; None for any other word."""
    lemmas: tuple[str, ...] = lemminflect.getLemma(verb, upos="VERB", lemmatize_oov=False)
    return next((lemma for lemma in lemmas if verb in lemminflect.getInflection(lemma, tag="VBZ", inflect_oov=False)), None)
