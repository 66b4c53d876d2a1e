"""Graphs for tests: one worked by hand, and a hypothesis strategy for all others."""

from __future__ import annotations

import itertools
import uuid
from typing import Any, Literal

from hypothesis import strategies as st

from graph_schema.models import (
    IMAGE_FRACTIONS,
    QRA,
    STSG,
    Attribute,
    Clip,
    CoordinateFrame,
    Event,
    Keyframe,
    Motion,
    ObjectBox,
    Participant,
    QRAChecks,
    RationaleStep,
    Reference,
    Relation,
    Review,
    SceneObject,
    Video,
    VideoRef,
)


def unique(prefix: str = "t") -> str:
    """A name that no other test uses: the stores live as long as the test run."""
    return f"{prefix}{uuid.uuid4().hex[:12]}"


def a_video(name: str) -> Video:
    return Video(
        id=f"v{name}", sha256=name, name=f"{name}.mp4", uri=f"/videos/{name}.mp4", duration_seconds=4, fps=25, width=640, height=360,
        frame_count=100,
    )  # fmt: skip


def cup_graph(g: str) -> STSG:
    """Two clips of two seconds. A red cup stands left of a ball, which rolls right past it; after the cut the cup is there again.

    Edges in order of rank: 0 cup-left of-ball1, 1 ball2-touches-cup, 2 ball1-MOVES-ball2, 3 cup-SAME_AS-cup2.
    """
    first, second, third = (Keyframe(id=f"{g}k{f}", frame=f, time_seconds=f / 25, image=f"keyframes/v{g}/{f}.jpg") for f in (10, 40, 60))
    whole: dict[str, Any] = {"start_seconds": 0.0, "end_seconds": 2.0}

    def thing(name: str, label: str, entity: str, clip: int, *frames: Keyframe, **more: Any) -> SceneObject:
        boxes = tuple(ObjectBox(keyframe_id=k.id, box_xyxy=(0.1, 0.2, 0.3, 0.4), confidence=0.5) for k in frames)
        times: dict[str, Any] = {"start_seconds": 2.0 * clip, "end_seconds": 2.0 * clip + 2}
        return SceneObject(id=f"{g}{name}", label=label, entity_id=f"{g}{entity}", clip_index=clip, boxes=boxes, **times, **more)

    red = (Attribute(kind="colour", name="red", confidence=0.9), Attribute(kind="size", name="large"))
    return STSG(
        id=g,
        video=a_video(g),
        producer="hand",
        cycle=1,
        configuration={"threshold": 27.0, "nested": {"list": [1, None, "ä"]}},
        clips=(
            Clip(
                index=0, start_frame=0, end_frame=50, keyframes=(first, second), **whole,
                events=(
                    Event(
                        id=f"{g}e0", description="a ball rolls past a cup", **whole,
                        participants=(Participant(object_id=f"{g}ball1", role="agent"), Participant(object_id=f"{g}cup")),
                    ),
                ),
            ),
            Clip(
                index=1, start_frame=50, end_frame=100, start_seconds=2, end_seconds=4, keyframes=(third,),
                events=(Event(id=f"{g}e1", description="a cup stands there", start_seconds=2, end_seconds=4),),
            ),
        ),
        objects=(
            thing("cup", "cup", "CUP", 0, first, second, kind="static", attributes=red, verified=True, detected=False),
            thing("ball1", "ball", "BALL", 0, first, kind="dynamic", confidence=0.25),
            thing("ball2", "ball", "BALL", 0, second, kind="dynamic"),
            thing("cup2", "cup", "CUP", 1, third, kind="static"),
        ),
        relations=(
            Relation(id=f"{g}r0", subject_id=f"{g}cup", predicate="left of", object_id=f"{g}ball1", **whole, verified=False),
            Relation(id=f"{g}r1", subject_id=f"{g}ball2", predicate="touches", object_id=f"{g}cup", **whole, confidence=0.75),
        ),
        motions=(Motion(id=f"{g}m0", from_id=f"{g}ball1", to_id=f"{g}ball2", motion="moves right", start_seconds=0.4, end_seconds=1.6),),
        references=(Reference(id=f"{g}s0", from_id=f"{g}cup", to_id=f"{g}cup2", confidence=0.5),),
    )  # fmt: skip


_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
_share = st.floats(0, 1, allow_nan=False)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)


_kinds = st.sampled_from(["colour", "size", "state"])


@st.composite
def _interval(draw: st.DrawFn) -> tuple[float, float]:
    start, end = sorted((draw(st.floats(0, 100)), draw(st.floats(0, 100))))
    return start, end


@st.composite
def _box(draw: st.DrawFn, keyframe_id: str) -> ObjectBox:
    x1, x2 = sorted(draw(st.lists(_share, min_size=2, max_size=2, unique=True)))
    y1, y2 = sorted(draw(st.lists(_share, min_size=2, max_size=2, unique=True)))
    return ObjectBox(keyframe_id=keyframe_id, box_xyxy=draw(st.sampled_from([(x1, y1, x2, y2), None])), confidence=draw(_share))


