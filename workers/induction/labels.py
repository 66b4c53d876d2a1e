"""Labels that mean one thing, made one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graph_schema.models import FrameSceneGraph

MIN_LABEL_SIMILARITY = 0.85
"""Source: METHODS 1.1, S2v."""
Similarity = Callable[[str, str], float]
"""How much two phrases mean the same, at most 1."""


def group_labels(labels: Sequence[str], similar: Similarity | None = None) -> dict[str, str]:
    """Return the canonical label that each of these canonical labels stands for: of those that mean the same, the one given most often.

    Args: labels: with repetitions. similar: asked for labels that differ; without it each stands for itself.
    """
    counts = {label: labels.count(label) for label in dict.fromkeys(labels)}
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    chosen: dict[str, str] = {}
    heads: list[str] = []
    for label in ranked:
        near = [(similar(label, head), head) for head in heads] if similar is not None else []
        nearness, head = max(near, key=lambda pair: pair[0], default=(0.0, label))
        chosen[label] = head if nearness >= MIN_LABEL_SIMILARITY else label
        if chosen[label] == label:
            heads.append(label)
    return chosen


def unify_labels(clips: Sequence[Sequence[FrameSceneGraph]], similar: Similarity | None) -> list[tuple[FrameSceneGraph, ...]]:
    """The frame scene graphs of a video's clips, in which labels that mean the same are the same: "sofa" here and "couch" there."""
    if similar is None:
        return [tuple(frames) for frames in clips]
    names = group_labels([o.label for frames in clips for frame in frames for o in frame.objects], similar)
    return [
        tuple(
            frame.model_copy(update={"objects": tuple(o.model_copy(update={"label": names[o.label]}) for o in frame.objects)})
            for frame in frames
        )
        for frames in clips
    ]
