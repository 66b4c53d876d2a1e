"""What the records accept, and what they refuse with which words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from graph_schema.models import STSG, CoordinateFrame, FrameObject
from tests.support.graphs import cup_graph


def test_a_vector_has_one_number_for_each_dimension_of_the_graphs_frame() -> None:
    graph = cup_graph("g")
    first = graph.objects[0].model_copy(update={"centre": (0.5, 1.0, 2.0)})
    values = {**graph.model_dump(), "objects": [o.model_dump() for o in (first, *graph.objects[1:])]}
    with pytest.raises(ValidationError, match=f"the centre of object {first.id} has 3 numbers, the graph's coordinate frame has 2 dim"):
        STSG.model_validate(values)
    metres = CoordinateFrame(origin="camera", unit="metre", dimensions=3)
    placed = STSG.model_validate({**values, "kind": "relation", "coordinate_frame": metres})
    assert placed.objects[0].centre == (0.5, 1.0, 2.0)


def test_what_a_weight_free_parse_does_not_know_is_not_in_its_json() -> None:
    assert not {"verified", "detected", "call_ids"} & FrameObject(label="cup", kind="static").model_dump().keys()
    verified_object = FrameObject(label="cup", kind="static", verified=False, call_ids=("c1",))
    assert verified_object.model_dump(mode="json", include={"verified", "call_ids"}) == {"verified": False, "call_ids": ["c1"]}
