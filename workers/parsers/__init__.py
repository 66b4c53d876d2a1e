"""Keyframes of a clip in, frame scene graphs out."""

from __future__ import annotations

from typing import assert_never

from graph_schema.options import DetectorParserOptions, OpenCVParserOptions, ParserOptions, PluginParserOptions, PromptedParserOptions
from graph_schema.plugins import PARSERS, made_by_plugin
from graph_schema.progress import Progress
from graph_schema.settings import Settings
from workers.parsers.base import ClipToParse, InducingParser, SceneParser

__all__ = ["ClipToParse", "InducingParser", "SceneParser", "open_parser"]


def open_parser(options: ParserOptions, settings: Settings | None = None, progress: Progress | None = None) -> SceneParser:
    """Return the parser of these options.

    Args: progress: takes the account of model calls, and is asked between them whether to go on.
    Raises: BadInput where a model or a plugin cannot be loaded; ModelUnavailable and ModelRefused where its server does not have it.
    """
    match options:
        case OpenCVParserOptions():
            from workers.parsers.opencv import OpenCVParser

            return OpenCVParser()
        case DetectorParserOptions():
            from workers.parsers.detector.open_detector import open_detector_parser

            return open_detector_parser(options)
        case PromptedParserOptions():
            from workers.parsers.prompted import open_prompted_parser

            return open_prompted_parser(options, settings or Settings.from_environment(), progress)
        case PluginParserOptions():
            parser: SceneParser = made_by_plugin(
                PARSERS, options.plugin, options.options, has=("name", "version", "configuration", "parse")
            )
            return parser
        case _:
            assert_never(options)
