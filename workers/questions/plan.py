"""What a question says, before it is phrased: a start, links from object to object, and what is asked.

A plan is read three times, and the three must agree: as English (`english`), as Cypher (`program`), and in memory (`resolve`).
"""

from __future__ import annotations

from dataclasses import dataclass

from workers.questions.ask import Ask
from workers.questions.links import ANY_TIME, Link, Scope, Start


@dataclass(frozen=True)
class Plan:
    """One question. `scope` is the time of all links up to a `DuringMotion` or `NextAppearance`, which set the time of those after them."""

    start: Start
    links: tuple[Link, ...]
    ask: Ask
    scope: Scope = ANY_TIME

    @property
    def last_link(self) -> Start | Link:
        """The last link, or the start where there is none."""
        return self.links[-1] if self.links else self.start
