"""A Video-LLM that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from graph_schema.record import JsonObject
from workers.video_llms import GREEDY, Answered, Completion, Generation, Question, Sampling

Reply = Callable[[Sequence[Path], Question, int], str]
"""(pictures, question, which of the n replies) -> the reply."""


class ScriptedModel:
    """Replies with what `reply` returns; says yes with what `yes` returns. `asked`: all questions so far, in order."""

    def __init__(
        self, reply: Reply = lambda images, question, k: "", yes: Callable[[Sequence[Path], Question], float] = lambda images, question: 1.0
    ) -> None:
        self._reply, self._yes = reply, yes
        self.asked: list[Question] = []
        self.name = "scripted"
        self.identity: JsonObject = {"name": "scripted"}

    def generate(self, images: Sequence[Path], questions: Sequence[Question], sampling: Sampling = GREEDY) -> Iterator[Answered]:
        for position, question in enumerate(questions):
            self.asked.append(question)
            texts = [self._reply(images, question, k) for k in range(sampling.n)]
            yield Answered(
                position,
                Completion(
                    generations=tuple(Generation(text=text) for text in texts),
                    prompt_tokens=len(question.text.split()),
                    completion_tokens=sum(len(text.split()) for text in texts),
                ),
            )

    def yes_probability(self, images: Sequence[Path], questions: Sequence[Question]) -> Iterator[Answered]:
        for position, question in enumerate(questions):
            self.asked.append(question)
            yield Answered(position, Completion(yes_probability=self._yes(images, question), prompt_tokens=len(question.text.split())))
