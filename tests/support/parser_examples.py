"""A drawn head that looks into the camera: no picture of a person is kept in this repository."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

SKIN, SHADE, HAIR, BROW, LIP = (214, 172, 140), (168, 122, 98), (58, 40, 30), (66, 46, 36), (164, 84, 80)
SIDE, MIDDLE = 400, (200, 200)
"""Of the canvas it is drawn on. The head covers x 62 to 338 and y 12 to 368 of it, the eyes lie at y 178, the mouth at y 284."""


def head_picture(side: int) -> tuple[Image, NDArray[np.float32]]:
    """Return a head (side, side, 3), and how far it covers what is behind it (side, side, 1), 0 to 1."""
    picture = np.full((SIDE, SIDE, 3), SHADE, np.uint8)
    cover = np.zeros((SIDE, SIDE), np.uint8)

    def oval(x: int, y: int, w: int, h: int, colour: Colour) -> None:
        cv2.ellipse(picture, (MIDDLE[0] + x, MIDDLE[1] + y), (w, h), 0, 0, 360, colour, cv2.FILLED, cv2.LINE_AA)

    oval(0, -18, 138, 172, HAIR)
    oval(0, 12, 118, 152, SKIN)
    for sign in (-1, 1):
        oval(sign * 112, 30, 14, 90, SHADE)
        oval(sign * 48, -28, 36, 22, SHADE)
        cv2.ellipse(picture, (MIDDLE[0] + sign * 50, MIDDLE[1] - 40), (38, 14), 0, 190, 350, BROW, 11, cv2.LINE_AA)
        oval(sign * 48, -22, 25, 11, (236, 232, 226))
        oval(sign * 48, -22, 11, 11, (40, 28, 24))
        oval(sign * 14, 46, 8, 6, (120, 76, 62))
    oval(0, 10, 9, 40, (232, 194, 164))
    oval(0, 84, 44, 12, LIP)
    oval(0, 106, 30, 6, SHADE)
    cv2.ellipse(cover, (MIDDLE[0], MIDDLE[1] - 10), (138, 178), 0, 0, 360, 255, cv2.FILLED, cv2.LINE_AA)
    small = cv2.resize(cv2.GaussianBlur(picture, (0, 0), 7), (side, side), interpolation=cv2.INTER_AREA)
    covered = cv2.resize(cover, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.asarray(covered[..., None] / 255, np.float32)
