"""Every choice a user can make of a run, a question set or a training run: declared once, with its default and its description.

The command line, the API's requests, jobs and records all take these; none declares a choice again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, model_validator

from graph_schema.errors import BadInput
from graph_schema.record import JsonObject, Record

MAX_SEED: Final = 2**31 - 1
ModelPart = Literal["language", "projector", "vision"]
"""Of a Video-LLM: the language model, what turns pictures into its tokens, the vision encoder."""
TINY: Final = "tiny"
"""The model's name that stands for a toy-sized one, built on the spot."""


class OpenCVParserOptions(Record):
    """The parser that needs no weights. It has no choices."""

    kind: Literal["opencv"] = "opencv"


class PromptedParserOptions(Record):
    """A Video-LLM reads the keyframes, in the paper's order. Source: STEP, semantics parsing and dual verification; METHODS 1.1."""

    kind: Literal["prompted"] = "prompted"
    model: str = Field(
        min_length=1, max_length=500, description="a model folder on the worker, a hub id, a name that the server knows, or a plugin's"
    )
    backend: Literal["transformers", "openai", "plugin"] = Field(
        default="transformers",
        description="transformers: on the worker itself; openai: the server at STEPGRAPH_OPENAI_URL; plugin: one that a package brings",
    )
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


class SplitOptions(Record):
    """How a video is split into clips and keyframes. The names are part of every graph's configuration, and so of its id.

    Source: STEP, visual splitting; the values are ours, chosen on the videos named in the tests.
    """

    min_shot_seconds: float = Field(default=0.5, ge=0, description="a cut sooner after the last one is not taken")
    cut_ratio: float = Field(default=3.0, gt=1, description="a cut's change against that of the frames around it")
    cut_min_change: float = Field(default=4.0, gt=0, description="a cut's mean change of luma and doubled chroma, of 255")
    clips: Literal["cuts", "uniform"] = Field(
        default="cuts", description="clips go from cut to cut, or all last `clip_seconds`: an ablation"
    )
    clip_seconds: float = Field(default=10.0, gt=0, description="of uniform clips")
    keyframes: Literal["representative", "even"] = Field(
        default="representative", description="the stillest central frame of each cluster, or evenly spaced frames: an ablation"
    )
    seconds_per_keyframe: float = Field(default=0.5, gt=0, description="two of them show a motion; 0.8 loses 8 % of the motions")
    max_keyframes: int = Field(default=64, ge=1, description="a video; `min_keyframes_per_clip` are kept even where that is more")
    max_keyframes_per_clip: int | None = Field(default=None, ge=1, description="null: no such bound")
    min_keyframes_per_clip: int = Field(default=2, ge=1, description="where the clip has as many")
    max_gap_seconds: float = Field(default=2.0, gt=0, description="between keyframes of a clip, as far as max_keyframes lets it")
    analysis_px: int = Field(default=480, ge=16, description="long side of the parser's pictures, never enlarged")
    analysis_fps: float = Field(default=12.5, gt=0, description="the parser's pictures a second, at most")
    analysis_bytes: int = Field(default=4 * 2**30, gt=0, description="the parser's pictures of a video; longer ones are sampled thinner")
    keyframe_px: int = Field(default=960, ge=16, description="long side of the keyframe pictures, never enlarged")
    jpeg_quality: int = Field(default=90, ge=1, le=100)

    def identity(self) -> JsonObject:
        """What decides the split, as JSON; without the fields that graphs made before they were there lack, where they say nothing new."""
        later = {"clips", "clip_seconds", "keyframes", "max_keyframes_per_clip", "min_keyframes_per_clip"}
        told = {name for name in later if getattr(self, name) != type(self).model_fields[name].default}
        return self.model_dump(mode="json", exclude=later - told)


