"""Processes that those under test have started."""

from __future__ import annotations

import psutil


def descendants(words: set[str], of: int | None = None) -> list[psutil.Process]:
    """The processes below one (`of`, or this one) whose command line has one of the words as an argument; none that has ended."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            if words & set(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:  # it ended meanwhile, or is a zombie, whose parent has not looked yet
            continue
    return found
