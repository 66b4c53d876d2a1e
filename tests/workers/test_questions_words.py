"""How edges are said: each line is an English clause worked by hand."""

from __future__ import annotations

import pytest

from workers.questions import words


@pytest.mark.parametrize(
    ("predicate", "subject", "asked_of_object"),
    [
        ("left of", "what is to the left of the cup", "what is to the right of the cup"),
        ("above", "what is above the cup", "what is below the cup"),
        ("in front of", "what is in front of the cup", "what is behind the cup"),
        ("touches", "what touches the cup", "what touches the cup"),
        ("holding", "what is holding the cup", "what is the cup holding"),
        ("next to", "what is next to the cup", "what is the cup next to"),
        ("on", "what is on the cup", "what is the cup on"),
        ("is sitting on", "what is sitting on the cup", "what is the cup sitting on"),
        ("carries", "what carries the cup", "what does the cup carry"),
        ("watches", "what watches the cup", "what does the cup watch"),
        ("walks past", "what walks past the cup", "what does the cup walk past"),
        ("has", "what has the cup", "what does the cup have"),
        ("looking_at", "what is looking at the cup", "what is the cup looking at"),
        ("across from", "what is across from the cup", "what is the cup across from"),
    ],
)
def test_relations_are_asked_from_both_ends(predicate: str, subject: str, asked_of_object: str) -> None:
    assert words.ask_subject(predicate, "the cup") == subject
    assert words.ask_object(predicate, "the cup") == asked_of_object


@pytest.mark.parametrize(
    ("predicate", "of_subject", "of_object"),
    [
        ("left of", "is to the left of the man", "is to the right of the man"),
        ("touches", "touches the man", "touches the man"),
        ("holding", "is holding the man", "the man is holding"),
        ("holds", "holds the man", "the man holds"),
    ],
)
def test_relations_describe_an_object_from_both_ends(predicate: str, of_subject: str, of_object: str) -> None:
    assert words.relative_clause(predicate, "the man", forward=True) == of_subject
    assert words.relative_clause(predicate, "the man", forward=False) == of_object


@pytest.mark.parametrize(
    ("motion", "says", "bare", "participle"),
    [
        ("moves up and left", "moves up and left", "move up and left", "moving up and left"),
        ("stands still", "stands still", "stand still", "standing still"),
        ("runs away", "runs away", "run away", "running away"),
        ("sits down", "sits down", "sit down", "sitting down"),
        ("lies down", "lies down", "lie down", "lying down"),
        ("opens", "opens", "open", "opening"),
        ("goes out", "goes out", "go out", "going out"),
        ("turning", "is turning", "be turning", "turning"),
        ("travels on", "travels on", "travel on", "traveling on"),
        ("begins to eat", "begins to eat", "begin to eat", "beginning to eat"),
        ("left", "is left", "be left", "being left"),
    ],
)
def test_motions_have_their_forms(motion: str, says: str, bare: str, participle: str) -> None:
    assert (words.verb_phrase(motion), words.bare_verb(motion), words.participle(motion)) == (says, bare, participle)


def test_a_caption_keeps_no_article_of_its_own() -> None:
    assert [words.the(n) for n in ("red cup", "The red cup", "a  man", "theatre")] == [
        "the red cup",
        "the red cup",
        "the man",
        "the theatre",
    ]


def test_times_are_given_in_tenths_and_inside_of_what_they_mean() -> None:
    assert words.inner_tenths(1.21, 3.09) == (1.3, 3.0)
    assert words.inner_tenths(1.2, 3.0) == (1.2, 3.0)  # 1.2 * 10 is a little more than 12
    assert words.between((1.3, 3.0)) == "between 1.3 s and 3.0 s"


@pytest.mark.parametrize(
    ("text", "inside"),
    [("What is left of the Red cup?", True), ("What is the red cups' owner?", False), ("a hundred cups", False), ("red  cup", False)],
)
def test_words_are_found_whole_and_in_any_case(text: str, inside: bool) -> None:
    assert words.contains_words(text, "red cup") is inside
