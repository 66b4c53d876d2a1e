"""From regions that move to named objects: people, and what moves and is not recognised. In: frames. Out: tracks.

Constants say what they limit and why. A value was measured only where a measurement stands beside it; the others are not measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox, box_centre
from graph_schema.vocabulary import size_word
from workers.parsers.measuring.colours import colour_of
from workers.parsers.measuring.tracks import Detection, Mask, Track
from workers.parsers.opencv.camera import camera_motion
from workers.parsers.opencv.people import person_share
from workers.parsers.opencv.regions import Region, moving_regions

Image = NDArray[np.uint8]

PERSON = "person"
UNKNOWN = "moving object"
UNKNOWN_STANDING = "object"
"""What stands in this clip but is not there all the time, so it is not a part of the place: a bottle that is carried off later."""
STANDING_TRAVEL = 0.05
"""In frame diagonals; what is nearer to its usual place for nine tenths of its time stands."""
SMALL_PX = 240
"""Long side of the frames on which motion is sought: enough for objects of 1 / 20 of the frame, and 4 times faster than 480."""
STABILISED_STRICTNESS = 2.5
"""Before a camera that moves, edges at different depths shift against each other: an object must be larger and go further."""
SURE_SHARE = 0.25
"""A track is a person if HOG sees one in this share of its frames …"""
LIKELY_SHARE = 0.04
"""… or in this share, and it is as tall, slim and solid as people are."""
SLIM = (1.6, 4.5)
"""Height over width of people who stand or walk."""
SOLID = 0.5
"""Share of their box that they fill."""
JITTER = 0.03
"""A region's middle wanders by this share of its height while arms and legs swing."""
ALIVE_SECONDS = 0.5
"""Time between two frames that are compared."""
ALIVE_LEVEL = 16
"""Grey levels by which a pixel must change."""
ALIVE_SHARE = 0.01
"""Nobody stands quite still: after ALIVE_SECONDS this share of a person's pixels changes by more than ALIVE_LEVEL, in three frames
of four. People who stand with their back to the camera reach 0.03; bottles, in which HOG sees people, 0.001."""
COLOUR_FRAMES = 8
"""Frames from which an object's colour is read."""


