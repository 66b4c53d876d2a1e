"""Which models a request may name: never a path of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema.errors import BadInput
from graph_schema.model_names import requested_model, requested_parser
from graph_schema.options import ParserOptions, PluginParserOptions, PromptedParserOptions
from graph_schema.settings import Settings


def test_a_name_in_the_folder_and_a_hub_id(tmp_path: Path) -> None:
    (tmp_path / "yolo.cfg").touch()
    assert requested_model("detector", "yolo.cfg", tmp_path) == str(tmp_path / "yolo.cfg")
    assert (
        requested_model("detector", "owner/name-1.0", tmp_path) == requested_model("detector", "owner/name-1.0", None) == "owner/name-1.0"
    )


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.cfg", "..", "a/b/c", "./yolo.cfg", "folder/../yolo.cfg", "", "other.cfg", "\0"])
def test_anything_else_is_refused_with_what_there_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "yolo.cfg").touch()
    with pytest.raises(BadInput, match=r"neither in the folder STEPGRAPH_MODELS nor a hub id \(owner/name\); the folder holds: yolo.cfg$"):
        requested_model("detector", name, tmp_path)
    with pytest.raises(BadInput, match="STEPGRAPH_MODELS is not set"):
        requested_model("detector", name, None)


def test_a_hub_id_that_is_a_folder_here_is_no_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput):
        requested_model("detector", "owner/name", None)


@pytest.mark.parametrize(
    ("parser", "group"),
    [
        (PluginParserOptions(plugin="os:system"), "stepgraph.parsers"),
        (PromptedParserOptions(backend="plugin", model="os:system"), "stepgraph.video_llms"),
    ],
)
def test_code_cannot_be_named_only_what_an_installed_package_declares(tmp_path: Path, parser: ParserOptions, group: str) -> None:
    with pytest.raises(BadInput, match=f"no plugin 'os:system' of the group {group}; installed: none"):
        requested_parser(parser, Settings(data=tmp_path))


def test_a_detector_beside_a_model_is_named_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "yolo.cfg").touch()
    settings = Settings(data=tmp_path, models=tmp_path, openai_url="http://127.0.0.1:9/v1")
    served = PromptedParserOptions(model="m", backend="openai", boxes_from="yolo.cfg")
    assert requested_parser(served, settings) == served.model_copy(update={"boxes_from": str(tmp_path / "yolo.cfg")})
    assert requested_parser(PromptedParserOptions(model="a/b", boxes_from="c/d"), settings).model_dump(include={"model", "boxes_from"}) == {
        "model": "a/b",
        "boxes_from": "c/d",
    }
    with pytest.raises(BadInput, match=r"detector '/etc/passwd' is neither in the folder STEPGRAPH_MODELS nor a hub id"):
        requested_parser(PromptedParserOptions(model="a/b", boxes_from="/etc/passwd"), settings)
