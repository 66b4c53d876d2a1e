"""The parser that needs no weights: plain shapes, people, faces and what else moves, followed through the clip with OpenCV.

It judges tracks, not frames. What it cannot see: objects that stand and are neither plain shapes nor people, and what a
moving object is called if it is not a person.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.models import FrameSceneGraph
from graph_schema.record import JsonObject
from workers.media import ClipFrames
from workers.parsers.base import ClipToParse
from workers.parsers.measuring.statements import state_at_keyframes
from workers.parsers.measuring.threads import opencv_threads
from workers.parsers.measuring.tracks import Track, facts, movements
from workers.parsers.opencv.faces import follow_faces
from workers.parsers.opencv.moving_objects import follow_moving_objects
from workers.parsers.opencv.shape_tracks import follow_shapes

VERSION = 2
"""Raised when the same frames give another graph than before."""


class OpenCVParser:
    """SceneParser without weights. One code and one setting for drawn shapes and for real videos."""

    def __init__(self, *, threads: int = 1) -> None:
        """Args: threads: of OpenCV while parsing; 1 because several workers share a machine."""
        self._threads = threads

    @property
    def name(self) -> str:
        """What its graphs' producer begins with."""
        return "opencv"

    @property
    def version(self) -> int:
        """Raised when the same frames give another graph than before."""
        return VERSION

    @property
    def configuration(self) -> JsonObject:
        """Nothing to set; the OpenCV release, because its detectors decide."""
        return {"opencv": cv2.__version__}

    def parse(self, clip: ClipToParse) -> tuple[FrameSceneGraph, ...]:
        """One frame scene graph for each keyframe."""
        return self.parse_frames(clip.open_frames())

    def parse_frames(self, clip: ClipFrames) -> tuple[FrameSceneGraph, ...]:
        """Return one frame scene graph for each keyframe of the clip, in time order."""
        with opencv_threads(self._threads):
            return describe(find_tracks(clip.images, clip.times), clip)


def find_tracks(images: NDArray[np.uint8], times: NDArray[np.float64]) -> list[Track]:
    """Everything followed through a clip's frames (n, h, w, 3) at times (n,), by first detection."""
    shapes = follow_shapes(images, times)
    tracks = [*shapes, *follow_moving_objects(images, times, shapes), *follow_faces(images, times)]
    return sorted(tracks, key=lambda t: (t.first, t.label, t.detections[t.first].box))


def describe(tracks: Sequence[Track], clip: ClipFrames) -> tuple[FrameSceneGraph, ...]:
    """State what the tracks mean at the clip's keyframes."""
    height, width = clip.images.shape[1:3]
    words = [movements(t, clip.times, clip.end_seconds, float(np.hypot(width, height))) for t in tracks]
    relations = facts(tracks, clip.times, clip.end_seconds, width, height)
    return state_at_keyframes(tracks, words, relations, clip)