SPLIT_DEFAULTS: Final[Mapping[str, JsonObject]] = MappingProxyType(
    {"prompted": {"max_keyframes": 24, "max_keyframes_per_clip": 4, "min_keyframes_per_clip": 1}}
)
"""What differs of splitting for a parser, by its kind: each look of a Video-LLM costs. Source: METHODS 1.1, S1."""


class InductionOptions(Record):
    """How a video becomes a graph: what reads its frames, and which frames those are."""

    parser: ParserOptions = Field(default=OpenCVParserOptions(), description="what reads the frames: a kind, or a kind with its options")
    split: SplitOptions = Field(default=SplitOptions(), description="which frames those are; what is not given is as suits the parser")

    @model_validator(mode="before")
    @classmethod
    def _split_as_suits_the_parser(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(split := values.get("split", {}), dict):
            return values
        parser = values.get("parser")
        kind = parser if isinstance(parser, str) else parser.get("kind") if isinstance(parser, dict) else getattr(parser, "kind", None)
        return {**values, "split": {**SPLIT_DEFAULTS.get(str(kind), {}), **split}}


PARSER_KINDS: Final[Mapping[str, type[Record]]] = MappingProxyType(
    {"opencv": OpenCVParserOptions, "detector": DetectorParserOptions, "prompted": PromptedParserOptions, "plugin": PluginParserOptions}
)


def option_names(values: JsonObject, table: str) -> list[str]:
    """What can be set in a table of induction options: of `split`, or of the parser that `values` names."""
    if table == "split":
        return [f"split.{name}" for name in SplitOptions.model_fields]
    parser = values.get("parser")
    kind = str(parser.get("kind")) if isinstance(parser, dict) else str(parser)
    return [f"parser.{name}" for name in PARSER_KINDS[kind].model_fields] if kind in PARSER_KINDS else ["parser", "split"]


STEP_MIX = (25.0, 45.0, 30.0)
"""Default shares of questions with 1, 2 and 3 steps. Source: METHODS 1.1, mirrors AGQA and STAR."""


def checked_step_mix(shares: Sequence[float], given: str | None = None) -> tuple[float, float, float]:
    """Return the shares. Raises BadInput unless they are three numbers of 0 or more, not all 0; `given` says there how they came."""
    if len(shares) != 3 or not math.isfinite(sum(shares)) or min(shares) < 0 or sum(shares) == 0:
        subject = given or f"step_mix is {list(shares)}"
        raise BadInput(f"{subject}; give three shares of 0 or more for 1, 2 and 3 steps, not all 0, as in 25,45,30")
    one, two, three = map(float, shares)
    return one, two, three


def _is_a_mix(shares: tuple[float, float, float]) -> tuple[float, float, float]:
    try:
        return checked_step_mix(shares)
    except BadInput as error:
        raise ValueError(str(error)) from error


StepMix = Annotated[
    tuple[
        Annotated[float, Field(ge=0, le=1e6)],
        Annotated[float, Field(ge=0, le=1e6)],
        Annotated[float, Field(ge=0, le=1e6)],
    ],
    AfterValidator(_is_a_mix),
    Field(strict=False, description="shares of questions with 1, 2 and 3 steps, not all 0"),
]


class SamplingOptions(Record):
    """How many questions, of how many steps."""

    samples: int = Field(default=60, ge=1, le=100_000, description="questions to sample, over all graphs")
    step_mix: StepMix = STEP_MIX
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="the same seed gives the same questions")


