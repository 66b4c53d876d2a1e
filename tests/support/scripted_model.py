"""A Video-LLM that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from graph_schema.record import JsonObject
from workers.video_llms import GREEDY, Answered, Completion, Generation, Prompt, Sampling

Reply = Callable[[Sequence[Path], Prompt, int], str]
"""(pictures, prompt, which of the n replies) -> the reply."""


class ScriptedModel:
    """Replies with what `reply` returns; says yes with what `yes` returns. `asked`: all prompts so far, in order."""

    def __init__(
        self, reply: Reply = lambda images, prompt, k: "", yes: Callable[[Sequence[Path], Prompt], float] = lambda images, prompt: 1.0
    ) -> None:
        self._reply, self._yes = reply, yes
        self.asked: list[Prompt] = []
        self.name = "scripted"
        self.identity: JsonObject = {"name": "scripted"}

    def generate(self, images: Sequence[Path], prompts: Sequence[Prompt], sampling: Sampling = GREEDY) -> Iterator[Answered]:
        for position, prompt in enumerate(prompts):
            self.asked.append(prompt)
            texts = [self._reply(images, prompt, k) for k in range(sampling.n)]
            yield Answered(
                position,
                Completion(
                    generations=tuple(Generation(text=text) for text in texts),
                    prompt_tokens=len(prompt.text.split()),
                    completion_tokens=sum(len(text.split()) for text in texts),
                ),
            )

    def yes_probability(self, images: Sequence[Path], prompts: Sequence[Prompt]) -> Iterator[Answered]:
        for position, prompt in enumerate(prompts):
            self.asked.append(prompt)
            yield Answered(position, Completion(yes_probability=self._yes(images, prompt), prompt_tokens=len(prompt.text.split())))
