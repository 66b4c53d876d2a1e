"""What other packages bring, by the entry points that they declare: found by group and name, without importing them."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from graph_schema.errors import BadInput

PARSERS: Final = "stepgraph.parsers"
"""A callable: the options as a JSON object in, a `SceneParser` out."""
VIDEO_LLMS: Final = "stepgraph.video_llms"
"""A callable: a `VideoLLM` out."""


def find_plugin(group: str, name: str) -> EntryPoint:
    """Return the entry point. Raises BadInput where there is none, with the names that there are."""
    found = entry_points(group=group)
    if name not in found.names:
        there = ", ".join(sorted(found.names)) or "none"
        raise BadInput(f"no plugin {name!r} of the group {group}; installed: {there}; install the package that has it")
    return found[name]


def made_by_plugin(group: str, name: str, *arguments: object, has: tuple[str, ...]) -> Any:
    """Import a plugin and return what it makes of the arguments.

    Args: has: the attributes that what it makes must have.
    Raises: BadInput where there is none of that name, it cannot be imported, or makes something else.
    """
    plugin = find_plugin(group, name)
    try:
        made = plugin.load()(*arguments)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"plugin {name!r} ({plugin.value}) cannot be used: {type(error).__name__}: {error}") from error
    if absent := [attribute for attribute in has if not hasattr(made, attribute)]:
        raise BadInput(f"plugin {name!r} ({plugin.value}) made a {type(made).__name__}, which has no {', '.join(absent)}")
    return made
