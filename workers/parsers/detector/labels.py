"""One label for what was followed: its detections vote, weighed by their confidence. No boxes, no pictures.

What a label says of an object beside its name: whether it can go somewhere by itself, and whether it stays where it is put.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from graph_schema.vocabulary import is_person

MIN_SHARE = 0.7
"""Of the summed confidence that one label, or one family, must have. Measured by the study of real videos: below it labels flicker."""
FAMILIES = {
    "animal": frozenset(
        {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "rabbit", "pig", "duck", "goat", "monkey"}
    ),
    "vehicle": frozenset(
        {"bicycle", "car", "motorcycle", "motorbike", "bus", "train", "truck", "van", "taxi", "boat", "aeroplane", "airplane"}
    ),
    "ball": frozenset({"sports ball", "ball", "football", "basketball", "tennis ball", "baseball", "volleyball", "frisbee"}),
    "seat": frozenset({"chair", "couch", "sofa", "bench", "stool", "armchair"}),
}
"""What a set of labels has in common, said where detections agree on that only."""
FURNITURE = FAMILIES["seat"] | {
    "seat", "bed", "table", "diningtable", "dining table", "desk", "toilet", "sink", "refrigerator", "oven", "tv", "tvmonitor",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "pottedplant", "potted plant", "cabinet", "shelf", "door",
    "window", "lamp",
}  # fmt: skip
"""What does not go anywhere while a video lasts: when its box does, the box is wrong or the camera moved."""
MOBILE_FAMILIES = ("animal", "vehicle", "ball")


def voted_label(votes: Iterable[tuple[str, float]]) -> str | None:
    """Return the label with MIN_SHARE of the summed confidence, else the family with it, else None: too unclear to be an object.

    Args: votes: (label, confidence) of each detection of one track.
    """
    weights: dict[str, float] = defaultdict(float)
    for label, confidence in votes:
        weights[label] += confidence
    wanted = MIN_SHARE * sum(weights.values())
    names = {**weights, **{family: sum(weights.get(label, 0.0) for label in members) for family, members in FAMILIES.items()}}
    return next((name for name in (*sorted(weights), *FAMILIES) if names[name] > 0 and names[name] >= wanted), None)


def family_of(label: str) -> str:
    """The family of a label; a label without one is its own."""
    return next((family for family, members in FAMILIES.items() if label in members), label)


def goes_by_itself(label: str) -> bool:
    """Whether what has this label may move at any time: people, animals, vehicles, balls."""
    return is_person(label) or family_of(label) in MOBILE_FAMILIES


def is_furniture(label: str) -> bool:
    """Whether what has this label stays where it is."""
    return label in FURNITURE
