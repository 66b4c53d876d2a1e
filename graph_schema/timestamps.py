"""Moments, as every `created_at` has them: ISO 8601 in UTC, so that they sort as text and people can read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

Timestamp = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$", examples=["2026-01-31T12:00:00.000000+00:00"])]


def timestamp(seconds: float) -> str:
    """The moment so many seconds after 1970 began, with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def now() -> str:
    """This moment, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
