"""The parser that names what it sees: a detector's boxes, followed through the clip and judged on tracks.

It says less than its boxes seem to: no motion before a camera that is not known to stand, no colour that frames disagree on, no
label that detections disagree on. What it cannot see: what its detector has no name for; what hides or touches what.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from graph_schema.geometry import PixelBox, box_between, clip_box
from graph_schema.models import FrameSceneGraph, Kind
from graph_schema.record import JsonObject
from graph_schema.vocabulary import STANDS
from workers.media import ClipFrames
from workers.parsers.base import ClipToParse
from workers.parsers.detector.association import BoxTrack, associate, keep_objects
from workers.parsers.detector.attributes import colour_word, has_colours
from workers.parsers.detector.base import Detector, NamedBox
from workers.parsers.detector.labels import goes_by_itself, is_furniture
from workers.parsers.detector.motions import Words, camera_stands, motions_of
from workers.parsers.measuring.statements import state_at_keyframes
from workers.parsers.measuring.threads import opencv_threads
from workers.parsers.measuring.tracks import Detection, Mask, Track, end_of, facts, moves

VERSION = 2
"""Raised when the same boxes give another graph than before."""
EXAMINED_SECONDS = 0.16
"""Time between two frames in which objects are sought: every second analysis frame. Keyframes are examined as well."""
BATCH = 8
"""Pictures given to the detector at once."""
STANDING_SHARE = 0.9
"""Of its time in view, for which an object must stand still to be one that stands."""
NO_OUTLINE: Mask = np.zeros((0, 0), dtype=np.bool_)


class DetectorParser:
    """SceneParser with a detector of named objects."""

    def __init__(self, detector: Detector, *, words: Sequence[str] = (), min_confidence: float, threads: int = 1) -> None:
        """Args: words: the only labels wanted; none: all. min_confidence: that a track starts with. threads: of OpenCV while parsing."""
        self._detector, self._words, self._min_confidence, self._threads = detector, tuple(words), min_confidence, threads

    @property
    def name(self) -> str:
        """What its graphs' producer begins with."""
        return "detector"

    @property
    def version(self) -> int:
        """Raised when the same boxes give another graph than before."""
        return VERSION

    @property
    def configuration(self) -> JsonObject:
        """The detector with its weights, and the choices."""
        return {
            "opencv": cv2.__version__,
            "detector": self._detector.configuration,
            "words": list(self._words),
            "min_confidence": self._min_confidence,
        }

    def parse(self, clip: ClipToParse) -> tuple[FrameSceneGraph, ...]:
        """One frame scene graph for each keyframe."""
        return self.parse_frames(clip.open_frames())

    def parse_frames(self, clip: ClipFrames) -> tuple[FrameSceneGraph, ...]:
        """Return one frame scene graph for each keyframe of the clip, in time order."""
        with opencv_threads(self._threads):
            seen = self._boxes(clip)
            tracks = associate(seen, clip.times, start_confidence=self._min_confidence)
            return describe(keep_objects(tracks, list(seen), clip.times, start_confidence=self._min_confidence), seen, clip)

    def _boxes(self, clip: ClipFrames) -> dict[int, list[NamedBox]]:
        """The wanted boxes of each examined frame, in pixels."""
        height, width = clip.images.shape[1:3]
        frames = examined_frames(clip)
        seen: dict[int, list[NamedBox]] = {}
        for first in range(0, len(frames), BATCH):
            batch = frames[first : first + BATCH]
            found = self._detector.detect([np.ascontiguousarray(clip.images[f]) for f in batch])
            for frame, boxes in zip(batch, found, strict=True):
                wanted = [(b, _in_pixels(b.box_xyxy, width, height)) for b in boxes if not self._words or b.label in self._words]
                seen[frame] = [b._replace(box_xyxy=inside) for b, inside in wanted if inside is not None]
        return seen


def examined_frames(clip: ClipFrames) -> list[int]:
    """The frames of a clip in which objects are sought, its keyframes among them."""
    step = float(np.median(np.diff(clip.times))) if len(clip.times) > 1 else EXAMINED_SECONDS
    return sorted({*range(0, len(clip.times), max(1, round(EXAMINED_SECONDS / step))), *clip.keyframes})


def describe(found: Sequence[BoxTrack], seen: dict[int, list[NamedBox]], clip: ClipFrames) -> tuple[FrameSceneGraph, ...]:
    """State what the followed objects mean at the clip's keyframes.

    Args: found: the objects. seen: all boxes of the examined frames, in pixels.
    """
    height, width = clip.images.shape[1:3]
    boxes = [{frame: b.box_xyxy for frame, b in t.boxes.items()} for t in found]
    examined = list(seen)
    colours = bool(found) and has_colours(clip.images, examined)
    stands = camera_stands(clip.images, clip.times, {f: [b.box_xyxy for b in seen[f]] for f in examined})
    tracks = [_track(t, by_frame, clip, examined, colours) for t, by_frame in zip(found, boxes, strict=True)]
    words: list[Words] = [
        motions_of(t.label, by_frame, clip.images, clip.times, end_of(t, clip.times, clip.end_seconds))
        if stands and not is_furniture(t.label)
        else []
        for t, by_frame in zip(tracks, boxes, strict=True)
    ]
    kinds = [_kind(t, said, clip) for t, said in zip(tracks, words, strict=True)]
    relations = facts(tracks, clip.times, clip.end_seconds, width, height)
    return state_at_keyframes(tracks, words, relations, clip, kinds=kinds, motions_measured=True)


def _track(found: BoxTrack, boxes: dict[int, PixelBox], clip: ClipFrames, examined: Sequence[int], colours: bool) -> Track:
    """The object as a track: between two examined frames that follow one another it is where both say, in gaps nowhere."""
    after = dict(pairwise(examined))
    filled: dict[int, PixelBox] = {}
    for frame, box in boxes.items():
        filled[frame] = box
        if (following := after.get(frame)) in boxes and following is not None:
            for between in range(frame + 1, following):
                filled[between] = box_between(box, boxes[following], (between - frame) / (following - frame))
    label = found.label or ""
    colour = colour_word(label, boxes, clip.images) if colours else None
    return Track(
        label=label,
        detections={frame: Detection(box, (0, 0), NO_OUTLINE) for frame, box in filled.items()},
        confidence=round(float(np.mean([b.confidence for b in found.boxes.values()])), 3),
        attributes=(("colour", colour),) if colour else (),
        interpolates=False,
        outlined=False,
    )


def _kind(track: Track, words: Words, clip: ClipFrames) -> Kind:
    """Static: what does not move; of what may move by itself, only what is known to stand."""
    if moves(words):
        return "dynamic"
    in_view = end_of(track, clip.times, clip.end_seconds) - float(clip.times[track.first])
    standing = sum(end - start for start, end, word in words if word == STANDS)
    return "dynamic" if goes_by_itself(track.label) and standing < STANDING_SHARE * in_view else "static"


def _in_pixels(box: PixelBox, width: int, height: int) -> PixelBox | None:
    """The part of a box of fractions inside the picture, in pixels; None where there is none: some models look at padding too."""
    (x1, x2), (y1, y2) = sorted((box[0] * width, box[2] * width)), sorted((box[1] * height, box[3] * height))
    return clip_box((x1, y1, x2, y2), width, height)
