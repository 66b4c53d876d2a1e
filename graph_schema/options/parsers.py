"""What reads the frames."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field

from graph_schema.errors import BadInput
from graph_schema.options.constants import MAX_SEED
from graph_schema.record import JsonObject, Record


class OpenCVParserOptions(Record):
    """The parser that needs no weights. It has no choices."""

    kind: Literal["opencv"] = "opencv"


class PromptedOptions(Record):
    """How a Video-LLM reads the keyframes, in the paper's order. Source: STEP, semantics parsing and dual verification; METHODS 1.1."""

    staged: bool = Field(default=True, description="false: one prompt for the whole scene graph of a keyframe")
    samples: int = Field(
        default=5, ge=1, le=64, description="replies to each prompt that names something; how many agree is the confidence"
    )
    temperature: float = Field(default=0.7, ge=0, le=5, description="of these replies; one reply alone is greedy")
    min_frequency: float = Field(default=0.6, gt=0, le=1, description="what fewer of the replies say is left out")
    yes_no: bool = Field(default=True, description="ask of each object, attribute and relation whether it is there")
    max_objects: int = Field(default=12, ge=1, le=200, description="a keyframe")
    max_pairs: int = Field(default=24, ge=0, le=10_000, description="of objects whose relations are asked for, a keyframe")
    boxes: Literal["none", "pixels", "thousandths", "fractions"] = Field(
        default="none", description="what the model counts boxes in, if it is to give them: Qwen2.5-VL pixels, Qwen3-VL thousandths"
    )
    boxes_from: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="a detector, named as one of that parser, that puts boxes on what the model names and says whether it sees it too",
    )
    merge: bool = Field(default=True, description="ask the model about look-alikes within a clip, and about motions")
    bridge: bool = Field(default=True, description="ask the model which objects of different clips are one")
    max_candidates: int = Field(default=3, ge=1, le=1000, description="earlier objects that one of a later clip is compared with")
    max_pixels: int | None = Field(
        default=None, ge=784, description="of a picture, for the model on the worker; null: as its processor says"
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED)


class PromptedParserOptions(PromptedOptions):
    """A Video-LLM reads the keyframes."""

    kind: Literal["prompted"] = "prompted"
    model: str = Field(
        min_length=1, max_length=500, description="a model folder on the worker, a hub id, a name that the server knows, or a plugin's"
    )
    backend: Literal["transformers", "openai", "plugin"] = Field(
        default="transformers",
        description="transformers: on the worker itself; openai: the server at STEPGRAPH_OPENAI_URL; plugin: one that a package brings",
    )


class DetectorParserOptions(Record):
    """The parser with a detector of named objects."""

    kind: Literal["detector"] = "detector"
    detector: str = Field(
        min_length=1,
        max_length=500,
        description="a detector's name in the folder STEPGRAPH_MODELS of the worker, or a hub id, `owner/name`",
    )
    words: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        default=(), max_length=200, description="the only labels wanted; a detector that is told what to find needs them"
    )
    min_confidence: float = Field(
        default=0.45, ge=0.2, le=1, description="that an object must be seen with; weaker boxes only go on with it"
    )


class PluginParserOptions(Record):
    """A parser that another package brings, by the name of its entry point."""

    kind: Literal["plugin"] = "plugin"
    plugin: str = Field(min_length=1, max_length=200, description="an entry point of the group stepgraph.parsers on the worker")
    options: JsonObject = Field(default_factory=dict, description="what that parser is made with")


def _named_by_kind(value: Any) -> Any:
    """A parser's kind alone stands for that parser with its defaults."""
    return {"kind": value} if isinstance(value, str) else value


ParserOptions = Annotated[
    OpenCVParserOptions | DetectorParserOptions | PromptedParserOptions | PluginParserOptions,
    Discriminator("kind"),
    BeforeValidator(_named_by_kind),
]
"""What reads the frames: one of these by its `kind`."""


FLAGS: Final[Mapping[str, str]] = MappingProxyType({"boxes_from": "boxes"})
"""What the command line calls an option, where it is not by its name."""


def named_parser(kind: str, choices: Mapping[str, Any]) -> JsonObject:
    """The options of a parser named on the command line, as JSON to be validated; `choices` has None or nothing for what was not given.

    Raises: BadInput for choices that it does not have or lacks.
    """
    given = {name: value for name, value in choices.items() if value not in (None, ())}
    for name in given:
        if name not in PARSER_KINDS[kind].model_fields:
            owners = [k for k, options in PARSER_KINDS.items() if name in options.model_fields]
            raise BadInput(f"--{FLAGS.get(name, name)} is of --parser {' and '.join(owners)}; this run has --parser {kind}")
    if kind == "detector" and "detector" not in given:
        raise BadInput("--parser detector needs --detector: a model folder, a .cfg, .weights or .onnx file, or a hub id")
    if kind == "prompted" and "model" not in given:
        raise BadInput("--parser prompted needs --model: a model folder, a hub id, or with --backend openai a name that the server knows")
    return {"kind": kind, **given}


PARSER_KINDS: Final[Mapping[str, type[Record]]] = MappingProxyType(
    {"opencv": OpenCVParserOptions, "detector": DetectorParserOptions, "prompted": PromptedParserOptions, "plugin": PluginParserOptions}
)
