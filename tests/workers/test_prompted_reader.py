"""Reading what models reply: fences, prose, cut-off lists, wrong types; whatever the text, nothing is raised and nothing is made up."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workers.parsers.prompted.reader import Items, read_items, read_object, read_text
from workers.parsers.prompted.replies import AttributeReply, KindsReply, ObjectReply, RelationReply
from workers.video_llms import Generation
from workers.video_llms.reply_text import read_yes_no

CUP = '{"label": "cup", "which": "red"}'
DOG = '{"label": "dog", "which": ""}'


def labels(text: str, *, complete: bool = True) -> list[str] | None:
    read = read_items(Generation(text=text, complete=complete), "objects", ObjectReply)
    return None if read is None else [o.label for o in read.items]


@pytest.mark.parametrize(
    "text",
    [
        f'{{"objects": [{CUP}, {DOG}]}}',
        f'```json\n{{"objects": [{CUP}, {DOG}]}}\n```',
        f'Sure! Here are {{two}} objects: {{"objects": [{CUP}, {DOG},],}} I hope {{this}} helps.',
        "<think>{\"objects\": []} is wrong</think>{'objects': ['cup', 'dog']}",
        f"[{CUP}, {DOG}]",
        f'{{"result": 1}}\n{{"objects": [{CUP}, {DOG}]}}',
        '{"objects": ["cup", "dog"]}',
        '{"objects": [{"name": "cup"}, {"name": "dog"}]}',
        '{"objects": [{label: "cup"} {label: "dog"}]}',
        f'{{"objects": [{CUP}, // the red one\n {DOG}]}}',
    ],
)
def test_a_list_is_found_however_it_is_wrapped(text: str) -> None:
    assert labels(text) == ["cup", "dog"]


def test_other_languages_stay_as_they_are() -> None:
    assert labels('{"objects": ["чашка", "犬", "tasse à café"]}') == ["чашка", "犬", "tasse à café"]


@pytest.mark.parametrize(
    "text", ["", "I see a cup and a dog.", "objects: cup, dog", '{"things": 3}', "null", "[" * 100_000, '{"a":' * 20_000]
)
def test_what_has_no_list_is_not_an_empty_list(text: str) -> None:
    assert labels(text) is None


@pytest.mark.parametrize("text", ["[[[", "\x08[[[/<Fs obj[/t[[", '{"objects": [', '{"objects": [{"label": "cu'])
def test_a_list_that_was_cut_off_before_anything_was_said_is_none(text: str) -> None:
    assert read_items(Generation(text=text, complete=False), "objects", ObjectReply) is None


def test_brackets_alone_are_no_list() -> None:
    assert read_items(Generation(text="[[["), "objects", ObjectReply) is None
    assert read_items(Generation(text='{"objects": ['), "objects", ObjectReply) == Items(())  # begun as one, though never closed


def test_an_empty_list_is_one() -> None:
    assert labels('{"objects": []}') == []


def test_an_item_of_the_wrong_form_costs_itself_alone() -> None:
    read = read_items(Generation(text=f'{{"objects": [{CUP}, 7, null, {{"which": "blue"}}, ["cup"], {DOG}]}}'), "objects", ObjectReply)
    assert read is not None
    assert ([o.label for o in read.items], read.rejected) == (["cup", "dog"], 4)


def test_the_last_item_of_a_cut_off_reply_is_left_out() -> None:
    text = '{"objects": ["cup", "dog", "ta'  # table, or tarpaulin
    assert labels(text, complete=False) == ["cup", "dog"]


def test_a_box_that_is_none_costs_the_box_and_not_the_object() -> None:
    text = '{"objects": [{"label": "cup", "bbox_2d": [1, 2, 3, 4]}, {"label": "cup", "box": [1, 2]}, {"label": "cup", "box": "left"}]}'
    read = read_items(Generation(text=text), "objects", ObjectReply)
    assert read is not None
    assert [o.box for o in read.items] == [(1, 2, 3, 4), None, None]


def test_attributes_may_be_pairs() -> None:
    read = read_items(
        Generation(text='{"attributes": [{"colour": "red"}, {"kind": "size", "name": "small"}]}'), "attributes", AttributeReply
    )
    assert read is not None
    assert [(a.kind, a.name) for a in read.items] == [("colour", "red"), ("size", "small")]


def test_an_object_is_read_whole_or_not_at_all() -> None:
    text = 'They are: {"dynamic": ["dog"], "static": ["cup"]}'
    assert read_object(Generation(text=text), KindsReply, ("dynamic",)) == KindsReply(dynamic=("dog",), static=("cup",))
    assert read_object(Generation(text=text[:-12], complete=False), KindsReply, ("dynamic",)) is None
    assert read_object(Generation(text='{"dynamic": 5}'), KindsReply, ("dynamic",)) is None


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("Yes.", True),
        ("no", False),
        ("**No**, there is none", False),
        ("<think>yes?</think> No", False),
        ("I know nothing", None),
        ("", None),
    ],
)
def test_yes_and_no(text: str, yes: bool | None) -> None:
    assert read_yes_no(text) is yes


def test_text_is_one_line_without_thoughts() -> None:
    assert read_text(Generation(text="<think>a dog?</think>\n A cup\n on a table. ")) == "A cup on a table."
    assert read_text(Generation(text="<think>a dog that never ends")) is None


WORDS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20).filter(lambda s: bool(s.split()))


@given(st.lists(st.tuples(WORDS, WORDS), max_size=6), st.sampled_from(["{}", "```json\n{}\n```", "Here you are:\n{}", "{}\nThat is all."]))
def test_whatever_was_written_as_json_is_read_back(pairs: list[tuple[str, str]], wrapping: str) -> None:
    rows = [{"subject": a, "predicate": "on", "object": b} for a, b in pairs]
    text = wrapping.replace("{}", json.dumps({"relations": rows}, ensure_ascii=False))
    read = read_items(Generation(text=text), "relations", RelationReply)
    assert read is not None
    one_line = [(" ".join(a.split()), " ".join(b.split())) for a, b in pairs]
    assert ([(r.subject, r.object) for r in read.items], read.rejected) == (one_line, 0)


@given(st.lists(st.sampled_from(["cup", "dog", "coffee table", "tree"]), max_size=6), st.integers(0, 400))
def test_what_is_read_of_a_cut_off_reply_was_said(said: list[str], length: int) -> None:
    text = json.dumps({"objects": [{"label": label, "which": ""} for label in said]})
    read = labels(text[:length], complete=length >= len(text))
    assert read is None or read == said[: len(read)]


@given(st.text(max_size=300))
@example('{"objects": [{"label": NaN}]}')
@example('{"objects": [{"label": {"label": {}}}]}')
@example("```")
def test_no_text_makes_it_raise(text: str) -> None:
    for complete in (True, False):
        reply = Generation(text=text, complete=complete)
        read_items(reply, "objects", ObjectReply)
        read_object(reply, KindsReply, ("dynamic", "static"))
        read_text(reply)
        read_yes_no(text)
