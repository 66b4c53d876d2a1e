"""How often the oracle errs, and the draws that decide when: each a hash of what is asked, so that no order of questions changes any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, TypeVar

from pydantic import Field

from graph_schema.identifiers import content_hash
from graph_schema.record import Record

T = TypeVar("T")
Key = tuple[object, ...]
"""What a draw is for. Made of what JSON can hold."""
Probability = Annotated[float, Field(ge=0, le=1)]
_LISTED = ("missed_object", "invented_object", "wrong_attribute", "wrong_relation", "synonym", "spelling")


class OracleErrors(Record):
    """Error rates. Each is how likely one reply is to be wrong about one object, attribute, pair or question, whatever causes it.

    The rates of what is listed have two causes. A systematic error belongs to the picture: it is in every reply, to every prompt
    about it, and voting keeps it. An independent one is drawn anew for each reply, and voting removes most of it. `systematic_share` of
    the rate is systematic; the rest is such that the two together give the rate. Yes / no answers are independent of both, one draw
    a question: asked whether it is so, a model looks again.
    """

    missed_object: Probability = Field(default=0.15, description="an object in view is not listed")
    invented_object: Probability = Field(default=0.15, description="a list has one object that is not there, each list at most one")
    wrong_attribute: Probability = Field(default=0.15, description="an attribute has another name of its kind")
    wrong_relation: Probability = Field(
        default=0.15, description="of a pair: a relation that does not hold, in the place of one that does if any does"
    )
    synonym: Probability = Field(default=0.1, description="a label is given as another word for it")
    spelling: Probability = Field(default=0.1, description="a label is given in the plural, with a capital or an article")
    wrong_yes_no: Probability = Field(default=0.1, description="whether an object, attribute or relation is there is answered wrongly")
    wrong_same: Probability = Field(default=0.1, description="whether two objects are one is answered wrongly")
    wrong_motion: Probability = Field(default=0.15, description="a motion is said as another")
    box_shift: Probability = Field(
        default=0.05, description="edges of a box are off by up to this share of the object's side, evenly drawn for each reply"
    )
    systematic_share: Probability = Field(default=0.5, description="of an error rate")
    whole_factor: float = Field(
        default=1.5, ge=1, description="rates in the reply that holds a whole scene graph, over those of one thing at a time"
    )

    def whole(self) -> OracleErrors:
        """The rates of a reply that holds a whole scene graph.

        That a model asked for everything at once errs more is an assumption, not a finding: what the ablation of the parsing order shows
        follows from it.
        """
        rates = {name: min(1.0, getattr(self, name) * self.whole_factor) for name in _LISTED}
        return self.model_copy(update=rates)


PERFECT: Final = OracleErrors(
    missed_object=0,
    invented_object=0,
    wrong_attribute=0,
    wrong_relation=0,
    synonym=0,
    spelling=0,
    wrong_yes_no=0,
    wrong_same=0,
    wrong_motion=0,
    box_shift=0,
    whole_factor=1,
)
"""No errors."""


class Draws:
    """Chance for one reply. `reply` tells it from others: with it a draw is independent, without it systematic."""

    def __init__(self, seed: int, reply: Key, systematic_share: float) -> None:
        """Draw nothing yet."""
        self._seed, self._reply, self._share = seed, reply, systematic_share

    def uniform(self, *key: object) -> float:
        """A number in [0, 1) that belongs to the seed and the key."""
        return (int(content_hash(self._seed, *key), 16) >> 12) / 2**52

    def independent(self, *key: object) -> float:
        """A number in [0, 1) that belongs to this reply and the key."""
        return self.uniform("reply", *key, *self._reply)

    def systematic(self, rate: float, *key: object) -> Key | None:
        """What to draw the systematic error about `key` with, None where there is none."""
        return key if self.uniform("systematic", *key) < self._share * rate else None

    def error(self, rate: float, *key: object) -> Key | None:
        """What to draw the error about `key` with, systematic or of this reply; None where there is none. Of all replies `rate` err."""
        systematic = self._share * rate
        if self.systematic(rate, *key) is not None:
            return key
        return (*key, *self._reply) if self.independent(*key) * (1 - systematic) < rate - systematic else None

    def choice(self, options: Sequence[T], key: Key) -> T:
        """One of the options, by what `error` gave."""
        return options[int(self.uniform("choice", *key) * len(options))]
