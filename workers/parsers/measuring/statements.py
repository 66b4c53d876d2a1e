"""State what is known of tracks at a clip's keyframes. In: tracks, their movements and relations. Out: frame scene graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graph_schema.geometry import PixelBox, box_centre, clip_box
from graph_schema.models import Attribute, FrameMotion, FrameObject, FrameRelation, FrameSceneGraph, Kind
from workers.media import ClipFrames
from workers.parsers.measuring.tracks import Fact, Track, end_of, moves

POSITIONS = (("top", "middle", "bottom"), ("left", "centre", "right"))


def state_at_keyframes(
    tracks: Sequence[Track],
    words: Sequence[Sequence[tuple[float, float, str]]],
    relations: Sequence[Fact],
    clip: ClipFrames,
    *,
    kinds: Sequence[Kind] | None = None,
    motions_measured: bool = False,
) -> tuple[FrameSceneGraph, ...]:
    """Return one frame scene graph for each keyframe of the clip, in time order.

    An object is stated where it has a box.

    Args:
        words: what each track did, (start_seconds, end_seconds, motion word); said of dynamic objects only.
        relations: of tracks by their index.
        kinds: of the tracks; None: what moves at some time is dynamic.
        motions_measured: of the frame scene graphs.
    """
    kinds = kinds or ["dynamic" if moves(said) else "static" for said in words]
    graphs = []
    for index, frame in enumerate(clip.keyframes):
        shown = [i for i, t in enumerate(tracks) if t.box_at(frame) is not None]
        number = {track: k for k, track in enumerate(shown)}
        objects = tuple(_object(tracks[i], i, kinds[i], frame, clip) for i in shown)
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
                    if kinds[i] == "dynamic"
                    for start, end, word in words[i]
                    if end > before and start < after
                ),
                motions_measured=motions_measured,
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
    both = [k for k, f in enumerate(clip.keyframes) if all(t.box_at(f) is not None for t in pair)]
    times = {k: float(clip.times[clip.keyframes[k]]) for k in both}
    if not both or any(fact.start_seconds <= t < fact.end_seconds for t in times.values()):
        return None
    middle = (fact.start_seconds + fact.end_seconds) / 2
    return min(both, key=lambda k: (abs(times[k] - middle), k))


def _object(track: Track, index: int, kind: Kind, frame: int, clip: ClipFrames) -> FrameObject:
    height, width = clip.images.shape[1:3]
    box = track.box_at(frame)
    attributes = [Attribute(kind=what, name=name, confidence=track.confidence) for what, name in track.attributes]
    fractions = _fractions(box, width, height) if box else None
    if fractions:
        attributes.append(Attribute(kind="position", name=_position(fractions)))
    return FrameObject(
        label=track.label,
        kind=kind,
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
