"""The parser that asks a Video-LLM about each keyframe."""

from workers.parsers.prompted.open_prompted import open_prompted_parser
from workers.parsers.prompted.parser import PromptedParser
from workers.parsers.prompted.prompt_files import PromptTemplates

__all__ = ["PromptTemplates", "PromptedParser", "open_prompted_parser"]
