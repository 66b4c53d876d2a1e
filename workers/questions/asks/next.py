"""`What does the ball do right after moving left?`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from graph_schema.intervals import BRIDGE_SECONDS
from workers.questions import words
from workers.questions.ask import Ask
from workers.questions.cypher_writer import CypherWriter, literal
from workers.questions.graph_index import Bindings, GraphIndex, Resolved
from workers.questions.hops import Ending, Hop
from workers.questions.links import DuringMotion, Link, Scope, Start
from workers.questions.noun_phrase import NounPhrase


@dataclass(frozen=True)
class AskNext(Ask):
    """Ask what the object does right after (or before) the motion of the last link, a `DuringMotion`."""

    answer_type: ClassVar[str] = "motion"
    draw_order: ClassVar[int] = 5
    phrases_last_link: ClassVar[bool] = True

    forward: bool

    @classmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """Where one motion follows another."""
        if ending.kind != "motion beside motion" or ending.bridge is None:
            return []
        return [cls(ending.last.interval[0] > ending.bridge.interval[0])]

    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """`what does the ball do right after moving left`."""
        return f"what does {before.text} do right {'after' if self.forward else 'before'} {words.participle(self._motion(link))}"

    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """The other motions that start where that one ends (or end where it starts)."""
        writer.continue_from(variable)
        near = ("beside.start_seconds", "until") if self.forward else ("beside.end_seconds", "since")
        close = f"{near[0]} > {near[1]} - {BRIDGE_SECONDS!r} AND {near[0]} < {near[1]} + {BRIDGE_SECONDS!r}"
        writer.carried = tuple(v for v in writer.carried if v == "shot")
        pattern = f"{writer.node('here', entity_id='known')}-[beside:MOVES]->(:Object)"
        writer.clauses.append(f"MATCH {pattern}\nWHERE beside.motion <> {literal(self._motion(link))} AND {close}")
        writer.answer("known", "beside.motion")

    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """What else the entity does right after (or before) the window of the scope, which is that of the last link."""
        motion = self._motion(link)
        beside = [m for m in index.motions_in(entity, Scope(clip=scope.clip)) if m.motion != motion]
        return {m.motion for m in beside if self._touches(scope, m.start_seconds, m.end_seconds)}

    def is_shown(self, entity: str, answer: str, last: Hop, resolved: Resolved, index: GraphIndex) -> bool:
        """The last edge is that motion, right beside the other."""
        return answer == last.word and self._touches(resolved.bindings[-1][entity], *last.interval)

    def scope_of(self, entity: str, bindings: Sequence[Bindings]) -> Scope:
        """The time before the last link set it: what is asked lies outside of that."""
        return bindings[-2][entity]

    def _touches(self, scope: Scope, start_seconds: float, end_seconds: float) -> bool:
        """Whether an interval starts where the scope's window ends (or ends where that starts)."""
        since, until = scope.window or (0.0, 0.0)
        return abs(start_seconds - until if self.forward else end_seconds - since) < BRIDGE_SECONDS

    def _motion(self, link: Start | Link) -> str:
        if not isinstance(link, DuringMotion):
            raise ValueError(f"{self} cannot follow {link}")
        return link.motion
