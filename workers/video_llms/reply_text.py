"""What a reply says, read from its words."""

from __future__ import annotations

import re

_THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_YES_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """A reply without what the model thought first."""
    return _THINKING.sub("", text)


def read_yes_no(text: str) -> bool | None:
    """The first yes or no of a reply; None where it says neither."""
    match = _YES_NO.search(without_thoughts(text))
    return None if match is None else match.group(1).lower() == "yes"
