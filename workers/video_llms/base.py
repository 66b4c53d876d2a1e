"""What every Video-LLM is: pictures and prompts in, replies out. No model code here.

The pictures come first and the prompt last, so that prompts over the same pictures share a prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import Field

from graph_schema.models import Confidence, Record
from graph_schema.record import JsonObject


class Prompt(Record):
    """What is asked about pictures.

    `stage` says what for, such as "objects": accounts and forecasts go by it; no back end reads it.
    """

    stage: str
    text: str
    json_schema: JsonObject | None = Field(default=None, description="of the reply; a wish, where a back end cannot hold the model to it")
    max_new_tokens: int = Field(default=512, ge=1)


class Sampling(Record):
    """How replies are drawn. Temperature 0 is greedy: then one reply is all there is."""

    n: int = Field(default=1, ge=1, le=64, description="replies to each prompt")
    temperature: float = Field(default=0.0, ge=0, le=5)
    seed: int = Field(default=0, ge=0)


GREEDY = Sampling()


class Generation(Record):
    """One reply. `complete`: the model ended it; else it ran into `max_new_tokens`."""

    text: str
    complete: bool = True


class Completion(Record):
    """What came of one prompt: its replies, or how likely "yes" is, and what it cost.

    Tokens are those of the request as a client would be billed: the prompt once, all replies; `seconds` is this prompt's share of the
    time where several ran together.
    """

    generations: tuple[Generation, ...] = ()
    yes_probability: Confidence | None = Field(default=None, description="P(yes) / (P(yes) + P(no)); null: not a yes / no prompt")
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)


class Answered(NamedTuple):
    """A prompt of a batch that is done: its position in the batch, and what came."""

    position: int
    completion: Completion


class VideoLLM(Protocol):
    """A model that looks at pictures and answers. Both methods yield each prompt of the batch once, in the order they are done.

    Whoever stops listening early loses only what is not yet done. Raises ModelUnavailable where the model cannot be reached or
    loaded, ModelRefused for a request that it will never take; what was yielded before stands.
    """

    @property
    def name(self) -> str:
        """The model's own name; the producer of the graphs it makes."""
        ...

    @property
    def identity(self) -> JsonObject:
        """JSON values that name everything its replies depend on beside the request: part of a call's address and of a graph's id."""
        ...

    def generate(self, images: Sequence[Path], prompts: Sequence[Prompt], sampling: Sampling = GREEDY) -> Iterator[Answered]:
        """Reply to each prompt about the pictures, `sampling.n` times."""
        ...

    def yes_probability(self, images: Sequence[Path], prompts: Sequence[Prompt]) -> Iterator[Answered]:
        """Say of each yes / no prompt about the pictures how likely "yes" is, as `Completion.yes_probability`."""
        ...
