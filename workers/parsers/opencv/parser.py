"""The parser that needs no weights: plain shapes, people, faces and what else moves, followed through the clip with OpenCV.

It judges tracks, not frames. What it cannot see: objects that stand and are neither plain shapes nor people, and what a
moving object is called if it is not a person.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from graph_schema.geometry import PixelBox, box_centre, clip_box
from graph_schema.models import Attribute, FrameMotion, FrameObject, FrameRelation, FrameSceneGraph
from graph_schema.record import JsonObject
from workers.media import ClipFrames
from workers.parsers.base import ClipToParse
from workers.parsers.opencv.faces import follow_faces
from workers.parsers.opencv.moving_objects import follow_moving_objects
from workers.parsers.opencv.shape_tracks import follow_shapes
from workers.parsers.opencv.tracks import Fact, Track, end_of, facts, movements, moves

VERSION = 2
"""Raised when the same frames give another graph than before."""
POSITIONS = (("top", "middle", "bottom"), ("left", "centre", "right"))


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
        before = cv2.getNumThreads()
        cv2.setNumThreads(self._threads)
        try:
            return describe(find_tracks(clip.images, clip.times), clip)
        finally:
            cv2.setNumThreads(before)


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
    graphs = []
    for index, frame in enumerate(clip.keyframes):
        shown = [i for i, t in enumerate(tracks) if t.first <= frame <= t.last]
        number = {track: k for k, track in enumerate(shown)}
        objects = tuple(_object(tracks[i], i, moves(words[i]), frame, clip) for i in shown)
        before = clip.times[clip.keyframes[index - 1]] if index else -np.inf
        after = clip.times[clip.keyframes[index + 1]] if index + 1 < len(clip.keyframes) else np.inf
        graphs.append(
            FrameSceneGraph(
                clip_index=clip.index,
                frame=int(clip.frames[frame]),
                time_seconds=float(clip.times[frame]),
                objects=objects,
                relations=tuple(_relations(relations, number, index, tracks, clip)),
                motions=tuple(
                    FrameMotion(object=number[i], motion=word, start_seconds=start, end_seconds=end, confidence=tracks[i].confidence)
                    for i in shown
                    if moves(words[i])
                    for start, end, word in words[i]
                    if end > before and start < after
                ),
            )
        )
    return tuple(graphs)


def _relations(
    relations: Sequence[Fact], number: dict[int, int], index: int, tracks: Sequence[Track], clip: ClipFrames
) -> list[FrameRelation]:
    """The relations to be stated at a keyframe: those that hold then, and those between keyframes to which this one is nearest."""
    time = float(clip.times[clip.keyframes[index]])
    results = []
    for fact in relations:
        if fact.subject not in number or fact.object not in number:
            continue
        holds = fact.start_seconds <= time < fact.end_seconds
        if not holds and index != _nearest_keyframe(fact, tracks, clip):
            continue
        confidence = min(tracks[fact.subject].confidence, tracks[fact.object].confidence)
        results.append(
            FrameRelation(
                subject=number[fact.subject],
                predicate=fact.predicate,
                object=number[fact.object],
                confidence=confidence,
                start_seconds=fact.start_seconds,
                end_seconds=fact.end_seconds,
            )
        )
    return results


def _nearest_keyframe(fact: Fact, tracks: Sequence[Track], clip: ClipFrames) -> int | None:
    """The keyframe nearest to a fact at which both of its objects are in view; None where it holds at a keyframe, or none shows both."""
    pair = (tracks[fact.subject], tracks[fact.object])
    both = [k for k, f in enumerate(clip.keyframes) if all(t.first <= f <= t.last for t in pair)]
    times = {k: float(clip.times[clip.keyframes[k]]) for k in both}
    if not both or any(fact.start_seconds <= t < fact.end_seconds for t in times.values()):
        return None
    middle = (fact.start_seconds + fact.end_seconds) / 2
    return min(both, key=lambda k: (abs(times[k] - middle), k))


def _object(track: Track, index: int, dynamic: bool, frame: int, clip: ClipFrames) -> FrameObject:
    height, width = clip.images.shape[1:3]
    box = track.box_at(frame)
    attributes = [Attribute(kind=kind, name=name, confidence=track.confidence) for kind, name in track.attributes]
    fractions = _fractions(box, width, height) if box else None
    if fractions:
        attributes.append(Attribute(kind="position", name=_position(fractions)))
    return FrameObject(
        label=track.label,
        kind="dynamic" if dynamic else "static",
        box_xyxy=fractions,
        attributes=tuple(attributes),
        confidence=track.confidence,
        track=f"{clip.index}.{index}",
        start_seconds=float(clip.times[track.first]),
        end_seconds=end_of(track, clip.times, clip.end_seconds),
    )


def _fractions(box: PixelBox, width: int, height: int) -> PixelBox | None:
    return clip_box((box[0] / width, box[1] / height, box[2] / width, box[3] / height), 1, 1)


def _position(box: PixelBox) -> str:
    """Where in the frame the middle of a box lies, in thirds: `top left` … `middle centre` … `bottom right`."""
    x, y = box_centre(box)
    row, column = POSITIONS[0][min(2, int(y * 3))], POSITIONS[1][min(2, int(x * 3))]
    return f"{row} {column}"
