"""The sentence of a clip."""

from __future__ import annotations

from graph_schema.models import FrameObject, Interval
from tests.support.induction_examples import LEFT, MIDDLE, RIGHT, frame, frame_object
from workers.induction import describe_clip, merge_clip
from workers.induction.events import ClipEvent

FOUR_SECONDS = Interval(start_seconds=0, end_seconds=4)


Moved = tuple[FrameObject, list[tuple[str, float, float]]]
"""An object, and what it does as (word, start, end)."""


def event(*moved: Moved, touches: tuple[int, int] | None = None) -> ClipEvent:
    """The event of 4 s with keyframes at 1 and 3 s, both of which show all objects, with what they do as (word, start, end)."""
    shown = [o.model_copy(update={"track": str(n), "kind": "dynamic" if does else "static"}) for n, (o, does) in enumerate(moved)]
    motions = [(n, *m) for n, (_, does) in enumerate(moved) for m in does]
    relations = [(touches[0], "touches", touches[1])] if touches else []
    graph = merge_clip([frame(t, shown, relations=relations, motions=motions) for t in (1, 3)], end_seconds=4)
    return describe_clip(graph, FOUR_SECONDS)


def test_what_moves_is_described_before_what_stands() -> None:
    red = (frame_object("red", size="large", box=LEFT, seen=(0, 4)), [("moves right", 0.0, 4.0)])
    blue: Moved = (frame_object("blue", "square", box=RIGHT, seen=(0, 4)), [])
    assert event(red, blue).description == "A large red circle moves right while a small blue square stands still."


def test_what_an_object_does_is_described_in_order() -> None:
    does = [("moves right", 0.0, 1.5), ("stands still", 1.5, 2.5), ("moves up", 2.5, 4.0)]
    described = event((frame_object("orange", box=MIDDLE, size="big", seen=(0, 4)), does)).description
    assert described == "A big orange circle moves right, stands still, then moves up."


def test_a_restless_object_is_described_by_its_first_and_last_action() -> None:
    does = [("moves right", 0, 1.0), ("moves up", 1.0, 2.0), ("moves left", 2.0, 3.0), ("moves down", 3.0, 4.0)]
    described = event((frame_object(box=MIDDLE, seen=(0, 4)), does)).description
    assert described == "A small red circle moves right, goes on in other directions, then moves down."


def test_coming_in_and_going_out_are_described_by_the_border() -> None:
    person = FrameObject(label="person", kind="dynamic", box_xyxy=LEFT, start_seconds=0.8, end_seconds=3.2)
    does = [("moves right", 0.8, 1.5), ("stands still", 1.5, 2.6), ("moves left", 2.6, 3.2)]
    assert event((person, does)).description == "A person enters from the left, stands still, then leaves to the left."


def test_an_object_that_vanishes_in_the_middle_does_not_leave() -> None:
    person = FrameObject(label="person", kind="dynamic", box_xyxy=MIDDLE, start_seconds=0.8, end_seconds=3.2)
    assert event((person, [("moves right", 0.8, 3.2)])).description == "A person moves right."


def test_a_pass_through_the_picture_is_both() -> None:
    ball = FrameObject(label="ball", kind="dynamic", box_xyxy=(0.1, 0.1, 0.9, 0.9), start_seconds=0.5, end_seconds=3.5)
    assert event((ball, [("moves right", 0.5, 3.5)])).description == "A ball enters from the left, then leaves to the right."


def test_several_that_stand_are_listed_and_doubles_are_others() -> None:
    described = event(
        (frame_object(box=LEFT), []), (frame_object(box=RIGHT), []), (frame_object("orange", size="old", box=MIDDLE), [])
    ).description
    assert described == "A small red circle, an old orange circle and another small red circle stand still."


def test_a_crowd_is_counted() -> None:
    crowd: list[Moved] = [
        (frame_object(c, box=(n / 10, 0.4, n / 10 + 0.05, 0.5)), [])
        for n, c in enumerate(("red", "blue", "green", "pink", "grey", "black"))
    ]
    described = event(*crowd).description
    assert described.endswith("and two other things stand still.")


def test_an_empty_clip_has_a_sentence_too() -> None:
    assert event().description == "Nothing that is known by name is in view."


def test_agents_move_patients_are_touched_the_rest_is_present() -> None:
    red = (frame_object("red", box=LEFT), [("moves right", 0.0, 4.0)])
    described = event(red, (frame_object("blue", box=MIDDLE), []), (frame_object("green", box=RIGHT), []), touches=(0, 1))
    assert sorted(p.role for p in described.participants) == ["agent", "patient", "present"]
