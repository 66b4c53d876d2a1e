"""`What touches the cup?`, `Between 1.0 s and 2.5 s, what moves left?`: the answer is an object's caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workers.questions import words
from workers.questions.ask import Ask
from workers.questions.cypher_writer import CypherWriter
from workers.questions.graph_index import GraphIndex
from workers.questions.hops import GENERIC_LABELS, Ending, Hop
from workers.questions.links import ByMotion, Link, Related, Scope, Start, Window
from workers.questions.noun_phrase import NounPhrase


@dataclass(frozen=True)
class AskObject(Ask):
    """Ask what the last link, or the motion of the start, leads to."""

    answer_type: ClassVar[str] = "object"
    draw_order: ClassVar[int] = 0
    answers_link: ClassVar[bool] = True
    names_object: ClassVar[bool] = True

    @classmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """Three times, where a path leads to an object whose caption says something."""
        if ending.kind != "object":
            return []
        target = ending.last.target
        has_colour = ending.last.kind == "relates" and index.colours(target.entity_id)
        return [] if target.label.casefold() in GENERIC_LABELS and not has_colour else [cls()] * 3

    @classmethod
    def for_link(cls, link: Start | Link, hop: Hop) -> tuple[Ask, str] | None:
        """A relation, or a motion at the start, leads to an object."""
        return (cls(), hop.target.name) if isinstance(link, Related | ByMotion) else None

    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """`what touches the cup`, `which star touches the cup`, `what moves left`."""
        if isinstance(link, Related):
            what = "what" if link.label is None else f"which {link.label}"
            return (words.ask_subject if link.forward else words.ask_object)(link.predicate, before.text, what)
        if isinstance(link, ByMotion):
            return f"what {words.verb_phrase(link.motion)}"
        raise ValueError(f"{self} cannot follow {link}")

    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """The caption of the object."""
        writer.answer(f"{variable}.entity_id", f"{variable}.name")

    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """The captions of the entity."""
        return index.names(entity)

    def own_window(self, link: Start | Link) -> Window | None:
        """The time of the motion that tells the object."""
        return link.window if isinstance(link, ByMotion) else None
