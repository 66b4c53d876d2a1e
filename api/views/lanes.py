"""The graph as a picture: time runs to the right, every entity has a lane. Numbers only: in a graph, out where each mark stands.

A bar is a stretch in view, a mark on it a node (dot: a moment of a dynamic entity; square: where a static entity was
seen), words over the bar its motions, a dashed link over a cut a reference, an arc between two lanes a relation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from api.views.edges import motions_of, relations_of
from api.views.entities import EntityView
from api.views.words import clock, shorten, span, text_width
from graph_schema.models import STSG
from graph_schema.vocabulary import SYMMETRIC

MAX_LANES = 40
MAX_ARCS = 240
MIN_WIDTH, MAX_WIDTH = 1030.0, 6000.0
LANE = 58.0
HEAD = 44.0
"""Height of a lane, and of the rulers above the first one, in pixels."""
_SMALL = 11.0
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


@dataclass(frozen=True)
class Mark:
    """A node at a keyframe."""

    entity: EntityView
    moving: bool
    x: float
    y: float
    keyframe: str
    title: str


@dataclass(frozen=True)
class Bar:
    """A stretch of one entity in view, in one clip."""

    entity: EntityView
    x: float
    y: float
    width: float
    title: str


@dataclass(frozen=True)
class MotionMark:
    """A motion on its lane: a line from `x` to `x + width`, and the words over it if they fit."""

    entity: EntityView
    x: float
    y: float
    width: float
    text: str
    title: str


@dataclass(frozen=True)
class Link:
    """A reference across a cut."""

    entity: EntityView
    path: str
    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Arc:
    """A relation from its subject's lane to its object's. `label` stands at (label_x, label_y); `quiet`: there was no free place for it."""

    subject: EntityView
    object: EntityView
    predicate: str
    path: str
    colour: int
    directed: bool
    label_x: float
    label_y: float
    label_width: float
    quiet: bool
    start_x: float
    end_x: float
    subject_y: float
    object_y: float
    title: str
    keyframe: str


@dataclass(frozen=True)
class Shot:
    """One clip on the ruler."""

    x: float
    width: float
    label: str


@dataclass(frozen=True)
class Lanes:
    """The whole picture."""

    width: float
    height: float
    entities: tuple[EntityView, ...]
    shots: tuple[Shot, ...]
    ticks: tuple[tuple[float, str], ...]
    keyframes: tuple[tuple[float, str], ...]
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    motions: tuple[MotionMark, ...]
    links: tuple[Link, ...]
    arcs: tuple[Arc, ...]
    predicates: tuple[tuple[str, int, int], ...]
    """Each predicate with its count in the picture and its colour's number."""
    hidden_entities: int
    hidden_arcs: int


