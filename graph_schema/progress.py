"""How far a piece of work is, whether it should go on, and what its steps took: one object that every step is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from graph_schema.errors import Interrupted
from graph_schema.models.run import StageAccount

ProgressCallback = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and what is being done."""
TitledProgressCallback = Callable[[str, float, str], None]
"""The same for work of several parts; the first argument is the part's title, such as a video's name."""


class Progress:
    """Reports to a callback and asks another whether to go on; without them it reports to nobody and never stops.

    Attributes:
        seconds: {step: seconds}, what `timed` has measured.
        calls: {stage: account} of the model calls so far.
    """

    def __init__(self, on_report: ProgressCallback | None = None, should_stop: Callable[[], bool] | None = None) -> None:
        """Remember whom to tell and whom to ask."""
        self._on_report, self._should_stop = on_report, should_stop
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, StageAccount] = {}
        self._last: tuple[float, str] = (0.0, "")

    def report(self, fraction: float, message: str) -> None:
        """Say how far the work is, in [0, 1]. Raises whatever the callback raises, such as Interrupted."""
        self._last = fraction, message
        if self._on_report is not None:
            self._on_report(fraction, message)

    def tick(self, note: str) -> None:
        """Say something more about what was reported last. Raises as `report` does."""
        fraction, message = self._last
        if self._on_report is not None:
            self._on_report(fraction, ", ".join(filter(None, [message, note])))

    def checkpoint(self, message: str) -> None:
        """Call between two steps. Raises Interrupted, with the message, if the work should stop here."""
        if self._should_stop is not None and self._should_stop():
            raise Interrupted(message)

    def should_stop(self) -> bool:
        """Whether the work should stop, for loops that end in their own way."""
        return self._should_stop is not None and self._should_stop()

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds that the block takes to those of a step."""
        started = time.perf_counter()
        yield
        self.seconds[step] = round(self.seconds.get(step, 0.0) + time.perf_counter() - started, 3)
