"""A Video-LLM behind an OpenAI-compatible server, such as vLLM or llama.cpp's.

Servers ignore in silence what they do not know: that n, a schema or logprobs were honoured is never taken for granted.
"""

from __future__ import annotations

import base64
import functools
import logging
import math
import mimetypes
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, cast

from graph_schema.errors import BadInput, ModelUnavailable, StepgraphError
from graph_schema.record import JsonObject
from workers.video_llms.base import GREEDY, Answered, Completion, Generation, Prompt, Sampling
from workers.video_llms.chat_client import ChatClient, KeyRefused
from workers.video_llms.reply_text import read_yes_no

TOP_LOGPROBS = 20
MIN_YES_NO_SHARE = 0.05
"""Where yes and no together are less likely than this, the first word of the reply counts instead."""

logger = logging.getLogger(__name__)


class OpenAIVideoLLM:
    """Asks a server, several prompts at a time.

    Tokens are as the server counts them; where it does not, 0. Some count one of n replies only.
    """

    def __init__(self, model: str, client: ChatClient, *, concurrency: int = 8) -> None:
        """Ask nothing yet."""
        self.name = model
        self.identity: JsonObject = {"backend": "openai", "model": model}
        self._client, self._concurrency = client, concurrency
        self._refused: set[str] = set()
        self._max_n: int | None = None

    def check(self) -> None:
        """See that the server answers and has the model. Raises ModelUnavailable, ModelRefused; BadInput for a model it does not list."""
        names = self._client.models()
        if names and self.name not in names:
            raise BadInput(f"the model server at {self._client.address} has no model {self.name!r}; it has: {', '.join(names[:20])}")

    def generate(self, images: Sequence[Path], prompts: Sequence[Prompt], sampling: Sampling = GREEDY) -> Iterator[Answered]:
        """As `VideoLLM.generate`."""
        return self._at_once([functools.partial(self._generate, images, prompt, sampling) for prompt in prompts])

    def yes_probability(self, images: Sequence[Path], prompts: Sequence[Prompt]) -> Iterator[Answered]:
        """As `VideoLLM.yes_probability`; from the reply's words where the server gives no logprobs, and null where they say neither."""
        return self._at_once([functools.partial(self._yes, images, prompt) for prompt in prompts])

    def _at_once(self, requests: Sequence[Callable[[], Completion]]) -> Iterator[Answered]:
        """Yield each as it is done. After a failure no further one is begun; those under way are yielded before it is raised."""
        pool = ThreadPoolExecutor(max(1, min(self._concurrency, len(requests))), thread_name_prefix="model call")
        failure: StepgraphError | None = None
        try:
            futures = {pool.submit(request): position for position, request in enumerate(requests)}
            for future in as_completed(futures):
                try:
                    completion = future.result()
                except CancelledError:
                    continue
                except StepgraphError as error:
                    failure = failure or error
                    for other in futures:
                        other.cancel()
                    continue
                yield Answered(futures[future], completion)
            if failure is not None:
                raise failure
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _generate(self, images: Sequence[Path], prompt: Prompt, sampling: Sampling) -> Completion:
        """Ask until there are n replies: a server may give fewer at a time, or only one."""
        started = time.perf_counter()
        replies: list[Generation] = []
        tokens = [0, 0]
        wanted = sampling.n if sampling.temperature > 0 else 1
        while len(replies) < wanted:
            asked = min(wanted - len(replies), self._max_n or wanted)
            body = self._body(images, prompt, sampling.temperature)
            body |= {"seed": sampling.seed + len(replies)} | ({"n": asked} if asked > 1 else {})
            if prompt.json_schema is not None:
                schema: JsonObject = {"name": prompt.stage.replace(" ", "_"), "schema": prompt.json_schema, "strict": True}
                body["response_format"] = {"type": "json_schema", "json_schema": schema}
            reply = self._complete(body)
            got = [g for choice in _choices(reply) if (g := _generation(choice)) is not None]
            if not got:
                raise ModelUnavailable(f"the model server at {self._client.address} replied without a choice that has text; see its log")
            if len(got) < asked:
                self._max_n = len(got)
            replies += got[:asked]
            tokens = [total + count for total, count in zip(tokens, _usage(reply), strict=True)]
        replies *= sampling.n if wanted == 1 else 1  # greedy replies are all the same
        return Completion(
            generations=tuple(replies), prompt_tokens=tokens[0], completion_tokens=tokens[1], seconds=time.perf_counter() - started
        )

    def _yes(self, images: Sequence[Path], prompt: Prompt) -> Completion:
        started = time.perf_counter()
        body = self._body(images, prompt, 0.0) | {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        reply = self._complete(body)
        choice = next(iter(_choices(reply)), {})
        yes = _yes_of_logprobs(choice)
        if yes is None and (generation := _generation(choice)) is not None:
            said = read_yes_no(generation.text)
            yes = None if said is None else float(said)
        prompt_tokens, completion_tokens = _usage(reply)
        seconds = time.perf_counter() - started
        return Completion(yes_probability=yes, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, seconds=seconds)

    def _complete(self, body: JsonObject) -> JsonObject:
        """Send a request, without the keys that the server does not take; where it does not give n replies, for fewer."""
        body = dict(body)
        while True:
            sent = {key: value for key, value in body.items() if key not in self._refused}
            try:
                return self._client.complete(sent)
            except KeyRefused as refusal:
                if refusal.key == "n":
                    half = cast(int, body.pop("n")) // 2
                    body |= {"n": half} if half > 1 else {}
                else:
                    self._refused |= {refusal.key} | ({"top_logprobs"} if refusal.key == "logprobs" else set())
                    logger.warning("the model server at %s takes no %s: %s", self._client.address, refusal.key, refusal)

    def _body(self, images: Sequence[Path], prompt: Prompt, temperature: float) -> JsonObject:
        parts: list[Any] = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
        return {
            "model": self.name,
            "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": prompt.text}]}],
            "temperature": temperature,
            "max_tokens": prompt.max_new_tokens,
        }


