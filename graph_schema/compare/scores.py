"""What a comparison of graphs counts: true and false facts of each unit, and every difference in words. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

UNITS = ("objects", "attributes", "relations", "motions", "references", "cuts")

Unit = Literal["objects", "attributes", "relations", "motions", "references", "cuts"]
Side = Literal["missed", "invented"]
"""`missed`: in the truth alone; `invented`: in the found graph alone."""


@dataclass(frozen=True)
class Tally:
    """Counts of one unit. With nothing in both graphs all three measures are 1; any other ratio without a denominator is 0."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __add__(self, other: Self) -> Tally:
        return Tally(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def precision(self) -> float:
        """Share of the found facts that are true."""
        return self._share(self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the true facts that were found."""
        return self._share(self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self._share(self.true_positives + (self.false_positives + self.false_negatives) / 2)

    def _share(self, of: float) -> float:
        if self.true_positives + self.false_positives + self.false_negatives == 0:
            return 1.0
        return self.true_positives / of if of else 0.0

    def as_dict(self) -> dict[str, float | int]:
        """The three measures and the three counts, as the JSON of `evaluate graphs` has them."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "true_positives": self.true_positives,
            "false_positives": self.false_positives,
            "false_negatives": self.false_negatives,
        }


@dataclass(frozen=True)
class Difference:
    """One fact that only one graph has: `missed` is in the truth alone, `invented` in the found graph alone."""

    unit: Unit
    side: Side
    text: str


@dataclass(frozen=True)
class Comparison:
    """Counts for each unit, and every difference in words. Add comparisons to score many videos."""

    objects: Tally = Tally()
    attributes: Tally = Tally()
    relations: Tally = Tally()
    motions: Tally = Tally()
    references: Tally = Tally()
    cuts: Tally = Tally()
    differences: tuple[Difference, ...] = ()

    def __add__(self, other: Self) -> Comparison:
        tallies = {unit: self.tally(unit) + other.tally(unit) for unit in UNITS}
        return Comparison(**tallies, differences=self.differences + other.differences)

    def tally(self, unit: str) -> Tally:
        """The counts of one of UNITS."""
        tally: Tally = getattr(self, unit)
        return tally

    def as_dict(self) -> dict[str, dict[str, float | int]]:
        """{unit: measures and counts} for each of UNITS."""
        return {unit: self.tally(unit).as_dict() for unit in UNITS}
