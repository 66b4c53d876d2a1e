"""The prompts: one text file each, with its version in the first line; a user's file of the same name takes the place of ours.

A file is a template of `str.format`: `{narrative}` is filled in, `{{` is a brace.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from graph_schema.errors import BadInput
from graph_schema.identifiers import content_hash
from graph_schema.record import JsonObject

FOLDER: Final = Path(__file__).parent / "prompts"
FIELDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "narrative": frozenset(),
        "objects": frozenset({"narrative", "max_objects", "box_request", "box_example"}),
        "kinds": frozenset({"objects"}),
        "description": frozenset({"objects", "object"}),
        "attributes": frozenset({"object", "description"}),
        "relations": frozenset({"first", "second"}),
        "whole": frozenset({"max_objects", "box_request", "box_example"}),
        "verify_object": frozenset({"object"}),
        "verify_attribute": frozenset({"object", "kind", "name"}),
        "verify_relation": frozenset({"subject", "predicate", "object"}),
        "deny_object": frozenset({"object"}),
        "deny_attribute": frozenset({"object", "kind", "name"}),
        "deny_relation": frozenset({"subject", "predicate", "object"}),
        "same_in_clip": frozenset({"first", "second", "seconds"}),
        "same_across": frozenset({"first", "second", "first_count", "first_frame", "second_frame"}),
        "motion": frozenset({"object", "seconds"}),
        "event": frozenset({"objects"}),
        "verify_event": frozenset({"description"}),
        "deny_event": frozenset({"description"}),
    }
)
"""What each prompt may be filled with."""
_VERSION = re.compile(r"# version (\S+)\n")


class PromptTemplates:
    """All prompts. `identity` names their texts: {name: version and a hash of the text}."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read them, a user's from `folder`. Raises BadInput that names the file and what is wrong with it."""
        self._templates: dict[str, str] = {}
        self.identity: JsonObject = {}
        if folder is not None:
            _check_folder(folder)
        for name in FIELDS:
            own = None if folder is None else folder / f"{name}.txt"
            path = own if own is not None and own.exists() else FOLDER / f"{name}.txt"
            version, text = _read(path, FIELDS[name])
            self._templates[name] = text
            self.identity[name] = f"{version} {content_hash(text)}"

    def fill(self, prompt: str, /, **values: object) -> str:
        """The text of a prompt with its fields filled in."""
        return self._templates[prompt].format(**values)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; give one that holds prompts to replace ours, such as objects.txt")
    if unknown := sorted(p.name for p in folder.glob("*.txt") if p.stem not in FIELDS):
        raise BadInput(f"{folder / unknown[0]} is no prompt of ours; there are: {', '.join(f'{name}.txt' for name in FIELDS)}")


def _read(path: Path, allowed: frozenset[str]) -> tuple[str, str]:
    """The version and the text of a prompt file."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    head = _VERSION.match(content)
    if head is None:
        raise BadInput(f'{path} does not begin with a line "# version …"; add one, and change it whenever the text changes')
    text = content[head.end() :].strip()
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
    except ValueError as error:
        raise BadInput(f"{path} is no template: {error}; write {{{{ and }}}} for braces that are part of the text") from error
    if unknown := sorted(fields - allowed):
        offered = ", ".join(f"{{{f}}}" for f in sorted(allowed)) or "none"
        raise BadInput(f"{path} has the field {{{unknown[0]}}}, which this prompt is not given; it may use: {offered}")
    return head.group(1), text