def _choices(reply: JsonObject) -> list[dict[str, Any]]:
    choices = reply.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def _generation(choice: dict[str, Any]) -> Generation | None:
    """A choice's text; None where it has none."""
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):  # parts, as some servers send them
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return Generation(text=content, complete=choice.get("finish_reason") != "length") if isinstance(content, str) else None


def _usage(reply: JsonObject) -> tuple[int, int]:
    """(prompt tokens, completion tokens) as the server says."""
    usage = reply.get("usage")
    counts = [usage.get(key) for key in ("prompt_tokens", "completion_tokens")] if isinstance(usage, dict) else []
    prompt, completion = (count if isinstance(count, int) and count >= 0 else 0 for count in (*counts, 0, 0)[:2])
    return prompt, completion


def _yes_of_logprobs(choice: dict[str, Any]) -> float | None:
    """P(yes) / (P(yes) + P(no)) at the first token where either is likely; None where no logprobs came, or neither is."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    for token in content if isinstance(content, list) else []:
        shares = {"yes": 0.0, "no": 0.0}
        for entry in (token.get("top_logprobs") or []) if isinstance(token, dict) else []:
            word = str(entry.get("token", "")).strip().casefold() if isinstance(entry, dict) else ""
            logprob = entry.get("logprob") if isinstance(entry, dict) else None
            if word in shares and isinstance(logprob, int | float):
                shares[word] += math.exp(min(0.0, logprob))
        if (both := sum(shares.values())) >= MIN_YES_NO_SHARE:
            return min(1.0, shares["yes"] / both)
    return None


def _data_url(image: Path) -> str:
    status = image.stat()
    return _encoded(image, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _encoded(image: Path, size: int, modified: int) -> str:  # size and time: a file that is written anew is read anew
    kind = mimetypes.guess_type(image.name)[0] or "image/jpeg"
    return f"data:{kind};base64,{base64.b64encode(image.read_bytes()).decode()}"