def follow_moving_objects(images: Image, times: NDArray[np.float64], shapes: Sequence[Track] = ()) -> list[Track]:
    """Return the tracks of what moves in a clip's frames (n, h, w, 3) and is none of the plain shapes.

    Before a camera that moves too far for its frames to be laid over each other, no track is returned.
    """
    height, width = images.shape[1:3]
    scale = min(1.0, SMALL_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.stack([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images])
    camera = camera_motion(small)
    if camera.transforms is None or (camera.moves and shapes):
        return []
    if camera.moves:
        small = np.stack(
            [cv2.warpAffine(f, m, size, borderMode=cv2.BORDER_REPLICATE) for f, m in zip(small, camera.transforms, strict=True)]
        )
    ignore = _covered(shapes, (height, width), size) if shapes else None
    regions = moving_regions(small, times, ignore, STABILISED_STRICTNESS if camera.moves else 1.0)
    factors = (width / size[0], height / size[1])
    tracks = []
    for region in regions:
        by_frame = {f: _detection(region, f, camera.transforms[f], factors, width, height) for f in sorted(region.parts)}
        detections = {f: detection for f, detection in by_frame.items() if detection is not None}
        if detections:
            tracks.append(_named(detections, images, times))
    return tracks


def _covered(shapes: Sequence[Track], frame: tuple[int, int], size: tuple[int, int]) -> Mask:
    """Pixels of the small frames that a plain shape covers at some time, with a rim."""
    canvas = np.zeros(frame, np.uint8)
    for track in shapes:
        for detection in track.detections.values():
            left, top = detection.at
            y1, x1 = max(0, top), max(0, left)
            y2, x2 = min(frame[0], top + detection.mask.shape[0]), min(frame[1], left + detection.mask.shape[1])
            canvas[y1:y2, x1:x2] |= detection.mask[y1 - top : y2 - top, x1 - left : x2 - left].astype(np.uint8)
    small = cv2.resize(cv2.dilate(canvas, np.ones((13, 13), np.uint8)), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small > 0)


def _detection(
    region: Region, frame: int, transform: NDArray[np.float64], factors: tuple[float, float], width: int, height: int
) -> Detection | None:
    """A region of a small, stabilised frame as it lies in the frame itself."""
    left, top, mask = region.parts[frame]
    back = np.linalg.inv(np.vstack([transform, [0.0, 0.0, 1.0]]))
    corners = np.asarray([[left, top, 1.0], [left + mask.shape[1], top + mask.shape[0], 1.0]]) @ back[:2].T * factors
    x1, y1 = max(0, round(corners[0, 0])), max(0, round(corners[0, 1]))
    x2, y2 = min(width, round(corners[1, 0])), min(height, round(corners[1, 1]))
    if x2 - x1 < 2 or y2 - y1 < 2:
        return None
    large = cv2.resize(mask.astype(np.uint8), (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST) > 0
    return Detection((float(x1), float(y1), float(x2), float(y2)), (x1, y1), np.asarray(large))


def _named(detections: dict[int, Detection], images: Image, times: NDArray[np.float64]) -> Track:
    height, width = images.shape[1:3]
    boxes: dict[int, PixelBox] = {f: s.box for f, s in detections.items()}
    share = person_share(images, boxes)
    tall = [b[3] - b[1] for b in boxes.values()]
    is_person = (share >= SURE_SHARE or (share >= LIKELY_SHARE and _is_upright(detections))) and _is_alive(detections, images, times)
    side = float(np.percentile([max(b[2] - b[0], b[3] - b[1]) for b in boxes.values()], 75))
    colour = _colour(detections, images)
    attributes = [("colour", colour)] if colour else []
    return Track(
        label=PERSON if is_person else UNKNOWN if _goes_somewhere(detections, width, height) else UNKNOWN_STANDING,
        detections=detections,
        confidence=round(min(0.95, 0.6 + 0.4 * share), 3) if is_person else 0.6,
        jitter_px=max(1.0, JITTER * float(np.median(tall))),
        attributes=(*attributes, ("size", size_word(side, width, height))),
    )


def _goes_somewhere(detections: dict[int, Detection], width: int, height: int) -> bool:
    """Whether its middle leaves its usual place for more than a tenth of the time."""
    middles = np.asarray([box_centre(s.box) for s in detections.values()])
    away = np.hypot(*(middles - np.median(middles, axis=0)).T) > STANDING_TRAVEL * float(np.hypot(width, height))
    return bool(away.mean() > 0.1)


def _is_alive(detections: dict[int, Detection], images: Image, times: NDArray[np.float64]) -> bool:
    """Whether it keeps changing, if ever so little."""
    changed = []
    for f in sorted(detections)[::3]:
        later = int(np.searchsorted(times, times[f] + ALIVE_SECONDS))
        if later in detections:
            (x, y), mask = detections[f].at, detections[f].mask
            window = (slice(y, y + mask.shape[0]), slice(x, x + mask.shape[1]))
            difference = cv2.absdiff(images[f][window], images[later][window])
            changed.append(float((difference.max(axis=2)[mask] > ALIVE_LEVEL).mean()))
    return bool(changed) and float(np.percentile(changed, 25)) >= ALIVE_SHARE


def _is_upright(detections: dict[int, Detection]) -> bool:
    ratios = [(s.box[3] - s.box[1]) / (s.box[2] - s.box[0]) for s in detections.values()]
    filled = [float(s.mask.mean()) for s in detections.values()]
    return SLIM[0] <= float(np.median(ratios)) <= SLIM[1] and float(np.median(filled)) >= SOLID


def _colour(detections: dict[int, Detection], images: Image) -> str | None:
    frames = sorted(detections)
    chosen = [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, min(COLOUR_FRAMES, len(frames))).round().astype(int))]
    pixels = []
    for f in chosen:
        x, y = detections[f].at
        mask = detections[f].mask
        pixels.append(images[f][y : y + mask.shape[0], x : x + mask.shape[1]][mask])
    return colour_of(np.concatenate(pixels))
