"""`What colour is the thing that is on the plate?`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workers.questions.ask import Ask
from workers.questions.cypher_writer import CypherWriter
from workers.questions.graph_index import GraphIndex
from workers.questions.hops import Ending
from workers.questions.links import Link, Scope, Start
from workers.questions.noun_phrase import NounPhrase


@dataclass(frozen=True)
class AskColour(Ask):
    """Ask for the colour of what the last link, or the motion of the start, leads to."""

    answer_type: ClassVar[str] = "colour"
    draw_order: ClassVar[int] = 1
    answers_link: ClassVar[bool] = True

    @classmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """Where a path leads to an object of one colour."""
        return [cls()] if ending.kind == "object" and len(index.colours(ending.last.target.entity_id)) == 1 else []

    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """`what colour is the thing that …`, of a person `what colour does the person who … wear`."""
        return f"what colour does {noun.text} wear" if noun.person else f"what colour is {noun.text}"

    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """The colours of the object."""
        writer.clauses.append(f"MATCH ({variable})-[:HAS_ATTRIBUTE]->(colour:Attribute {{kind: 'colour'}})")
        writer.answer(f"{variable}.entity_id", "colour.name")

    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """The colours of the entity."""
        return index.colours(entity)
