"""The entities of a graph as the report speaks of them: one per entity, with one name and one colour everywhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graph_schema.models import STSG, SceneObject

# Mid tones that stand out on photographs and on light and dark pages; each with the ink that is readable on it (contrast >= 4.5).
_COLOURS = (
    ("#e8590c", "#000"),
    ("#1c7ed6", "#000"),
    ("#2f9e44", "#000"),
    ("#be4bdb", "#000"),
    ("#e6b800", "#000"),
    ("#0ca5a5", "#000"),
    ("#e64980", "#000"),
    ("#7a5af8", "#fff"),
    ("#74b816", "#000"),
    ("#d9480f", "#fff"),
    ("#339af0", "#000"),
    ("#a5673f", "#fff"),
)


@dataclass(frozen=True)
class EntityView:
    """One entity. `key` is its name within the page: safe in ids, classes and attributes whatever the graph calls it."""

    key: str
    name: str
    kind: str
    colour: str
    ink: str
    nodes: tuple[SceneObject, ...]

    @property
    def start_seconds(self) -> float:
        return min(node.start_seconds for node in self.nodes)

    @property
    def end_seconds(self) -> float:
        return max(node.end_seconds for node in self.nodes)

    @property
    def clips(self) -> list[int]:
        return sorted({node.clip_index for node in self.nodes})

    @property
    def clip_numbers(self) -> str:
        """The clips it is in, counted from 1 as questions and page do: `1, 3`."""
        return ", ".join(str(index + 1) for index in self.clips)

    @property
    def attributes(self) -> str:
        """Values by kind, the commonest first: `colour red; position top left, top centre`."""
        values: dict[str, Counter[str]] = {}
        for node in self.nodes:
            for attribute in node.attributes:
                values.setdefault(attribute.kind, Counter())[attribute.name] += 1
        return "; ".join(f"{kind} {', '.join(name for name, _ in found.most_common())}" for kind, found in values.items())


def entities_of(graph: STSG, prefix: str) -> tuple[EntityView, ...]:
    """The graph's entities by first appearance. Two of one name are distinguished by a number: `red circle 2`."""
    nodes: dict[str, list[SceneObject]] = {}
    for node in graph.objects:
        nodes.setdefault(node.entity_id, []).append(node)
    ordered = sorted(nodes.values(), key=lambda group: (min(n.start_seconds for n in group), min(n.clip_index for n in group)))
    names = [Counter(n.name for n in group).most_common(1)[0][0] for group in ordered]
    shared = Counter(names)
    seen: Counter[str] = Counter()
    found = []
    for index, (name, group) in enumerate(zip(names, ordered, strict=True)):
        seen[name] += 1
        colour, ink = _COLOURS[index % len(_COLOURS)]
        found.append(
            EntityView(
                key=f"{prefix}-t{index}",
                name=f"{name} {seen[name]}" if shared[name] > 1 else name,
                kind="dynamic" if any(n.kind == "dynamic" for n in group) else "static",
                colour=colour,
                ink=ink,
                nodes=tuple(group),
            )
        )
    return tuple(found)