@st.composite
def stsgs(draw: st.DrawFn) -> STSG:
    """Any graph that the models allow, with ids of its own: several clips, any words, loops and parallel edges too."""
    g = unique("h")
    number = itertools.count()
    axes = draw(st.sampled_from([2, 3]))
    vectors = st.none() | st.tuples(*[st.floats(-9, 9)] * axes)
    calls = st.lists(_words, max_size=2, unique=True).map(tuple)
    provenance: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({"verified": st.none() | st.booleans(), "call_ids": calls})
    frames = [
        [
            Keyframe(id=f"{g}k{next(number)}", frame=draw(st.integers(0, 9999)), time_seconds=draw(st.floats(0, 100)), image=draw(_words))
            for _ in range(draw(st.integers(0, 3)))
        ]
        for _ in range(draw(st.integers(1, 3)))
    ]
    objects = []
    for _ in range(draw(st.integers(0, 8))):
        clip = draw(st.integers(0, len(frames) - 1))
        kind: Literal["static", "dynamic"] = draw(st.sampled_from(["static", "dynamic"]))
        seen = draw(st.permutations(frames[clip]))[: draw(st.integers(0, 1 if kind == "dynamic" else 3))]
        objects.append(
            SceneObject(
                id=f"{g}o{next(number)}",
                label=draw(_words),
                kind=kind,
                clip_index=clip,
                entity_id=f"{g}E{draw(st.integers(0, 2))}",
                confidence=draw(_share),
                verified=draw(st.none() | st.booleans()),
                detected=draw(st.none() | st.booleans()),
                boxes=tuple(draw(_box(k.id)) for k in seen),
                attributes=tuple(
                    Attribute(
                        kind=draw(st.sampled_from(["colour", "size", "state"])),
                        name=draw(_words),
                        confidence=draw(_share),
                        **draw(provenance),
                    )
                    for _ in range(draw(st.integers(0, 2)))
                ),
                start_seconds=(when := draw(_interval()))[0],
                end_seconds=when[1],
                centre=draw(vectors),
                call_ids=draw(calls),
            )
        )
    ids = st.sampled_from([o.id for o in objects]) if objects else st.nothing()
    pairs = [(a, b) for a in objects for b in objects]
    relations = [
        Relation(
            id=f"{g}r{next(number)}", subject_id=a.id, predicate=draw(_words), object_id=b.id, confidence=draw(_share),
            verified=draw(st.none() | st.booleans()), distance=draw(st.none() | st.floats(0, 9)), direction=draw(vectors),
            call_ids=draw(calls), start_seconds=(when := draw(_interval()))[0], end_seconds=when[1],
        )
        for a, b in (draw(st.lists(st.sampled_from(pairs), max_size=8)) if pairs else [])
    ]  # fmt: skip
    same = [(a, b) for a, b in pairs if a.entity_id == b.entity_id]
    motions = [
        Motion(
            id=f"{g}m{next(number)}",
            from_id=a.id,
            to_id=b.id,
            motion=draw(_words),
            confidence=draw(_share),
            call_ids=draw(calls),
            start_seconds=(when := draw(_interval()))[0],
            end_seconds=when[1],
        )
        for a, b in (draw(st.lists(st.sampled_from(same), max_size=4)) if same else [])
    ]
    apart = [(a, b) for a, b in pairs if a.clip_index != b.clip_index]
    references = [
        Reference(id=f"{g}s{next(number)}", from_id=a.id, to_id=b.id, confidence=draw(_share), **draw(provenance))
        for a, b in (draw(st.lists(st.sampled_from(apart), max_size=4)) if apart else [])
    ]
    clips = [
        Clip(
            index=i,
            start_frame=draw(st.integers(0, 99)),
            end_frame=draw(st.integers(1, 99)),
            keyframes=tuple(keyframes),
            events=tuple(
                Event(
                    id=f"{g}e{next(number)}",
                    description=draw(_words),
                    participants=tuple(
                        Participant(object_id=p, role=draw(st.sampled_from(["agent", "patient", "present"])))
                        for p in (draw(st.lists(ids, max_size=3)) if objects else [])
                    ),
                    start_seconds=(when := draw(_interval()))[0],
                    end_seconds=when[1],
                    **draw(provenance),
                )
                for _ in range(draw(st.integers(0, 2)))
            ),
            start_seconds=(when := draw(_interval()))[0],
            end_seconds=when[1],
        )
        for i, keyframes in enumerate(frames)
    ]
    return STSG(
        id=g,
        kind=draw(st.sampled_from(["stsg", "relation"])),
        coordinate_frame=CoordinateFrame(origin="camera", unit="metre", dimensions=3) if axes == 3 else IMAGE_FRACTIONS,
        video=a_video(g),
        producer=draw(st.sampled_from(["opencv", "hand"])),
        cycle=draw(st.integers(0, 5)),
        configuration=draw(st.dictionaries(_words, _json, max_size=3)),
        clips=tuple(clips),
        objects=tuple(objects),
        relations=tuple(relations),
        motions=tuple(motions),
        references=tuple(references),
    )


def a_question(set_id: str, g: str, number: int) -> QRA:
    return QRA(
        id=f"{set_id}q{number}",
        set_id=set_id,
        graph_id=g,
        video=VideoRef(id=f"v{g}", uri=f"/videos/{g}.mp4", sha256=g),
        time_range_seconds=(0.5, 2.0) if number % 2 else None,
        question=f"What stands left of ball {number}?",
        options=("cup", "dog") if number % 2 else None,
        answer="cup",
        answer_type="object",
        steps=1,
        rationale=(
            RationaleStep(
                step=1, question="?", answer="cup", edge_id=f"{g}r0", node_ids=(f"{g}cup", f"{g}ball1"), keyframe_ids=(f"{g}k10",),
                time_seconds=0.4,
            ),
        ),
        program="RETURN 'cup' AS answer",
        seed=7,
        checks=QRAChecks(unique=True, leaks_answer=False),
        review=Review(state="accepted", by="ann"),
    )  # fmt: skip
