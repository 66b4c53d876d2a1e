"""What must hold of merging and bridging whatever the parser says."""

from __future__ import annotations

import itertools
from collections import defaultdict
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.models import FrameSceneGraph
from tests.support.induction_examples import frame, frame_object
from workers.induction import bridge_clips, merge_clip

COLOURS, LABELS = ("red", "blue"), ("circle", "star")


@st.composite
def clips(draw: st.DrawFn, clip: int = 0) -> list[FrameSceneGraph]:
    """1 to 4 keyframes of up to 4 objects at different places, some tracked, with relations and motions of any intervals."""
    matches = []
    tracks: dict[str, tuple[str, str]] = {}
    for t in range(draw(st.integers(1, 4))):
        columns = draw(st.lists(st.integers(0, 9), max_size=4, unique=True))
        names = draw(st.permutations(["a", "b", "c", "d"]))
        objects = []
        for n, column in enumerate(columns):
            track = names[n] if draw(st.booleans()) else None
            look = (draw(st.sampled_from(COLOURS)), draw(st.sampled_from(LABELS)))
            colour, label = tracks.setdefault(track, look) if track else look
            box = (column / 10, 0.4, column / 10 + 0.08, 0.5)
            objects.append(frame_object(colour, label, box=box, track=track, kind=draw(st.sampled_from(["static", "dynamic"]))))
        relations: list[Any] = []
        motions = []
        if len(objects) >= 2:
            for _ in range(draw(st.integers(0, 3))):
                a, b = draw(st.permutations(range(len(objects))))[:2]
                start, length = draw(st.integers(0, 40)) / 10, draw(st.integers(1, 20)) / 10
                word = draw(st.sampled_from(["left of", "right of", "touches"]))
                relations.append((a, word, b, start, start + length) if draw(st.booleans()) else (a, word, b))
        for n in range(len(objects)):
            if draw(st.booleans()):
                start, length = draw(st.integers(0, 40)) / 10, draw(st.integers(1, 20)) / 10
                motions.append((n, draw(st.sampled_from(["moves up", "stands still"])), start, start + length))
        matches.append(frame(float(t), objects, relations=relations, motions=motions, clip=clip))
    return matches


def shuffled(one: FrameSceneGraph, rng: Random) -> FrameSceneGraph:
    """The same frame with its objects in another order."""
    order = list(range(len(one.objects)))
    rng.shuffle(order)
    index = {old: new for new, old in enumerate(order)}
    return one.model_copy(
        update={
            "objects": tuple(one.objects[old] for old in order),
            "relations": tuple(r.model_copy(update={"subject": index[r.subject], "object": index[r.object]}) for r in one.relations),
            "motions": tuple(m.model_copy(update={"object": index[m.object]}) for m in one.motions),
        }
    )


@given(clips(), st.randoms(use_true_random=False))
def test_the_order_of_objects_in_a_frame_does_not_matter(frames: list[FrameSceneGraph], rng: Random) -> None:
    assert merge_clip([shuffled(f, rng) for f in frames], end_seconds=5) == merge_clip(frames, end_seconds=5)


@given(clips())
def test_every_object_is_in_one_object_and_none_twice_in_a_frame(frames: list[FrameSceneGraph]) -> None:
    graph = merge_clip(frames)
    assert sum(len(t.observations) for t in graph.objects) == sum(len(f.objects) for f in frames)
    for one in graph.objects:
        keyframes = [m.keyframe for m in one.observations]
        assert keyframes == sorted(set(keyframes))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True), st.integers(1, 5))
def test_identical_frames_give_one_static_node_an_object(columns: list[int], count: int) -> None:
    objects = [frame_object(box=(c / 10, 0.4, c / 10 + 0.08, 0.5)) for c in columns]  # all of one look
    graph = merge_clip([frame(float(t), objects) for t in range(count)])
    assert [len(t.observations) for t in graph.objects] == [count] * len(columns)
    assert {t.kind for t in graph.objects} == {"static"}


@given(clips())
def test_edges_of_one_fact_never_overlap(frames: list[FrameSceneGraph]) -> None:
    graph = merge_clip(frames, end_seconds=5)
    spans: dict[tuple[object, ...], list[tuple[float, float]]] = defaultdict(list)
    for r in graph.relations:
        spans[r.subject.object_index, r.predicate, r.object.object_index].append((r.start_seconds, r.end_seconds))
    for m in graph.motions:
        spans[m.object_index, m.motion].append((m.start_seconds, m.end_seconds))
    for parts in spans.values():
        assert all(b[0] >= a[1] for a, b in itertools.pairwise(sorted(parts)))


@given(st.integers(0, 30), st.integers(1, 30), st.lists(st.integers(0, 50), min_size=2, max_size=6, unique=True))
def test_a_relation_and_a_motion_keep_their_time_however_keyframes_divide_it(start: int, length: int, at: list[int]) -> None:
    objects = [frame_object(track="a", kind="dynamic"), frame_object("blue", track="b", kind="dynamic", box=(0.8, 0.4, 0.9, 0.5))]
    span = (start / 10, (start + length) / 10)
    frames = [frame(t / 10, objects, relations=[(0, "left of", 1, *span)], motions=[(0, "moves up", *span)]) for t in sorted(at)]
    graph = merge_clip(frames)
    for edges in (graph.relations, [m for m in graph.motions if m.motion == "moves up"]):
        parts = [(e.start_seconds, e.end_seconds) for e in edges]
        assert (parts[0][0], parts[-1][1]) == span
        assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))


@given(st.lists(clips(), min_size=1, max_size=5))
def test_no_two_objects_of_a_clip_are_one_entity_and_every_object_is_in_one(videos: list[list[FrameSceneGraph]]) -> None:
    graphs = [merge_clip(frames) for frames in videos]
    entities = bridge_clips(graphs)
    for entity in entities:
        in_clips = [a.clip for a in entity.appearances]
        assert in_clips == sorted(set(in_clips))
        assert len({graphs[a.clip].objects[a.object_index].label for a in entity.appearances}) == 1
        assert len(entity.links) == len(in_clips) - 1
    everywhere = sorted((a.clip, a.object_index) for e in entities for a in e.appearances)
    assert everywhere == [(i, n) for i, g in enumerate(graphs) for n in range(len(g.objects))]


@given(st.lists(clips(), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_bridging_does_not_depend_on_the_order_of_objects(videos: list[list[FrameSceneGraph]], rng: Random) -> None:
    once = bridge_clips([merge_clip(frames) for frames in videos])
    again = bridge_clips([merge_clip([shuffled(f, rng) for f in frames]) for frames in videos])
    assert once == again


def test_a_shuffle_really_changes_the_order() -> None:
    one = frame(0, [frame_object(box=(c / 10, 0.4, c / 10 + 0.08, 0.5)) for c in range(5)])
    assert shuffled(one, Random(1)).objects != one.objects
    assert pytest.approx(sum(o.box_xyxy[0] for o in one.objects if o.box_xyxy)) == 1.0
