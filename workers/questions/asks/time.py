"""`When does the ball move left?`: the answer is an interval in tenths of a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workers.questions import words
from workers.questions.ask import Ask
from workers.questions.cypher_writer import CypherWriter
from workers.questions.graph_index import GraphIndex, Resolved
from workers.questions.hops import Ending, Hop
from workers.questions.links import DuringMotion, Link, Scope, Start
from workers.questions.noun_phrase import NounPhrase

_TENTHS = "toString(round({0} * 10) / 10.0)"


@dataclass(frozen=True)
class AskTime(Ask):
    """Ask when the object moves so, which must be one interval."""

    answer_type: ClassVar[str] = "time"
    draw_order: ClassVar[int] = 4
    takes_window: ClassVar[bool] = False

    motion: str

    @classmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """Of a motion, unless another motion has set the time."""
        bridge = ending.bridge
        return [cls(ending.last.word)] if ending.kind == "motion" and (bridge is None or bridge.kind == "same") else []

    @classmethod
    def for_link(cls, link: Start | Link, hop: Hop) -> tuple[Ask, str] | None:
        """A motion on the way sets the time of what follows."""
        return (cls(link.motion), words.between(words.nearest_tenths(*hop.interval))) if isinstance(link, DuringMotion) else None

    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """`when does the ball move left`."""
        return f"when does {noun.text} {words.bare_verb(self.motion)}"

    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """The interval of the motion, in the words of the answer."""
        writer.continue_from(variable)
        writer.motion_interval(self.motion)
        writer.answer("known", f"'between ' + {_TENTHS.format('since')} + ' s and ' + {_TENTHS.format('until')} + ' s'")

    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """When the entity moves so; nothing where it does so more than once."""
        intervals = index.motion_intervals(entity, self.motion, scope)
        return {words.between(words.nearest_tenths(*i)) for i in intervals} if len(intervals) == 1 else set()

    def is_shown(self, entity: str, answer: str, last: Hop, resolved: Resolved, index: GraphIndex) -> bool:
        """The last edge is a part of that interval."""
        return answer == words.between(words.nearest_tenths(*last.interval))
