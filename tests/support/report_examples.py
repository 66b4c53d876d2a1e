"""A small graph with its keyframes, drawn by hand: two clips, a red circle that moves and comes back, a blue square that stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from graph_schema.metrics import Metrics
from graph_schema.models import (
    QRA,
    STSG,
    Attribute,
    Clip,
    Event,
    InputRecord,
    Keyframe,
    Motion,
    ObjectBox,
    Participant,
    QRAChecks,
    RationaleStep,
    Reference,
    Relation,
    RunRecord,
    SceneObject,
    Video,
    VideoRef,
)
from graph_schema.options import RunOptions

WIDTH, HEIGHT = 640, 360
TIMES = (0.5, 1.5, 3.0, 4.0)
CIRCLE = {0: (0.10, 0.40, 0.20, 0.60), 1: (0.40, 0.40, 0.50, 0.60), 2: (0.70, 0.10, 0.80, 0.30)}
"""Keyframe -> where the red circle is; it is not in the last one."""
SQUARE = (0.60, 0.50, 0.80, 0.90)


def draw_example(folder: Path, *, name: str = "shapes.mp4") -> STSG:
    """Draw the keyframes into `folder` and return the graph whose boxes are where the shapes are."""
    video = Video(id="v1", sha256="0" * 64, name=name, uri=name, duration_seconds=5, fps=25, width=WIDTH, height=HEIGHT, frame_count=125)
    keyframes = [
        Keyframe(id=f"k{i}", frame=round(t * 25), time_seconds=t, image=f"keyframes/v1/{round(t * 25)}.jpg") for i, t in enumerate(TIMES)
    ]
    for i, keyframe in enumerate(keyframes):
        image = np.full((HEIGHT, WIDTH, 3), (216, 222, 226), np.uint8)
        x1, y1, x2, y2 = (round(f * s) for f, s in zip(SQUARE, (WIDTH, HEIGHT) * 2, strict=True))
        cv2.rectangle(image, (x1, y1), (x2, y2), (190, 90, 30), -1)
        if i in CIRCLE:
            x1, y1, x2, y2 = (round(f * s) for f, s in zip(CIRCLE[i], (WIDTH, HEIGHT) * 2, strict=True))
            cv2.ellipse(image, ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2), 0, 0, 360, (40, 40, 200), -1)
        path = folder / keyframe.image
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    red, blue = (Attribute(kind="colour", name=c) for c in ("red", "blue"))
    circles = [
        SceneObject(
            id=f"circle{i}",
            label="circle",
            kind="dynamic",
            clip_index=i // 2,
            entity_id="circle",
            attributes=(red,),
            start_seconds=0 if i < 2 else 2.5,
            end_seconds=2.5 if i < 2 else 3.6,
            boxes=(ObjectBox(keyframe_id=f"k{i}", box_xyxy=box),),
        )
        for i, box in CIRCLE.items()
    ]
    squares = [
        SceneObject(
            id=f"square{clip}",
            label="square",
            kind="static",
            clip_index=clip,
            entity_id="square",
            attributes=(blue,),
            start_seconds=2.5 * clip,
            end_seconds=2.5 * clip + 2.5,
            boxes=tuple(ObjectBox(keyframe_id=f"k{k}", box_xyxy=SQUARE) for k in (2 * clip, 2 * clip + 1)),
        )
        for clip in (0, 1)
    ]
    return STSG(
        id="g1",
        video=video,
        producer="opencv",
        clips=tuple(
            Clip(
                index=c,
                start_seconds=2.5 * c,
                end_seconds=2.5 * c + 2.5,
                start_frame=round(62.5 * c),
                end_frame=round(62.5 * c + 62.5),
                keyframes=tuple(keyframes[2 * c : 2 * c + 2]),
                events=(_event(c),),
            )
            for c in (0, 1)
        ),
        objects=(*circles, *squares),
        relations=(
            Relation(id="r0", subject_id="circle0", predicate="left of", object_id="square0", start_seconds=0, end_seconds=2.0),
            Relation(id="r1", subject_id="circle2", predicate="above", object_id="square1", start_seconds=2.5, end_seconds=3.6),
        ),
        motions=(Motion(id="m0", from_id="circle0", to_id="circle1", motion="moves right", start_seconds=0.5, end_seconds=1.5),),
        references=(
            Reference(id="s0", from_id="circle1", to_id="circle2", confidence=0.9),
            Reference(id="s1", from_id="square0", to_id="square1", confidence=1.0),
        ),
    )


def _event(clip: int) -> Event:
    return Event(
        id=f"e{clip}",
        description="The red circle moves right." if clip == 0 else "The red circle leaves.",
        start_seconds=2.5 * clip,
        end_seconds=2.5 * clip + 2.5,
        participants=(Participant(object_id=f"circle{2 * clip}", role="agent"),),
    )


def example_questions(graph: STSG) -> list[QRA]:
    """One question of one step, one of two."""
    video = VideoRef(id=graph.video.id, uri=graph.video.uri, sha256=graph.video.sha256)
    checks = QRAChecks(unique=True, leaks_answer=False)
    first = RationaleStep(
        step=1,
        question="What is left of the blue square at 0.5 s?",
        answer="red circle",
        edge_id="r0",
        node_ids=("circle0", "square0"),
        keyframe_ids=("k0",),
        time_seconds=0.5,
    )
    second = RationaleStep(
        step=2,
        question="What is the red circle above, after the cut?",
        answer="blue square",
        edge_id="r1",
        node_ids=("circle2", "square1"),
        keyframe_ids=("k2",),
        time_seconds=3.0,
    )
    program = "MATCH (a:Object {graph_id: 'g1'})-[:RELATES {predicate: 'left of'}]->(b)\nRETURN DISTINCT a.name AS answer"
    return [
        QRA(
            id=f"q{steps}",
            set_id="set",
            graph_id=graph.id,
            video=video,
            question=question,
            answer=answer,
            answer_type="object",
            steps=steps,
            rationale=(first, second)[:steps],
            program=program,
            seed=0,
            checks=checks,
        )
        for steps, question, answer in (
            (1, "What is left of the blue square?", "red circle"),
            (2, "What is the thing above that is first left of the square?", "blue square"),
        )
    ]


def a_run(**fields: Any) -> RunRecord:
    """The record of a run of which only these fields matter."""
    return RunRecord(**{"version": "0.1.0", "configuration": RunOptions(), "versions": {}, "seeds": {"seed": 0}, **fields})


def example_run(graph: STSG) -> RunRecord:
    name = graph.video.name
    return a_run(
        status="failed",
        inputs=(
            InputRecord(name=name, path=name, status="done", graph_id=graph.id, things=2, seconds=1.2),
            InputRecord(name="notes.mp4", path="/in/notes.mp4", status="failed", error="/in/notes.mp4 is not a video: it holds text"),
        ),
        counts={"graphs": 1, "objects": 5, "questions": 2},
        shortfalls={"1": 1, "3": 24},
        seconds={"induce": 1.2, "sample": 0.3, "train": 9.5},
        versions={"python": "3.11"},
    )


def example_metrics(steps: int = 40) -> list[Metrics]:
    return [
        {"step": i, "loss": 2.0, "loss_answer": 5.0 * 0.95**i + 0.2 * (i % 3), "loss_rationale": 4.0 * 0.97**i + 0.1 * (i % 4)}
        for i in range(steps)
    ]