class TrainingOptions(Record):
    """Which model is trained, and how. None: what suits the model, as `trainer.config` resolves it."""

    model: str = Field(
        default=TINY,
        min_length=1,
        max_length=500,
        description="`tiny`, a model folder on the worker, or a hub id whose weights are in the local cache or can be fetched",
    )
    revision: str | None = Field(default=None, min_length=1, max_length=200, description="of a hub's model: branch, tag or commit")
    tuning: Literal["full", "lora", "qlora"] | None = Field(
        default=None,
        description="all weights of the trained parts, or low-rank adapters on them, over 4-bit weights with qlora; "
        "null: full for `tiny`, else lora",
    )
    trained_parts: Annotated[tuple[ModelPart, ...], Field(min_length=1, strict=False)] | None = Field(
        default=None,
        description="what else of the model stays as it is; null: all parts of `tiny`, else language and projector, with adapters language",
    )
    lora_rank: int = Field(default=16, ge=1, le=4096)
    lora_alpha: int = Field(default=32, ge=1, le=100_000, description="adapters count for alpha / rank")
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    save: Literal["merged", "adapter"] = Field(
        default="merged", description="how adapters are released: in the model's weights, a folder that is whole, or alone"
    )
    rationale_weight: float = Field(
        default=1.0, ge=0, le=1e6, description="lambda of L_answer + lambda * L_rationale; 0: rationales are not read at all"
    )
    instruction_data: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="conversations to mix in: a .jsonl or .json file on the worker, as LLaVA has them, its pictures and videos beside it",
    )
    instruction_ratio: float | None = Field(
        default=None, gt=0, le=1e6, description="so many of these conversations for each question, drawn by the seed; null: all"
    )
    learning_rate: float | None = Field(
        default=None, gt=0, le=10, description="null: 0.008 for `tiny`, else 2e-05, and 0.0002 for adapters"
    )
    epochs: int | None = Field(default=None, ge=1, le=10_000, description="null: 8 for `tiny`, else 1")
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000, description="stop after so many updates, whatever the epochs")
    batch_size: int | None = Field(default=None, ge=1, le=4096, description="questions at once in the model; null: 8 for `tiny`, else 1")
    gradient_accumulation_steps: int | None = Field(
        default=None, ge=1, le=4096, description="batches an update; null: 1 for `tiny`, else as many as have 128 questions"
    )
    row_tokens: int = Field(default=8192, ge=1, le=10_000_000, description="tokens of several questions at once in the model")
    frames: Literal["video", "evidence"] = Field(
        default="video",
        description="what the model sees: frames evenly over the question's time or the video, or the keyframes that the rationale cites",
    )
    max_frames: int = Field(default=16, ge=1, le=1024, description="frames a question")
    frame_pixels: int = Field(default=448 * 448, ge=28 * 28, le=100_000_000, description="pixels of a frame; larger ones are shrunk")
    gradient_checkpointing: bool | None = Field(
        default=None, description="compute activations twice instead of keeping them, for less memory; null: on a GPU"
    )
    save_every_steps: int = Field(default=25, ge=1, le=10_000_000, description="an interrupted run goes on from the last saved step")
    report_to: Literal["tensorboard", "wandb", "trackio"] | None = Field(default=None, description="where metrics go beside metrics.jsonl")
    seed: int = Field(default=0, ge=0, le=MAX_SEED)

    @model_validator(mode="after")
    def _options_that_agree(self) -> Self:
        if self.instruction_ratio is not None and self.instruction_data is None:
            raise ValueError("instruction_ratio is of instruction_data, which is not given; give a file, or leave the ratio out")
        if self.tuning == "qlora" and "language" not in (self.trained_parts or ("language",)):
            raise ValueError("qlora keeps the language part in 4 bits to train adapters on it; add language to trained_parts, or use lora")
        return self

    def identity(self) -> JsonObject:
        """What decides which model comes out, as JSON: not how it is done or watched, nor what a subclass adds.

        So a run that was out of memory goes on with fewer `row_tokens`.
        """
        decides = set(TrainingOptions.model_fields) - {"save_every_steps", "row_tokens", "gradient_checkpointing", "report_to"}
        return self.model_dump(mode="json", include=decides)


class RunOptions(InductionOptions, SamplingOptions):
    """What was asked of `stepgraph run`, or of `stepgraph induce`, which neither samples nor trains."""

    sample: bool = True
    train: bool = True
