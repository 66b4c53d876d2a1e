"""What the words on edges mean, in numbers: one definition for those who write graphs and those who check them.

Boxes here are `(x1, y1, x2, y2)` in pixels of one frame; y grows downwards. Numbers only, no graphs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from graph_schema.geometry import PixelBox

LEFT_OF = "left of"
ABOVE = "above"
TOUCHES = "touches"
IN_FRONT_OF = "in front of"
SYMMETRIC = frozenset({TOUCHES})
INVERSE = {LEFT_OF: "right of", ABOVE: "below", TOUCHES: TOUCHES, IN_FRONT_OF: "behind"}
"""How an edge is said from its object's side. Graphs hold the forward word only, once a pair and interval."""
FORWARD = {back: word for word, back in INVERSE.items() if back != word}
"""The word that graphs hold, for one said from the object's side."""

STANDS = "stands still"
# sectors of 45 degrees, counter-clockwise from the right, as seen on the screen
MOTIONS = (
    "moves right",
    "moves up and right",
    "moves up",
    "moves up and left",
    "moves left",
    "moves down and left",
    "moves down",
    "moves down and right",
)

SIDE_OVERLAP = 0.5
"""Share of the smaller extent that two objects must have in common across an axis to stand beside each other on it."""
SIDE_SLACK = 0.1
"""Boxes that overlap along the axis by less than this share of the smaller object's longer side still stand beside each other:
outlines that touch, and the visible part of an object that comes out from behind another, must not flicker."""
TOUCH_DISTANCE = 0.01
"""Outlines nearer than this, in frame diagonals, touch (about 5 px of a 480 px frame)."""
HIDES_SHARE = 0.05
"""An object in front of another hides at least this share of it."""
MIN_SPEED = 0.02
"""Slower than this, in frame diagonals a second, stands still."""

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "grey", "black")
"""The basic colour words of English; attribute kind `colour`."""
PEOPLE = frozenset({"person", "man", "woman", "boy", "girl", "child", "baby", "lady", "guy", "player", "adult"})
"""Labels of people, where they are the last word."""
SIZES = ("small", "medium", "large")
"""Attribute kind `size`; see `size_word`."""
MEDIUM_FROM = 0.16
LARGE_FROM = 0.3
"""From these shares of the frame's shorter side on, the longer side of the whole box (nothing hidden or cut off) is medium, large."""


def forward(subject: int, predicate: str, target: int) -> tuple[int, str, int]:
    """A relation of two objects as graphs hold it: the forward word, and a symmetric one from the object of the lower number."""
    if predicate in FORWARD or (predicate in SYMMETRIC and target < subject):
        return target, FORWARD.get(predicate, predicate), subject
    return subject, predicate, target


def side_of(a: PixelBox, b: PixelBox, *, overlap: float = SIDE_OVERLAP, slack: float = SIDE_SLACK) -> str | None:
    """The word for where `a` stands beside `b`: `left of`, `above`, or None (also when `b` is left of or above `a`).

    `a` ends before `b` starts on one axis, give or take `slack` (see SIDE_SLACK), and they share at least `overlap`
    of the smaller extent on the other. Boxes are of what is seen: the visible part of an object half hidden.
    """
    allowed = slack * min(max(a[2] - a[0], a[3] - a[1]), max(b[2] - b[0], b[3] - b[1]))
    for word, axis, across in ((LEFT_OF, 0, 1), (ABOVE, 1, 0)):
        shared = min(a[across + 2], b[across + 2]) - max(a[across], b[across])
        smaller = min(a[across + 2] - a[across], b[across + 2] - b[across])
        starts_first = a[axis] + a[axis + 2] < b[axis] + b[axis + 2]
        if starts_first and a[axis + 2] <= b[axis] + allowed and smaller > 0 and shared >= overlap * smaller:
            return word
    return None


def size_word(longer_side: float, width: float, height: float) -> str:
    """The word for an object whose whole box has this longer side, in a frame of `width` x `height`; all in pixels of one frame."""
    share = longer_side / min(width, height)
    return SIZES[(share >= MEDIUM_FROM) + (share >= LARGE_FROM)]


def is_person(label: str) -> bool:
    """Whether a label names a person."""
    return label.split()[-1:] != [] and label.split()[-1].casefold() in PEOPLE


def caption_kinds(label: str) -> tuple[str, ...]:
    """The kinds of attributes that an object's caption says, in order. Of people only the colour of what they wear."""
    return ("colour",) if is_person(label) else ("size", "colour")


def caption(label: str, attributes: Iterable[tuple[str, str]]) -> str:
    """What an object with these (kind, name) attributes is called: "large red circle", "person in red"."""
    said = list(attributes)
    words = [name for wanted in caption_kinds(label) for kind, name in said if kind == wanted]
    if is_person(label):
        return f"{label} in {' and '.join(words)}" if words else label
    return " ".join([*words, label])


def motion_word(dx: float, dy: float, seconds: float, diagonal: float) -> str:
    """The word for a displacement of `(dx, dy)` pixels in `seconds`, in a frame with this diagonal in pixels."""
    if seconds <= 0 or math.hypot(dx, dy) < MIN_SPEED * diagonal * seconds:
        return STANDS
    return MOTIONS[round(math.atan2(-dy, dx) / (math.pi / 4)) % 8]


def plural(count: int, noun: str) -> str:
    """`1 clip`, `2 clips`; thousands set apart."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"
