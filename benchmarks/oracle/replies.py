"""What the oracle says of the scenes it is asked about, as the values that its replies are written from. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import JsonValue

from benchmarks.oracle.errors import Draws, Key, OracleErrors
from benchmarks.oracle.names import SYNONYMS, object_called, respellings
from benchmarks.oracle.scenes import Scene, ShownObject, as_held, motion_between
from graph_schema.geometry import clip_box
from graph_schema.record import JsonObject
from graph_schema.vocabulary import ABOVE, IN_FRONT_OF, LEFT_OF, MOTIONS, SIZES, STANDS, TOUCHES, caption
from workers.synthetic.shapes import COLOURS

NAMES_OF_KIND = {"colour": tuple(COLOURS), "size": SIZES}
_NEVER_SHOWN = ("hexagon", "arrow", "heart")
"""Labels that only inventions have."""
_INVENTION = "invention"
_UNCHANGED = "unchanged"


class Looking(NamedTuple):
    """One reply under way: at what rates it errs, and its chance."""

    errors: OracleErrors
    draws: Draws

    def listed(self, scene: Scene) -> list[ShownObject]:
        """The objects that a list names: those in view but the missed ones, and an invented one."""
        seen = [o for o in scene.objects if self.draws.error(self.errors.missed_object, "missed", *scene.picture, o.name) is None]
        key = self.draws.error(self.errors.invented_object, _INVENTION, *scene.picture)
        return seen if key is None else [*seen, self._invention(scene, key)]

    def believed(self, scene: Scene) -> list[ShownObject]:
        """The objects that it can be asked about: those in view, and what it always takes for one in this picture."""
        key = self.draws.systematic(self.errors.invented_object, _INVENTION, *scene.picture)
        return [*scene.objects, *([] if key is None else [self._invention(scene, key)])]

    def label(self, scene: Scene, o: ShownObject) -> str:
        """What it calls an object."""
        word, about = o.label, (*scene.picture, o.name)
        key = self.draws.error(self.errors.synonym, "synonym", *about)
        if key is not None and word in SYNONYMS:
            word = self.draws.choice(SYNONYMS[word], key)
        key = self.draws.error(self.errors.spelling, "spelling", *about)
        return word if key is None else self.draws.choice(respellings(word), key)

    def attributes(self, scene: Scene, o: ShownObject) -> list[tuple[str, str]]:
        """(kind, name) of what it says of an object."""
        said = []
        for kind, name in o.attributes:
            key = self.draws.error(self.errors.wrong_attribute, "attribute", *scene.picture, o.name, kind)
            others = [other for other in NAMES_OF_KIND[kind] if other != name]
            said.append((kind, name if key is None else self.draws.choice(others, key)))
        return said

    def relations(self, scene: Scene, a: ShownObject, b: ShownObject) -> list[tuple[str, str, str]]:
        """(name, predicate, name) of what it says of a pair, whichever of the two comes first."""
        held = sorted(r for r in scene.relations if {r[0], r[2]} == {a.name, b.name})
        key = self.draws.error(self.errors.wrong_relation, "relation", *scene.picture, *sorted((a.name, b.name)))
        if key is None:
            return held
        thinkable = {as_held(s, p, t) for p in (LEFT_OF, ABOVE, TOUCHES, IN_FRONT_OF) for s, t in ((a.name, b.name), (b.name, a.name))}
        wrong = self.draws.choice(sorted(thinkable - set(held)), key)
        replaced = self.draws.choice(held, (*key, "replaced")) if held else None
        return sorted([*(r for r in held if r != replaced), wrong])

    def motion(self, before: Scene, after: Scene, name: str) -> str:
        """What an object does between two pictures; of what is not in both it says what stands still."""
        word = motion_between(before, after, name) or STANDS
        key = self.draws.error(self.errors.wrong_motion, "motion", *before.picture, *after.picture, name)
        return word if key is None else self.draws.choice([other for other in (*MOTIONS, STANDS) if other != word], key)

    def box(self, scene: Scene, o: ShownObject, counted: str) -> list[float]:
        """Where it says that an object is, in what the prompt wants boxes to be counted in."""
        x1, y1, x2, y2 = o.box
        shifts = [
            (2 * self.draws.independent("box", *scene.picture, o.name, edge) - 1) * self.errors.box_shift * side
            for edge, side in enumerate((x2 - x1, y2 - y1) * 2)
        ]
        inside = clip_box([edge + shift for edge, shift in zip(o.box, shifts, strict=True)], 1, 1) or o.box
        if counted == "fractions":
            return [round(edge, 3) for edge in inside]
        sides = scene.size if counted == "pixels" else (1000, 1000)
        return [round(edge * side) for edge, side in zip(inside, sides * 2, strict=True)]

    def _invention(self, scene: Scene, key: Key) -> ShownObject:
        """An object of a label and colour that none in the picture has."""
        labels, size = (*SYNONYMS, *_NEVER_SHOWN), self.draws.choice(SIZES, (*key, "size"))
        taken = {(o.label, o.colour) for o in scene.objects}
        label, colour = self.draws.choice([(ll, c) for ll in labels for c in COLOURS if (ll, c) not in taken], key)
        x, y = (0.05 + 0.6 * self.draws.uniform(axis, *key) for axis in ("x", "y"))
        which = colour if any(o.label == label for o in scene.objects) else ""
        return ShownObject(_INVENTION, label, colour, size, False, (x, y, x + 0.2, y + 0.2), (x, y), which)


def listed_objects(look: Looking, scene: Scene, counted: str, most: int) -> list[tuple[ShownObject, JsonObject]]:
    """The objects of a list, each with what is said of it: label, which, and a box where one is wanted."""
    results: list[tuple[ShownObject, JsonObject]] = []
    for o in look.listed(scene)[:most]:
        boxed: JsonObject = {} if counted == "none" else {"box": [*look.box(scene, o, counted)]}
        results.append((o, {"label": look.label(scene, o), "which": o.which, **boxed}))
    return results


def whole_graph(look: Looking, scene: Scene, counted: str, most: int) -> JsonObject:
    """A whole scene graph; relations by the numbers of the listed objects."""
    listed = listed_objects(look, scene, counted, most)
    objects: list[JsonValue] = [{**said, "dynamic": o.dynamic, "attributes": attributes_said(look, scene, o)} for o, said in listed]
    number = {o.name: n for n, (o, _) in enumerate(listed)}
    pairs = [(a, b) for n, (a, _) in enumerate(listed) for b, _ in listed[n + 1 :]]
    held = [r for a, b in pairs for r in look.relations(scene, a, b)]
    return {"objects": objects, "relations": [{"subject": number[s], "predicate": p, "object": number[t]} for s, p, t in held]}


def attributes_said(look: Looking, scene: Scene, o: ShownObject) -> list[JsonValue]:
    """An object's attributes as replies list them."""
    return [{"kind": kind, "name": name} for kind, name in look.attributes(scene, o)]


