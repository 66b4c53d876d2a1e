"""Which of a detector's boxes are of the objects that a Video-LLM named in a picture, and whether the detector sees these at all.

A second opinion: it is kept beside what the model says and takes nothing away. Where several boxes may be an object's and nothing
tells which, it gets none.

Constants say what they limit; their values are not measured.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from graph_schema.geometry import PixelBox, box_centre, box_iou, clip_box
from graph_schema.vocabulary import is_person
from workers.induction import Similarity
from workers.induction.labels import MIN_LABEL_SIMILARITY
from workers.parsers.detector.association import without_duplicates
from workers.parsers.detector.base import Detector, Image, NamedBox
from workers.parsers.prompted.canonical import canonical_label, plain

MIN_FOUND = 0.3
"""Confidence of a box that counts: less than a track starts with, as the model has named the object too."""
MIN_OWN_IOU = 0.3
"""Of the box that the model gave itself with the detector's."""
MIN_APART = 0.05
"""The leftmost of several boxes is so much further left than the next one, in widths of the picture; the same for the other sides."""
CLASSES: Mapping[str, tuple[str, ...]] = {
    "cup": ("mug", "teacup"),
    "wine glass": ("goblet",),
    "couch": ("sofa", "settee"),
    "chair": ("armchair",),
    "tv": ("television", "tv set", "monitor"),
    "cell phone": ("phone", "mobile phone", "smartphone", "cellphone", "mobile"),
    "motorcycle": ("motorbike",),
    "bicycle": ("bike",),
    "airplane": ("aeroplane", "plane", "aircraft"),
    "car": ("taxi", "cab", "van", "suv"),
    "truck": ("lorry",),
    "boat": ("ship",),
    "potted plant": ("houseplant",),
    "refrigerator": ("fridge",),
    "hair drier": ("hair dryer", "hairdryer"),
    "donut": ("doughnut",),
    "sports ball": ("ball", "football", "basketball", "volleyball"),
    "remote": ("remote control",),
    "handbag": ("purse",),
    "backpack": ("rucksack",),
    "dog": ("puppy",),
    "cat": ("kitten",),
    "horse": ("pony",),
}
"""Other words for what COCO has a class for, or for kinds of it."""
_CLASS_OF = {word: name for name, words in CLASSES.items() for word in words}
_SIDES = {"left": (0, 1), "right": (0, -1), "top": (1, 1), "upper": (1, 1), "bottom": (1, -1), "lower": (1, -1)}
"""{word: (axis of a box's middle, 1 for the least and -1 for the most)}"""
_SIDE = re.compile(
    rf"(?:(?:on|at|in|to) )?(?:the )?(?:far )?({'|'.join(_SIDES)})(?:most)?(?: side| edge| half| part| one)?"
    r"(?: of (?:the )?(?:picture|image|frame|photo|scene))?"
)
"""A place in the picture, and nothing else: "left of the plate" is none, nor "in a red top"."""


@dataclass(frozen=True)
class NamedObject:
    """What a model says of an object: its canonical label, what tells it from others of the label, its box as fractions if it gave one."""

    label: str
    which: str = ""
    box: PixelBox | None = None


@dataclass(frozen=True)
class Grounding:
    """An object's box, as fractions, and whether the detector sees it; None where it cannot tell."""

    box: PixelBox | None
    detected: bool | None


def ground(objects: Sequence[NamedObject], picture: Image, detector: Detector, similar: Similarity | None = None) -> list[Grounding]:
    """Return where the objects of a picture are, in their order. A detector that is told what to find is told their labels.

    Args: picture: RGB (h, w, 3). similar: finds labels alike that differ.
    """
    if not objects:
        return []
    detector = detector.told(tuple(dict.fromkeys(o.label for o in objects)))
    (found,) = detector.detect([picture])
    return match_boxes(objects, found, detector.labels, similar)


