"""The colour of detected objects, said only where it can be told. In: frames and boxes in pixels. Out: a colour word, or none.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox
from graph_schema.vocabulary import is_person
from workers.parsers.detector.base import Image
from workers.parsers.measuring.colours import colour_of, lab

EXAMINED = 8
"""Frames from which an object's colour is read."""
MIN_AGREEING = 0.75
"""Share of them that must give the same word: dim or tinted light, and stripes, change it from frame to frame."""
INNER = (0.25, 0.25, 0.75, 0.75)
"""Part of a box that most likely shows the object and not what is behind it."""
CHEST = (0.3, 0.2, 0.7, 0.45)
"""Part of a person's box that shows what they wear."""
NOT_OF_PEOPLE = frozenset({"brown", "orange", "pink"})
"""Skin, hair and warm light have these colours; so what people wear is not called so."""
GREYISH = frozenset({"white", "grey"})
MIN_CHROMA, CHROMA_PERCENTILE = 10.0, 98.0
"""In CIELAB; where nearly all pixels of a film have less, it is black and white, and its objects have no colour."""
BRIGHTEST_PERCENTILE = 98.0
"""Of a picture's pixels: what is as bright as these is white, however dim the light is."""
MAX_GAIN = 2.0
"""Pictures darker than half are dark scenes, not dim light."""


def has_colours(images: Image, frames: Sequence[int]) -> bool:
    """Return whether a film is in colour, by some of its frames (n, h, w, 3)."""
    points = np.concatenate([lab(np.ascontiguousarray(images[f][::8, ::8])).reshape(-1, 3) for f in _spread(frames)])
    return bool(np.percentile(np.hypot(points[:, 1], points[:, 2]), CHROMA_PERCENTILE) >= MIN_CHROMA)


def colour_word(label: str, boxes: Mapping[int, PixelBox], images: Image) -> str | None:
    """Return the colour that MIN_AGREEING of the examined frames give an object; None where they differ, or it is none to say of people."""
    part = CHEST if is_person(label) else INNER
    words = [_word_at(images[f], boxes[f], part) for f in _spread(list(boxes))]
    word, count = Counter(words).most_common(1)[0]
    if word is None or count < MIN_AGREEING * len(words) or (is_person(label) and word in NOT_OF_PEOPLE):
        return None
    return word


def _word_at(image: Image, box: PixelBox, part: tuple[float, float, float, float]) -> str | None:
    width, height = box[2] - box[0], box[3] - box[1]
    x1, x2 = round(box[0] + part[0] * width), round(box[0] + part[2] * width)
    y1, y2 = round(box[1] + part[1] * height), round(box[1] + part[3] * height)
    pixels = np.ascontiguousarray(image[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]).reshape(-1, 3)
    word = colour_of(pixels)
    if word not in GREYISH:
        return word
    brightest = float(np.percentile(image[::4, ::4].max(axis=2), BRIGHTEST_PERCENTILE))
    gain = min(MAX_GAIN, 255.0 / max(1.0, brightest))
    brightened: NDArray[np.uint8] = np.clip(pixels * gain, 0, 255).astype(np.uint8)
    return colour_of(brightened)


def _spread(frames: Sequence[int]) -> list[int]:
    """At most EXAMINED of the frames, evenly."""
    return [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, min(EXAMINED, len(frames))).round().astype(int))]