def narrative(look: Looking, scene: Scene) -> str:
    """What is in the picture, in a sentence."""
    said = [f"a {caption(look.label(scene, o), look.attributes(scene, o))}" for o in look.listed(scene)]
    return f"On a plain ground, this is seen: {', '.join(said) or 'nothing else'}."


def description(look: Looking, scene: Scene, name: str) -> str:
    """One object, in a sentence."""
    o = object_called(name, look.believed(scene))
    if o is None:
        return f'There is no "{name}" in the picture.'
    return f"It is a {caption(o.label, look.attributes(scene, o))} that {'moves' if o.dynamic else 'stands'}."


def kinds(look: Looking, scene: Scene, names: Sequence[str]) -> JsonObject:
    """Which of these names mean something that moves in the clip."""
    moving = [name for name in names if (o := object_called(name, look.believed(scene))) is not None and o.dynamic]
    return {"dynamic": list(moving), "static": [name for name in names if name not in moving]}


def relations_of_names(look: Looking, scene: Scene, first: str, second: str) -> list[JsonValue]:
    """The relations of two named objects, with the names that the prompt gives them."""
    a, b = (object_called(name, look.believed(scene)) for name in (first, second))
    if a is None or b is None or a.name == b.name:
        return []
    called = {a.name: first, b.name: second}
    return [{"subject": called[s], "predicate": p, "object": called[t]} for s, p, t in look.relations(scene, a, b)]


def motion_of_name(look: Looking, scenes: Sequence[Scene], name: str) -> str:
    """What a named object does between the first and the last of the pictures, as the prompt wants it said."""
    word = look.motion(scenes[0], scenes[-1], meant(name, scenes) or name)
    return _UNCHANGED if word == STANDS else word


def event(look: Looking, scenes: Sequence[Scene], names: Sequence[str]) -> JsonObject:
    """What the named objects do between the first and the last picture that each is in; what moves is an agent."""
    clauses: list[str] = []
    agents: list[JsonValue] = []
    for name in names:
        who = meant(name, scenes)
        seen = [scene for scene in scenes if any(o.name == who for o in scene.objects)]
        word = look.motion(seen[0], seen[-1], who) if who is not None and len(seen) > 1 else STANDS
        clauses.append(f"the {name} {word}")
        agents += [name] if word != STANDS else []
    sentence = " and ".join(clauses) or "nothing happens"
    return {"description": f"{sentence[0].upper()}{sentence[1:]}.", "agents": agents, "patients": []}


def meant(name: str, scenes: Sequence[Scene]) -> str | None:
    """The world's name of the object that a name means in most of the pictures, of as many in the first of them; None if in none."""
    found = [o.name for scene in scenes if (o := object_called(name, scene.objects)) is not None]
    return Counter(found).most_common(1)[0][0] if found else None
