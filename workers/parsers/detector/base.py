"""What a detector is: pictures in, named boxes out, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox
from graph_schema.record import JsonObject

Image = NDArray[np.uint8]

MIN_CONFIDENCE = 0.2
"""Boxes of less are not returned. Tracks go on with weak boxes, and start with strong ones only (`association`)."""


class NamedBox(NamedTuple):
    """One object that a detector sees in one picture; `confidence` from 0 to 1, the box as fractions of the picture."""

    label: str
    confidence: float
    box_xyxy: PixelBox


class Detector(Protocol):
    """Finds named objects in pictures. `configuration` (JSON values) names everything its boxes depend on beside the pictures."""

    @property
    def configuration(self) -> JsonObject: ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The names it can give; none of a detector that was not told yet what to find."""
        ...

    def told(self, words: Sequence[str]) -> Detector:
        """The same detector, to find these words; itself where its names are fixed."""
        ...

    def detect(self, images: Sequence[Image]) -> list[list[NamedBox]]:
        """Return the boxes of at least MIN_CONFIDENCE in each RGB picture (h, w, 3), the pictures of one size."""
        ...
