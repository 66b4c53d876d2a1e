"""Every choice a user can make of a run, a question set or a training run: declared once, with its default and its description.

The command line, the API's requests, jobs and records all take these; none declares a choice again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field

from graph_schema.errors import BadInput
from graph_schema.record import JsonObject, Record

MAX_SEED: Final = 2**31 - 1
TINY: Final = "tiny"
"""The model's name that stands for a toy-sized one, built on the spot."""


class OpenCVParserOptions(Record):
    """The parser that needs no weights. It has no choices."""

    kind: Literal["opencv"] = "opencv"


class PromptedParserOptions(Record):
    """A Video-LLM reads the keyframes, in the paper's order. Source: STEP, semantics parsing and dual verification; METHODS 1.1."""

    kind: Literal["prompted"] = "prompted"
    model: str = Field(min_length=1, max_length=500, description="a model folder on the worker, a hub id, or a name that the server knows")
    backend: Literal["transformers", "openai"] = Field(
        default="transformers", description="transformers: on the worker itself; openai: the server at STEPGRAPH_OPENAI_URL"
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


def _named_by_kind(value: Any) -> Any:
    """A parser's kind alone stands for that parser with its defaults."""
    return {"kind": value} if isinstance(value, str) else value


ParserOptions = Annotated[OpenCVParserOptions | DetectorParserOptions, Discriminator("kind"), BeforeValidator(_named_by_kind)]
"""What reads the frames: one of these by its `kind`."""


def parser_options(kind: str, *, detector: str | None = None, words: str = "") -> ParserOptions:
    """The options of a parser named on the command line; `words` with commas between.

    Raises: BadInput for a parser that does not exist, or choices that it does not have or lacks.
    """
    if kind == "opencv":
        if detector is not None or words:
            raise BadInput("--detector and --words are of --parser detector; this run has --parser opencv")
        return OpenCVParserOptions()
    if kind != "detector":
        raise BadInput(f"no parser {kind!r}; this version has: opencv, detector")
    if detector is None:
        raise BadInput("--parser detector needs --detector: a model folder, a .cfg, .weights or .onnx file, or a hub id")
    return DetectorParserOptions(detector=detector, words=tuple(filter(None, (word.strip() for word in words.split(",")))))


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
    rationale_weight: float = Field(default=1.0, ge=0, le=1e6, description="lambda of L_answer + lambda * L_rationale")
    learning_rate: float | None = Field(default=None, gt=0, le=10, description="null: 0.008 for `tiny`, else 2e-05")
    epochs: int | None = Field(default=None, ge=1, le=10_000, description="null: 8 for `tiny`, else 1")
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000, description="stop after so many updates, whatever the epochs")
    batch_size: int | None = Field(default=None, ge=1, le=4096, description="questions at once in the model; null: 8 for `tiny`, else 1")
    gradient_accumulation_steps: int | None = Field(
        default=None, ge=1, le=4096, description="batches an update; null: 1 for `tiny`, else as many as have 128 questions"
    )
    max_frames: int = Field(default=4, ge=1, le=1024, description="pictures a question")
    save_every_steps: int = Field(default=25, ge=1, le=10_000_000, description="an interrupted run goes on from the last saved step")
    seed: int = Field(default=0, ge=0, le=MAX_SEED)

    def identity(self) -> JsonObject:
        """What decides which model comes out, as JSON: not how often a checkpoint is written, nor what a subclass adds."""
        return self.model_dump(mode="json", include=set(TrainingOptions.model_fields) - {"save_every_steps"})


class RunOptions(SamplingOptions):
    """What was asked of `stepgraph run`."""

    parser: ParserOptions = OpenCVParserOptions()
    train: bool = True
