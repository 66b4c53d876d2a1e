"""One spelling for what a model may spell in many ways: labels, attributes, predicates, motions. Text in, text out.

Labels count as one where their lemmas are the same. Predicates never go by similarity: "left of" and "right of" are near to every
sentence model.
"""

from __future__ import annotations

import functools
import re
import unicodedata

import lemminflect

from graph_schema.vocabulary import ABOVE, IN_FRONT_OF, INVERSE, LEFT_OF, STANDS

_ARTICLES = re.compile(r"^(the|an?|some|one|another|this|that)\s+")
_KINDS = {"color": "colour", "colours": "colour", "colors": "colour", "location": "position", "place": "position", "activity": "action"}
_COLOURS = {"gray": "grey", "violet": "purple", "light blue": "blue", "dark blue": "blue", "light green": "green", "dark green": "green"}
_COLOUR_KIND = "colour"
_PREDICATES = {
    **dict.fromkeys(("to the left of", "on the left of", "at the left of", "left"), LEFT_OF),
    **dict.fromkeys(("to the right of", "on the right of", "at the right of", "right"), INVERSE[LEFT_OF]),
    **dict.fromkeys(("over", "higher than"), ABOVE),
    **dict.fromkeys(("under", "underneath", "beneath", "lower than"), INVERSE[ABOVE]),
    **dict.fromkeys(("in the front of", "before"), IN_FRONT_OF),
    **dict.fromkeys(("in the back of", "in back of"), INVERSE[IN_FRONT_OF]),
    **dict.fromkeys(("beside", "near", "close to", "by", "alongside", "adjacent to"), "next to"),
    **dict.fromkeys(("on top of", "upon", "atop"), "on"),
    **dict.fromkeys(("inside", "inside of", "within"), "in"),
    **dict.fromkeys(("touching", "in contact with"), "touches"),
}
UNCHANGED = frozenset({"unchanged", "unchanging", "none", "no change", "nothing", "still", "stationary", "static", "not moving", "same"})


def plain(text: str) -> str:
    """In lower case and one line, without articles, quotes and punctuation at the ends."""
    text = unicodedata.normalize("NFC", " ".join(text.replace("_", " ").split())).casefold().strip(" .,;:!?\"'`*-()[]{}")
    return _ARTICLES.sub("", text)


@functools.cache
def canonical_label(text: str) -> str:
    """The label in the singular: "The Coffee Cups" -> "coffee cup". Empty where nothing of it is left."""
    *before, noun = plain(text).split() or [""]
    return " ".join([*before, _lemma(noun, "NOUN")]).strip()


def canonical_attribute(kind: str, name: str) -> tuple[str, str]:
    """(kind, name): "Color", "Gray" -> colour, grey."""
    kind, name = plain(kind), plain(name)
    kind = _KINDS.get(kind, kind)
    if kind == _COLOUR_KIND:
        name = _COLOURS.get(name, name)
        name = name.removesuffix(" coloured").removesuffix(" colored")
    return kind, name


@functools.cache
def canonical_predicate(text: str) -> str:
    """A word of the vocabulary where it is one; else a verb in its -ing form: "is holding", "holds" -> "holding"."""
    words = re.sub(r"^(is|are|was|were|being)\s+", "", plain(text))
    words = _PREDICATES.get(words, words)
    if words in _KNOWN or not words:
        return words
    first, _, rest = words.partition(" ")
    lemmas = lemminflect.getLemma(first, upos="VERB", lemmatize_oov=False)
    for lemma in lemmas:
        if first in lemminflect.getInflection(lemma, tag="VBZ", inflect_oov=False):
            (present, *_) = lemminflect.getInflection(lemma, tag="VBG")
            return f"{present} {rest}".strip()
    return words


@functools.cache
def canonical_motion(text: str) -> str:
    """What an object does, in the third person; `stands still` where nothing changes. Empty where nothing is said."""
    words = re.sub(r"^(it|he|she|they)\s+", "", plain(text))
    return STANDS if words in UNCHANGED or words == STANDS else words


_KNOWN = frozenset({*INVERSE, *INVERSE.values(), *_PREDICATES.values()})


@functools.cache
def _lemma(word: str, part_of_speech: str) -> str:
    """The dictionary form of a word; the word itself where the dictionary has it not."""
    lemmas: tuple[str, ...] = lemminflect.getLemma(word, upos=part_of_speech, lemmatize_oov=False) if word.isascii() else ()
    return lemmas[0] if lemmas else word