@dataclass
class _Free:
    """Where labels stand already: rectangles that must not meet."""

    taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def take(self, x1: float, y1: float, x2: float, y2: float) -> bool:
        if any(x1 < b[2] and b[0] < x2 and y1 < b[3] and b[1] < y2 for b in self.taken):
            return False
        self.taken.append((x1, y1, x2, y2))
        return True


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
    lane = {t.key: HEAD + LANE * i + LANE * 0.56 for i, t in enumerate(shown)}
    of_node = {n.id: t for t in entities for n in t.nodes}
    by_key = {t.key: t for t in entities}
    times = {k.id: k.time_seconds for c in graph.clips for k in c.keyframes}
    first = min(c.start_seconds for c in graph.clips) if graph.clips else 0.0
    last = max([c.end_seconds for c in graph.clips] + [first + 1e-3])
    moved = motions_of(graph, of_node)
    busiest = max(Counter(m.label[0] for m in moved).values(), default=0)
    width = min(MAX_WIDTH, max(MIN_WIDTH, 12.0 * len(times), 7.0 * (last - first), 75.0 * busiest))
    left, right = 14.0, width - 26.0

    def x(seconds: float) -> float:
        return left + (right - left) * (min(max(seconds, first), last) - first) / (last - first)

    bars, marks = [], []
    for entity in shown:
        for clip_index in entity.clips:
            here = [n for n in entity.nodes if n.clip_index == clip_index]
            start, end = min(n.start_seconds for n in here), max(n.end_seconds for n in here)
            title = f"{entity.name}: in view {span(start, end)}"
            bars.append(Bar(entity, x(start), lane[entity.key], max(3.0, x(end) - x(start)), title))
        for node in entity.nodes:
            for box in node.boxes:
                at = times[box.keyframe_id]
                marks.append(
                    Mark(
                        entity,
                        node.kind == "dynamic",
                        x(at),
                        lane[entity.key],
                        keyframe_keys[box.keyframe_id],
                        f"{entity.name} at {clock(at)}",
                    )
                )

    motions = []
    for motion in moved:
        key, words = motion.label
        if key in lane:
            entity = by_key[key]
            start_x, end_x = x(motion.start_seconds), x(motion.end_seconds)
            title = f"{entity.name} {words}, {span(motion.start_seconds, motion.end_seconds)}"
            text = motion_text(words, end_x - start_x)
            motions.append(MotionMark(entity, start_x, lane[key], max(2.0, end_x - start_x), text, title))

    links = []
    for reference in graph.references:
        a, b = of_node[reference.from_id], of_node[reference.to_id]
        if a.key not in lane or b.key not in lane:
            continue
        ends = sorted(
            (n.clip_index, n.start_seconds, n.end_seconds, lane[of_node[n.id].key])
            for n in graph.objects
            if n.id in (reference.from_id, reference.to_id)
        )
        (_, _, x1, y1), (_, x2, _, y2) = ends[0], ends[1]
        x1, x2 = x(x1), x(x2)
        rise = 15.0
        path = f"M{x1 - 3:.1f} {y1:.1f} Q{(x1 + x2) / 2:.1f} {max(y1, y2) + rise:.1f} {x2 + 3:.1f} {y2:.1f}"
        links.append(
            Link(a, path, (x1 + x2) / 2, max(y1, y2), f"{a.name}: the same thing in two shots, confidence {reference.confidence:.2f}")
        )

    arcs, hidden_arcs = _arcs(graph, of_node, lane, keyframe_keys, x, motions, width)
    predicates = Counter((a.predicate, a.colour) for a in arcs)
    return Lanes(
        width=width,
        height=HEAD + LANE * len(shown) + 12,
        entities=shown,
        shots=tuple(
            Shot(
                x(c.start_seconds),
                x(c.end_seconds) - x(c.start_seconds),
                shorten(f"shot {c.index + 1}", x(c.end_seconds) - x(c.start_seconds) - 6, _SMALL),
            )
            for c in graph.clips
        ),
        ticks=tuple((x(t), f"{t:g} s" if last < 60 else f"{int(t) // 60}:{t % 60:02g}") for t in _round_times(first, last, width)),
        keyframes=tuple((x(at), keyframe_keys[k]) for k, at in times.items()),
        bars=tuple(bars),
        marks=tuple(marks),
        motions=tuple(motions),
        links=tuple(links),
        arcs=tuple(arcs),
        predicates=tuple((name, count, colour) for (name, colour), count in predicates.most_common()),
        hidden_entities=len(entities) - len(shown),
        hidden_arcs=hidden_arcs,
    )


def motion_text(motion: str, width: float) -> str:
    """The words if they fit into `width` pixels, else an arrow, else nothing."""
    arrow = next((a for words, a in _ARROWS.items() if motion == f"moves {words}"), "")
    for text in (f"{arrow} {motion}".strip(), motion, arrow):
        if text and text_width(text, _SMALL) <= width:
            return text
    return ""


