"""The clauses of a question's Cypher, written one after another. Variables in the text: `known` is an entity id, `shot` a clip index."""

from __future__ import annotations

from graph_schema.intervals import BRIDGE_SECONDS
from workers.questions.links import ANY_TIME, Scope


class CypherWriter:
    """The clauses so far, and how the time of what comes next is known there."""

    def __init__(self, scope: Scope, graph_id: str) -> None:
        self.graph = literal(graph_id)
        self.clauses: list[str] = []
        self.scope = scope
        self.carried: tuple[str, ...] = ()
        """Variables that give the time, after a `DuringMotion` or `NextAppearance`."""

    def node(self, variable: str, scope: Scope | None = None, **properties: str) -> str:
        """The pattern of an object of the graph, in the clip of the scope."""
        scope = self.scope if scope is None else scope
        clip = {"clip_index": "shot"} if "shot" in self.carried else {} if scope.clip is None else {"clip_index": str(scope.clip)}
        inside = ", ".join(f"{key}: {value}" for key, value in {"graph_id": self.graph, **properties, **clip}.items())
        return f"({variable}:Object {{{inside}}})"

    def match(self, pattern: str, timed: str, *, scope: Scope | None = None) -> None:
        """Match a pattern in the time; `timed`: the variable that has start_seconds and end_seconds."""
        scope = self.scope if scope is None else scope
        condition = ""
        if "since" in self.carried:
            condition = f"\nWHERE {timed}.start_seconds < until AND {timed}.end_seconds > since"
        elif scope.window is not None:
            condition = f"\nWHERE {timed}.start_seconds < {scope.window[1]!r} AND {timed}.end_seconds > {scope.window[0]!r}"
        self.clauses.append(f"MATCH {pattern}{condition}")

    def bind_known(self, variable: str) -> None:
        """Go on with each entity once, bound to `known`; `variable`: what its node, or `known` itself, is bound to."""
        entity = "known" if variable == "known" else f"{variable}.entity_id AS known"
        self.clauses.append(f"WITH DISTINCT {', '.join((entity, *self.carried))}")

    def continue_from(self, variable: str) -> None:
        """Bind `known`, unless it is bound."""
        if variable != "known":
            self.bind_known(variable)

    def answer(self, entity: str, expression: str) -> None:
        """Return the answers, one a row and entity."""
        self.clauses += [f"WITH DISTINCT {entity} AS entity, {expression} AS answer", "RETURN answer"]

    def motion_interval(self, motion: str) -> None:
        """From `known` to the time `since` … `until` in which it moves so; nothing where it does so more than once."""
        self.match(f"{self.node('here', entity_id='known')}-[move:MOVES {{motion: {literal(motion)}}}]->(:Object)", "move")
        self.clauses += [
            f"WITH {', '.join(('known', *self.carried))}, min(move.start_seconds) AS since, max(move.end_seconds) AS until, "
            "sum(move.end_seconds - move.start_seconds) AS moving",
            f"WHERE until - since < moving + {BRIDGE_SECONDS!r}",
        ]

    def next_clip(self, clip: int, *, forward: bool) -> None:
        """From `known` to the `shot` (clip index) in which it is seen next after a clip, or last before."""
        side, which = (">", "min") if forward else ("<", "max")
        self.clauses += [
            f"MATCH {self.node('again', ANY_TIME, entity_id='known')}\nWHERE again.clip_index {side} {clip}",
            f"WITH known, {which}(again.clip_index) AS shot",
        ]


def literal(text: str) -> str:
    """A Cypher string with what must be escaped, escaped."""
    for character, escape in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, escape)
    return f"'{text}'"
