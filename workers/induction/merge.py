"""Merge the frame scene graphs of a clip into one graph: static objects once, dynamic objects once a keyframe, with motion edges.

Pure: records in, a record out. Source: STEP, dynamic merging (METHODS S3).
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from graph_schema.geometry import displacement
from graph_schema.intervals import ADJACENT_SECONDS, BRIDGE_SECONDS, group_adjacent, hull
from graph_schema.models import Attribute, FrameObject, FrameSceneGraph, Kind
from graph_schema.vocabulary import forward, motion_word
from workers.induction.attributes import PASSING_KINDS, agreed_attributes, all_calls, any_agreed
from workers.induction.clip_graph import ClipGraph, ClipMotion, ClipObject, ClipRelation, EdgeEndpoint, ObjectObservation
from workers.induction.identity import ObjectIndex, SameObject, same_objects
from workers.induction.judge import PLAIN, Induction, Judge, Sighting


@dataclass(frozen=True)
class _ScoredInterval:
    """A time for which a parser states something, and its confidence."""

    start_seconds: float
    end_seconds: float
    confidence: float
    verified: bool | None = None
    call_ids: tuple[str, ...] = ()


def merge_clip(
    frames: Sequence[FrameSceneGraph],
    *,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    frame_size: tuple[int, int] = (1, 1),
    how: Induction = PLAIN,
) -> ClipGraph:
    """Return the graph of a clip from the graphs of its keyframes.

    What is dynamic at one keyframe is dynamic in the whole clip. A dynamic object seen at one keyframe only is a node
    without a motion edge: a motion edge joins two moments. Inverse words ("right of") are turned round.

    Args:
        frames: one a keyframe, in time order, all of one clip.
        start_seconds, end_seconds: of the clip, for parsers that do not say how long what they see lasts. What such a parser sees at a
            keyframe counts for all times that are nearer to it than to another keyframe; without these, from the first to the last one.
        frame_size: (width, height), for parsers that do not measure motion: where they state none, the boxes say it.
        how: whether objects become one, and who is asked where labels and attributes leave that open, and about motions.
    Raises: ValueError if there are no frames, they are of several clips or not in time order, or one has two objects of one track; what
        the judge raises.
    """
    if not frames:
        raise ValueError("cannot merge 0 frames; a clip has at least one keyframe")
    if len({f.clip_index for f in frames}) > 1 or any(b.time_seconds <= a.time_seconds for a, b in itertools.pairwise(frames)):
        raise ValueError(f"frames {[(f.clip_index, f.time_seconds) for f in frames]} are not of one clip in time order")
    times = tuple(f.time_seconds for f in frames)
    spans = _spans(times, start_seconds, end_seconds)
    groups = same_objects(frames, how)
    object_of = {index: n for n, group in enumerate(groups) for index in group.indices}
    objects = tuple(_object(frames, group, spans) for group in groups)
    return ClipGraph(
        clip_index=frames[0].clip_index,
        frames=tuple(f.frame for f in frames),
        times=times,
        objects=objects,
        relations=tuple(_relations(frames, objects, object_of, times, spans)),
        motions=tuple(
            _motions(frames, objects, object_of, times, frame_size)
            if how.judge is None
            else _judged_motions(how.judge, frames[0].clip_index, objects, times)
        ),
    )


def _spans(times: Sequence[float], start_seconds: float | None, end_seconds: float | None) -> list[tuple[float, float]]:
    """The times that are nearest to each keyframe: from halfway to the one before to halfway to the next."""
    first = times[0] if start_seconds is None else min(times[0], start_seconds)
    last = times[-1] if end_seconds is None else max(times[-1], end_seconds)
    borders = [first, *((a + b) / 2 for a, b in itertools.pairwise(times)), last]
    return list(itertools.pairwise(borders))


def _object(frames: Sequence[FrameSceneGraph], same: SameObject, spans: Sequence[tuple[float, float]]) -> ClipObject:
    group, join_calls = same
    seen = [frames[k].objects[i] for k, i in group]
    kind: Kind = "dynamic" if any(o.kind == "dynamic" for o in seen) else "static"
    attributes = agreed_attributes([o.attributes for o in seen])
    weight: dict[str, float] = defaultdict(float)
    for o in seen:
        weight[o.label] += o.confidence
    starts = [spans[k][0] if o.start_seconds is None else o.start_seconds for (k, _), o in zip(group, seen, strict=True)]
    ends = [spans[k][1] if o.end_seconds is None else o.end_seconds for (k, _), o in zip(group, seen, strict=True)]
    return ClipObject(
        label=min(weight, key=lambda label: (-weight[label], label)),
        kind=kind,
        attributes=attributes,
        confidence=_mean([o.confidence for o in seen]),
        start_seconds=min(starts),
        end_seconds=max([*starts, *ends]),
        observations=tuple(
            ObjectObservation(
                keyframe=k,
                box_xyxy=o.box_xyxy,
                attributes=_attributes_now(o, attributes),
                confidence=o.confidence,
                name=o.name,
                verified=o.verified,
                detected=o.detected,
                call_ids=o.call_ids,
            )
            for (k, _), o in zip(group, seen, strict=True)
        ),
        call_ids=tuple(join_calls),
    )


def _attributes_now(obj: FrameObject, agreed: Sequence[Attribute]) -> tuple[Attribute, ...]:
    """What lasts, as agreed over the clip, and what is of this moment."""
    return (*(a for a in agreed if a.kind not in PASSING_KINDS), *(a for a in obj.attributes if a.kind in PASSING_KINDS))


# --------------------------------------------------------------------------------------------- relations


def _relations(
    frames: Sequence[FrameSceneGraph],
    objects: Sequence[ClipObject],
    object_of: dict[ObjectIndex, int],
    times: Sequence[float],
    spans: Sequence[tuple[float, float]],
) -> list[ClipRelation]:
    stated: dict[tuple[int, str, int], list[_ScoredInterval]] = defaultdict(list)
    momentary: dict[tuple[int, str, int], set[int]] = defaultdict(set)
    for k, frame in enumerate(frames):
        for r in frame.relations:
            subject, predicate, target = forward(object_of[k, r.subject], r.predicate, object_of[k, r.object])
            if subject == target:
                continue
            start = spans[k][0] if r.start_seconds is None else r.start_seconds
            end = spans[k][1] if r.end_seconds is None else r.end_seconds
            interval = _ScoredInterval(start, max(start, end), r.confidence, r.verified, r.call_ids)
            stated[subject, predicate, target].append(interval)
            if r.start_seconds is None and r.end_seconds is None:
                momentary[subject, predicate, target].add(k)
    results = []
    for (subject, predicate, target), intervals in sorted(stated.items()):
        if _lasts(objects[subject], objects[target], *(momentary[e] for e in ((subject, predicate, target), (target, predicate, subject)))):
            start = max(objects[subject].start_seconds, objects[target].start_seconds)
            end = min(objects[subject].end_seconds, objects[target].end_seconds)
            intervals.append(
                replace(intervals[0], start_seconds=start, end_seconds=max(start, end), confidence=_mean([i.confidence for i in intervals]))
            )
        for interval in _merged(intervals):
            for part, keyframe in _divided(interval, objects[subject], objects[target], times):
                results.append(
                    ClipRelation(
                        subject=EdgeEndpoint(object_index=subject, keyframe=keyframe if objects[subject].kind == "dynamic" else None),
                        predicate=predicate,
                        object=EdgeEndpoint(object_index=target, keyframe=keyframe if objects[target].kind == "dynamic" else None),
                        start_seconds=part.start_seconds,
                        end_seconds=part.end_seconds,
                        confidence=part.confidence,
                        verified=part.verified,
                        call_ids=part.call_ids,
                    )
                )
    return sorted(results, key=lambda r: (r.start_seconds, r.subject.object_index, r.predicate, r.object.object_index))


def _lasts(a: ClipObject, b: ClipObject, stated: set[int], inverse: set[int]) -> bool:
    """Whether a relation of two objects that do not move holds as long as both are in view: most keyframes that show both state it."""
    both = {m.keyframe for m in a.observations} & {m.keyframe for m in b.observations}
    return a.kind == b.kind == "static" and 2 * len(stated) >= len(both) > 0 and len(stated) > len(inverse)


def _merged(intervals: Sequence[_ScoredInterval]) -> list[_ScoredInterval]:
    """One interval for what overlaps or touches, in time order; confidence is the mean.

    Gaps are not bridged: a parser that says how long a fact holds has done that, and an interruption it reports is one.
    """
    groups = group_adjacent(intervals, tolerance_seconds=ADJACENT_SECONDS)
    return [
        _ScoredInterval(
            *hull(group),
            _mean([i.confidence for i in group]),
            any_agreed(i.verified for i in group),
            all_calls(i.call_ids for i in group),
        )
        for group in groups
    ]


def _divided(interval: _ScoredInterval, a: ClipObject, b: ClipObject, times: Sequence[float]) -> list[tuple[_ScoredInterval, int | None]]:
    """Divide a relation's time among the keyframes it is stated at; the parts together are the whole.

    Two static objects: one part, no keyframe. Else one part for each keyframe within the time at which the dynamic ends
    are seen: from that keyframe to the next, the first from the start, the last to the end. If no such keyframe lies within,
    all of it goes to the nearest one.
    """
    seen = [{m.keyframe for m in obj.observations} for obj in (a, b) if obj.kind == "dynamic"]
    if not seen:
        return [(interval, None)]
    both = sorted(set.intersection(*seen))
    inside = [k for k in both if interval.start_seconds <= times[k] < interval.end_seconds]
    if not inside:
        inside = [min(both, key=lambda k: (max(interval.start_seconds - times[k], times[k] - interval.end_seconds), k))]
    borders = [interval.start_seconds, *(times[k] for k in inside[1:]), interval.end_seconds]
    return [(replace(interval, start_seconds=borders[n], end_seconds=borders[n + 1]), k) for n, k in enumerate(inside)]


# ----------------------------------------------------------------------------------------------- motions


def _motions(
    frames: Sequence[FrameSceneGraph],
    objects: Sequence[ClipObject],
    object_of: dict[ObjectIndex, int],
    times: Sequence[float],
    frame_size: tuple[int, int],
) -> list[ClipMotion]:
    stated: dict[int, dict[str, list[_ScoredInterval]]] = defaultdict(lambda: defaultdict(list))
    for k, frame in enumerate(frames):
        for m in frame.motions:
            stated[object_of[k, m.object]][m.motion].append(_ScoredInterval(m.start_seconds, m.end_seconds, m.confidence))
    results = []
    for n, obj in enumerate(objects):
        if obj.kind == "static" or len(obj.observations) < 2:
            continue
        if n not in stated and not any(frame.motions_measured for frame in frames):
            results += _measured(n, obj, times, frame_size)
        for word, intervals in stated.get(n, {}).items():
            for interval in _merged(intervals):
                for part, i in _between_observations(interval, [times[m.keyframe] for m in obj.observations]):
                    results.append(
                        ClipMotion(
                            object_index=n,
                            from_keyframe=obj.observations[i].keyframe,
                            to_keyframe=obj.observations[i + 1].keyframe,
                            motion=word,
                            start_seconds=part.start_seconds,
                            end_seconds=part.end_seconds,
                            confidence=part.confidence,
                        )
                    )
    return sorted(results, key=lambda m: (m.object_index, m.start_seconds, m.motion))


def _between_observations(interval: _ScoredInterval, times: Sequence[float]) -> list[tuple[_ScoredInterval, int]]:
    """Divide a motion's time among the pairs of consecutive moments, (part, first of the pair); the parts together are the whole.

    Before the first moment and after the last it belongs to the first and last pair. A part shorter than BRIDGE_SECONDS goes to
    its neighbour: what reaches a little past a keyframe says nothing of the way to the next one.
    """
    earliest, latest = interval.start_seconds + BRIDGE_SECONDS, interval.end_seconds - BRIDGE_SECONDS
    inner = [i for i in range(1, len(times) - 1) if earliest <= times[i] <= latest]
    borders = [interval.start_seconds, *(times[i] for i in inner), interval.end_seconds]
    parts = []
    for start, end in itertools.pairwise(borders):
        middle = (start + end) / 2
        pair = sum(t <= middle for t in times[1:-1])
        parts.append((replace(interval, start_seconds=start, end_seconds=end), pair))
    return parts


def _measured(n: int, obj: ClipObject, times: Sequence[float], frame_size: tuple[int, int]) -> list[ClipMotion]:
    """Motion edges from the boxes of consecutive moments, for an object of whose motion the parser says nothing."""
    width, height = frame_size
    results = []
    for a, b in itertools.pairwise(obj.observations):
        if a.box_xyxy is None or b.box_xyxy is None:
            continue
        start, end = times[a.keyframe], times[b.keyframe]
        dx, dy = displacement(a.box_xyxy, b.box_xyxy)
        word = motion_word(dx * width, dy * height, end - start, math.hypot(width, height))
        results.append(
            ClipMotion(
                object_index=n,
                from_keyframe=a.keyframe,
                to_keyframe=b.keyframe,
                motion=word,
                start_seconds=start,
                end_seconds=end,
                confidence=min(a.confidence, b.confidence),
            )
        )
    return results


def _judged_motions(judge: Judge, clip: int, objects: Sequence[ClipObject], times: Sequence[float]) -> list[ClipMotion]:
    """Motion edges as the judge says, from each keyframe a dynamic object is seen at to the next.

    The first and the last of an object last as long as it is in view, before its first keyframe and after its last.
    """
    steps = [(n, a, b) for n, obj in enumerate(objects) if obj.kind == "dynamic" for a, b in itertools.pairwise(obj.observations)]
    asked = [tuple(Sighting(clip, m.keyframe, m.name or objects[n].label) for m in (a, b)) for n, a, b in steps]
    opinions = judge.motions([(earlier, later) for earlier, later in asked]) if asked else []
    return [
        ClipMotion(
            object_index=n,
            from_keyframe=a.keyframe,
            to_keyframe=b.keyframe,
            motion=opinion.motion,
            start_seconds=objects[n].start_seconds if a is objects[n].observations[0] else times[a.keyframe],
            end_seconds=objects[n].end_seconds if b is objects[n].observations[-1] else times[b.keyframe],
            confidence=opinion.confidence,
            call_ids=opinion.call_ids,
        )
        for (n, a, b), opinion in zip(steps, opinions, strict=True)
        if opinion.motion is not None
    ]


def _mean(values: Sequence[float]) -> float:
    return min(1.0, math.fsum(values) / len(values))
