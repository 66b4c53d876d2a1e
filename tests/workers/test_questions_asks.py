"""A question type is one file: it is found without being listed, and nothing else names it."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import pytest

from tests.support.question_scenes import Scene
from workers.questions import asks
from workers.questions.ask import Ask
from workers.questions.asks import ASK_TYPES

PACKAGE = Path(asks.__file__).parent
MODULES = sorted(p for p in PACKAGE.parent.rglob("*.py"))


def file_of(ask_type: type[Ask]) -> Path:
    return Path(inspect.getfile(ask_type))


def test_each_module_in_asks_is_one_registered_type() -> None:
    assert sorted(file_of(t) for t in ASK_TYPES) == sorted(p for p in PACKAGE.glob("*.py") if p.stem != "__init__")


@pytest.mark.parametrize("ask_type", ASK_TYPES, ids=lambda t: t.__name__)
def test_a_type_is_whole_and_named_in_no_other_module(ask_type: type[Ask]) -> None:
    assert not inspect.isabstract(ask_type)
    naming = [p for p in MODULES if re.search(rf"\b{ask_type.__name__}\b", p.read_text(encoding="utf-8"))]
    assert naming == [file_of(ask_type)]


def test_candidates_are_drawn_from_in_an_order_that_stays() -> None:
    orders = [t.draw_order for t in ASK_TYPES]
    assert orders == sorted(set(orders))
    assert [t.answer_type for t in ASK_TYPES[:7]] == ["object", "colour", "motion", "motion", "time", "motion", "shot"]


def test_a_new_type_is_asked_once_its_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "size.py").write_text(ASK_SIZE)
    monkeypatch.setattr(asks, "__path__", [*asks.__path__, str(tmp_path)])
    monkeypatch.setitem(sys.modules, f"{asks.__name__}.size", None)  # forgotten after the test
    del sys.modules[f"{asks.__name__}.size"]
    monkeypatch.setattr(asks, "ASK_TYPES", tuple(sorted(asks._discover(), key=lambda t: t.draw_order)))
    scene = Scene("t")
    scene.thing("cup", "small cup")
    scene.thing("plate", "plate")
    scene.relates("cup0", "on", "plate0", 0, 4)
    questions = scene.questions("tr0", answer="cup0")
    assert {q.question: (q.answer, q.answer_type) for q in questions.values()} == {
        "What is on the plate?": ("small cup", "object"),
        "What size is the thing that is on the plate?": ("small", "size"),
    }


ASK_SIZE = """
from dataclasses import dataclass
from typing import ClassVar

from workers.questions.ask import Ask


@dataclass(frozen=True)
class AskSize(Ask):
    answer_type: ClassVar[str] = "size"
    draw_order: ClassVar[int] = 7
    answers_link: ClassVar[bool] = True

    @classmethod
    def candidates(cls, ending, index):
        return [cls()] if ending.kind == "object" else []

    def clause(self, link, before, noun):
        return f"what size is {noun.text}"

    def write(self, writer, variable, link):
        writer.clauses.append(f"MATCH ({variable})-[:HAS_ATTRIBUTE]->(size:Attribute {{kind: 'size'}})")
        writer.answer(f"{variable}.entity_id", "size.name")

    def answers(self, entity, scope, link, index):
        return {a.name for o in index.graph.objects if o.entity_id == entity for a in o.attributes if a.kind == "size"}
"""
