"""The true graph of a world, in the form that induction gives: an STSG with producer "synthetic-truth".

Keyframes are a regular grid (`GRID_SECONDS`), each clip's last frame, and the frames in which an object is
first and last in view. An object that moves in a clip is dynamic, one node a keyframe it is in view at; any other is static,
one node. Relations and motions are computed frame by
frame with the vocabulary's words (see `visibility`); one edge for each pair, word and interval, between the nodes nearest to
the interval's middle. Motions of an interval join the nodes nearest to its start and its end. References join each object's
consecutive appearances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graph_schema.geometry import PixelBox
from graph_schema.identifiers import graph_id
from graph_schema.intervals import label_intervals
from graph_schema.models import (
    STSG,
    Attribute,
    Clip,
    Event,
    Keyframe,
    Motion,
    ObjectBox,
    Participant,
    Reference,
    Relation,
    SceneObject,
    Video,
)
from graph_schema.record import JsonObject
from graph_schema.vocabulary import STANDS, motion_word
from workers.synthetic.visibility import Fact, Moment, facts, visible_at
from workers.synthetic.worlds import WORLD_VERSION, Appearance, World, WorldClip

PRODUCER = "synthetic-truth"
GRID_SECONDS = 0.2
TRUTH_VERSION = 1


@dataclass(frozen=True)
class Seen:
    """An appearance in its clip: when it is in view (seconds of the video), what it does, its nodes in time order."""

    name: str
    start: float
    end: float
    movements: tuple[tuple[float, float, str], ...]
    nodes: tuple[SceneObject, ...]
    node_times: tuple[float, ...]

    def node_near(self, seconds: float) -> SceneObject:
        """The node whose keyframe lies nearest; a static object has one for all times."""
        if len(self.nodes) == 1:
            return self.nodes[0]
        return min(zip(self.node_times, self.nodes, strict=True), key=lambda pair: abs(pair[0] - seconds))[1]


@dataclass
class _Parts:
    """The lists of the graph while it is put together."""

    clips: list[Clip] = field(default_factory=list)
    objects: list[SceneObject] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    motions: list[Motion] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)


def configuration_of(seed: int) -> JsonObject:
    """What a true graph says of how it came to be."""
    return {"seed": seed, "world_version": WORLD_VERSION, "truth_version": TRUTH_VERSION}


def truth(world: World, video: Video) -> STSG:
    """Return the true graph of the world's video.

    Raises: ValueError if the video does not have the world's size and number of frames.
    """
    frames = sum(clip.frames for clip in world.clips)
    if (video.width, video.height, video.frame_count) != (world.width, world.height, frames):
        size = f"{video.width} x {video.height}, {video.frame_count} frames"
        raise ValueError(f"video {video.name} is {size}; {world.name} is {world.width} x {world.height}, {frames} frames")
    configuration = configuration_of(world.seed)
    graph = graph_id(video.sha256, PRODUCER, configuration)
    parts = _Parts()
    last_seen: dict[str, Seen] = {}
    first_frame = 0
    for index, clip in enumerate(world.clips):
        for name, seen in _add_clip(parts, world, video, graph, index, first_frame, clip).items():
            if name in last_seen:
                number = len(parts.references)
                parts.references.append(Reference(id=f"{graph}-s{number}", from_id=last_seen[name].nodes[-1].id, to_id=seen.nodes[0].id))
            last_seen[name] = seen
        first_frame += clip.frames
    return STSG(
        id=graph,
        video=video,
        producer=PRODUCER,
        configuration=configuration,
        clips=tuple(parts.clips),
        objects=tuple(parts.objects),
        relations=tuple(parts.relations),
        motions=tuple(parts.motions),
        references=tuple(parts.references),
    )


def _add_clip(parts: _Parts, world: World, video: Video, graph: str, index: int, first_frame: int, clip: WorldClip) -> dict[str, Seen]:
    """Add one clip, its nodes and edges; return what is seen of each object, by its name."""
    start = first_frame / world.fps
    end = (first_frame + clip.frames) / world.fps
    times = [f / world.fps for f in range(clip.frames)]
    moments = [visible_at(clip.appearances, t, world.width, world.height) for t in times]
    grid = max(1, round(GRID_SECONDS * world.fps))
    entries_and_exits = {f for slot in range(len(clip.appearances)) for f in _first_and_last(moments, slot)}
    key_frames = sorted({*range(0, clip.frames, grid), clip.frames - 1, *entries_and_exits})
    keyframes = {
        f: Keyframe(
            id=f"{graph}-k{first_frame + f}",
            frame=first_frame + f,
            time_seconds=start + times[f],
            image=f"keyframes/{video.id}/{first_frame + f}.jpg",
        )
        for f in key_frames
    }
    seen: dict[int, Seen] = {}
    for slot, appearance in enumerate(clip.appearances):
        view = _see(world, graph, index, start, slot, appearance, times, moments, keyframes)
        if view:
            seen[slot] = view
            parts.objects += view.nodes
    parts.relations += _relations(parts, graph, start, facts(times, moments, end=end - start, diagonal=world.diagonal), seen)
    parts.motions += _motions(parts, graph, seen.values())
    event = Event(
        id=f"{graph}-e{index}",
        description=_describe(list(seen.values())),
        participants=tuple(Participant(object_id=s.nodes[0].id, role="agent" if _moves(s.movements) else "present") for s in seen.values()),
        start_seconds=start,
        end_seconds=end,
    )
    parts.clips.append(
        Clip(
            index=index,
            start_frame=first_frame,
            end_frame=first_frame + clip.frames,
            start_seconds=start,
            end_seconds=end,
            keyframes=tuple(keyframes.values()),
            events=(event,),
        )
    )
    return {s.name: s for s in seen.values()}


def _relations(parts: _Parts, graph: str, clip_start: float, held: Sequence[Fact], seen: Mapping[int, Seen]) -> list[Relation]:
    """One relation for each fact about what is seen, between the nodes nearest to its middle; facts count from the clip's start."""
    relations: list[Relation] = []
    for fact in held:
        if fact.subject not in seen or fact.object not in seen:
            continue
        middle = clip_start + (fact.start_seconds + fact.end_seconds) / 2
        relations.append(
            Relation(
                id=f"{graph}-r{len(parts.relations) + len(relations)}",
                subject_id=seen[fact.subject].node_near(middle).id,
                predicate=fact.predicate,
                object_id=seen[fact.object].node_near(middle).id,
                start_seconds=clip_start + fact.start_seconds,
                end_seconds=clip_start + fact.end_seconds,
            )
        )
    return relations


