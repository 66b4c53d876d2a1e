"""A question type is one file: it is found without being listed, and nothing else names it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from workers.questions import asks
from workers.questions.ask import Ask
from workers.questions.asks import ASK_TYPES

PACKAGE = Path(asks.__file__).parent
MODULES = sorted(p for p in PACKAGE.parent.rglob("*.py"))


def file_of(ask_type: type[Ask]) -> Path:
    return Path(inspect.getfile(ask_type))


def test_each_module_in_asks_is_one_registered_type():
    assert sorted(file_of(t) for t in ASK_TYPES) == sorted(p for p in PACKAGE.glob("*.py") if p.stem != "__init__")


@pytest.mark.parametrize("ask_type", ASK_TYPES, ids=lambda t: t.__name__)
def test_a_type_is_whole_and_named_in_no_other_module(ask_type: type[Ask]):
    assert not inspect.isabstract(ask_type)
    naming = [p for p in MODULES if re.search(rf"\b{ask_type.__name__}\b", p.read_text(encoding="utf-8"))]
    assert naming == [file_of(ask_type)]


def test_candidates_are_drawn_from_in_an_order_that_stays():
    assert [(t.draw_order, t.answer_type) for t in ASK_TYPES] == [
        (0, "object"),
        (1, "colour"),
        (2, "motion"),
        (3, "motion"),
        (4, "time"),
        (5, "motion"),
        (6, "shot"),
    ]