def _arcs(
    graph: STSG,
    of_node: Mapping[str, EntityView],
    lane: Mapping[str, float],
    keyframe_keys: Mapping[str, str],
    x: Callable[[float], float],
    words: Sequence[MotionMark],
    width: float,
) -> tuple[list[Arc], int]:
    """Relations between shown entities, the longest first, and how many were left out.

    Each stands where, within its interval, its line runs clear of other lines and its label clear of other labels and of the
    motion words; without such a place it is quiet: in the middle, its label shown on demand.
    """
    by_key = {entity.key: entity for entity in of_node.values()}
    held = [r for r in relations_of(graph, of_node) if r.label[0] in lane and r.label[2] in lane]
    held.sort(key=lambda r: r.start_seconds - r.end_seconds)
    colours = {name: i for i, (name, _) in enumerate(Counter(r.label[1] for r in held).most_common())}
    labels, lines = _Free(), _Free()
    for word in words:
        if word.text:
            middle, half = word.x + word.width / 2, text_width(word.text, _SMALL) / 2
            labels.take(middle - half, word.y - 20, middle + half, word.y - 7)
    spoken = list(labels.taken)
    tops = sorted(lane.values())
    keyframes = [k for c in graph.clips for k in c.keyframes]
    arcs = []
    for relation in held[:MAX_ARCS]:
        predicate, start, end = relation.label[1], relation.start_seconds, relation.end_seconds
        subject, object_ = by_key[relation.label[0]], by_key[relation.label[2]]
        subject_y, object_y = lane[subject.key], lane[object_.key]
        upper, lower = min(subject_y, object_y), max(subject_y, object_y)
        start_x, end_x = x(start), x(end)
        half = text_width(predicate, _SMALL) / 2 + 5
        places = [start_x + share * (end_x - start_x) for share in (0.5, 0.38, 0.62, 0.26, 0.74, 0.14, 0.86, 0.04, 0.96)]
        places.sort(key=lambda at: _crosses(spoken, at, upper, lower))  # those that cut no word first
        found = None
        for at in places:
            middle = min(max(at, half + 1), width - half - 1)  # a label at the edge stays whole
            gaps = [(middle, y + down) for y in tops if upper <= y < lower for down in (21.0, 31.0, 13.0)]
            if not _crosses(lines.taken, at, upper, lower):
                found = next((g for g in gaps if labels.take(g[0] - half, g[1] - 8, g[0] + half, g[1] + 8)), None)
            if found:
                lines.taken.append((at - 1, upper, at + 1, lower))
                break
        if not found:
            at = (start_x + end_x) / 2
        label_x, label_y = found or (min(max(at, half + 1), width - half - 1), (upper + lower) / 2)
        nearest = min(keyframes, key=lambda k: abs(k.time_seconds - (start + end) / 2), default=None)
        directed = predicate not in SYMMETRIC
        tip = object_y - 9 if object_y > subject_y else object_y + 9
        arcs.append(
            Arc(
                subject=subject,
                object=object_,
                predicate=predicate,
                path=f"M{at:.1f} {subject_y:.1f}V{tip if directed else object_y:.1f}",
                colour=colours[predicate] % 6,
                directed=directed,
                label_x=label_x,
                label_y=label_y,
                label_width=2 * half,
                quiet=found is None,
                start_x=start_x,
                end_x=end_x,
                subject_y=subject_y,
                object_y=object_y,
                title=f"{subject.name} {predicate} {object_.name}, {span(start, end)}",
                keyframe=keyframe_keys[nearest.id] if nearest else "",
            )
        )
    return arcs, len(held) - len(arcs)


def _crosses(taken: Sequence[tuple[float, float, float, float]], at: float, upper: float, lower: float) -> bool:
    """Whether a vertical line at `at` comes within 6 pixels of one of the rectangles."""
    return any(at - 6 < x2 and x1 < at + 6 and upper < y2 and y1 < lower for x1, y1, x2, y2 in taken)


def _round_times(first: float, last: float, width: float) -> list[float]:
    """Round times for the ruler, at least 90 pixels apart."""
    wanted = (last - first) * 90 / width
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if s >= wanted), 1800.0)
    start = int(first / step) + (1 if first % step else 0)
    return [round(i * step, 3) for i in range(start, int(last / step + 1e-9) + 1)]
