"""The parser that asks a Video-LLM about each keyframe."""

from workers.parsers.prompted.parser import PromptedParser
from workers.parsers.prompted.prompt_files import PromptTemplates

__all__ = ["PromptTemplates", "PromptedParser"]
