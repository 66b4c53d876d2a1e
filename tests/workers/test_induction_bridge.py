"""Knowing objects again after a cut."""

from __future__ import annotations

import os
import subprocess
import sys

from graph_schema.models import Attribute, FrameObject
from tests.support.induction_examples import LEFT, MIDDLE, RIGHT, frame, frame_object
from workers.induction import ClipGraph, bridge_clips, merge_clip


def clip(*objects: FrameObject) -> ClipGraph:
    return merge_clip([frame(0, objects), frame(1, objects)], end_seconds=2)


def entities(*graphs: ClipGraph) -> list[list[tuple[int, str]]]:
    """Each entity as (clip, colour) of its appearances."""
    return [
        [(a.clip, next(x.name for x in graphs[a.clip].objects[a.object_index].attributes if x.kind == "colour")) for a in e.appearances]
        for e in bridge_clips(graphs)
    ]


def test_the_same_attributes_in_two_clips_are_one_object() -> None:
    assert entities(clip(frame_object("red"), frame_object("blue", box=RIGHT)), clip(frame_object("blue"))) == [
        [(0, "red")],
        [(0, "blue"), (1, "blue")],
    ]


def test_an_object_comes_back_after_a_clip_without_it() -> None:
    assert entities(clip(frame_object("red")), clip(frame_object("blue")), clip(frame_object("red"))) == [
        [(0, "red"), (2, "red")],
        [(1, "blue")],
    ]


def test_one_object_in_three_clips_is_one_entity_with_two_links() -> None:
    (entity,) = bridge_clips([clip(frame_object())] * 3)
    assert [a.clip for a in entity.appearances] == [0, 1, 2]
    assert [link.confidence for link in entity.links] == [1.0, 1.0]


def test_another_colour_size_or_label_is_another_object() -> None:
    for other in (frame_object("blue"), frame_object(size="large"), frame_object(label="star")):
        assert len(bridge_clips([clip(frame_object()), clip(other)])) == 2


def test_how_alike_two_objects_are_is_the_same_number_in_every_process() -> None:
    # of six kinds 1/6, 1/7, 1/10, ... of the names agree: such a sum has one of four last digits, by its order
    code = """
from graph_schema.models import Attribute
from workers.induction.bridge import similarity
from workers.induction.clip_graph import ClipObject, ObjectObservation

def cup(*counts):
    kinds = ("colour", "size", "shape", "material", "texture", "number")
    attributes = tuple(Attribute(kind=kind, name=str(n)) for kind, count in zip(kinds, counts) for n in range(count))
    seen = (ObjectObservation(keyframe=0),)
    return ClipObject(label="cup", kind="static", start_seconds=0, end_seconds=1, attributes=attributes, observations=seen)

print(repr(similarity(cup(1, 1, 1, 1, 1, 1), cup(6, 7, 10, 12, 9, 11))))
"""
    stated = set()
    for seed in "0123":
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        stated.add(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(stated) == 1


def test_what_is_known_only_by_its_label_is_left_alone() -> None:
    bare = FrameObject(label="person", kind="dynamic", box_xyxy=LEFT)
    assert len(bridge_clips([clip(bare), clip(bare)])) == 2


def test_what_has_no_name_is_left_alone() -> None:
    assert len(bridge_clips([clip(frame_object("black", "moving object"))] * 2)) == 2


def test_lookalikes_are_distinguished_by_where_they_stand_at_the_cut() -> None:
    before, after = (
        clip(frame_object(box=LEFT), frame_object(box=RIGHT)),
        clip(frame_object(box=(0.78, 0.4, 0.88, 0.5)), frame_object(box=(0.12, 0.4, 0.22, 0.5))),
    )
    matches = bridge_clips([before, after])
    assert len(matches) == 2
    for entity in matches:
        a, b = (g.objects[x.object_index].observations[0].box_xyxy for g, x in zip((before, after), entity.appearances, strict=True))
        assert a is not None
        assert b is not None
        assert abs(a[0] - b[0]) < 0.1


def test_lookalikes_that_both_could_be_it_stay_apart() -> None:
    lookalikes = clip(frame_object(box=LEFT), frame_object(box=RIGHT))
    assert len(bridge_clips([lookalikes, clip(frame_object(box=MIDDLE))])) == 3
    assert len(bridge_clips([lookalikes, clip(frame_object("blue")), lookalikes])) == 5  # places say nothing after a clip in between


def test_a_moving_lookalike_is_expected_where_its_motion_leads() -> None:
    # one runs right at 0.3 a second and is in the middle half a second before the cut; its look-alike stands there, below
    def at(x: float, y: float) -> tuple[float, float, float, float]:
        return x - 0.05, y - 0.05, x + 0.05, y + 0.05

    stands = frame_object(box=at(0.5, 0.6), track="b")
    runs = [(0, "moves right", 0, 1.5)]
    before = merge_clip(
        [
            frame(0, [frame_object(box=at(0.2, 0.4), track="a", kind="dynamic"), stands], motions=runs),
            frame(1, [frame_object(box=at(0.5, 0.4), track="a", kind="dynamic"), stands], motions=runs),
        ],
        end_seconds=1.5,
    )
    after = clip(frame_object(box=at(0.65, 0.5)), frame_object(box=at(0.5, 0.6)))
    runner = next(n for n, t in enumerate(before.objects) if t.kind == "dynamic")
    (entity,) = [e for e in bridge_clips([before, after]) if e.appearances[0].clip == 0 and e.appearances[0].object_index == runner]
    assert after.objects[entity.appearances[1].object_index].observations[0].box_xyxy == at(0.65, 0.5)


def test_a_chain_never_joins_two_objects_of_one_clip() -> None:
    # clip 1's object has no size: it looks like the small one of clip 0, and stands where clip 2 has the large one
    unsized = FrameObject(label="circle", kind="static", box_xyxy=RIGHT, attributes=(Attribute(kind="colour", name="red"),))
    small, large = frame_object(size="small"), frame_object(size="large", box=RIGHT)
    after = clip(small, large)
    matches = bridge_clips([clip(small), clip(unsized), after])
    assert sorted(len(e.appearances) for e in matches) == [1, 3]
    (alone,) = [e for e in matches if len(e.appearances) == 1]
    assert after.objects[alone.appearances[0].object_index].observations[0].box_xyxy == RIGHT


def test_a_chain_never_joins_objects_that_look_different() -> None:
    unsized = FrameObject(label="circle", kind="static", attributes=(Attribute(kind="colour", name="red"),))
    matches = bridge_clips([clip(frame_object(size="small")), clip(unsized), clip(frame_object(size="large"))])
    assert sorted(len(e.appearances) for e in matches) == [1, 2]
