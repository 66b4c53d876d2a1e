"""A graph as rows of nodes and edges, and back. Pure: records in, maps out; the store sends them.

Order matters: `position` keeps the place in each tuple, `k` is an edge's rank in its graph, relations first, then
motions, then references. `Graph.edge_from[k]` names the object an edge starts from, so that a draw finds it at once.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from graph_schema.identifiers import content_hash
from graph_schema.models import (
    SCHEMA_VERSION,
    STSG,
    Attribute,
    Clip,
    Event,
    Keyframe,
    Motion,
    ObjectBox,
    Participant,
    Record,
    Reference,
    Relation,
    SceneObject,
    Video,
)

Row = dict[str, Any]


def graph_content(stsg: STSG) -> str:
    """A hash of all that a graph says; equal graphs have equal ones. What its video is called and where it lies is no part of it."""
    return content_hash(stsg.model_dump_json(exclude={"configuration": True, "video": {"name", "uri"}}), stsg.configuration)


def graph_properties(stsg: STSG, *, content: str, now: str) -> Row:
    """The properties of the Graph node. `record` holds the video as this graph saw it; its node may have a newer name."""
    edges = [*[r.subject_id for r in stsg.relations], *[m.from_id for m in stsg.motions], *[r.from_id for r in stsg.references]]
    return {
        "id": stsg.id,
        "name": graph_name(stsg),
        "kind": stsg.kind,
        "video_id": stsg.video.id,
        "video": stsg.video.model_dump_json(),
        "producer": stsg.producer,
        "cycle": stsg.cycle,
        "configuration": json.dumps(stsg.configuration, ensure_ascii=False, sort_keys=True),
        "schema_version": SCHEMA_VERSION,
        "coordinate_frame": json.dumps(stsg.coordinate_frame.model_dump(), sort_keys=True),
        "content": content,
        "created_at": now,
        "clip_count": len(stsg.clips),
        "object_count": len(stsg.objects),
        "relation_count": len(stsg.relations),
        "motion_count": len(stsg.motions),
        "reference_count": len(stsg.references),
        "event_count": sum(len(clip.events) for clip in stsg.clips),
        "edge_from": edges,
        "edge_count": len(edges),
    }


def graph_name(stsg: STSG) -> str:
    """What people read on the Graph node."""
    return f"{stsg.video.name} by {stsg.producer}"


def clip_id(graph_id: str, index: int) -> str:
    """A clip is named by its graph and place."""
    return f"{graph_id}/clip{index}"


def rows_of(stsg: STSG) -> list[tuple[str, list[Row]]]:
    """Return `(query, rows)` in the order in which they must be written: nodes before what joins them."""
    return [
        ("graphs/create_clips", [_clip_row(stsg.id, clip) for clip in stsg.clips]),
        ("graphs/create_keyframes", [_keyframe_row(stsg.id, c.index, i, k) for c in stsg.clips for i, k in enumerate(c.keyframes)]),
        ("graphs/create_events", [_event_row(stsg.id, c.index, i, e) for c in stsg.clips for i, e in enumerate(c.events)]),
        ("graphs/create_event_order", _event_order(e for c in stsg.clips for e in c.events)),
        ("graphs/create_static_objects", [_object_row(stsg.id, i, o) for i, o in enumerate(stsg.objects) if o.kind == "static"]),
        ("graphs/create_dynamic_objects", [_object_row(stsg.id, i, o) for i, o in enumerate(stsg.objects) if o.kind == "dynamic"]),
        ("graphs/create_attributes", [_attribute_row(stsg.id, o.id, i, a) for o in stsg.objects for i, a in enumerate(o.attributes)]),
        ("graphs/create_boxes", [_box_row(o.id, i, b) for o in stsg.objects for i, b in enumerate(o.boxes)]),
        ("graphs/create_participants", [_part_row(e.id, i, p) for c in stsg.clips for e in c.events for i, p in enumerate(e.participants)]),
        *_edge_rows(stsg),
    ]


def _clip_row(graph_id: str, clip: Clip) -> Row:
    properties = _fields(clip, "keyframes", "events")
    name = f"clip {clip.index}, {clip.start_seconds:.2f} to {clip.end_seconds:.2f} s"
    return {"id": clip_id(graph_id, clip.index), "graph_id": graph_id, "name": name, **properties}


def _keyframe_row(graph_id: str, clip_index: int, position: int, keyframe: Keyframe) -> Row:
    properties = {
        "graph_id": graph_id,
        "clip_index": clip_index,
        "position": position,
        "name": f"frame {keyframe.frame}, {keyframe.time_seconds:.2f} s",
        **_fields(keyframe),
    }
    return {"clip_id": clip_id(graph_id, clip_index), "properties": properties}


def _event_row(graph_id: str, clip_index: int, position: int, event: Event) -> Row:
    properties = _fields(event, "participants")
    extra = {"graph_id": graph_id, "clip_index": clip_index, "position": position, "name": event.description}
    return {"clip_id": clip_id(graph_id, clip_index), "properties": {**extra, **properties}}


def _event_order(events: Iterable[Event]) -> list[Row]:
    """Each event and the next that starts when it is over, or later."""
    ordered = sorted(events, key=lambda e: (e.start_seconds, e.end_seconds, e.id))
    pairs = itertools.pairwise(ordered)
    return [{"from_id": a.id, "to_id": b.id} for a, b in pairs if a.end_seconds <= b.start_seconds]


def _object_row(graph_id: str, position: int, o: SceneObject) -> Row:
    properties = _fields(o, "boxes", "attributes")
    return {
        "clip_id": clip_id(graph_id, o.clip_index),
        "properties": {"graph_id": graph_id, "position": position, "name": o.name, **properties},
    }


def _attribute_row(graph_id: str, object_id: str, position: int, attribute: Attribute) -> Row:
    properties = {"id": f"{object_id}/attribute{position}", "graph_id": graph_id, "position": position, **_fields(attribute)}
    return {"object_id": object_id, "properties": properties}


def _box_row(object_id: str, position: int, box: ObjectBox) -> Row:
    properties = {**_fields(box, "keyframe_id"), "position": position}
    return {"object_id": object_id, "keyframe_id": box.keyframe_id, "properties": properties}


def _part_row(event_id: str, position: int, part: Participant) -> Row:
    properties = {"id": f"{event_id}/part{position}", "role": part.role, "position": position}
    return {"object_id": part.object_id, "event_id": event_id, "properties": properties}


def _edge_rows(stsg: STSG) -> list[tuple[str, list[Row]]]:
    def row(k: int, from_id: str, to_id: str, edge: Relation | Motion | Reference) -> Row:
        properties = {"k": k, **_fields(edge, "subject_id", "object_id", "from_id", "to_id")}
        return {"from_id": from_id, "to_id": to_id, "properties": properties}

    motions_from, references_from = len(stsg.relations), len(stsg.relations) + len(stsg.motions)
    return [
        ("graphs/create_relations", [row(k, r.subject_id, r.object_id, r) for k, r in enumerate(stsg.relations)]),
        ("graphs/create_motions", [row(k, m.from_id, m.to_id, m) for k, m in enumerate(stsg.motions, motions_from)]),
        ("graphs/create_references", [row(k, r.from_id, r.to_id, r) for k, r in enumerate(stsg.references, references_from)]),
    ]


def _fields(record: Record, *but: str) -> Row:
    """The fields of a record that are plain values or lists of them; None and empty lists are left out."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in record.__dict__.items() if name not in but}
    return {name: value for name, value in values.items() if value is not None and value != []}


