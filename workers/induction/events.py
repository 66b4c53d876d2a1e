"""Say in one sentence what happens in a clip, from its graph alone, and who takes part. Pure. Source: STEP, event of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from graph_schema.models import Interval, Record
from graph_schema.vocabulary import STANDS, TOUCHES, caption
from workers.induction.clip_graph import ClipGraph, ClipObject
from workers.induction.judge import PLAIN, Induction

_MAX_LIST = 4
"""Objects named one by one; more are counted."""
_MAX_ACTIONS = 3
"""Of one object; of more, the first and the last are named."""
_EDGE_SECONDS = 0.3
"""What comes into view later than this after the cut was not there from the start; the same at the end."""
_BORDER_SHARE = 0.35
"""An object came in or went out over a border that it was nearer to than this, in frame sides."""
_BORDERS = {"left": (0, "left"), "up": (1, "top"), "right": (2, "right"), "down": (3, "bottom")}
"""Word of a motion -> which side of a box (x1, y1, x2, y2), name of the border."""
_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}
_OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}

Role = Literal["agent", "patient", "present"]


class ObjectRole(Record):
    """An object's part in the event, by its index in the clip's list of objects."""

    object_index: int
    role: Role


class ClipEvent(Record):
    """What happens in a clip: a sentence and its participants."""

    description: str
    participants: tuple[ObjectRole, ...]
    verified: bool | None = None
    call_ids: tuple[str, ...] = ()


def clip_event(graph: ClipGraph, clip: Interval, how: Induction = PLAIN) -> ClipEvent:
    """What happens in a clip: as the judge says, where there is one that can; else as the graph does. Raises what the judge raises."""
    names = unlike_names([caption(o.label, ((a.kind, a.name) for a in o.attributes)) for o in graph.objects])
    said = how.judge.event(graph.clip_index, names) if how.judge is not None and names else None
    if said is None:
        return describe_clip(graph, clip)
    roles: list[Role] = ["agent" if name in said.agents else "patient" if name in said.patients else "present" for name in names]
    return ClipEvent(
        description=said.description,
        participants=tuple(ObjectRole(object_index=n, role=role) for n, role in enumerate(roles)),
        verified=said.verified,
        call_ids=said.call_ids,
    )


def unlike_names(names: Sequence[str]) -> list[str]:
    """The same names, those that occur more than once with numbers: cup 1, cup 2."""
    numbers = [names[: n + 1].count(name) for n, name in enumerate(names)]
    return [name if names.count(name) == 1 else f"{name} {number}" for name, number in zip(names, numbers, strict=True)]


def describe_clip(graph: ClipGraph, clip: Interval) -> ClipEvent:
    """Return the event of a clip that lasts from `clip.start_seconds` to `clip.end_seconds`.

    What moves is an agent, what an agent touches a patient, the rest is present.
    """
    names = _names(graph.objects)
    did = {n: _actions(graph, n, clip) for n in range(len(graph.objects))}
    agents = [n for n, actions in did.items() if actions]
    resting = [n for n in did if n not in agents]
    touched = {
        end.object_index
        for r in graph.relations
        if r.predicate == TOUCHES and {r.subject.object_index, r.object.object_index} & {*agents}
        for end in (r.subject, r.object)
    }
    clauses = [f"{names[n]} {_chain(did[n])}" for n in agents[:_MAX_LIST]]
    if (left := len(agents) - _MAX_LIST) > 0:
        clauses.append(f"{_count(left)} {'moves' if left == 1 else 'move'}")
    sentence = _list(clauses, comma=True) if clauses else ""
    if resting:
        more = [_count(len(resting) - _MAX_LIST)] if len(resting) > _MAX_LIST else []
        still = f"{_list([*(names[n] for n in resting[:_MAX_LIST]), *more])} {'stands' if len(resting) == 1 else 'stand'} still"
        sentence = f"{sentence}{',' if len(clauses) > 1 else ''} while {still}" if sentence else still
    sentence = sentence or "nothing that is known by name is in view"
    return ClipEvent(
        description=f"{sentence[0].upper()}{sentence[1:]}.",
        participants=tuple(
            ObjectRole(object_index=n, role="agent" if n in agents else "patient" if n in touched else "present") for n in did
        ),
    )


def _names(objects: Sequence[ClipObject]) -> list[str]:
    """ "a large red circle"; the second of that name is "another large red circle"."""
    used: set[str] = set()
    names = []
    for obj in objects:
        called = caption(obj.label, ((a.kind, a.name) for a in obj.attributes))
        names.append(f"another {called}" if called in used else f"{'an' if called[:1].lower() in 'aeiou' else 'a'} {called}")
        used.add(called)
    return names


def _actions(graph: ClipGraph, n: int, clip: Interval) -> list[str]:
    """What an object does, in order; nothing if it stands still all the time."""
    words: list[str] = []
    motions = [m for m in graph.motions if m.object_index == n]
    for m in motions:
        if not words or words[-1] != m.motion:
            words.append(m.motion)
    if not any(word != STANDS for word in words):
        return []
    obj = graph.objects[n]
    first, last = motions[0], motions[-1]
    if obj.start_seconds > clip.start_seconds + _EDGE_SECONDS and first.start_seconds < obj.start_seconds + _EDGE_SECONDS:
        heading = [_OPPOSITE[w] for w in first.motion.split() if w in _OPPOSITE]
        if border := _border(obj.observations[0].box_xyxy, heading):
            words[0] = f"enters from the {border}"
    if obj.end_seconds < clip.end_seconds - _EDGE_SECONDS and last.end_seconds > obj.end_seconds - _EDGE_SECONDS:
        heading = [w for w in last.motion.split() if w in _OPPOSITE]
        if border := _border(obj.observations[-1].box_xyxy, heading):
            leaving = "leaves at the" if border in ("top", "bottom") else "leaves to the"
            words[-1:] = [*([words[0]] if len(words) == 1 and words[0].startswith("enters") else []), f"{leaving} {border}"]
    return words


def _border(box: tuple[float, float, float, float] | None, heading: Sequence[str]) -> str | None:
    """The border nearest to the box among those it is headed for, if it is near."""
    if box is None or not heading:
        return None
    gaps = {word: 1 - box[_BORDERS[word][0]] if word in ("right", "down") else box[_BORDERS[word][0]] for word in heading}
    nearest = min(heading, key=lambda word: gaps[word])
    return _BORDERS[nearest][1] if gaps[nearest] <= _BORDER_SHARE else None


def _chain(words: Sequence[str]) -> str:
    if len(words) > _MAX_ACTIONS:
        words = [words[0], "goes on in other directions", words[-1]]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, then {words[-1]}"


def _list(words: Sequence[str], *, comma: bool = False) -> str:
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])}{',' if comma else ''} and {words[-1]}"


def _count(n: int) -> str:
    return f"{_NUMBERS.get(n, str(n))} other {'thing' if n == 1 else 'things'}"
