"""What tests of the trainer share: all but those of the GPU run on the CPU, in float32, on machines with a GPU too.

Only so can bytes and gradients be compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

has_gpu = torch.cuda.is_available


@pytest.fixture(autouse=True, scope="module")
def _on_the_cpu() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield


@pytest.fixture(autouse=True)
def _on_the_gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("gpu") is not None:
        monkeypatch.setattr(torch.cuda, "is_available", has_gpu)
