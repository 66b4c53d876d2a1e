"""Ask a Video-LLM about some pictures and read its replies; what cannot be read is noted. What is asked, and why, is the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from graph_schema.models import Rejection
from graph_schema.options import PromptedParserOptions
from graph_schema.record import JsonObject, Record
from workers.parsers.prompted.prompt_files import PromptTemplates
from workers.parsers.prompted.reader import Items, read_items, read_object, read_text
from workers.video_llms import GREEDY, CachedCalls, Call, Prompt, Sampling

R = TypeVar("R", bound=Record)
TEXT_TOKENS, LIST_TOKENS, WHOLE_TOKENS, YES_NO_TOKENS = 256, 512, 2048, 8
"""The longest replies that are waited for."""
MIN_YES = 0.5
"""Source: METHODS 1.1, S2v."""


@dataclass(frozen=True)
class Verdict:
    """What the model says of one thing. `agrees`: None where it was not asked, said neither, or contradicts itself."""

    agrees: bool | None = None
    call_ids: tuple[str, ...] = ()


class PicturePrompts:
    """Prompts about the same pictures. Methods raise as the model does; calls that are done are kept.

    Attributes:
        rejections: the replies, or parts of them, that could not be read so far.
    """

    def __init__(self, images: Sequence[Path], calls: CachedCalls, templates: PromptTemplates, options: PromptedParserOptions) -> None:
        """Ask nothing yet."""
        self.rejections: list[Rejection] = []
        self.options = options
        self._images, self._calls, self._templates = images, calls, templates

    def prompt(self, name: str, schema: JsonObject | None = None, /, *, tokens: int = LIST_TOKENS, **values: object) -> Prompt:
        """A prompt with its fields filled in; its stage is its name."""
        return Prompt(stage=name, text=self._templates.fill(name, **values), json_schema=schema, max_new_tokens=tokens)

    def sampled(self, prompts: Sequence[Prompt]) -> list[Call]:
        """The calls of prompts that are asked several times; once and greedily if the options say so."""
        options = self.options
        sampling = GREEDY if options.samples == 1 else Sampling(n=options.samples, temperature=options.temperature, seed=options.seed)
        return self._calls.generate(self._images, prompts, sampling)

    def once(self, prompts: Sequence[Prompt]) -> list[Call]:
        """The calls of prompts that are asked once, greedily."""
        return self._calls.generate(self._images, prompts, GREEDY)

    def text(self, prompts: Sequence[Prompt]) -> list[tuple[str, str]]:
        """(reply as plain text, call id) of prompts that are asked once; `(none)` where nothing was said."""
        results = []
        for call in self.once(prompts):
            text = read_text(call.completion.generations[0])
            if text is None:
                self.reject(call, "nothing was said")
            results.append((text or "(none)", call.id))
        return results

    def verified(self, what: str, fields: Sequence[dict[str, object]]) -> list[Verdict]:
        """Whether things are so, by the prompt `verify_WHAT` filled with each of these fields; nothing is asked if the options say so.

        What the model denies it is asked once more the other way round, by `deny_WHAT`: only what it denies both times is not so. A model
        that says no too readily would else take away more that is true than false. Source: STEP, dual verification (ii); measured in
        benchmarks/induction_ablation.py.
        """
        if not self.options.yes_no:
            return [Verdict()] * len(fields)
        first = self.yes_probabilities(f"verify_{what}", fields)
        denied = [n for n, (yes, _) in enumerate(first) if yes is not None and yes < MIN_YES]
        again = dict(zip(denied, self.yes_probabilities(f"deny_{what}", [fields[n] for n in denied]), strict=True))
        verdicts = []
        for n, (yes, call_id) in enumerate(first):
            if n not in again:
                verdicts.append(Verdict(None if yes is None else True, (call_id,)))
            else:
                absent, second_id = again[n]
                verdicts.append(Verdict(False if absent is not None and absent >= MIN_YES else None, (call_id, second_id)))
        return verdicts

    def yes_probabilities(self, name: str, fields: Sequence[dict[str, object]]) -> list[tuple[float | None, str]]:
        """(P(yes), call id) of a yes / no prompt, filled with each of these fields; None where the reply says neither."""
        prompts = [self.prompt(name, tokens=YES_NO_TOKENS, **values) for values in fields]
        results = []
        for call in self._calls.yes_probability(self._images, prompts) if prompts else ():
            yes = call.completion.yes_probability
            if yes is None:
                self.reject(call, "neither yes nor no")
            results.append((yes, call.id))
        return results

    def lists(self, call: Call, key: str, kind: type[R]) -> list[Items[R] | None]:
        """The list under `key` of each reply; None of one that has none."""
        lists = []
        for reply in call.completion.generations:
            read = read_items(reply, key, kind)
            if read is None:
                self.reject(call, f"no list of {key}")
            elif read.rejected:
                self.reject(call, f"{read.rejected} of the {key} are not of the form that was asked for")
            lists.append(read)
        return lists

    def objects(self, call: Call, kind: type[R], keys: Sequence[str]) -> list[R | None]:
        """Each reply as a record; None of one that has none of the keys."""
        read = [read_object(reply, kind, keys) for reply in call.completion.generations]
        for _ in range(read.count(None)):
            self.reject(call, f"no object with {' or '.join(keys)}")
        return read

    def reject(self, call: Call, reason: str) -> None:
        """Note what could not be read, in the account too."""
        self._calls.reject(call.prompt.stage)
        self.rejections.append(Rejection(stage=call.prompt.stage, call_id=call.id, reason=reason))
