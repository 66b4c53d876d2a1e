"""Colour words, and colours as points whose distance is what an eye sees. In: RGB. Out: CIELAB points and one of eleven words.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

import math
from collections import Counter

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.vocabulary import COLOURS

BLACK_BELOW = 22.0
"""Darker than this is black, lighter than the next white, where there is little chroma."""
WHITE_FROM = 76.0
"""Lightness in CIELAB, 0 to 100."""
GREY_CHROMA = 13.0
"""Below this chroma a colour has no hue to speak of."""
DARK_CHROMA = 20.0
"""Very dark objects need this much chroma to have a hue: black cloth is often a little blue."""
HUES = ((52.0, "red"), (77.0, "orange"), (103.0, "yellow"), (190.0, "green"), (311.0, "blue"), (335.0, "purple"), (360.0, "pink"))
"""Hue angle in the a, b plane, degrees, up to which each word reaches."""
BROWN_BELOW = 55.0
"""Orange and yellow darker than this are brown."""
PINK_FROM = 62.0
"""Reds lighter than this are pink."""
SHARE_OF_ONE = 0.35
"""An object has the colour that covers at least this share of it."""


def lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(…, 3) RGB to CIELAB: lightness 0 to 100, a and b about -100 to 100."""
    flat = image.reshape(-1, 1, 3).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2LAB), dtype=np.float32).reshape(image.shape)


def word_of_lab(point: NDArray[np.float32]) -> str:
    """The basic colour word for one CIELAB point."""
    lightness, a, b = (float(v) for v in point)
    chroma, hue = math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360
    if chroma < GREY_CHROMA or (lightness < BLACK_BELOW and chroma < DARK_CHROMA):
        return "black" if lightness < BLACK_BELOW else "white" if lightness >= WHITE_FROM else "grey"
    word = next(name for until, name in HUES if hue <= until)
    if word in ("orange", "yellow") and lightness < BROWN_BELOW:
        return "brown"
    if word == "red" and lightness >= PINK_FROM and chroma < 60:
        return "pink"
    if word == "pink" and lightness < 45:
        return "red" if hue > 350 else "purple"
    return word


RED, PINK = COLOURS.index("red"), COLOURS.index("pink")
_LEVELS = 16
"""Steps of each channel in the table of colour words."""


def _table() -> NDArray[np.uint8]:
    """(16, 16, 16) index in COLOURS of the word for each coarse RGB value."""
    axis = (np.arange(_LEVELS) * 255 / (_LEVELS - 1)).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    points = lab(grid).reshape(-1, 3)
    words = [COLOURS.index(word_of_lab(p)) for p in points]
    return np.asarray(words, dtype=np.uint8).reshape(_LEVELS, _LEVELS, _LEVELS)


_WORDS = _table()


def colour_of(pixels: NDArray[np.uint8]) -> str | None:
    """The word that covers most of these RGB pixels (n, 3), or None where none covers SHARE_OF_ONE.

    Light makes a red object pink in parts, and shade a pink one red: the two count together, under the name that covers more.
    """
    if not len(pixels):
        return None
    coarse = (pixels.astype(np.uint16) * (_LEVELS - 1) + 127) // 255
    counts = Counter(_WORDS[coarse[:, 0], coarse[:, 1], coarse[:, 2]].tolist())
    less, more = sorted((RED, PINK), key=lambda word: counts[word])
    counts[more] += counts.pop(less, 0)
    index, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return COLOURS[index] if count >= SHARE_OF_ONE * len(pixels) else None
