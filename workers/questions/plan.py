"""What a question says, before it is said: a start, links from thing to thing, and what is asked.

A plan is read three times, and the three must agree: as English (`english`), as Cypher (`program`), and in memory (`resolve`).
Semantics: a link leads from a set of things (entities) to the set of things for which it holds at some time in the scope.
Which moment of a moving thing an edge hangs on does not matter: who reads the question knows things and times, not nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

Window = tuple[float, float]
"""`[start, end)` in seconds, in whole tenths where the question says it."""


@dataclass(frozen=True)
class Scope:
    """The time in which something holds: a shot (by clip index), a window, or both; neither: at any time of the video."""

    shot: int | None = None
    window: Window | None = None

    def holds(self, clip_index: int, start_seconds: float, end_seconds: float) -> bool:
        """Whether something that lasts from start to end in a clip is so at some time of the scope."""
        in_shot = self.shot is None or self.shot == clip_index
        return in_shot and (self.window is None or (start_seconds < self.window[1] and end_seconds > self.window[0]))


ANY_TIME = Scope()


@dataclass(frozen=True)
class ByCaption:
    """Start from the thing of this caption: `the small blue square`. What it does not say may be anything: `the square` fits that too."""

    name: str
    label: str
    attributes: tuple[tuple[str, str], ...] = ()
    """(kind, name), as the caption says."""
    person: bool = False


@dataclass(frozen=True)
class ByMotion:
    """Start from what moves so at that time: `the thing that moves left between 1.0 s and 2.5 s`."""

    motion: str
    window: Window
    person: bool = False


@dataclass(frozen=True)
class Related:
    """Go on to what stands in a relation to the thing.

    forward: it is the relation's subject, `the thing that touches X`. label: only what is labelled so, `the star that touches X`.
    """

    predicate: str
    forward: bool
    label: str | None = None


@dataclass(frozen=True)
class DuringMotion:
    """Stay with the thing; from here on at the time when it moves so, which must be one stretch: `while X moves left, … it`."""

    motion: str


@dataclass(frozen=True)
class NextAppearance:
    """Stay with the thing; from here on in the shot in which it is seen next (or, backwards, last) after (before) a shot."""

    shot: int
    forward: bool


@dataclass(frozen=True)
class AskThing:
    """Ask what the last link, or the mover, is."""


@dataclass(frozen=True)
class AskColour:
    """Ask for the colour of what the last link leads to, or of the mover."""


@dataclass(frozen=True)
class AskMotion:
    """Ask what the thing does; in a window of its own, or in the scope."""

    window: Window | None = None


@dataclass(frozen=True)
class AskFirst:
    """Ask what the thing does first (or, backwards, last) in the shot to which an `NextAppearance` led."""

    forward: bool


@dataclass(frozen=True)
class AskTime:
    """Ask when the thing moves so, which must be one stretch."""

    motion: str


@dataclass(frozen=True)
class AskNext:
    """Ask what the thing does right after (or before) the motion of the last link, a `DuringMotion`."""

    forward: bool


@dataclass(frozen=True)
class AskShot:
    """Ask in which shot the thing is seen next (or, backwards, last) after (before) a shot."""

    shot: int
    forward: bool


Start = ByCaption | ByMotion
Link = Related | DuringMotion | NextAppearance
Ask = AskThing | AskColour | AskMotion | AskFirst | AskTime | AskNext | AskShot


@dataclass(frozen=True)
class Plan:
    """One question. `scope` is the time of all links up to a `DuringMotion` or `NextAppearance`, which set the time of those after them."""

    start: Start
    links: tuple[Link, ...]
    ask: Ask
    scope: Scope = ANY_TIME
