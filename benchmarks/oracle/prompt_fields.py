"""What a prompt was filled with, read back from its text: the inverse of `PromptTemplates.fill`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workers.parsers.prompted import PromptTemplates
from workers.parsers.prompted.boxes import box_words
from workers.parsers.prompted.prompt_files import FIELDS
from workers.video_llms import Prompt


class PromptFields:
    """Reads prompts that were made with these templates."""

    def __init__(self, templates: PromptTemplates | None = None) -> None:
        """Turn each template into a pattern."""
        templates = templates or PromptTemplates()
        self._patterns = {stage: _pattern(templates, stage) for stage in FIELDS}

    def read(self, prompt: Prompt) -> dict[str, str]:
        """{field: what it was filled with}. Raises ValueError for a prompt that is of none of the templates."""
        pattern = self._patterns.get(prompt.stage)
        match = pattern.fullmatch(prompt.text) if pattern is not None else None
        if match is None:
            raise ValueError(f"the prompt is not of the template {prompt.stage!r}: {prompt.text[:200]!r}")
        return match.groupdict()


def boxes_counted(fields: Mapping[str, str]) -> str:
    """What the boxes are counted in that a prompt asks for; `none` where it asks for none."""
    asked = fields["box_request"]
    return next(counted for counted in ("none", "pixels", "thousandths", "fractions") if box_words(counted)["box_request"] == asked)


def listed_names(objects: str) -> list[str]:
    """The names in a prompt's list of objects."""
    return re.findall(r'^- "(.*)"$', objects, re.MULTILINE)


def _pattern(templates: PromptTemplates, stage: str) -> re.Pattern[str]:
    """The template's text with a group for each field; where a field comes again, it is the same text again."""
    text = re.escape(templates.fill(stage, **{field: f"\0{field}\0" for field in FIELDS[stage]}))
    text = text.replace(re.escape("\0"), "\0")
    for field in FIELDS[stage]:
        mark = f"\0{re.escape(field)}\0"
        text = text.replace(mark, f"(?P<{field}>.*?)", 1).replace(mark, f"(?P={field})")
    return re.compile(text, re.DOTALL)
