"""Short ways to write frame scene graphs for the induction tests."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.models import Attribute, FrameMotion, FrameObject, FrameRelation, FrameSceneGraph, Kind

LEFT, MIDDLE, RIGHT = (0.1, 0.4, 0.2, 0.5), (0.45, 0.4, 0.55, 0.5), (0.8, 0.4, 0.9, 0.5)


def frame_object(
    colour: str = "red",
    label: str = "circle",
    *,
    box: tuple[float, float, float, float] | None = LEFT,
    kind: Kind = "static",
    track: str | None = None,
    size: str = "small",
    seen: tuple[float, float] | None = None,
    more: Sequence[tuple[str, str]] = (),
) -> FrameObject:
    """A coloured object of some size; `seen`: start and end of its time in view; `more`: further (kind, name) attributes."""
    return FrameObject(
        label=label,
        kind=kind,
        box_xyxy=box,
        attributes=tuple(Attribute(kind=k, name=n) for k, n in (("colour", colour), ("size", size), *more)),
        track=track,
        start_seconds=seen[0] if seen else None,
        end_seconds=seen[1] if seen else None,
    )


def frame(
    seconds: float,
    objects: Sequence[FrameObject],
    *,
    relations: Sequence[tuple[int, str, int] | tuple[int, str, int, float, float]] = (),
    motions: Sequence[tuple[int, str, float, float]] = (),
    clip: int = 0,
) -> FrameSceneGraph:
    """A keyframe at 10 frames a second. Relations: (subject, predicate, object[, start, end]); motions: (object, word, start, end)."""
    return FrameSceneGraph(
        clip_index=clip,
        frame=round(seconds * 10),
        time_seconds=seconds,
        objects=tuple(objects),
        relations=tuple(
            FrameRelation(
                subject=r[0],
                predicate=r[1],
                object=r[2],
                start_seconds=r[3] if len(r) == 5 else None,
                end_seconds=r[4] if len(r) == 5 else None,
            )
            for r in relations
        ),
        motions=tuple(FrameMotion(object=o, motion=word, start_seconds=start, end_seconds=end) for o, word, start, end in motions),
    )
