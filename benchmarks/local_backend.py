"""A Video-LLM on this machine: what it gains to run the prompts of a keyframe together, over one prefix, against one at a time.

A Qwen2.5-VL of real class with random weights, one picture of 676 tokens; the baseline is the same model's own `generate`, a prompt at a
time, which says the same tokens. Source of the set-up: 24 prompts a keyframe, as the parser `prompted` asks of a handful of objects.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from tests.support.tiny_models import build_qwen2_5_vl
from workers.parsers.prompted.asking import YES_NO_TOKENS
from workers.video_llms import Prompt
from workers.video_llms.chat_tokens import first_tokens
from workers.video_llms.loading import load_pretrained
from workers.video_llms.transformers_model import TransformersVideoLLM

SIDE = 26 * 28
"""Pixels of the square picture's side: 26 x 26 tokens of 28 x 28 pixels."""
PROMPTS, NEW_TOKENS, CHECKS = 24, 24, 44
SIZES = {
    "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 8, "num_key_value_heads": 2,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]},
}  # fmt: skip
REPEATS = 2
GOAL_PROMPTS, GOAL_YES_NO = 8.0, 15.0
_WORDS = ("a", "red", "cup", "on", "the", "table", "left", "of", "man", "who", "holds", "it")


def run(*, repeats: int = REPEATS) -> dict[str, Any]:
    """Time both ways in turn; return a row each and the goals. Raises AssertionError where the two ways do not say the same."""
    prompts = [Prompt(stage="relations", text=text, max_new_tokens=NEW_TOKENS) for text in _texts(PROMPTS, words=24)]
    checks = [Prompt(stage="verify_relation", text=f"{text}? yes or no", max_new_tokens=YES_NO_TOKENS) for text in _texts(CHECKS, words=8)]
    with tempfile.TemporaryDirectory(prefix="stepgraph-") as name:
        folder = build_qwen2_5_vl(Path(name) / "model", [p.text for p in (*prompts, *checks)], SIZES, pixels=SIDE * SIDE)
        image = Path(name) / "picture.png"
        cv2.imwrite(str(image), np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))
        together, alone = TransformersVideoLLM(folder), _OneByOne(folder)
        ways: dict[str, Callable[[], Sequence[object]]] = {
            "24 prompts, together": lambda: [c.generations[0].text for c in _in_order(together.generate([image], prompts))],
            "24 prompts, one at a time": lambda: [alone.reply(image, prompt) for prompt in prompts],
            "44 checks, together": lambda: [
                (c.yes_probability or 0.0) >= 0.5 for c in _in_order(together.yes_probability([image], checks))
            ],
            "44 checks, one at a time": lambda: [alone.says_yes(image, prompt) for prompt in checks],
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(repeats + 1):  # the first warms up
            said = {way: _timed(ask, seconds[way]) for way, ask in ways.items()}
            assert said["24 prompts, together"] == said["24 prompts, one at a time"]
            assert said["44 checks, together"] == said["44 checks, one at a time"]
    best = {way: min(times[1:]) for way, times in seconds.items()}
    rows = [{"way": way, "seconds": best[way], "spread": max(seconds[way][1:]) / best[way]} for way in ways]
    prompts_speedup = best["24 prompts, one at a time"] / best["24 prompts, together"]
    checks_speedup = best["44 checks, one at a time"] / best["44 checks, together"]
    return {
        "rows": rows,
        "goals": [
            {"what": "speedup_24_prompts", "goal": GOAL_PROMPTS, "measured": prompts_speedup, "met": prompts_speedup >= GOAL_PROMPTS},
            {"what": "speedup_yes_no", "goal": GOAL_YES_NO, "measured": checks_speedup, "met": checks_speedup >= GOAL_YES_NO},
        ],
    }


class _OneByOne:
    """The usual way: each prompt with its picture through the model's own `generate`."""

    def __init__(self, folder: Path) -> None:
        loaded = load_pretrained(folder, dtype=torch.float32)
        self._model, self._processor = loaded.model.eval(), loaded.processor
        yes, no = (first_tokens(self._processor.tokenizer, words) for words in (("Yes", "yes", "YES"), ("No", "no", "NO")))
        self._yes, self._no = sorted(yes - no), sorted(no - yes)

    def reply(self, image: Path, prompt: Prompt) -> str:
        inputs, length = self._inputs(image, prompt)
        tokens = self._model.generate(**inputs, max_new_tokens=prompt.max_new_tokens, do_sample=False)[0, length:]
        text = self._processor.tokenizer.decode(tokens, skip_special_tokens=True)
        assert isinstance(text, str)
        return text

    def says_yes(self, image: Path, prompt: Prompt) -> bool:
        """Generate the answer, and see whether yes or no was likelier at its first token."""
        inputs, _ = self._inputs(image, prompt)
        generated = self._model.generate(
            **inputs, max_new_tokens=prompt.max_new_tokens, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
        shares = generated.logits[0][0, [*self._yes, *self._no]].softmax(-1)
        return float(shares[: len(self._yes)].sum()) >= 0.5

    def _inputs(self, image: Path, prompt: Prompt) -> tuple[Any, int]:
        content = [{"type": "image", "path": str(image)}, {"type": "text", "text": prompt.text}]
        inputs = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        return inputs, inputs.input_ids.shape[1]


def _in_order(answered: Any) -> list[Any]:
    return [completion for _, completion in sorted(answered, key=lambda one: one.position)]


def _timed(ask: Callable[[], Sequence[object]], times: list[float]) -> Sequence[object]:
    start = time.perf_counter()
    with torch.inference_mode():
        said = ask()
    times.append(time.perf_counter() - start)
    return said


def _texts(count: int, *, words: int) -> list[str]:
    """Texts of so many words, no two the same, that share no beginning to speak of."""
    cycle = itertools.cycle(_WORDS)
    return [f"{n} " + " ".join(next(cycle) for _ in range(words - n % 3)) for n in range(count)]
