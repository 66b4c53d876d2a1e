"""Put the clips' graphs together into the one that is kept: ids, keyframes, entities, references, events. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graph_schema.identifiers import graph_id
from graph_schema.models import STSG, Clip, Event, Keyframe, Motion, ObjectBox, Participant, Reference, Relation, SceneObject
from graph_schema.record import JsonObject
from workers.induction.bridge import Entity, bridge_clips
from workers.induction.clip_graph import ClipGraph, ClipObject, EdgeEndpoint
from workers.induction.events import clip_event
from workers.induction.judge import PLAIN, Induction

if TYPE_CHECKING:
    from workers.media import SplitClip, SplitVideo

INDUCTION_VERSION = 4
"""Raised when the same frame scene graphs give another graph than before."""


def assemble(
    split: SplitVideo,
    clip_graphs: Sequence[ClipGraph],
    entities: Sequence[Entity] | None = None,
    *,
    producer: str,
    configuration: JsonObject,
    cycle: int = 0,
    how: Induction = PLAIN,
) -> STSG:
    """Return the video's graph. The same input gives the same graph with the same ids, in the same order.

    Ids read as where objects are: `<graph>.c2.k0` the first keyframe of the third clip, `<graph>.c2.o1` a static object of it,
    `<graph>.c2.o1.k0` a dynamic one at that keyframe, `<graph>.e4` what it is of the whole video.

    Args:
        clip_graphs: one for each of the split's clips, in order.
        entities: as from `bridge_clips`, which is asked where they are not given.
        how: who is asked what happens in each clip.
    Raises: ValueError if the clip graphs are not those of the split's clips; what the judge raises.
    """
    made_of = [(c.index, tuple(k.frame for k in c.keyframes)) for c in split.clips]
    if [(g.clip_index, g.frames) for g in clip_graphs] != made_of:
        raise ValueError(f"the graphs are of (clip, frames) {[(g.clip_index, g.frames) for g in clip_graphs]}, the split has {made_of}")
    gid = graph_id(split.video.sha256, producer, configuration)
    entities = bridge_clips(clip_graphs, how) if entities is None else entities
    entity_of = {(a.clip, a.object_index): f"{gid}.e{n}" for n, e in enumerate(entities) for a in e.appearances}
    objects: list[SceneObject] = []
    for clip, graph in zip(split.clips, clip_graphs, strict=True):
        for n, obj in enumerate(graph.objects):
            objects += _nodes(gid, clip, n, obj, entity_of[clip.index, n])
    return STSG(
        id=gid,
        video=split.video,
        producer=producer,
        cycle=cycle,
        configuration=configuration,
        clips=tuple(_clip(gid, clip, graph, how) for clip, graph in zip(split.clips, clip_graphs, strict=True)),
        objects=tuple(objects),
        relations=tuple(r for graph in clip_graphs for r in _relations(gid, graph)),
        motions=tuple(m for graph in clip_graphs for m in _motions(gid, graph)),
        references=tuple(_references(gid, clip_graphs, entities)),
    )


def _node_id(gid: str, clip: int, end: EdgeEndpoint) -> str:
    return f"{gid}.c{clip}.o{end.object_index}" + ("" if end.keyframe is None else f".k{end.keyframe}")


def _end(graph: ClipGraph, obj: int, *, last: bool) -> EdgeEndpoint:
    """The node at which an object leaves a clip, or comes into it."""
    moments = graph.objects[obj].observations
    return EdgeEndpoint(object_index=obj, keyframe=moments[-1 if last else 0].keyframe if graph.objects[obj].kind == "dynamic" else None)


def _nodes(gid: str, clip: SplitClip, n: int, obj: ClipObject, entity: str) -> list[SceneObject]:
    start = min(max(obj.start_seconds, clip.start_seconds), clip.end_seconds)
    end = max(start, min(obj.end_seconds, clip.end_seconds))
    boxes = {
        m.keyframe: ObjectBox(keyframe_id=f"{gid}.c{clip.index}.k{m.keyframe}", box_xyxy=m.box_xyxy, confidence=m.confidence)
        for m in obj.observations
    }
    shared: Mapping[str, Any] = {
        "label": obj.label,
        "kind": obj.kind,
        "clip_index": clip.index,
        "entity_id": entity,
        "start_seconds": start,
        "end_seconds": end,
    }
    if obj.kind == "static":
        whole = EdgeEndpoint(object_index=n)
        return [
            SceneObject(
                id=_node_id(gid, clip.index, whole),
                confidence=obj.confidence,
                verified=True if any(m.verified for m in obj.observations) else None,
                detected=_seen_at_all(m.detected for m in obj.observations),
                boxes=tuple(boxes.values()),
                attributes=obj.attributes,
                call_ids=tuple(dict.fromkeys([*(i for m in obj.observations for i in m.call_ids), *obj.call_ids])),
                **shared,
            )
        ]
    return [
        SceneObject(
            id=_node_id(gid, clip.index, EdgeEndpoint(object_index=n, keyframe=m.keyframe)),
            confidence=m.confidence,
            verified=m.verified,
            detected=m.detected,
            boxes=(boxes[m.keyframe],),
            attributes=m.attributes,
            call_ids=tuple(dict.fromkeys([*m.call_ids, *obj.call_ids])),
            **shared,
        )
        for m in obj.observations
    ]


def _seen_at_all(verdicts: Iterable[bool | None]) -> bool | None:
    """What a detector says of an object at its keyframes, in one: seen at one of them is enough."""
    said = {verdict for verdict in verdicts if verdict is not None}
    return True in said if said else None


def _clip(gid: str, clip: SplitClip, graph: ClipGraph, how: Induction) -> Clip:
    event = clip_event(graph, clip, how)
    return Clip(
        index=clip.index,
        start_seconds=clip.start_seconds,
        end_seconds=clip.end_seconds,
        start_frame=clip.start_frame,
        end_frame=clip.end_frame,
        keyframes=tuple(
            Keyframe(id=f"{gid}.c{clip.index}.k{i}", frame=k.frame, time_seconds=k.time_seconds, image=k.image)
            for i, k in enumerate(clip.keyframes)
        ),
        events=(
            Event(
                id=f"{gid}.c{clip.index}.event",
                description=event.description,
                participants=tuple(
                    Participant(object_id=_node_id(gid, clip.index, _end(graph, p.object_index, last=False)), role=p.role)
                    for p in event.participants
                ),
                start_seconds=clip.start_seconds,
                end_seconds=clip.end_seconds,
                verified=event.verified,
                call_ids=event.call_ids,
            ),
        ),
    )


def _relations(gid: str, graph: ClipGraph) -> list[Relation]:
    return [
        Relation(
            id=f"{gid}.c{graph.clip_index}.r{n}",
            subject_id=_node_id(gid, graph.clip_index, r.subject),
            predicate=r.predicate,
            object_id=_node_id(gid, graph.clip_index, r.object),
            start_seconds=r.start_seconds,
            end_seconds=r.end_seconds,
            confidence=r.confidence,
            verified=r.verified,
            call_ids=r.call_ids,
        )
        for n, r in enumerate(graph.relations)
    ]


def _motions(gid: str, graph: ClipGraph) -> list[Motion]:
    return [
        Motion(
            id=f"{gid}.c{graph.clip_index}.m{n}",
            from_id=_node_id(gid, graph.clip_index, EdgeEndpoint(object_index=m.object_index, keyframe=m.from_keyframe)),
            to_id=_node_id(gid, graph.clip_index, EdgeEndpoint(object_index=m.object_index, keyframe=m.to_keyframe)),
            motion=m.motion,
            start_seconds=m.start_seconds,
            end_seconds=m.end_seconds,
            confidence=m.confidence,
            call_ids=m.call_ids,
        )
        for n, m in enumerate(graph.motions)
    ]


def _references(gid: str, clip_graphs: Sequence[ClipGraph], entities: Sequence[Entity]) -> list[Reference]:
    """One for each two consecutive appearances: from the last node of the earlier one to the first of the later one."""
    joined = []
    for entity in entities:
        for (a, b), link in zip(itertools.pairwise(entity.appearances), entity.links, strict=True):
            earlier, later = clip_graphs[a.clip], clip_graphs[b.clip]
            from_id = _node_id(gid, earlier.clip_index, _end(earlier, a.object_index, last=True))
            to_id = _node_id(gid, later.clip_index, _end(later, b.object_index, last=False))
            joined.append((b.clip, a.clip, from_id, to_id, link))
    return [
        Reference(
            id=f"{gid}.s{n}",
            from_id=from_id,
            to_id=to_id,
            confidence=link.confidence,
            verified=True if link.call_ids else None,
            call_ids=link.call_ids,
        )
        for n, (_, _, from_id, to_id, link) in enumerate(sorted(joined, key=lambda one: one[:4]))
    ]