def match_boxes(
    objects: Sequence[NamedObject], found: Sequence[NamedBox], classes: Sequence[str], similar: Similarity | None = None
) -> list[Grounding]:
    """Return what boxes say of objects. Pure.

    Objects and boxes of one class are matched one to one: by the boxes that the model gave, by places in the picture (`which`), by being
    the only ones left. An object without a match keeps the model's box.

    Args: found: as fractions of the picture. classes: all that the detector can find.
    """
    class_of = {label: class_named(label, classes, similar) for label in {o.label for o in objects}}
    members: dict[str, list[int]] = defaultdict(list)
    for n, o in enumerate(objects):
        if (name := class_of[o.label]) is not None:
            members[name].append(n)
    results = [Grounding(o.box, None) for o in objects]
    for name, numbers in members.items():
        boxes = _boxes_of(name, found)
        pairs = _pairs([objects[n] for n in numbers], boxes)
        for k, n in enumerate(numbers):
            seen = True if k in pairs or len(boxes) >= len(numbers) else None if boxes else False
            results[n] = Grounding(boxes[pairs[k]] if k in pairs else objects[n].box, seen)
    return results


def class_named(label: str, classes: Sequence[str], similar: Similarity | None = None) -> str | None:
    """Return the class that a detector has for a canonical label; None where it has none.

    The same lemma; else another word for it, or what it is a kind of; else the same of its last word, as in "coffee cup"; else the most
    similar class.
    """
    by_name = {canonical_label(name): name for name in reversed(classes)}
    for word in (label, label.split()[-1] if label else ""):
        for name in (word, _CLASS_OF.get(word), "person" if is_person(word) else None):
            if name in by_name:
                return by_name[name]
    if similar is None or not by_name:
        return None
    similarity, name = max((similar(label, name), name) for name in by_name)
    return by_name[name] if similarity >= MIN_LABEL_SIMILARITY else None


def _boxes_of(name: str, found: Sequence[NamedBox]) -> list[PixelBox]:
    """The boxes of a class inside the picture, each object once."""
    strong = [b for b in found if b.label == name and b.confidence >= MIN_FOUND]
    inside = [b._replace(box_xyxy=box) for b in strong if (box := clip_box(b.box_xyxy, 1, 1)) is not None]
    return [b.box_xyxy for b in without_duplicates(inside)]


def _pairs(objects: Sequence[NamedObject], boxes: Sequence[PixelBox]) -> dict[int, int]:
    """{number of an object: number of its box} of objects and boxes of one class."""
    pairs = _by_own_boxes(objects, boxes)
    pairs |= _by_places(objects, boxes, pairs)
    objects_left, boxes_left = _left(objects, boxes, pairs)
    return pairs | dict(zip(objects_left, boxes_left, strict=True)) if len(objects_left) == len(boxes_left) == 1 else pairs


def _left(objects: Sequence[NamedObject], boxes: Sequence[PixelBox], pairs: Mapping[int, int]) -> tuple[list[int], list[int]]:
    taken = set(pairs.values())
    return [k for k in range(len(objects)) if k not in pairs], [j for j in range(len(boxes)) if j not in taken]


def _by_own_boxes(objects: Sequence[NamedObject], boxes: Sequence[PixelBox]) -> dict[int, int]:
    """The one-to-one assignment that overlaps most with the boxes that the model gave."""
    own = [k for k, o in enumerate(objects) if o.box is not None]
    overlap = np.array([[box_iou(objects[k].box or (), box) for box in boxes] for k in own]).reshape(len(own), len(boxes))
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return {own[i]: int(j) for i, j in zip(rows, columns, strict=True) if overlap[i, j] >= MIN_OWN_IOU}


def _by_places(objects: Sequence[NamedObject], boxes: Sequence[PixelBox], pairs: Mapping[int, int]) -> dict[int, int]:
    """Objects that one word places at a side of the picture, and the box that is clearly the first from there."""
    objects_left, boxes_left = _left(objects, boxes, pairs)
    if len(boxes_left) < max(2, len(objects_left)):
        return {}  # the leftmost of those that were found need not be the leftmost there is
    sides = {k: _SIDES[match[1]] for k in objects_left if (match := _SIDE.fullmatch(plain(objects[k].which)))}
    chosen: dict[int, int] = {}
    for k, side in sides.items():
        axis, sign = side
        first, second = sorted((sign * box_centre(boxes[j])[axis], j) for j in boxes_left)[:2]
        if list(sides.values()).count(side) == 1 and second[0] - first[0] >= MIN_APART:
            chosen[k] = first[1]
    return {k: j for k, j in chosen.items() if list(chosen.values()).count(j) == 1}
