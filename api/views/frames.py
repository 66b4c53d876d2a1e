"""Keyframes as pictures with boxes: JPEG data URIs, boxes and captions in the coordinates of one SVG a frame."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from api.views.entities import EntityView
from api.views.words import text_width
from graph_schema.models import STSG, Keyframe

Item = TypeVar("Item")

PICTURE_WIDTH = 480
"""Width of a picture in the report, and of the coordinates its boxes are drawn in."""
JPEG_QUALITY = 72
_CAPTION = 13.0
"""Font size of a caption in those coordinates."""


@dataclass(frozen=True)
class BoxView:
    """One entity's box in one frame, and where its caption stands, in picture coordinates."""

    entity: EntityView
    node_id: str
    x: float
    y: float
    width: float
    height: float
    caption_x: float
    caption_y: float
    caption_width: float
    caption_height: float


@dataclass(frozen=True)
class FrameView:
    """One keyframe. `picture` is a data URI, or None where the picture is left out or missing (`absent` says which)."""

    key: str
    clip_index: int
    keyframe: Keyframe
    width: int
    height: int
    picture: str | None
    absent: str
    boxes: tuple[BoxView, ...]
    seen: tuple[EntityView, ...]
    """What is seen in it, also that of which no box is known."""
    doubted: frozenset[str]
    """Keys of those that a detector beside the model does not see here."""
    facts: tuple[str, ...]
    """What the graph says holds at this moment, as sentences."""


def picture_uri(path: Path) -> str | None:
    """The image at `path`, scaled to at most `PICTURE_WIDTH`, as a JPEG data URI; None if there is none that can be read."""
    try:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    if image is None:
        return None
    height, width = image.shape[:2]
    if width > PICTURE_WIDTH:
        image = cv2.resize(image, (PICTURE_WIDTH, max(1, round(height * PICTURE_WIDTH / width))), interpolation=cv2.INTER_AREA)
    done, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode() if done else None


def opening_keyframe(graph: STSG) -> str | None:
    """Id of the keyframe that a video opens on: the one with the most boxes; of those the largest boxes; of those the first."""
    areas: dict[str, list[float]] = {keyframe.id: [] for clip in graph.clips for keyframe in clip.keyframes}
    for node in graph.objects:
        for box in node.boxes:
            x1, y1, x2, y2 = box.box_xyxy or (0.0, 0.0, 0.0, 0.0)
            areas[box.keyframe_id].append((x2 - x1) * (y2 - y1))
    return max(areas, key=lambda k: (len(areas[k]), round(sum(areas[k]), 6)), default=None)


def choose_pictures(graph: STSG, cited: Collection[str], most: int) -> set[str]:
    """Ids of the keyframes whose pictures are kept: always the opening one, then those that questions cite, then the rest, evenly."""
    everything = [keyframe.id for clip in graph.clips for keyframe in clip.keyframes]
    opening = opening_keyframe(graph)
    if opening is None:
        return set()
    wanted = [k for k in everything if k in cited]
    kept = set(evenly(wanted, most))
    if opening not in kept:
        kept = {opening, *evenly(wanted, most - 1)}
    others = [k for k in everything if k not in kept]
    return kept | set(evenly(others, most - len(kept)))


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of the items, from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / max(1, most - 1))] for i in range(most)]


def frames_of(
    graph: STSG, entities: Sequence[EntityView], prefix: str, *, folder: Path, pictures: Collection[str], shown: Mapping[str, Sequence[str]]
) -> tuple[FrameView, ...]:
    """The graph's keyframes in time order. `shown`: keyframe id -> the sentences that hold there."""
    height = max(1, round(PICTURE_WIDTH * graph.video.height / graph.video.width))
    boxes: dict[str, list[tuple[EntityView, str, tuple[float, float, float, float]]]] = {}
    seen: dict[str, list[EntityView]] = {}
    doubted: dict[str, set[str]] = {}
    for entity in entities:
        for node in entity.nodes:
            for box in node.boxes:
                seen.setdefault(box.keyframe_id, []).append(entity)
                if node.detected is False:
                    doubted.setdefault(box.keyframe_id, set()).add(entity.key)
                if box.box_xyxy is not None:
                    boxes.setdefault(box.keyframe_id, []).append((entity, node.id, box.box_xyxy))
    views: list[FrameView] = []
    for clip in graph.clips:
        for keyframe in clip.keyframes:
            picture, absent = None, "picture left out to keep this file small"
            if keyframe.id in pictures:
                path = (folder / keyframe.image).resolve()
                picture = picture_uri(path) if path.is_relative_to(folder.resolve()) else None
                absent = "" if picture else "picture not found"
            views.append(
                FrameView(
                    key=f"{prefix}-k{len(views)}",
                    clip_index=clip.index,
                    keyframe=keyframe,
                    width=PICTURE_WIDTH,
                    height=height,
                    picture=picture,
                    absent=absent,
                    boxes=_place(boxes.get(keyframe.id, []), height),
                    seen=tuple(seen.get(keyframe.id, ())),
                    doubted=frozenset(doubted.get(keyframe.id, ())),
                    facts=tuple(shown.get(keyframe.id, ())),
                )
            )
    return tuple(views)


def _place(boxes: Sequence[tuple[EntityView, str, tuple[float, float, float, float]]], height: int) -> tuple[BoxView, ...]:
    """Boxes from large to small, so that small ones stay on top, each caption where it hides no other one if there is such a place."""
    placed: list[BoxView] = []
    for entity, node_id, (x1, y1, x2, y2) in sorted(boxes, key=lambda b: (b[2][0] - b[2][2]) * (b[2][3] - b[2][1])):
        left, top, right, bottom = x1 * PICTURE_WIDTH, y1 * height, x2 * PICTURE_WIDTH, y2 * height
        wide, tall = text_width(entity.name, _CAPTION) + 8, _CAPTION + 5
        inside = max(0.0, min(left, PICTURE_WIDTH - wide))
        from_right = max(0.0, min(right - wide, PICTURE_WIDTH - wide))
        candidates = [(x, y) for y in (top - tall, bottom, top, bottom - tall) for x in (inside, from_right) if 0 <= y <= height - tall]
        candidates.append((inside, max(0.0, min(top, height - tall))))
        x, y = min(candidates, key=lambda at: sum(_shared(at[0], at[1], wide, tall, other) for other in placed))
        placed.append(BoxView(entity, node_id, left, top, right - left, bottom - top, x, y, wide, tall))
    return tuple(placed)


def _shared(x: float, y: float, wide: float, tall: float, other: BoxView) -> float:
    """Area that a caption at (x, y) has in common with another one's, in pixels."""
    across = min(x + wide, other.caption_x + other.caption_width) - max(x, other.caption_x)
    down = min(y + tall, other.caption_y + other.caption_height) - max(y, other.caption_y)
    return max(0.0, across) * max(0.0, down)
