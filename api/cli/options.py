"""Options that several verbs share."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from graph_schema.record import JsonObject

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on standard output.")]
Videos = Annotated[list[Path], typer.Argument(help="Video files, or folders of them.", show_default=False)]
Parser = Annotated[
    str | None,
    typer.Option(help="What reads the frames: opencv (the default), detector, prompted, or a plugin's name.", show_default=False),
]
Model = Annotated[str | None, typer.Option(help="Of --parser prompted: a Video-LLM's folder, hub id, or name on the server.")]
Backend = Annotated[
    str | None,
    typer.Option(help="Of --parser prompted: transformers (on this machine), openai (the server at STEPGRAPH_OPENAI_URL), or plugin."),
]
Detector = Annotated[str | None, typer.Option(help="Of --parser detector: a .cfg or .onnx file, a model folder, or a hub id.")]
Boxes = Annotated[
    str | None,
    typer.Option(
        help="Of --parser prompted: a detector, as of --detector, that puts boxes on what the model names and says whether it sees it."
    ),
]
Words = Annotated[str, typer.Option(help="Of --parser detector: the only labels wanted, as in cup,person.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Any option, as in parser.samples=3 or split.max_keyframes=30; give it as often as needed.", metavar="KEY=VALUE"
    ),
]
Config = Annotated[Path | None, typer.Option(help="A TOML or JSON file with tables parser and split; what is given beside it goes first.")]


def induction_options(
    parser: str | None,
    *,
    model: str | None = None,
    backend: str | None = None,
    detector: str | None = None,
    words: str = "",
    boxes: str | None = None,
    settings: Sequence[str] | None = None,
    config: Path | None = None,
) -> JsonObject:
    """The fields of InductionOptions as the command line gives them, to be validated. Raises BadInput for what can be no option at all."""
    from graph_schema.options import PARSER_KINDS, named_parser

    values = _read(config) if config is not None else {}
    for setting in settings or ():
        _put(values, setting)
    before = values.get("parser", {})
    before = {"kind": before} if isinstance(before, str) else dict(before)
    listed = tuple(filter(None, (word.strip() for word in words.split(","))))
    flags = {"model": model, "backend": backend, "detector": detector, "words": listed, "boxes_from": boxes}
    more = {name: value for name, value in before.items() if name != "kind"}
    kind = parser or before.get("kind") or "opencv"
    if kind not in PARSER_KINDS:
        kind, flags["plugin"] = "plugin", _plugin(kind)
    known = named_parser(kind, {**{n: v for n, v in more.items() if n in flags}, **{n: v for n, v in flags.items() if v}})
    return {**values, "parser": {**more, **known}}


def _plugin(name: str) -> str:
    """The name, of a parser that another package brings. Raises BadInput for any other."""
    from graph_schema.errors import BadInput
    from graph_schema.options import PARSER_KINDS
    from graph_schema.plugins import PARSERS, find_plugin

    try:
        find_plugin(PARSERS, name)
    except BadInput as error:
        raise BadInput(f"no parser {name!r}; this version has: {', '.join(k for k in PARSER_KINDS if k != 'plugin')}; {error}") from error
    return name


def _read(config: Path) -> dict[str, Any]:
    from graph_schema.errors import BadInput

    try:
        text = config.read_text(encoding="utf-8")
        values = json.loads(text) if config.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise BadInput(f"--config {config} cannot be read: {error}; give a TOML or JSON file with the tables parser and split") from error
    if not isinstance(values, dict) or (unknown := sorted(set(values) - {"parser", "split"})):
        what = f"the key {unknown[0]!r}" if isinstance(values, dict) else "no table"
        raise BadInput(f"--config {config} has {what}; it may have: parser, split")
    return values


def _put(values: dict[str, Any], setting: str) -> None:
    """Put `parser.samples=3` where it belongs. A value is JSON where it can be, else text."""
    from graph_schema.errors import BadInput

    key, equals, text = setting.partition("=")
    table, dot, name = key.partition(".")
    if not equals or not dot or table not in ("parser", "split"):
        raise BadInput(f"--set {setting!r} is not of the form parser.NAME=VALUE or split.NAME=VALUE, as in split.max_keyframes=30")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    inside = values.get(table, {})
    values[table] = {**({"kind": inside} if isinstance(inside, str) else inside), name: value}


def checked_options(kind: type[Any], values: JsonObject) -> Any:
    """Validate options of the command line. Raises BadInput that names each that broke a rule, and of an unknown one those there are."""
    from pydantic import ValidationError

    from graph_schema.errors import BadInput, describe_validation_errors
    from graph_schema.options import option_names

    try:
        return kind.model_validate(values)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        there = f"; there are: {', '.join(option_names(values, str(unknown[0][0])))}" if unknown else ""
        raise BadInput(f"{describe_validation_errors(error)}{there}") from error


def step_mix_of(text: str) -> tuple[float, float, float]:
    """The shares of `25,45,30`. Raises BadInput."""
    from graph_schema.options import checked_step_mix

    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    return checked_step_mix(shares, given=f"--step-mix is {text!r}")


def setting(text: str) -> tuple[str, Any]:
    """`lora_rank=32` as a name and a value of YAML. Raises BadInput."""
    import yaml

    from graph_schema.errors import BadInput

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput(f"--set {text!r} is not of the form NAME=VALUE, as in lora_rank=32")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        return name, value
