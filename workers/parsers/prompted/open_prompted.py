"""From options and settings to the `prompted` parser with its model, its prompts and its sentence model."""

from __future__ import annotations

from graph_schema.options import PromptedParserOptions
from graph_schema.progress import Progress
from graph_schema.settings import Settings
from workers.parsers.detector.open_detector import open_detector
from workers.parsers.prompted.parser import PromptedParser
from workers.parsers.prompted.prompt_files import PromptTemplates
from workers.sentences import open_similarity
from workers.video_llms import CachedCalls
from workers.video_llms.open_model import open_video_llm


def open_prompted_parser(options: PromptedParserOptions, settings: Settings, progress: Progress | None = None) -> PromptedParser:
    """Return the parser. Raises BadInput for prompts, detectors or models that cannot be used; ModelUnavailable, ModelRefused."""
    detector = None if options.boxes_from is None else open_detector(options.boxes_from)
    templates = PromptTemplates(settings.prompts)
    similar = None if settings.sentence_model is None else open_similarity(settings.sentence_model)
    calls = CachedCalls(open_video_llm(options, settings), settings.data, progress)
    return PromptedParser(options, calls, templates, similar, None if similar is None else similar.identity, detector)
