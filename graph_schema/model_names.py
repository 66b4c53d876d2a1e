"""Which models a request over the network may name: trained ones, those in the folder STEPGRAPH_MODELS, hub ids, installed plugins.

Never a path of the server, nor code by its name.
"""

from __future__ import annotations

import re
from pathlib import Path

from graph_schema.errors import BadInput
from graph_schema.options import DetectorParserOptions, ParserOptions, PluginParserOptions, PromptedParserOptions
from graph_schema.plugins import PARSERS, VIDEO_LLMS, find_plugin
from graph_schema.settings import Settings
from graph_schema.training_names import trained_model_folder

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def requested_parser(parser: ParserOptions, settings: Settings, *, folders: bool = False) -> ParserOptions:
    """Return the parser of a request with its models as this machine finds them. Raises BadInput where it cannot work here.

    Args: folders: take a model's path too, from one who is not at the other end of a network.
    """

    def found_model(what: str, name: str) -> str:
        trained = trained_model_folder(settings.data, name) if what == "model" else None
        return str(trained) if trained else name if folders and Path(name).is_absolute() else requested_model(what, name, settings.models)

    if isinstance(parser, DetectorParserOptions):
        return parser.model_copy(update={"detector": found_model("detector", parser.detector)})
    if isinstance(parser, PluginParserOptions):
        find_plugin(PARSERS, parser.plugin)
    if isinstance(parser, PromptedParserOptions):
        if parser.backend == "plugin":
            find_plugin(VIDEO_LLMS, parser.model)
        check_server(parser, settings)
        found: dict[str, str] = {}
        if parser.backend == "transformers":
            found["model"] = found_model("model", parser.model)
        if parser.boxes_from is not None:
            found["boxes_from"] = found_model("detector", parser.boxes_from)
        return parser.model_copy(update=found)
    return parser


def check_server(parser: PromptedParserOptions, settings: Settings) -> None:
    """Raises BadInput for a parser behind a server where no server is configured."""
    if parser.backend == "openai" and settings.openai_url is None:
        raise BadInput(
            "backend is openai, and STEPGRAPH_OPENAI_URL is not set; set it to the address of an OpenAI-compatible server, "
            "such as http://127.0.0.1:8080/v1"
        )


def requested_model(what: str, name: str, models: Path | None) -> str:
    """Return what to load for the name in a request: a path in the folder, or the hub id.

    Args: what: what a message calls it, such as "detector".
    Raises: BadInput where it is neither, with the names that there are.
    """
    if models is not None and _NAME.fullmatch(name) and (models / name).exists():
        return str(models / name)
    if _HUB_ID.fullmatch(name) and not Path(name).exists():
        return name
    if models is None:
        raise BadInput(
            f"{what} {name!r} is no hub id (owner/name), and STEPGRAPH_MODELS is not set; set it to a folder that holds the {what}"
        )
    there = ", ".join(sorted(p.name for p in models.iterdir())) if models.is_dir() else "nothing"
    raise BadInput(f"{what} {name!r} is neither in the folder STEPGRAPH_MODELS nor a hub id (owner/name); the folder holds: {there}")
