"""`What does the ball do?`, at any time, in the scope, or `Between 1.0 s and 2.5 s, what does the ball do?`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from graph_schema.models import Motion
from workers.questions.ask import Ask
from workers.questions.cypher_writer import CypherWriter
from workers.questions.graph_index import Bindings, GraphIndex, Resolved
from workers.questions.hops import Ending, Hop
from workers.questions.links import Link, Scope, Start, Window
from workers.questions.noun_phrase import NounPhrase


@dataclass(frozen=True)
class AskMotion(Ask):
    """Ask what the object does; in a window of its own, or in the scope."""

    answer_type: ClassVar[str] = "motion"
    draw_order: ClassVar[int] = 2

    window: Window | None = None

    @classmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """Twice where no bridge comes before the motion, once where one does."""
        return [cls()] * (2 if ending.bridge is None else 1) if ending.kind == "motion" else []

    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """`what does the ball do`."""
        return f"what does {noun.text} do"

    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """The motions in the time."""
        writer.continue_from(variable)
        scope = writer.scope if self.window is None else Scope(clip=writer.scope.clip, window=self.window)
        writer.match(f"{writer.node('here', entity_id='known')}-[move:MOVES]->(:Object)", "move", scope=scope)
        writer.answer("known", "move.motion")

    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """What the entity does in the time."""
        timed = scope if self.window is None else replace(scope, window=self.window)
        return {m.motion for m in index.motions_in(entity, timed)}

    def is_shown(self, entity: str, answer: str, last: Hop, resolved: Resolved, index: GraphIndex) -> bool:
        """The last edge is that motion, in the time that is said."""
        edge = index.edges[last.edge_id]
        return answer == last.word and isinstance(edge, Motion) and index.holds(edge, self.scope_of(entity, resolved.bindings))

    def in_window(self, window: Window) -> Ask | None:
        """The same in a window of its own."""
        return replace(self, window=window)

    def own_window(self, link: Start | Link) -> Window | None:
        """Its window, where it has one."""
        return self.window

    def scope_of(self, entity: str, bindings: Sequence[Bindings]) -> Scope:
        """Its window, where it has one."""
        return super().scope_of(entity, bindings) if self.window is None else Scope(window=self.window)
