"""Merging a clip's keyframes: who is who, how long what holds, how objects get from one keyframe to the next."""

from __future__ import annotations

import pytest

from graph_schema.models import Attribute, FrameSceneGraph
from tests.support.induction_examples import LEFT, MIDDLE, RIGHT, frame, frame_object
from workers.induction import ClipGraph, merge_clip
from workers.induction.attributes import agreed_attributes


def stated(graph: ClipGraph) -> list[tuple[int | None, str, int | None, float, float]]:
    """(subject's keyframe, predicate, object's keyframe, start, end) of every relation."""
    return [(r.subject.keyframe, r.predicate, r.object.keyframe, r.start_seconds, r.end_seconds) for r in graph.relations]


def moved(graph: ClipGraph) -> list[tuple[int, int, str, float, float]]:
    return [(m.from_keyframe, m.to_keyframe, m.motion, m.start_seconds, m.end_seconds) for m in graph.motions]


# ------------------------------------------------------------------------------------------ who is who


def test_a_static_object_seen_three_times_is_one_node() -> None:
    graph = merge_clip([frame(t, [frame_object()]) for t in (0, 1, 2)], end_seconds=3)
    (one,) = graph.objects
    assert (one.kind, [m.keyframe for m in one.observations], one.start_seconds, one.end_seconds) == ("static", [0, 1, 2], 0, 3)


def test_what_is_dynamic_once_is_dynamic_in_the_whole_clip() -> None:
    graph = merge_clip([frame(0, [frame_object(track="a")]), frame(1, [frame_object(track="a", kind="dynamic")])])
    assert [t.kind for t in graph.objects] == ["dynamic"]


def test_the_parsers_track_decides_even_against_attributes_and_position() -> None:
    frames = [
        frame(0, [frame_object("red", track="a", kind="dynamic")]),
        frame(1, [frame_object("orange", "star", box=RIGHT, track="a", kind="dynamic")]),
    ]
    assert len(merge_clip(frames).objects) == 1
    assert len(merge_clip([frame(0, [frame_object(track="a")]), frame(1, [frame_object(track="b")])]).objects) == 2


def test_without_tracks_lookalikes_are_distinguished_by_position() -> None:
    graph = merge_clip(
        [frame(0, [frame_object(box=LEFT), frame_object(box=RIGHT)]), frame(1, [frame_object(box=RIGHT), frame_object(box=LEFT)])]
    )
    assert sorted({m.box_xyxy for m in t.observations} == {b} for t, b in zip(graph.objects, (LEFT, RIGHT), strict=True)) == [True, True]


def test_without_tracks_a_doubtful_match_is_none() -> None:
    # two dynamic look-alikes, and then one of the kind half way between them
    frames = [
        frame(0, [frame_object(box=LEFT, kind="dynamic"), frame_object(box=RIGHT, kind="dynamic")]),
        frame(1, [frame_object(box=MIDDLE, kind="dynamic")]),
    ]
    assert [len(t.observations) for t in merge_clip(frames).objects] == [1, 1, 1]


def test_without_tracks_the_only_one_of_its_attributes_is_known_again_anywhere() -> None:
    frames = [
        frame(0, [frame_object(box=LEFT, kind="dynamic"), frame_object("blue")]),
        frame(1, [frame_object("blue"), frame_object(box=RIGHT, kind="dynamic")]),
    ]
    assert sorted(len(t.observations) for t in merge_clip(frames).objects) == [2, 2]


def test_other_colours_are_other_objects_and_position_does_not_identify() -> None:
    assert len(merge_clip([frame(0, [frame_object("red")]), frame(1, [frame_object("blue")])]).objects) == 2
    frames = [frame(0, [frame_object(more=[("position", "left")])]), frame(1, [frame_object(more=[("position", "right")])])]
    assert len(merge_clip(frames).objects) == 1


def test_two_objects_of_one_track_in_a_frame_are_refused() -> None:
    with pytest.raises(ValueError, match="frame 0 has two objects of track 'a'"):
        merge_clip([frame(0, [frame_object(track="a"), frame_object(track="a")])])


def test_frames_of_several_clips_or_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="not of one clip in time order"):
        merge_clip([frame(0, []), frame(1, [], clip=1)])
    with pytest.raises(ValueError, match="not of one clip in time order"):
        merge_clip([frame(1, []), frame(0, [])])
    with pytest.raises(ValueError, match="0 frames"):
        merge_clip([])


def test_attributes_are_what_most_keyframes_say() -> None:
    def colours(*names: str) -> tuple[Attribute, ...]:
        return tuple(Attribute(kind="colour", name=n) for n in names)

    assert [a.name for a in agreed_attributes([colours("red"), colours("red"), colours("orange")])] == ["red"]
    assert [a.name for a in agreed_attributes([colours("red", "white"), colours("red", "white"), colours("red")])] == ["red", "white"]
    assert [a.name for a in agreed_attributes([colours("red"), colours("orange")])] == ["orange"]  # a tie: one of them, always the same
    shape = (Attribute(kind="shape", name="round"),)
    assert [a.name for a in agreed_attributes([shape, (), ()])] == ["round"]  # silence is no vote