def _motions(parts: _Parts, graph: str, seen: Iterable[Seen]) -> list[Motion]:
    """One motion for each movement that reaches from one node to another."""
    motions: list[Motion] = []
    for one in seen:
        for from_time, to_time, word in one.movements:
            before, after = one.node_near(from_time), one.node_near(to_time)
            if before.id != after.id:
                motions.append(
                    Motion(
                        id=f"{graph}-m{len(parts.motions) + len(motions)}",
                        from_id=before.id,
                        to_id=after.id,
                        motion=word,
                        start_seconds=from_time,
                        end_seconds=to_time,
                    )
                )
    return motions


def _see(
    world: World,
    graph: str,
    index: int,
    clip_start: float,
    slot: int,
    appearance: Appearance,
    times: list[float],
    moments: list[Moment],
    keyframes: dict[int, Keyframe],
) -> Seen | None:
    """Return the nodes and movements of one appearance, or None if it is never in view."""
    shown = [f for f in keyframes if moments[f].boxes[slot] is not None]
    if not shown:
        return None
    first, last = _first_and_last(moments, slot)
    start, end = clip_start + times[first], clip_start + times[last] + 1 / world.fps
    words: list[str | None] = []
    for t in times[first : last + 1]:
        leg = appearance.leg_at(t)
        words.append(motion_word(leg.vx, leg.vy, 1.0, world.diagonal))
    labelled = label_intervals(times[first : last + 1], words, end=end - clip_start)
    movements = tuple((clip_start + s, clip_start + e, w) for s, e, w in labelled)
    moves = _moves(movements)
    obj = appearance.object

    def node(number: str, frames: list[int]) -> SceneObject:
        return SceneObject(
            id=f"{graph}-o{index}.{slot}{number}",
            label=obj.shape,
            kind="dynamic" if moves else "static",
            clip_index=index,
            entity_id=f"{graph}-{obj.name}",
            start_seconds=start,
            end_seconds=end,
            boxes=tuple(ObjectBox(keyframe_id=keyframes[f].id, box_xyxy=_fractions(moments[f].boxes[slot], world)) for f in frames),
            attributes=(Attribute(kind="colour", name=obj.colour), Attribute(kind="size", name=obj.size)),
        )

    nodes = [node(f".{f}", [f]) for f in shown] if moves else [node("", shown)]
    return Seen(obj.name, start, end, movements if moves else (), tuple(nodes), tuple(keyframes[f].time_seconds for f in shown))


def _first_and_last(moments: list[Moment], slot: int) -> list[int]:
    """The first and the last frame in which an object is in view; none if there are none."""
    in_view = [f for f, m in enumerate(moments) if m.boxes[slot] is not None]
    return [in_view[0], in_view[-1]] if in_view else []


def _fractions(box: PixelBox | None, world: World) -> PixelBox:
    if box is None:
        raise ValueError("an object out of view has no box")
    x1, y1, x2, y2 = box
    return x1 / world.width, y1 / world.height, x2 / world.width, y2 / world.height


def _moves(movements: tuple[tuple[float, float, str], ...]) -> bool:
    return any(word != STANDS for _, _, word in movements)


def _describe(seen: list[Seen]) -> str:
    """One sentence: what moves does what, in order; what stands, stands."""
    moving = [f"the {s.nodes[0].name} {', then '.join(word for _, _, word in s.movements)}" for s in seen if _moves(s.movements)]
    standing = [f"the {s.nodes[0].name}" for s in seen if not _moves(s.movements)]
    clauses = moving + ([f"{_list(standing)} {'stands' if len(standing) == 1 else 'stand'} still"] if standing else [])
    sentence = _list(clauses) if clauses else "nothing is in view"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
