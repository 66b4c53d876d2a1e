"""The graph as a picture: time runs to the right, every entity has a lane. Numbers only: in a graph, out the position of each mark.

A bar is a time in view, a mark on it a node (dot: a moment of a dynamic entity; square: where a static entity was
seen), words over the bar its motions, a dashed link over a cut a reference, an arc between two lanes a relation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from api.views.arcs import MAX_ARCS, arcs_of
from api.views.edges import EdgeInterval, motions_of
from api.views.entities import EntityView
from api.views.lane_marks import SMALL_FONT_PX, Arc, Axes, Bar, ClipBar, Lanes, Link, Mark, MotionMark
from api.views.words import clock, shorten, span, text_width, verdicts
from graph_schema.models import STSG

__all__ = ["LANE", "MAX_ARCS", "MAX_LANES", "Arc", "Lanes", "choose_entities", "lay_out", "motion_text"]

MAX_LANES = 40
MIN_WIDTH, MAX_WIDTH = 1030.0, 6000.0
LANE = 58.0
HEAD = 44.0
"""Height of a lane, and of the rulers above the first one, in pixels."""
LINK_SAG_PX = 15.0
"""How far the curve of a reference hangs below the lane."""
_ARROWS = {
    "right": "→",
    "up and right": "↗",
    "up": "↑",
    "up and left": "↖",
    "left": "←",
    "down and left": "↙",
    "down": "↓",
    "down and right": "↘",
}


def choose_entities(graph: STSG, entities: Sequence[EntityView], most: int = MAX_LANES) -> tuple[EntityView, ...]:
    """The entities that get a lane: all, or those with the most edges and boxes; in their first order."""
    if len(entities) <= most:
        return tuple(entities)
    edges = Counter(e for r in graph.relations for e in (r.subject_id, r.object_id)) + Counter(
        e for m in graph.motions for e in (m.from_id, m.to_id)
    )
    weight = {t.key: sum(edges[n.id] + len(n.boxes) for n in t.nodes) for t in entities}
    kept = {t.key for t in sorted(entities, key=lambda t: -weight[t.key])[:most]}
    return tuple(t for t in entities if t.key in kept)


def lay_out(graph: STSG, entities: Sequence[EntityView], keyframe_keys: Mapping[str, str]) -> Lanes:
    """Place every mark. `keyframe_keys`: keyframe id -> its key on the page."""
    shown = choose_entities(graph, entities)
    of_node = {n.id: t for t in entities for n in t.nodes}
    times = {k.id: k.time_seconds for c in graph.clips for k in c.keyframes}
    moved = motions_of(graph, of_node)
    axes = _axes(graph, shown, len(times), moved)
    motions = _motion_marks(moved, {t.key: t for t in shown}, axes)
    arcs, hidden_arcs = arcs_of(graph, of_node, axes, motions, keyframe_keys)
    predicates = Counter((a.predicate, a.colour) for a in arcs)
    return Lanes(
        width=axes.width,
        height=HEAD + LANE * len(shown) + 12,
        entities=shown,
        clips=_clip_bars(graph, axes),
        ticks=_ticks(axes),
        keyframes=tuple((axes.x(at), keyframe_keys[k]) for k, at in times.items()),
        bars=tuple(bar for entity in shown for bar in _bars(entity, axes)),
        marks=tuple(mark for entity in shown for mark in _marks(entity, axes, times, keyframe_keys)),
        motions=motions,
        links=_links(graph, of_node, axes),
        arcs=tuple(arcs),
        predicates=tuple((name, count, colour) for (name, colour), count in predicates.most_common()),
        hidden_entities=len(entities) - len(shown),
        hidden_arcs=hidden_arcs,
    )


def _axes(graph: STSG, shown: Sequence[EntityView], keyframes: int, moved: Sequence[EdgeInterval[tuple[str, str]]]) -> Axes:
    """Wide enough for the keyframes, the seconds and the words of the entity with the most motions."""
    first = min(c.start_seconds for c in graph.clips) if graph.clips else 0.0
    last = max([c.end_seconds for c in graph.clips] + [first + 1e-3])
    busiest = max(Counter(m.label[0] for m in moved).values(), default=0)
    width = min(MAX_WIDTH, max(MIN_WIDTH, 12.0 * keyframes, 7.0 * (last - first), 75.0 * busiest))
    return Axes(first, last, width, {t.key: HEAD + LANE * i + LANE * 0.56 for i, t in enumerate(shown)})


def _clip_bars(graph: STSG, axes: Axes) -> tuple[ClipBar, ...]:
    bars = []
    for clip in graph.clips:
        x, width = axes.x(clip.start_seconds), axes.x(clip.end_seconds) - axes.x(clip.start_seconds)
        bars.append(ClipBar(x, width, shorten(f"shot {clip.index + 1}", width - 6, SMALL_FONT_PX)))
    return tuple(bars)


def _ticks(axes: Axes) -> tuple[tuple[float, str], ...]:
    last = axes.last_seconds
    return tuple(
        (axes.x(t), f"{t:g} s" if last < 60 else f"{int(t) // 60}:{t % 60:02g}") for t in _round_times(axes.first_seconds, last, axes.width)
    )


def _bars(entity: EntityView, axes: Axes) -> list[Bar]:
    bars = []
    for clip_index in entity.clips:
        here = [n for n in entity.nodes if n.clip_index == clip_index]
        start, end = min(n.start_seconds for n in here), max(n.end_seconds for n in here)
        width = max(3.0, axes.x(end) - axes.x(start))
        bars.append(Bar(entity, axes.x(start), axes.lane[entity.key], width, f"{entity.name}: in view {span(start, end)}"))
    return bars


def _marks(entity: EntityView, axes: Axes, times: Mapping[str, float], keyframe_keys: Mapping[str, str]) -> list[Mark]:
    marks = []
    for node in entity.nodes:
        for box in node.boxes:
            at, key = times[box.keyframe_id], keyframe_keys[box.keyframe_id]
            title = f"{entity.name} at {clock(at)}{verdicts(node)}"
            marks.append(Mark(entity, node.kind == "dynamic", axes.x(at), axes.lane[entity.key], key, title))
    return marks


def _motion_marks(moved: Sequence[EdgeInterval[tuple[str, str]]], by_key: Mapping[str, EntityView], axes: Axes) -> tuple[MotionMark, ...]:
    marks = []
    for motion in moved:
        key, words = motion.label
        if key in axes.lane:
            entity = by_key[key]
            start_x, end_x = axes.x(motion.start_seconds), axes.x(motion.end_seconds)
            title = f"{entity.name} {words}, {span(motion.start_seconds, motion.end_seconds)}"
            text = motion_text(words, end_x - start_x)
            marks.append(MotionMark(entity, start_x, axes.lane[key], max(2.0, end_x - start_x), text, title))
    return tuple(marks)


def _links(graph: STSG, of_node: Mapping[str, EntityView], axes: Axes) -> tuple[Link, ...]:
    nodes = {n.id: n for n in graph.objects}
    links = []
    for reference in graph.references:
        entity = of_node[reference.from_id]
        if entity.key not in axes.lane or of_node[reference.to_id].key not in axes.lane:
            continue
        ends = (nodes[reference.from_id], nodes[reference.to_id])
        early, late = sorted(ends, key=lambda n: (n.clip_index, n.start_seconds, n.end_seconds, axes.lane[of_node[n.id].key]))
        x1, y1 = axes.x(early.end_seconds), axes.lane[of_node[early.id].key]
        x2, y2 = axes.x(late.start_seconds), axes.lane[of_node[late.id].key]
        middle, low = (x1 + x2) / 2, max(y1, y2)
        path = f"M{x1 - 3:.1f} {y1:.1f} Q{middle:.1f} {low + LINK_SAG_PX:.1f} {x2 + 3:.1f} {y2:.1f}"
        title = f"{entity.name}: the same thing in two shots, confidence {reference.confidence:.2f}"
        links.append(Link(entity, path, middle, low, title))
    return tuple(links)


def motion_text(motion: str, width: float) -> str:
    """The words if they fit into `width` pixels, else an arrow, else nothing."""
    arrow = next((a for words, a in _ARROWS.items() if motion == f"moves {words}"), "")
    for text in (f"{arrow} {motion}".strip(), motion, arrow):
        if text and text_width(text, SMALL_FONT_PX) <= width:
            return text
    return ""


def _round_times(first: float, last: float, width: float) -> list[float]:
    """Round times for the ruler, at least 90 pixels apart."""
    wanted = (last - first) * 90 / width
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if s >= wanted), 1800.0)
    start = int(first / step) + (1 if first % step else 0)
    return [round(i * step, 3) for i in range(start, int(last / step + 1e-9) + 1)]
