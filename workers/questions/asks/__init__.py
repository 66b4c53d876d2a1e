"""The question types, one a module. A module put here is found: it defines one `Ask`, and no other module names that class."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from workers.questions.ask import Ask
from workers.questions.graph_index import GraphIndex
from workers.questions.hops import Ending, Hop
from workers.questions.links import Link, Start


def _discover() -> Iterator[type[Ask]]:
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        (ask_type,) = (
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Ask) and value.__module__ == module.__name__
        )
        yield ask_type


ASK_TYPES: tuple[type[Ask], ...] = tuple(sorted(_discover(), key=lambda ask_type: ask_type.draw_order))
"""Every question type, in the order in which their candidates are drawn from."""


def candidate_asks(ending: Ending, index: GraphIndex) -> list[Ask]:
    """What can be asked at the end of a path, of all types."""
    return [ask for ask_type in ASK_TYPES for ask in ask_type.candidates(ending, index)]


def ask_for_link(link: Start | Link, hop: Hop) -> tuple[Ask, str]:
    """What the sub-question of one link asks, with its answer.

    Raises: ValueError if not exactly one type asks for such a link.
    """
    matches = [ask for ask_type in ASK_TYPES if (ask := ask_type.for_link(link, hop)) is not None]
    if len(matches) != 1:
        raise ValueError(f"{len(matches)} question types ask for the link {link}; exactly one must")
    return matches[0]


__all__ = ["ASK_TYPES", "ask_for_link", "candidate_asks"]
