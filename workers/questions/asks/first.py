"""`The next time the ball is seen after shot 1, what does it do first?`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workers.questions.ask import Ask
from workers.questions.cypher_writer import CypherWriter
from workers.questions.graph_index import GraphIndex, Resolved
from workers.questions.hops import Ending, Hop
from workers.questions.links import Link, Scope, Start
from workers.questions.noun_phrase import NounPhrase


@dataclass(frozen=True)
class AskFirst(Ask):
    """Ask what the object does first (or, backwards, last) in the clip to which a `NextAppearance` led."""

    answer_type: ClassVar[str] = "motion"
    draw_order: ClassVar[int] = 3

    forward: bool

    @classmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """Where a motion follows a reference."""
        bridge = ending.bridge
        return [cls(bridge.forward)] if ending.kind == "motion" and bridge is not None and bridge.kind == "same" else []

    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """`what does it do first`."""
        return f"what does {noun.text} do {'first' if self.forward else 'last'}"

    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """The motions that start first (or end last) in the time."""
        writer.continue_from(variable)
        time = "start_seconds" if self.forward else "end_seconds"
        writer.match(f"{writer.node('here', entity_id='known')}-[move:MOVES]->(:Object)", "move")
        first = f"{'min' if self.forward else 'max'}(move.{time}) AS at"
        writer.clauses.append(f"WITH {', '.join(('known', *writer.carried))}, {first}")
        writer.match(f"{writer.node('here', entity_id='known')}-[move:MOVES {{{time}: at}}]->(:Object)", "move")
        writer.answer("known", "move.motion")

    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """What the entity does first (or last) in the time."""
        motions = index.motions_in(entity, scope)
        ends = [m.start_seconds if self.forward else -m.end_seconds for m in motions]
        return {m.motion for m, end in zip(motions, ends, strict=True) if end == min(ends)}

    def is_shown(self, entity: str, answer: str, last: Hop, resolved: Resolved, index: GraphIndex) -> bool:
        """The last edge is that motion, and the first (or last) of all."""
        motions = index.motions_in(entity, resolved.bindings[-1][entity])
        start, end = last.interval
        return answer == last.word and (
            start == min(m.start_seconds for m in motions) if self.forward else end == max(m.end_seconds for m in motions)
        )
