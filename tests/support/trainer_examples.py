"""A training set for tests, worked by hand: drawn pictures, one graph with four keyframes, questions about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from graph_schema.models import QRA, STSG, Clip, Keyframe, QRAChecks, RationaleStep, VideoRef
from tests.support.graphs import a_video
from tests.support.media_examples import write_video

GRAPH_ID = "gtrain"
COLOURS = ("red", "green", "blue", "yellow")


def keyframe(number: int) -> Keyframe:
    """Keyframes 0 to 3, at 0.5, 1.5, 2.5 and 3.5 s; the square of number i has colour i."""
    return Keyframe(id=f"k{number}", frame=25 * number + 12, time_seconds=number + 0.5, image=f"keyframes/vtrain/{25 * number + 12}.jpg")


def graph(video: Path = Path("/videos/train.mp4")) -> STSG:
    frames = [keyframe(i) for i in range(4)]
    return STSG(
        id=GRAPH_ID,
        video=a_video("train").model_copy(update={"uri": video.as_uri()}),
        producer="hand",
        clips=(
            Clip(index=0, start_frame=0, end_frame=50, start_seconds=0, end_seconds=2, keyframes=tuple(frames[:2])),
            Clip(index=1, start_frame=50, end_frame=100, start_seconds=2, end_seconds=4, keyframes=tuple(frames[2:])),
        ),
    )


def step(number: int, question: str, answer: str, keyframes: tuple[int, ...], *, time_seconds: float = 0.0) -> RationaleStep:
    return RationaleStep(
        step=number, question=question, answer=answer, edge_id=f"e{number}", node_ids=("a", "b"), time_seconds=time_seconds,
        keyframe_ids=tuple(f"k{k}" for k in keyframes),
    )  # fmt: skip


def question(number: int, **changes: Any) -> QRA:
    """Question `number` is about keyframe `number` alone, in two steps; its answer is that square's colour."""
    colour, text = COLOURS[number], f"What colour is the square of second {number + 1}?"
    values: dict[str, Any] = {
        "id": f"q{number}",
        "set_id": "strain",
        "graph_id": GRAPH_ID,
        "video": VideoRef(id="vtrain", uri="/videos/train.mp4", sha256="train"),
        "time_range_seconds": (float(number), number + 1.0),
        "question": text,
        "answer": colour,
        "answer_type": "attribute",
        "rationale": (
            step(1, f"What is there in second {number + 1}?", "a square", (number,)),
            step(2, "What colour is the square?", colour, (number,)),
        ),
        "program": "RETURN 'red' AS answer",
        "seed": 0,
        "checks": QRAChecks(unique=True, leaks_answer=False),
    } | changes
    return QRA(**values, steps=len(values["rationale"]))


def write_set(root: Path, *, questions: list[QRA] | None = None, repeat: int = 1) -> Path:
    """Write qra.jsonl, graphs/, keyframes/ and the video under `root`, and return the path of qra.jsonl."""
    (root / "graphs").mkdir(parents=True, exist_ok=True)
    video = root.absolute() / "train.mp4"
    (root / "graphs" / f"{GRAPH_ID}.json").write_text(graph(video).model_dump_json(), encoding="utf-8")
    pictures = []
    for number, colour in enumerate(COLOURS):
        picture = Image.new("RGB", (128, 96), "white")
        ImageDraw.Draw(picture).rectangle((40, 24, 88, 72), fill=colour)
        path = root / keyframe(number).image
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
        pictures += [np.asarray(picture)] * 25
    write_video(video, pictures)
    items = [question(i) for i in range(4)] if questions is None else questions
    lines = [item.model_dump_json() for item in items * repeat]
    (root / "qra.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return root / "qra.jsonl"
