"""Who is a person: OpenCV's HOG detector on crops of what moves. In: RGB pictures and boxes. Out: evidence, 0 to 1.

On whole frames the detector is of no use: it sees people in bottles (score 1.8) and in no frame of a woman with a dog.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox, box_iou

Image = NDArray[np.uint8]

MAX_FRAMES = 24
"""Frames of a track that are examined, at most."""
PERSON_HEIGHT_PX = 115.0
"""Regions are shrunk to this height: HOG windows are 128 px. Measured on intel_onebyone: 115 finds more than 100 or 90."""
MIN_WEIGHT = 0.0
"""Of a HOG detection, the detector's own score; low, because region and detection must agree."""
MIN_OVERLAP = 0.4
"""Intersection over union of a detection with the region it should be."""
MARGIN = 0.3
"""Of the region, that the crop shows around it."""
MIN_HEIGHT_SHARE = 0.12
"""Regions lower than this share of the frame are too coarse to judge."""


@lru_cache(maxsize=1)
def _hog() -> Any:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
    return hog


def person_share(images: Image, boxes: Mapping[int, PixelBox]) -> float:
    """Return in which share of the examined frames a person stands in the region's box.

    Args:
        images: (n, h, w, 3). boxes: of one track by frame, pixels.
    """
    height = images.shape[1]
    usual = float(np.median([b[3] - b[1] for b in boxes.values()]))
    fit = [f for f in sorted(boxes) if boxes[f][3] - boxes[f][1] >= max(0.7 * usual, MIN_HEIGHT_SHARE * height)]
    if not fit:
        return 0.0
    examined = [fit[k] for k in np.unique(np.linspace(0, len(fit) - 1, min(MAX_FRAMES, len(fit))).round().astype(int))]
    return float(np.mean([_shows_person(images[f], boxes[f]) for f in examined]))


def _shows_person(image: Image, box: PixelBox) -> bool:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    tall = y2 - y1
    half = max((x2 - x1) / 2, tall / 4) + MARGIN * tall
    left, right = max(0, round((x1 + x2) / 2 - half)), min(width, round((x1 + x2) / 2 + half))
    top, bottom = max(0, round(y1 - MARGIN * tall)), min(height, round(y2 + MARGIN * tall))
    part = image[top:bottom, left:right]
    scale = PERSON_HEIGHT_PX / tall
    # what the frame's edge cuts off is repeated: the detector wants air around a person
    air = [round(v) for v in (max(0.0, MARGIN * tall - (y1 - top)), max(0.0, MARGIN * tall - (bottom - y2)))]
    crop = cv2.copyMakeBorder(part, air[0], air[1], 0, 0, cv2.BORDER_REPLICATE)
    size = (max(64, round(crop.shape[1] * scale)), max(128, round(crop.shape[0] * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    people, weights = _hog().detectMultiScale(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), winStride=(8, 8), padding=(8, 8), scale=1.08)
    sx, sy = size[0] / crop.shape[1], size[1] / crop.shape[0]
    target = ((x1 - left) * sx, (y1 - top + air[0]) * sy, (x2 - left) * sx, (y2 - top + air[0]) * sy)
    for (x, y, w, h), weight in zip(people, np.ravel(weights), strict=True):
        # the detector's window has a sixth of its width and an eighth of its height of air on each side
        if weight >= MIN_WEIGHT and box_iou((x + w / 6, y + h / 10, x + w * 5 / 6, y + h * 9 / 10), target) >= MIN_OVERLAP:
            return True
    return False