def test_a_moment_keeps_what_is_of_the_moment_and_shares_what_lasts() -> None:
    frames = [
        frame(0, [frame_object("red", track="a", kind="dynamic", more=[("position", "left")])]),
        frame(1, [frame_object("red", track="a", kind="dynamic", more=[("position", "right")])]),
        frame(2, [frame_object("pink", track="a", kind="dynamic", more=[("position", "right")])]),
    ]
    (one,) = merge_clip(frames).objects
    assert [[a.name for a in m.attributes] for m in one.observations] == [["red", "small", p] for p in ("left", "right", "right")]


# ------------------------------------------------------------------------------------ how long what holds


def test_a_relation_of_two_static_objects_is_one_edge_with_its_interval() -> None:
    objects = [frame_object("red", track="a"), frame_object("blue", box=RIGHT, track="b")]
    frames = [frame(t, objects, relations=[(0, "left of", 1, 0.2, 2.5)]) for t in (0, 1, 2)]
    assert stated(merge_clip(frames)) == [(None, "left of", None, 0.2, 2.5)]


def test_the_same_relation_at_two_times_is_two_edges() -> None:
    objects = [frame_object("red", track="a"), frame_object("blue", box=RIGHT, track="b")]
    frames = [frame(0, objects, relations=[(0, "touches", 1, 0, 0.5)]), frame(2, objects, relations=[(0, "touches", 1, 1.5, 3)])]
    assert [(start, end) for *_, start, end in stated(merge_clip(frames))] == [(0, 0.5), (1.5, 3)]


def test_words_stated_the_other_way_round_are_turned_round_and_symmetric_ones_joined() -> None:
    objects = [frame_object("red", track="a"), frame_object("blue", box=RIGHT, track="b")]
    frames = [
        frame(0, objects, relations=[(0, "left of", 1, 0, 1), (0, "touches", 1, 0, 1)]),
        frame(1, objects, relations=[(1, "right of", 0, 1, 2), (1, "touches", 0, 1, 2)]),
    ]
    graph = merge_clip(frames)
    assert stated(graph) == [(None, "left of", None, 0, 2), (None, "touches", None, 0, 2)]
    left_of = graph.relations[0]
    assert [graph.objects[end.object_index].attributes[0].name for end in (left_of.subject, left_of.object)] == ["red", "blue"]


def test_with_a_dynamic_end_the_interval_is_divided_among_the_keyframes_within() -> None:
    objects = [frame_object("red", track="a", kind="dynamic"), frame_object("blue", box=RIGHT, track="b")]
    frames = [frame(t, objects, relations=[(0, "left of", 1, 0.5, 2.8)] if t in (1, 2) else []) for t in (0, 1, 2, 3)]
    assert stated(merge_clip(frames)) == [(1, "left of", None, 0.5, 2), (2, "left of", None, 2, 2.8)]


def test_two_dynamic_ends_meet_at_keyframes_that_show_both() -> None:
    a, b = frame_object("red", track="a", kind="dynamic"), frame_object("blue", box=RIGHT, track="b", kind="dynamic")
    relation = [(0, "left of", 1, 0.0, 3.0)]
    frames = [frame(0, [a, b], relations=relation), frame(1, [a]), frame(2, [a, b], relations=relation)]
    assert stated(merge_clip(frames)) == [(0, "left of", 0, 0, 2), (2, "left of", 2, 2, 3)]


def test_a_relation_between_keyframes_goes_to_the_nearest_that_shows_both() -> None:
    a, b = frame_object("red", track="a", kind="dynamic"), frame_object("blue", box=RIGHT, track="b")
    frames = [frame(0, [a, b], relations=[(0, "touches", 1, 0.6, 0.9)]), frame(1, [a, b]), frame(2, [a, b])]
    assert stated(merge_clip(frames)) == [(1, "touches", None, 0.6, 0.9)]


def test_without_intervals_what_is_seen_counts_for_the_times_nearest_to_its_keyframe() -> None:
    objects = [frame_object("red", track="a", kind="dynamic"), frame_object("blue", box=RIGHT, track="b")]
    frames = [frame(t, objects if t != 5 else objects[1:], relations=[(0, "left of", 1)] if t in (1, 4) else []) for t in (1, 2, 4, 5)]
    graph = merge_clip(frames, start_seconds=0, end_seconds=6)
    assert stated(graph) == [(0, "left of", None, 0, 1.5), (2, "left of", None, 3, 4.5)]
    assert [(o.start_seconds, o.end_seconds) for o in graph.objects] == [(0, 4.5), (0, 6)]
    without = merge_clip(frames)
    assert [(o.start_seconds, o.end_seconds) for o in without.objects] == [(1, 4.5), (1, 5)]


