"""How benchmarks are run: one by name, all without one, and an exit code that says whether goals are met."""

from __future__ import annotations

import json
import sys
import types

import pytest

import benchmarks.__main__ as command


@pytest.fixture(autouse=True)
def two_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, met in (("one", True), ("two", False)):
        module = types.ModuleType(f"benchmarks.{name}")
        goal = {"what": "speed", "goal": 30, "measured": 31.0 if met else 2.0, "met": met}
        module.run = lambda goal=goal: {"rows": [{"way": "bulk", "seconds": 0.25}], "goals": [goal]}  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(command, "names", lambda: ["one", "two"])


def test_without_a_name_all_are_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 1
    output = capsys.readouterr().out
    assert "one on " in output and "two on " in output
    assert "  met: speed 31, goal 30" in output and "  NOT MET: speed 2, goal 30" in output


def test_one_by_name_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["one", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["name"], result["rows"], result["goals"][0]["met"]) == ("one", [{"way": "bulk", "seconds": 0.25}], True)
    assert set(result) == {"name", "machine", "rows", "goals"}


def test_all_as_json_are_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--json"]) == 1
    assert [result["name"] for result in json.loads(capsys.readouterr().out)] == ["one", "two"]


def test_a_name_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["three"])
    assert ended.value.code == 2 and "one" in capsys.readouterr().err
