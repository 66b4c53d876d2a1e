"""What plans are made of: a start, links that lead from object to object, and the time in which they hold.

Semantics: a link leads from a set of objects (entities) to the set of objects for which it holds at some time in the scope.
Which moment of a moving object an edge hangs on does not matter: who reads the question knows objects and times, not nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

Window = tuple[float, float]
"""`[start, end)` in seconds, in whole tenths where a question gives it."""


@dataclass(frozen=True)
class Scope:
    """The time in which something holds: a clip (by its index), a window, or both; neither: at any time of the video."""

    clip: int | None = None
    window: Window | None = None

    def holds(self, clip_index: int, start_seconds: float, end_seconds: float) -> bool:
        """Whether something that lasts from start to end in a clip is so at some time of the scope."""
        in_clip = self.clip is None or self.clip == clip_index
        return in_clip and (self.window is None or (start_seconds < self.window[1] and end_seconds > self.window[0]))


ANY_TIME = Scope()


@dataclass(frozen=True)
class ByCaption:
    """Start from the object of this caption: `the small blue square`. What it does not say may be anything: `the square` fits that too."""

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
    """Go on to what stands in a relation to the object.

    forward: it is the relation's subject, `the thing that touches X`. label: only what is labelled so, `the star that touches X`.
    """

    predicate: str
    forward: bool
    label: str | None = None


@dataclass(frozen=True)
class DuringMotion:
    """Stay with the object; from here on at the time when it moves so, which must be one interval: `while X moves left, … it`."""

    motion: str


@dataclass(frozen=True)
class NextAppearance:
    """Stay with the object, from here on in the clip in which it is seen next after a clip, by its index; backwards, last before it."""

    clip: int
    forward: bool


Start = ByCaption | ByMotion
Link = Related | DuringMotion | NextAppearance
