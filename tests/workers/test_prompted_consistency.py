"""What several replies agree on, worked by hand; and the one spelling they are brought to first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.induction import group_labels
from workers.parsers.prompted.canonical import canonical_attribute, canonical_label, canonical_motion, canonical_predicate
from workers.parsers.prompted.consistency import AgreedObject, agreed, agreed_objects
from workers.parsers.prompted.replies import ObjectReply


def reply(*objects: str | tuple[str, str]) -> list[ObjectReply]:
    return [ObjectReply(label=o) if isinstance(o, str) else ObjectReply(label=o[0], which=o[1]) for o in objects]


def shown(objects: tuple[AgreedObject, ...]) -> list[tuple[str, str, float]]:
    return [(o.label, o.which, round(o.confidence, 2)) for o in objects]


def test_what_three_of_five_say_stays_with_its_share() -> None:
    replies = [["a", "b"], ["a"], ["a", "b", "c"], ["a", "b"], None]  # the last could not be read
    assert agreed(replies, 0.6) == {"a": 0.8, "b": 0.6}


def test_a_reply_that_says_a_thing_twice_has_one_vote() -> None:
    assert agreed([["a", "a"], ["b"]], 0.6) == {}


def test_objects_are_counted_over_replies_whatever_their_spelling() -> None:
    replies = [reply("Cups", "dog"), reply("the cup", "dog"), reply("cup"), reply("a cup", "tree"), reply("cup", "dog")]
    assert shown(agreed_objects(replies, 0.6)) == [("cup", "", 1.0), ("dog", "", 0.6)]


def test_two_of_a_label_in_one_reply_are_two() -> None:
    red, blue = ("cup", "red"), ("cup", "blue")
    replies = [reply(red, blue), reply(blue, red), reply(red), reply(blue, red), reply(red, blue)]
    assert shown(agreed_objects(replies, 0.6)) == [("cup", "red", 1.0), ("cup", "blue", 0.8)]


def test_a_second_one_that_few_see_is_left_out() -> None:
    replies = [reply(("cup", "red"), ("cup", "blue")), *[reply(("cup", "red"))] * 4]
    assert shown(agreed_objects(replies, 0.6)) == [("cup", "red", 1.0)]


def test_boxes_tell_look_alikes_apart() -> None:
    left, right = ObjectReply(label="cup", box=(0, 0, 10, 10)), ObjectReply(label="cup", box=(50, 0, 60, 10))
    (first, second) = agreed_objects([[left, right], [right, left], [right]], 0.6)
    assert (first.box, first.confidence) == (right.box, 1.0)
    assert (second.box, round(second.confidence, 2)) == (left.box, 0.67)
    assert first.members == ((0, 1), (1, 0), (2, 0))


def test_more_certain_objects_come_first_then_those_named_first() -> None:
    replies = [reply("table", "cup", "dog"), reply("table", "cup", "dog"), reply("cup", "dog")]
    assert [o.label for o in agreed_objects(replies, 0.6)] == ["cup", "dog", "table"]


def test_labels_that_mean_the_same_are_one() -> None:
    def similar(a: str, b: str) -> float:
        return 0.9 if {a, b} == {"sofa", "couch"} else 0.2

    replies = [reply("sofa"), reply("couch"), reply("sofa", "dog"), reply("dog"), reply("sofa")]
    assert shown(agreed_objects(replies, 0.6, similar)) == [("sofa", "", 0.8)]
    assert shown(agreed_objects(replies, 0.6)) == [("sofa", "", 0.6)]
    assert group_labels(["couch", "sofa", "sofa"], similar) == {"sofa": "sofa", "couch": "sofa"}


@given(st.lists(st.lists(st.sampled_from(["cup", "cups", "dog", "tree"]), max_size=5), min_size=1, max_size=6), st.randoms())
def test_the_order_of_replies_decides_nothing_of_labels_and_shares(replies: list[list[str]], random: object) -> None:
    shuffled = sorted(replies, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = (agreed_objects([reply(*r) for r in order], 0.6) for order in (replies, shuffled))
    assert sorted((o.label, o.confidence) for o in one) == sorted((o.label, o.confidence) for o in other)
    for o in one:
        assert len({r for r, _ in o.members}) == len(o.members)  # a reply is at most one vote for one object


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The Coffee Cups", "coffee cup"),
        ("glasses", "glass"),
        ("men", "man"),
        ("people", "people"),
        ('"Bus".', "bus"),
        ("чашки", "чашки"),
        ("...", ""),
    ],
)
def test_labels_are_singular_nouns(text: str, label: str) -> None:
    assert canonical_label(text) == label


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("is to the left of", "left of"),
        ("To The Right Of", "right of"),
        ("holds", "holding"),
        ("is holding", "holding"),
        ("sits on", "sitting on"),
        ("touching", "touches"),
        ("touches", "touches"),
        ("underneath", "below"),
        ("held by", "held by"),
    ],
)
def test_predicates_have_one_form(text: str, predicate: str) -> None:
    assert canonical_predicate(text) == predicate


def test_attributes_and_motions_have_one_form() -> None:
    assert canonical_attribute("Color", "Gray") == ("colour", "grey")
    assert canonical_attribute("location", "on the left") == ("position", "on the left")
    assert [canonical_motion(t) for t in ("Unchanged.", "it moves left", "Sits down", "")] == [
        "stands still",
        "moves left",
        "sits down",
        "",
    ]
