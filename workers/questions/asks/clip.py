"""`After shot 1, in which shot does the cup appear next?`: people read of a clip as a shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workers.questions import words
from workers.questions.ask import Ask
from workers.questions.cypher_writer import CypherWriter
from workers.questions.graph_index import GraphIndex, Resolved
from workers.questions.hops import Ending, Hop
from workers.questions.links import Link, NextAppearance, Scope, Start
from workers.questions.noun_phrase import NounPhrase


@dataclass(frozen=True)
class AskClip(Ask):
    """Ask in which clip the object is seen next (or, backwards, last) after (before) a clip, given by its index."""

    answer_type: ClassVar[str] = "shot"
    draw_order: ClassVar[int] = 6
    ignores_scope: ClassVar[bool] = True
    takes_window: ClassVar[bool] = False

    clip: int
    forward: bool

    @classmethod
    def candidates(cls, ending: Ending, index: GraphIndex) -> Sequence[Ask]:
        """Of a reference, where more than one clip could be the answer and no other bridge has set the time."""
        if ending.kind != "appearance" or ending.bridge is not None:
            return []
        here, forward = ending.last.known.clip_index, ending.last.forward
        possible = [c for c in index.graph.clips if (c.index > here if forward else c.index < here)]
        return [cls(here, forward)] if len(possible) > 1 else []

    @classmethod
    def for_link(cls, link: Start | Link, hop: Hop) -> tuple[Ask, str] | None:
        """A reference on the way leads to a clip."""
        return (cls(link.clip, link.forward), words.clip_name(hop.target.clip_index)) if isinstance(link, NextAppearance) else None

    def clause(self, link: Start | Link, before: NounPhrase, noun: NounPhrase) -> str:
        """`after shot 1, in which shot does the cup appear next`."""
        side, which = ("after", "next") if self.forward else ("before", "last")
        return f"{side} {words.clip_name(self.clip)}, in which shot does {noun.text} appear {which}"

    def write(self, writer: CypherWriter, variable: str, link: Start | Link) -> None:
        """The nearest clip, in the words of the answer."""
        writer.continue_from(variable)
        writer.next_clip(self.clip, forward=self.forward)
        writer.answer("known", "'shot ' + toString(shot + 1)")

    def answers(self, entity: str, scope: Scope, link: Start | Link, index: GraphIndex) -> set[str]:
        """The nearest clip in which the entity is seen."""
        return {words.clip_name(c) for c in index.clips_beside(entity, self.clip, forward=self.forward)[:1]}

    def is_shown(self, entity: str, answer: str, last: Hop, resolved: Resolved, index: GraphIndex) -> bool:
        """The last reference leads to that clip."""
        return answer == words.clip_name(last.target.clip_index)
