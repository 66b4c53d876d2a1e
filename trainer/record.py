"""`run.json` of a training run: what it is made from, how far it is. Torch is never imported here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, ValidationError

from graph_schema.errors import Conflict, describe_validation_errors
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash, file_sha256
from graph_schema.options import TINY
from graph_schema.record import JsonObject, Record
from trainer.config import TRAINING_VERSION, TrainingConfig, TrainingFolder
from trainer.samples import Sample

PACKAGES = ("stepgraph", "torch", "transformers", "tokenizers", "accelerate", "peft")
"""Those whose versions decide what comes out."""


class TrainerRecord(Record):
    """`run.json` of a training run: what it is made from, how far it is. Read back by this module alone, of older versions too.

    Attributes:
        identity: a hash of the trainer's version, the inputs and the resolved configuration: what is trained. Without where, how fast.
        configuration: the options, with the resolved schedule.
        inputs: hashes of the questions, the pictures and the model, or a hub's model's name and, once known, its revision.
        versions: of this code, as a hash too, and of the packages that decide what comes out.
        checkpoints: what there is to go on from, or the trained model, relative to the folder.
        seconds: of `load`, `train` and `save`, over all calls.
        passes: how a question went through the model: in one row or in two passes, and why not in one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["running", "stopped", "done", "failed"]
    identity: str
    configuration: JsonObject
    inputs: dict[str, str]
    seeds: dict[str, int]
    versions: dict[str, str | int]
    counts: dict[str, int]
    seconds: dict[str, float]
    device: Literal["cpu", "cuda"] | None = None
    passes: str | None = None
    checkpoints: tuple[str, ...] = ()
    error: str | None = None


def new_record(config: TrainingConfig, samples: Sequence[Sample]) -> TrainerRecord:
    """The record of a run that begins."""
    inputs = _inputs(config, samples)
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return TrainerRecord(
        status="running",
        identity=content_hash(TRAINING_VERSION, inputs, config.resolved()),
        configuration=config.model_dump(mode="json") | config.resolved(),
        inputs=inputs,
        seeds={"seed": config.seed},
        versions={"training": TRAINING_VERSION, "code": code_hash(), **packages},
        counts={
            "questions": sum(sample.conversations[0].part == "answer" for sample in samples),
            "instructions": sum(sample.conversations[0].part == "instruction" for sample in samples),
            "pictures": len({frame for sample in samples for frame in sample.frames}),
        },
        seconds={},
    )


def _inputs(config: TrainingConfig, samples: Sequence[Sample]) -> dict[str, str]:
    """Hashes of all that is trained on. A model on a hub goes by its name."""
    hashes = {path: file_sha256(path) for path in {f.path for s in samples for f in s.frames}}
    folder = Path(config.model)
    local = config.model != TINY and folder.is_dir()
    files = {"qra": config.qra, "instruction_data": config.instruction_data}
    return {
        **{name: file_sha256(Path(path)) for name, path in files.items() if path is not None},
        "pictures": content_hash([[(hashes[f.path], f.time_seconds) for f in s.frames] for s in samples]),
        "model": content_hash({p.name: file_sha256(p) for p in folder.iterdir() if p.is_file()}) if local else config.model,
    }


def code_hash() -> str:
    """A hash of the sources that read data, train and write models: which code it was, committed or not."""
    here = Path(__file__).parent
    sources = sorted(path for package in ("trainer", "graph_schema", "workers") for path in (here.parent / package).rglob("*.py"))
    return content_hash({str(path.relative_to(here.parent)): file_sha256(path) for path in sources})


def read_record(folder: TrainingFolder) -> TrainerRecord | None:
    """The record of the run that the folder holds, None if it holds none. Raises Conflict if it holds something else."""
    try:
        return TrainerRecord.model_validate_json(folder.record.read_bytes())
    except FileNotFoundError:
        if folder.release.exists():
            raise Conflict(f"{folder.root} holds a checkpoint of another origin; choose another folder for the training run") from None
        return None
    except ValidationError as error:
        reason = describe_validation_errors(error)
        raise Conflict(
            f"{folder.record} is not the record of a training run: {reason}; remove it, or choose another folder for the training run"
        ) from error


def write_record(folder: TrainingFolder, record: TrainerRecord) -> None:
    """Replace the folder's record, whole or not at all."""
    content = record.model_dump_json(indent=1, exclude={name for name in ("device", "passes", "error") if getattr(record, name) is None})
    write_atomically(folder.record, content.encode())
