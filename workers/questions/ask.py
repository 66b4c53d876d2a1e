"""What every question type has to know of itself. One file a type in `workers.questions.asks`; nothing else names them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from workers.questions.cypher_writer import CypherWriter
from workers.questions.graph_index import Bindings, GraphIndex, Resolved
from workers.questions.hops import Ending, Hop
from workers.questions.links import Link, Scope, Start, Window
from workers.questions.noun_phrase import NounPhrase


class Ask(ABC):
    """What a question asks at the end of its links: its clause, its Cypher and its answers in memory, which must agree.

    A subclass is a frozen dataclass in a module of its own in `workers.questions.asks`, found there without being listed. Where a
    method takes a `link`, it is the last link of the plan, or its start where there is none.
    """

    answer_type: ClassVar[str]
    """`answer_type` of the questions, as written to `qra.jsonl`."""
    draw_order: ClassVar[int]
    """Position of the type's candidates among those of the other types. The seeded draw depends on it."""
    answers_link: ClassVar[bool] = False
    """The answer is about the object that the last link leads to, so that link's own step of the rationale answers the question."""
    names_object: ClassVar[bool] = False
    """The answer is the caption of the object that the last link leads to, whose label that link must not give away."""
    phrases_last_link: ClassVar[bool] = False
    """The clause contains the last link, which then has no clause of its own."""
    ignores_scope: ClassVar[bool] = False
    """What is asked is about any time: the scope tells the objects only."""
    takes_window: ClassVar[bool] = True
    """Whether the time of what is asked may be said as a window."""

    @classmethod
    @abstractmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """What can be asked at the end of a path, as often as it is to be drawn."""

    @classmethod
    def for_link(cls, link: Start | Link, hop: Hop) -> tuple[Ask, str] | None:
        """What is asked of one link alone, with its answer as the path has it; None where another type asks for that."""
        return None

    @abstractmethod
    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """The main clause, without time or question mark. before, noun: the object before and after the link."""

    @abstractmethod
    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """Write the Cypher that returns the answers. variable: what the object is bound to."""

    @abstractmethod
    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """The answers for an entity in the time that the links led to; the same as the Cypher returns."""

    def is_shown(self, entity: str, answer: str, last: Hop, resolved: Resolved, index: GraphIndex) -> bool:
        """Whether the last edge of the path is what the answer is about. True where the link to the object has shown that."""
        return True

    def in_window(self, window: Window) -> Ask | None:
        """The same, asked of a window of its own; None where it takes none."""
        return None

    def own_window(self, link: Start | Link) -> Window | None:
        """The window that the sentence opens with in place of the scope."""
        return None

    def scope_of(self, entity: str, bindings: Sequence[Bindings]) -> Scope:
        """The time of what is asked. bindings: of the start and of each link."""
        return bindings[-1][entity]
