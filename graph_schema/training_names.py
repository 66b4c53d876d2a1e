"""What training runs and the models that they give are called, and where their files are kept."""

from __future__ import annotations

import re
from pathlib import Path

from graph_schema.identifiers import content_hash
from graph_schema.record import JsonObject


def training_run_id(qra_set_id: str, configuration: JsonObject) -> str:
    """The name of a training run: the same request is the same run, whether it came by `stepgraph run` or by the API."""
    return f"t{content_hash(qra_set_id, configuration)}"


def training_folder(data: Path, run_id: str) -> Path:
    """The folder of a training run in the data directory."""
    return data / "training" / run_id


def trained_model_id(run_id: str) -> str:
    """The name of the model that a training run gives."""
    return f"m{run_id[1:]}"


def trained_model_folder(data: Path, model: str) -> Path | None:
    """The folder of the model of this name, if a training run in the data directory has given it; None for any other name."""
    if re.fullmatch(r"m[0-9a-f]{16}", model) is None:
        return None
    folder = training_folder(data, f"t{model[1:]}") / "checkpoint"
    return folder if folder.is_dir() else None


def model_name(source: Path | str) -> str:
    """What a model is called in graphs: a trained one by its id, another by its folder's name or its hub id."""
    folder = Path(source)
    if folder.name == "checkpoint" and re.fullmatch(r"t[0-9a-f]{16}", folder.parent.name):
        return trained_model_id(folder.parent.name)
    return folder.resolve().name if folder.is_dir() else str(source)
