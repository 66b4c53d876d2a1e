"""The HTTP status of each error."""

from __future__ import annotations

import pytest

from api.problems import STATUSES, status_of
from graph_schema import errors
from graph_schema.errors import BadInput, StepgraphError, TooLarge, VideoUnreadable


@pytest.mark.parametrize(("error", "status"), [(StepgraphError, 500), (BadInput, 422), (VideoUnreadable, 422), (TooLarge, 413)])
def test_a_class_has_its_own_status_or_that_of_its_base(error: type[StepgraphError], status: int) -> None:
    assert status_of(error("message")) == status


def test_every_error_below_the_base_is_decided() -> None:
    direct = [e for e in vars(errors).values() if isinstance(e, type) and e.__bases__ == (StepgraphError,)]
    assert len(direct) > 5
    assert set(direct) <= set(STATUSES)