@pytest.mark.parametrize(
    ("stated_at", "inverse_at", "expected"),
    [
        ({0, 1, 3}, set(), [("left of", 0, 4)]),
        ({0, 2}, set(), [("left of", 0, 4)]),
        ({1}, set(), [("left of", 0.5, 1.5)]),
        ({0, 2}, {1, 3}, [("left of", 0, 0.5), ("left of", 0.5, 1.5), ("left of", 1.5, 2.5), ("left of", 2.5, 4)]),
        ({0, 1, 2}, {3}, [("left of", 0, 4), ("left of", 2.5, 4)]),
    ],
)
def test_a_relation_of_two_that_do_not_move_holds_all_the_time_if_half_of_the_keyframes_state_it_and_not_as_many_the_inverse(
    stated_at: set[int], inverse_at: set[int], expected: list[tuple[str, float, float]]
) -> None:
    objects = [frame_object("red", track="a"), frame_object("blue", box=RIGHT, track="b")]
    frames = [
        frame(t, objects, relations=[(0, "left of", 1)] * (t in stated_at) + [(1, "left of", 0)] * (t in inverse_at)) for t in range(4)
    ]
    assert sorted((word, start, end) for _, word, _, start, end in stated(merge_clip(frames, end_seconds=4))) == expected


# ------------------------------------------------------------------------- how objects get to the next keyframe


def test_a_motion_over_several_keyframes_is_one_edge_a_pair() -> None:
    objects = [frame_object(track="a", kind="dynamic")]
    frames = [frame(t, objects, motions=[(0, "moves right", 0.2, 2.9)]) for t in (0.5, 1, 2, 2.5)]
    assert moved(merge_clip(frames)) == [(0, 1, "moves right", 0.2, 1), (1, 2, "moves right", 1, 2), (2, 3, "moves right", 2, 2.9)]


def test_two_words_between_the_same_keyframes_are_two_edges() -> None:
    objects = [frame_object(track="a", kind="dynamic")]
    motions = [(0, "moves right", 0, 1.0), (0, "stands still", 1.0, 2.0)]
    frames = [frame(t, objects, motions=motions) for t in (0, 2)]
    assert moved(merge_clip(frames)) == [(0, 1, "moves right", 0, 1), (0, 1, "stands still", 1, 2)]


def test_a_motion_that_reaches_a_little_past_a_keyframe_says_noobject_of_the_next_pair() -> None:
    objects = [frame_object(track="a", kind="dynamic")]
    motions = [(0, "moves right", 0, 1.1), (0, "stands still", 1.1, 2.0)]
    frames = [frame(t, objects, motions=motions) for t in (0, 1, 2)]
    assert moved(merge_clip(frames)) == [(0, 1, "moves right", 0, 1.1), (1, 2, "stands still", 1.1, 2)]


def test_motion_edges_skip_keyframes_that_do_not_show_the_object() -> None:
    here = [frame_object(track="a", kind="dynamic")]
    frames = [frame(0, here, motions=[(0, "moves up", 0, 2)]), frame(1, []), frame(2, here, motions=[(0, "moves up", 0, 2)])]
    assert moved(merge_clip(frames)) == [(0, 2, "moves up", 0, 2)]


def test_a_dynamic_object_seen_once_is_a_node_without_motion() -> None:
    graph = merge_clip([frame(0, [frame_object(track="a", kind="dynamic")], motions=[(0, "moves up", 0, 0.5)]), frame(1, [])])
    assert (len(graph.objects), graph.motions) == (1, ())


def test_where_the_parser_says_noobject_motion_is_measured_from_the_boxes() -> None:
    # 0.35 of 400 px in a second, to the right; then nothing
    boxes = [LEFT, MIDDLE, MIDDLE]
    frames = [frame(t, [frame_object(box=boxes[t], track="a", kind="dynamic")]) for t in range(3)]
    assert moved(merge_clip(frames, frame_size=(400, 300))) == [(0, 1, "moves right", 0, 1), (1, 2, "stands still", 1, 2)]


def test_a_parser_that_measured_motions_and_states_none_means_none() -> None:
    """An arm that is stretched out moves the middle of a box: who measured that may have found no motion to tell."""
    frames = [frame(t, [frame_object(box=box, track="a", kind="dynamic")]) for t, box in enumerate([LEFT, MIDDLE])]
    assert len(merge_clip(frames).motions) == 1
    measured = [f.model_copy(update={"motions_measured": True}) for f in frames]
    assert merge_clip(measured).motions == ()
    assert [o.kind for o in merge_clip(measured).objects] == ["dynamic"]


def test_frames_of_parsers_that_do_not_measure_motions_are_written_as_before() -> None:
    plain = frame(0, [])
    assert "motions_measured" not in plain.model_dump_json()
    measured = plain.model_copy(update={"motions_measured": True})
    assert FrameSceneGraph.model_validate_json(measured.model_dump_json()) == measured
