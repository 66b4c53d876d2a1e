"""Which errors of the driver reach the caller as EngineUnavailable, and which as they are: every class that the driver has."""

from __future__ import annotations

import inspect

import neo4j.exceptions
import pytest
from neo4j.exceptions import ClientError, DriverError, Neo4jError

from graph_schema.errors import EngineUnavailable
from graph_schema.store.bolt import DRIVER_FAILURES, translate_driver_errors

AS_THEY_ARE = {
    "Neo4jError",
    "ClientError",
    "CypherSyntaxError",
    "CypherTypeError",
    "ConstraintError",
    "DatabaseError",
}
"""A statement of ours is wrong or breaks a constraint, or the engine is wrong: the caller or the traceback says which."""
CLASSES = [c for _, c in inspect.getmembers(neo4j.exceptions, inspect.isclass) if issubclass(c, DriverError | Neo4jError)]


def outcome_of(error: Exception) -> str:
    with pytest.raises((EngineUnavailable, DriverError, Neo4jError)) as caught, translate_driver_errors("bolt://here"):
        raise error
    return str(caught.value) if isinstance(caught.value, EngineUnavailable) else "as it is"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_class_of_the_driver_is_mapped(kind: type[Exception]) -> None:
    error = kind.__new__(kind)  # some take arguments of the driver's own
    Exception.__init__(error, "the reason")
    error.__dict__ |= {"_neo4j_code": "Neo.Any.Other.Code", "_message": "the reason"}
    assert any(isinstance(error, f.kind) for f in DRIVER_FAILURES if f.code is None)
    assert (outcome_of(error) == "as it is") is (kind.__name__ in AS_THEY_ARE)


def test_a_database_that_is_not_there_is_told_from_other_errors_by_its_code() -> None:
    absent = ClientError._basic_hydrate(neo4j_code="Neo.ClientError.Database.DatabaseNotFound", message="no database nowhere")
    other = ClientError._basic_hydrate(neo4j_code="Neo.ClientError.Statement.ArgumentError", message="no argument")
    assert "lacks the database (no database nowhere); correct STEPGRAPH_NEO4J_DATABASE" in outcome_of(absent)
    assert outcome_of(other) == "as it is"
