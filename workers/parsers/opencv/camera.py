"""Does the camera move, and how? In: small RGB frames. Out: where each frame lies against the first, or that the camera stood still.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

CORNERS = 300
"""Corners followed from frame to frame, at most."""
MIN_CORNERS = 20
"""With fewer corners no motion is reported: a plain wall looks the same wherever the camera points."""
CELLS = 6
"""The frame in CELLS x CELLS cells: what moves as one in most cells that have corners is the picture, not an object in it."""
MIN_INLIERS = 0.5
"""Share of the corners that one similarity transform must explain for the picture to have moved as one …"""
MIN_CELLS = 0.6
"""… share of the cells with corners that must go along …"""
MIN_ALL_CELLS = 0.25
"""… and share of all cells: corners may all lie on one object that moves before a plain wall."""
STILL_PX = 0.35
"""Mean shift from frame to frame, in pixels of a 240 px frame, below which the camera stands."""
MOVING_SHARE = 0.3
"""Share of frames with a shift from which on the camera moves."""
DRIFT = 0.012
"""… or how far it may drift from where it started, in frame diagonals."""
DRIFT_FRAMES = 20
"""Drift is the sum of the median shifts of so many frames at a time: a car that fills the frame for a second is not a drift."""
MAX_SHIFT = 0.12
"""Frames further than this from the middle one, in frame diagonals, show too little in common to be laid over each other."""


@dataclass(frozen=True)
class CameraMotion:
    """`moves`: the background does not stand still. `transforms`: (n, 2, 3) maps of each frame onto the middle one; None: too far off."""

    moves: bool
    transforms: NDArray[np.float64] | None


def camera_motion(images: Image) -> CameraMotion:
    """Follow corners from frame to frame (n, h, w, 3) and judge by what most of the frame does."""
    height, width = images.shape[1:3]
    diagonal = float(np.hypot(width, height))
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    steps = [_step(a, b) for a, b in pairwise(greys)]
    middle = np.asarray([width / 2, height / 2, 1.0])
    shifts = np.asarray([(s @ middle)[:2] - middle[:2] for s in steps]).reshape(-1, 2)
    shifting = float((np.hypot(*shifts.T) > STILL_PX * max(width, height) / 240).mean()) if steps else 0.0
    windows = [shifts[k : k + DRIFT_FRAMES] for k in range(0, len(shifts), DRIFT_FRAMES)]
    drift = np.cumsum([np.median(w, axis=0) * len(w) for w in windows], axis=0).reshape(-1, 2)
    moves = shifting > MOVING_SHARE or bool((np.hypot(*drift.T) > DRIFT * diagonal).any())
    if not moves:
        return CameraMotion(False, np.tile(np.eye(3)[:2], (len(images), 1, 1)))
    chain = [np.eye(3)]
    for step in steps:  # each maps frame k onto the first one
        chain.append(chain[-1] @ np.linalg.inv(step))
    transforms = np.stack([(np.linalg.inv(chain[len(chain) // 2]) @ c)[:2] for c in chain])
    reach = np.hypot(*(transforms @ middle - middle[:2]).T).max()
    return CameraMotion(True, transforms if reach <= MAX_SHIFT * diagonal else None)


def _step(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(3, 3) map of one frame onto the next; nothing moves where the frame does not move as one."""
    still = np.eye(3)
    height, width = a.shape
    corners = cv2.goodFeaturesToTrack(a, CORNERS, 0.01, 5)
    if corners is None or len(corners) < MIN_CORNERS:
        return still
    moved, status, _ = cv2.calcOpticalFlowPyrLK(a, b, corners, corners.copy(), winSize=(13, 13), maxLevel=3)
    good = status[:, 0] == 1
    before, after = corners[good], moved[good]
    if len(before) < MIN_CORNERS:
        return still
    cv2.setRNGSeed(0)
    affine, inliers = cv2.estimateAffinePartial2D(before, after, ransacReprojThreshold=1.0)
    if affine is None:
        return still
    fits = inliers[:, 0] == 1
    cells = _cells(before[:, 0], width, height)
    along = len(np.unique(cells[fits]))
    if fits.mean() < MIN_INLIERS or along < max(MIN_CELLS * len(np.unique(cells)), MIN_ALL_CELLS * CELLS**2):
        return still
    return np.vstack([affine, [0.0, 0.0, 1.0]])


def _cells(points: NDArray[np.float32], width: int, height: int) -> NDArray[np.intp]:
    return (points[:, 0] * CELLS // width).astype(np.intp) * CELLS + (points[:, 1] * CELLS // height).astype(np.intp)