def stsg_of(graph: Row, clips: list[Row], keyframes: list[Row], events: list[Row], objects: list[Row], edges: list[Row]) -> STSG:
    """Put the graph together again from the rows of `read_graph`, `read_clips`, …, each in its query's order."""
    parts: dict[str, list[Row]] = {"RELATES": [], "MOVES": [], "SAME_AS": []}
    for row in edges:
        ends = ("subject_id", "object_id") if row["type"] == "RELATES" else ("from_id", "to_id")
        parts[row["type"]].append({**_without(row["edge"], "k"), ends[0]: row["from_id"], ends[1]: row["to_id"]})
    keyframes_of, events_of = _by_clip(keyframes, "keyframe"), _by_clip(events, "event")
    return STSG(
        id=graph["id"],
        video=Video.model_validate_json(graph["video"]),
        producer=graph["producer"],
        cycle=graph["cycle"],
        kind=graph["kind"],
        coordinate_frame=json.loads(graph["coordinate_frame"]),
        configuration=json.loads(graph["configuration"]),
        clips=tuple(
            Clip(
                **_without(row["clip"], "id", "graph_id", "name"),
                keyframes=tuple(Keyframe(**_without(k["keyframe"], *_NODE)) for k in keyframes_of.get(row["clip"]["index"], [])),
                events=tuple(
                    Event(**_without(e["event"], *_NODE), participants=tuple(Participant(**p) for p in e["participants"]))
                    for e in events_of.get(row["clip"]["index"], [])
                ),
            )
            for row in clips
        ),
        objects=tuple(
            SceneObject(
                **_without(row["object"], "graph_id", "name", "position"),
                attributes=tuple(Attribute(**_known(a)) for a in row["attributes"]),
                boxes=tuple(ObjectBox(**b) for b in row["boxes"]),
            )
            for row in objects
        ),
        relations=tuple(Relation(**r) for r in parts["RELATES"]),
        motions=tuple(Motion(**m) for m in parts["MOVES"]),
        references=tuple(Reference(**r) for r in parts["SAME_AS"]),
    )


_NODE = ("graph_id", "name", "clip_index", "position")


def _without(row: Row, *names: str) -> Row:
    return {key: value for key, value in row.items() if key not in names}


def _known(row: Row) -> Row:
    return {key: value for key, value in row.items() if value is not None}


def _by_clip(rows: list[Row], node: str) -> dict[int, list[Row]]:
    results: dict[int, list[Row]] = {}
    for row in rows:
        results.setdefault(row[node]["clip_index"], []).append(row)
    return results
