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
