"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable


class ProgressBars:
    """Bars on a terminal; elsewhere one plain line when a step begins and ends."""

    def __enter__(self) -> ProgressBars:
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self.report: Callable[[str, float, str], None] = self._plain
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[detail]}"))
            self._bars = Progress(*columns, console=Console(stderr=True))
            self._bars.start()
            self.report = self._bar
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def _bar(self, title: str, share: float, detail: str) -> None:
        if title not in self._tasks:
            self._tasks[title] = self._bars.add_task(title, total=1.0, detail="")
        self._bars.update(self._tasks[title], completed=share, detail=detail)

    def _plain(self, title: str, share: float, detail: str) -> None:
        if title not in self._tasks or share >= 1:
            print(f"{title}: {detail}" if detail else title, file=sys.stderr, flush=True)
        self._tasks[title] = share


@contextlib.contextmanager
def stops_with_a_word() -> Iterator[None]:
    """Ctrl-C ends the command with exit code 130 and says that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        print("stepgraph: stopped; what is done is kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None
