"""Where faces are that look into the camera: OpenCV's Haar cascades. In: RGB frames. Out: tracks.

A cascade sees faces in bottles and logos too, and goes on to see them for as long as these stand there. So single frames only
propose; each proposal is followed from frame to frame, and is a face if several cascades, trained apart, keep seeing one there.
Measured on the nine test videos and 20 synthetic worlds, none of which shows a frontal face: one cascade took a kettle, a bottle,
a logo and a car for one, three that agree took none, at 1 to 12 % of the parser's time. How many real faces they miss is not known.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from cv2.data import haarcascades
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox, box_iou, centre_distance
from graph_schema.intervals import MIN_SECONDS
from workers.parsers.measuring.tracks import Detection, Track

Image = NDArray[np.uint8]

FACE = "face"
CASCADES = ("alt2", "default", "alt_tree")
"""The first proposes, all follow. In the real videos two of them see a face in a logo for as long as it is there (2.4 s), one of
them in a bottle and a kettle; `alt_tree` in none of these."""
SEARCH_PX = 320
"""Long side of the frames that are searched as a whole: enough for faces of 1 / 13 of it, at half the cost of 480."""
SEARCH_SECONDS = 1.0
"""A clip's frames are searched so far apart …"""
MIN_SEARCHED = 4
"""… but at least so many of them."""
WINDOW_PX = 24
"""Smaller faces are too coarse to judge; the cascades' windows are 20 px."""
FOLLOW_PX = 48
"""Around a known face, frames are scaled until it has this side …"""
MARGIN = 0.75
"""… and shown with this share of it on each side: further it does not go from one frame to the next."""
RESIZED = 1.35
"""Nor does it grow or shrink by more than this factor."""
KNOWN_OVERLAP = 0.3
"""Intersection over union from which on a proposal is what was followed before."""
LOST_SECONDS = 1.0
"""A face may look away for this long."""
MIN_SHARE = 0.4
"""The cascades see a face in this share of the frames on average …"""
MIN_SHARE_EACH = 0.2
"""… and each of them in this one."""
JITTER = 0.05
"""Of its side, by which a box wanders while the face does not."""
NO_OUTLINE = np.zeros((1, 1), dtype=np.bool_)
"""Only a face's box is known, so no touch is reported for it; else every face would touch the person whose it is."""


@lru_cache(maxsize=len(CASCADES))
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(f"{haarcascades}haarcascade_frontalface_{name}.xml")


def follow_faces(images: Image, times: NDArray[np.float64]) -> list[Track]:
    """Return the tracks of faces in a clip's frames (n, h, w, 3) at times (n,).

    They have no attributes: with a size, faces of two people in two clips would be taken for one.
    """
    tracks: list[Track] = []
    searched = max(MIN_SEARCHED, round(float(times[-1] - times[0]) / SEARCH_SECONDS) + 1)
    for frame in np.unique(np.linspace(0, len(images) - 1, min(searched, len(images))).round().astype(int)).tolist():
        for box in _search(images[frame]):
            if any(box_iou(box, known) >= KNOWN_OVERLAP for t in tracks if (known := t.box_at(frame))):
                continue  # also where it was no face: a bottle is proposed again and again
            if track := _followed(images, times, frame, box):
                tracks.append(track)
    return [t for t in tracks if t.confidence > 0]


def _search(image: Image) -> list[PixelBox]:
    """Boxes that may be faces, anywhere in a frame."""
    scale = min(1.0, SEARCH_PX / max(image.shape[:2]))
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    boxes = _cascade(CASCADES[0]).detectMultiScale(small, scaleFactor=1.2, minNeighbors=1, minSize=(WINDOW_PX, WINDOW_PX))
    return [(x / scale, y / scale, (x + w) / scale, (y + h) / scale) for x, y, w, h in np.reshape(boxes, (-1, 4)).tolist()]


def _followed(images: Image, times: NDArray[np.float64], frame: int, box: PixelBox) -> Track | None:
    """The track through a proposed box, with confidence 0 where the frames do not agree that it is a face; None if no cascade sees one."""
    boxes: dict[int, PixelBox] = {}
    votes: dict[int, list[bool]] = {}
    for way in (range(frame, len(images)), range(frame - 1, -1, -1)):
        last, latest = box, frame
        for f in way:
            if abs(times[f] - times[latest]) > LOST_SECONDS:
                break
            seen = _near(images[f], last)
            votes[f] = [b is not None for b in seen]
            if any(votes[f]):
                x1, y1, x2, y2 = np.mean([b for b in seen if b is not None], axis=0).tolist()
                boxes[f] = last = (x1, y1, x2, y2)
                latest = f
    if not boxes:
        return None
    first, last_frame = min(boxes), max(boxes)
    shares = np.mean([votes[f] for f in range(first, last_frame + 1)], axis=0)
    lasts = times[last_frame] - times[first] >= MIN_SECONDS
    is_face = lasts and shares.mean() >= MIN_SHARE and shares.min() >= MIN_SHARE_EACH
    return Track(
        label=FACE,
        detections={f: Detection(boxes[f], (round(boxes[f][0]), round(boxes[f][1])), NO_OUTLINE) for f in sorted(boxes)},
        confidence=round(min(0.95, 0.5 + 0.5 * float(shares.mean())), 3) if is_face else 0.0,
        jitter_px=max(1.0, JITTER * float(np.median([b[2] - b[0] for b in boxes.values()]))),
    )


def _near(image: Image, box: PixelBox) -> list[PixelBox | None]:
    """For each cascade the face that it sees nearest to this box and of about its size."""
    height, width = image.shape[:2]
    side = box[2] - box[0]
    left, top = max(0, round(box[0] - MARGIN * side)), max(0, round(box[1] - MARGIN * side))
    right, bottom = min(width, round(box[2] + MARGIN * side)), min(height, round(box[3] + MARGIN * side))
    if right - left < side / RESIZED or bottom - top < side / RESIZED:
        return [None] * len(CASCADES)
    scale = FOLLOW_PX / side
    crop = cv2.equalizeHist(cv2.resize(cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2GRAY), None, fx=scale, fy=scale))
    smallest, largest = (round(FOLLOW_PX / RESIZED),) * 2, (round(FOLLOW_PX * RESIZED),) * 2
    seen: list[PixelBox | None] = []
    for name in CASCADES:
        boxes = _cascade(name).detectMultiScale(crop, scaleFactor=1.05, minNeighbors=1, minSize=smallest, maxSize=largest)
        faces = [(x + left, y + top, x + w + left, y + h + top) for x, y, w, h in (np.reshape(boxes, (-1, 4)) / scale).tolist()]
        seen.append(min(faces, key=lambda b: centre_distance(b, box), default=None))
    return seen
