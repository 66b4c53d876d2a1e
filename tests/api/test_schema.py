"""The API does what its own description says, whatever is sent: schemathesis over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.app import create_app
from graph_schema.models import Job, SelfTrainingRecord, TrainParameters
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.graphs import a_question, cup_graph
from workers.media.decode import probe

EXAMPLES = 12
IN_THE_STORE = {
    "video_id": "vgschema",
    "graph_id": "gschema",
    "other_id": "gschema",
    "keyframe_id": "gschemak10",
    "qra_set_id": "sschema",
} | {
    "job_id": "jschema",
    "training_run_id": "tschema",
    "self_training_run_id": "cschema",
}


@pytest.fixture(scope="module")
def api(embedded_store: GraphStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The description of an app whose store has one thing of each kind."""
    data = tmp_path_factory.mktemp("api")
    graph = cup_graph("gschema")
    embedded_store.graphs.write(graph)
    embedded_store.qra_sets.write("sschema", [a_question("sschema", graph.id, 0)], graph_ids=[graph.id], configuration={})
    embedded_store.jobs.create(Job(id="jschema", parameters=TrainParameters(training_run_id="t1", qra_set_id="s1")))
    embedded_store.jobs.request_cancel("jschema")
    embedded_store.training_runs.write("tschema", {"job_id": "jschema"}, ["sschema"], started_from="tiny", produced=None)
    embedded_store.self_training_runs.write(
        SelfTrainingRecord(id="cschema", configuration={}, video_ids=("vgschema",), held_out_set_id="sschema"), job_id="jschema"
    )
    image = data / graph.clips[0].keyframes[0].image
    image.parent.mkdir(parents=True)
    image.write_bytes(b"\xff\xd8 a picture")
    app = create_app(Settings(data=data, allowed_hosts="testserver"), store=embedded_store, notify=lambda job: None, probe=probe)
    yield schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_as_described(api: schemathesis.BaseSchema, mode: GenerationMode) -> None:
    """Operation by operation; the pytest plugin of schemathesis 4.32 does not work with pytest 9.2."""
    operations = [results.ok() for results in api.get_all_operations() if isinstance(results, Ok)]
    assert len(operations) >= 20
    for operation in operations:
        _check(operation, mode)


def _check(operation: Any, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case[Any]) -> None:
        if mode is GenerationMode.POSITIVE and case.method != "DELETE":
            case.path_parameters = {name: IN_THE_STORE[name] for name in case.path_parameters or {}}
        case.call_and_validate(excluded_checks=[positive_data_acceptance])  # no schema tells a video, or a cursor of ours

    try:
        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation.label  # it takes nothing that could be wrong
