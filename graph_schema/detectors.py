"""Which detectors a request over the network may name: those in the folder STEPGRAPH_MODELS, and hub ids. Never a path of the server."""

from __future__ import annotations

import re
from pathlib import Path

from graph_schema.errors import BadInput

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def requested_detector(name: str, models: Path | None) -> str:
    """Return what to load for the name in a request: a path in the folder, or the hub id.

    Raises: BadInput where it is neither, with the names that there are.
    """
    if models is not None and _NAME.fullmatch(name) and (models / name).exists():
        return str(models / name)
    if _HUB_ID.fullmatch(name) and not Path(name).exists():
        return name
    if models is None:
        raise BadInput(
            f"detector {name!r} is no hub id (owner/name), and STEPGRAPH_MODELS is not set; set it to a folder that holds the detector"
        )
    there = ", ".join(sorted(p.name for p in models.iterdir())) if models.is_dir() else "nothing"
    raise BadInput(f"detector {name!r} is neither in the folder STEPGRAPH_MODELS nor a hub id (owner/name); the folder holds: {there}")
