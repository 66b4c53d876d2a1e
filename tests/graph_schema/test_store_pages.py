"""Cursors: only those a list gave are taken."""

from __future__ import annotations

import base64
import json

import pytest

from graph_schema.errors import BadInput
from graph_schema.store.page import decode_cursor, make_page


def test_the_cursor_of_a_page_leads_to_its_last_item() -> None:
    page = make_page(["a", "b", "c"], 2, [("2026", "a"), ("2026", "b"), ("2026", "c")])
    assert page.items == ["a", "b"]
    assert decode_cursor(page.next_cursor, str, str) == ("2026", "b")


def test_no_cursor_is_the_start() -> None:
    assert decode_cursor(None, str, str) == (None, None)


@pytest.mark.parametrize("place", [["2026"], ["2026", 3], {"a": 1}, "text", [None, None]])
def test_a_cursor_made_by_hand_is_refused(place: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
    with pytest.raises(BadInput, match="is not one this list gave; leave it out to start at the beginning"):
        decode_cursor(cursor, str, str)
