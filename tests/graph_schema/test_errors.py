"""What a message says of a record that breaks several rules."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from graph_schema.errors import MAX_SHOWN, describe_validation_errors
from graph_schema.models import Video


def description_of(adapter: TypeAdapter[object], content: str, whole: str = "") -> str:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_json(content)
    return describe_validation_errors(caught.value, whole)


def test_all_errors_are_described_with_their_places() -> None:
    described = description_of(TypeAdapter(Video), '{"id": 5}')
    assert described.startswith("id: Input should be a valid string; ")
    assert described.count("Field required") >= 2


def test_an_error_of_the_whole_record_has_the_name_given() -> None:
    assert description_of(TypeAdapter(Video), "{", "the line").startswith("the line: Invalid JSON: ")
    assert description_of(TypeAdapter(Video), "{").startswith("Invalid JSON: ")


def test_of_many_errors_the_rest_is_counted() -> None:
    described = description_of(TypeAdapter(list[int]), str(["x"] * (MAX_SHOWN + 3)).replace("'", '"'))
    assert described.count("Input should be") == MAX_SHOWN
    assert described.endswith("; and 3 more")
