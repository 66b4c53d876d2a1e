"""The whole graph of a video from its clips' graphs."""

from __future__ import annotations

import pytest

from graph_schema.identifiers import graph_id
from graph_schema.models import STSG, FrameSceneGraph, Kind, Video
from tests.support.induction_examples import LEFT, MIDDLE, RIGHT, frame, frame_object
from workers.induction import assemble, bridge_clips, merge_clip
from workers.media import SplitClip, SplitKeyframe, SplitVideo

VIDEO = Video(
    id="v1", sha256="ab" * 32, name="a.mp4", uri="a.mp4", duration_seconds=6, fps=10, width=100, height=80, frame_count=60
)  # fmt: skip
G = graph_id("ab" * 32, "by hand", {"knob": 1})


def split(*clips: tuple[float, float, list[float]]) -> SplitVideo:
    """Clips as (start, end, keyframe times), 10 frames a second."""
    return SplitVideo(
        video=VIDEO,
        clips=tuple(
            SplitClip(
                index=n,
                start_seconds=start,
                end_seconds=end,
                start_frame=round(start * 10),
                end_frame=round(end * 10),
                keyframes=tuple(
                    SplitKeyframe(frame=round(t * 10), time_seconds=t, image=f"keyframes/v1/{round(t * 10)}.jpg") for t in times
                ),
            )
            for n, (start, end, times) in enumerate(clips)
        ),
    )


def two_clips() -> list[list[FrameSceneGraph]]:
    """A red circle runs past a blue square in the first clip and stands alone in the second."""
    blue = frame_object("blue", "square", box=RIGHT, track="b")
    first = [
        frame(
            t,
            [frame_object(box=box, kind="dynamic", track="a", seen=(0, 3)), blue],
            relations=[(0, "left of", 1, 0, 3)],
            motions=[(0, "moves right", 0, 3)],
        )
        for t, box in ((0.5, LEFT), (2.0, MIDDLE))
    ]
    return [first, [frame(t, [frame_object(box=LEFT)], clip=1) for t in (3.5, 5.0)]]


def assembled() -> STSG:
    graphs = [merge_clip(frames, end_seconds=end) for frames, end in zip(two_clips(), (3, 6), strict=True)]
    return assemble(
        split((0, 3, [0.5, 2.0]), (3, 6, [3.5, 5.0])), graphs, bridge_clips(graphs), producer="by hand", configuration={"knob": 1}
    )


def test_ids_say_where_objects_are() -> None:
    graph = assembled()
    assert graph.id == G
    assert [o.id for o in graph.objects] == [f"{G}.c0.o0.k0", f"{G}.c0.o0.k1", f"{G}.c0.o1", f"{G}.c1.o0"]
    assert [k.id for c in graph.clips for k in c.keyframes] == [f"{G}.c0.k0", f"{G}.c0.k1", f"{G}.c1.k0", f"{G}.c1.k1"]
    assert [b.keyframe_id for b in graph.objects[2].boxes] == [f"{G}.c0.k0", f"{G}.c0.k1"]


def test_one_object_has_one_entity_across_moments_and_clips() -> None:
    assert [o.entity_id for o in assembled().objects] == [f"{G}.e0", f"{G}.e0", f"{G}.e1", f"{G}.e0"]


def test_a_reference_joins_the_last_moment_before_the_cut_to_the_first_after_it() -> None:
    (reference,) = assembled().references
    assert (reference.from_id, reference.to_id, reference.confidence) == (f"{G}.c0.o0.k1", f"{G}.c1.o0", 1.0)


def test_edges_join_the_nodes_of_their_moments() -> None:
    graph = assembled()
    assert [(r.subject_id, r.predicate, r.object_id, r.start_seconds, r.end_seconds) for r in graph.relations] == [
        (f"{G}.c0.o0.k0", "left of", f"{G}.c0.o1", 0, 2.0),
        (f"{G}.c0.o0.k1", "left of", f"{G}.c0.o1", 2.0, 3),
    ]
    assert [(m.from_id, m.to_id, m.motion) for m in graph.motions] == [(f"{G}.c0.o0.k0", f"{G}.c0.o0.k1", "moves right")]


def test_each_clip_has_its_event_with_participants() -> None:
    first, second = assembled().clips
    (event,) = first.events
    assert event.description == "A small red circle moves right while a small blue square stands still."
    assert [(p.object_id, p.role) for p in event.participants] == [(f"{G}.c0.o0.k0", "agent"), (f"{G}.c0.o1", "present")]
    assert (second.events[0].start_seconds, second.events[0].end_seconds) == (3, 6)


def test_the_same_input_gives_the_same_graph_and_survives_json() -> None:
    graph = assembled()
    assert graph == assembled()
    assert STSG.model_validate_json(graph.model_dump_json()) == graph


@pytest.mark.parametrize(
    ("said", "whole"), [((False, None), False), ((True, False), True), ((None, None), None)], ids=["not seen", "seen once", "not asked"]
)
def test_what_a_detector_says_stays_with_the_nodes(said: tuple[bool | None, bool | None], whole: bool | None) -> None:
    """A static object has one node for both keyframes, a dynamic one a node for each."""

    def nodes(kind: Kind) -> list[bool | None]:
        objects = [frame_object(kind=kind, track="a").model_copy(update={"detected": one}) for one in said]
        graph = merge_clip([frame(t, [o]) for t, o in zip((1.0, 2.0), objects, strict=True)])
        return [o.detected for o in assemble(split((0, 6, [1.0, 2.0])), [graph], producer="by hand", configuration={}).objects]

    assert (nodes("static"), nodes("dynamic")) == ([whole], list(said))


def test_an_object_is_in_view_within_its_clip_only() -> None:
    frames = [frame(3.5, [frame_object(seen=(2.8, 6.4))], clip=0)]
    graph = assemble(split((3, 6, [3.5])), [merge_clip(frames)], producer="by hand", configuration={})
    assert [(o.start_seconds, o.end_seconds) for o in graph.objects] == [(3, 6)]


def test_clips_without_objects_make_a_graph_too() -> None:
    graph = assemble(split((0, 6, [1.0])), [merge_clip([frame(1.0, [])])], producer="by hand", configuration={})
    assert (graph.objects, len(graph.clips[0].events)) == ((), 1)


def test_graphs_of_other_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="the split has"):
        assemble(split((0, 6, [1.0])), [merge_clip([frame(2.0, [])])], producer="by hand", configuration={})
