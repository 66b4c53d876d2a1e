"""The Video-LLM on this machine says what the model says when it is asked one prompt at a time: five architectures, at toy size.

All in float32 on the CPU, on machines with a GPU too: only so can tokens be compared.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

import workers.video_llms.decoding as decoding
import workers.video_llms.transformers_model as transformers_model
from graph_schema.errors import BadInput, ModelRefused, ModelUnavailable
from tests.support.threads import one_thread
from tests.support.tiny_models import BUILDERS, build_qwen2_5_vl
from workers.video_llms import GREEDY, Answered, Prompt, Sampling
from workers.video_llms.chat_tokens import first_tokens, without_special_tokens
from workers.video_llms.decoding import (
    MAX_CACHED_TOKENS,
    Prefix,
    Request,
    in_memory,
    next_tokens,
    packed_together,
    rows_together,
    run_prefix,
)
from workers.video_llms.loading import LoadedModel, load_pretrained
from workers.video_llms.shared_prefix import common_prefix_length, pack_branches, rows_of_branches
from workers.video_llms.transformers_model import TransformersVideoLLM

TEXTS = (
    "What is left of the red cube?",
    "Is it?",
    "Name all the objects that you can see in this picture, one in a line, please.",
    "Is the ball blue? Answer yes or no.",
)
NEW_TOKENS = 12
PROMPTS = tuple(Prompt(stage="toy", text=text, max_new_tokens=NEW_TOKENS) for text in TEXTS)
SAMPLED = Sampling(n=3, temperature=0.8, seed=5)


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(autouse=True, scope="module")
def _on_one_thread() -> Iterator[None]:
    """Toys are no faster on several, and slower where other tests run."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, pixels = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    paths = [folder / f"{i}.png" for i in range(3)]
    for path in paths:
        Image.fromarray(pixels.integers(0, 255, (90, 120, 3), dtype=np.uint8)).save(path)
    return paths


@dataclass(frozen=True, eq=False)
class Plain:
    """A model as transformers runs it, one prompt at a time: what ours is compared with."""

    folder: Path
    model: Any
    processor: Any

    def inputs(self, images: Sequence[Path], text: str) -> Any:
        content = [{"type": "image", "image": Image.open(path)} for path in images]
        message = {"role": "user", "content": [*content, {"type": "text", "text": text}]}
        return self.processor.apply_chat_template(
            [message], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )

    @functools.cached_property
    def ours(self) -> TransformersVideoLLM:
        return TransformersVideoLLM(self.folder)

    @functools.lru_cache  # noqa: B019
    def generated(self, images: tuple[Path, ...], text: str) -> list[int]:
        inputs = self.inputs(images, text)
        tokens: list[int] = self.model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)[0].tolist()
        return tokens[inputs["input_ids"].shape[1] :]

    def replies(self, images: Sequence[Path], texts: Sequence[str] = TEXTS) -> list[tuple[str, bool]]:
        """(text, whether the model ended it) of each prompt."""
        ends = self.model.generation_config.eos_token_id
        replies = [self.generated(tuple(images), text) for text in texts]
        complete = [tokens[-1] in (ends if isinstance(ends, list) else [ends]) for tokens in replies]
        decode = functools.partial(self.processor.tokenizer.decode, skip_special_tokens=True)
        return [(decode(t[:-1] if done else t), done) for t, done in zip(replies, complete, strict=True)]

    @torch.inference_mode()
    def yes(self, images: Sequence[Path], text: str) -> float:
        tokenizer = self.processor.tokenizer
        words = [{tokenizer.encode(s + w)[0] for s in ("", " ") for w in (a, a.lower(), a.upper())} for a in ("Yes", "No")]
        likely = self.model(**self.inputs(images, text)).logits[0, -1].softmax(-1)
        yes, no = (float(sum(likely[token] for token in mine - other)) for mine, other in (words, words[::-1]))
        return yes / (yes + no)


def plain(folder: Path) -> Plain:
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    return Plain(folder, model.eval(), AutoProcessor.from_pretrained(folder))


def built(folder: Path, build: Any, **choices: Any) -> Path:
    """A toy model whose replies read as its tokens: no two replies have the same text, whatever bytes they are."""
    build(folder, TEXTS, **choices)
    changed(folder / "tokenizer.json", decoder=None)
    return folder


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.fixture(scope="module", params=BUILDERS)
def toy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    return plain(built(tmp_path_factory.mktemp("models") / request.param, BUILDERS[request.param]))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    return plain(built(tmp_path_factory.mktemp("models") / "qwen", build_qwen2_5_vl))


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """Its second layer sees 8 tokens."""
    window = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1}
    return plain(built(tmp_path_factory.mktemp("models") / "windowed", build_qwen2_5_vl, text=window))


def in_order(answered: Iterator[Answered]) -> list[Answered]:
    return sorted(answered, key=lambda a: a.position)


def replies(answered: Iterator[Answered]) -> list[tuple[str, bool]]:
    """The first reply to each prompt."""
    return [(a.completion.generations[0].text, a.completion.generations[0].complete) for a in in_order(answered)]


def texts(answered: Iterator[Answered]) -> list[list[str]]:
    return [[g.text for g in a.completion.generations] for a in in_order(answered)]


def yes(answered: Iterator[Answered]) -> list[float]:
    return [a.completion.yes_probability or 0.0 for a in in_order(answered)]


# --- replies


@pytest.mark.parametrize("count", [1, 2, 0])
def test_replies_are_those_of_one_prompt_at_a_time(toy: Plain, pictures: list[Path], count: int) -> None:
    assert replies(toy.ours.generate(pictures[:count], PROMPTS)) == toy.replies(pictures[:count])


def test_a_prefix_is_shared_by_its_rows_and_replies_are_the_same_where_each_has_a_copy(
    toy: Plain, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is of models that cannot be told how to attend."""
    shared: list[bool] = []

    def noted(*arguments: Any) -> Prefix:
        shared.append((prefix := run_prefix(*arguments)).shared)
        return prefix

    monkeypatch.setattr(transformers_model, "run_prefix", noted)
    with_one = texts(TransformersVideoLLM(toy.folder).generate(pictures[:1], PROMPTS, SAMPLED))
    monkeypatch.setattr(transformers_model, "share_prefixes", lambda _: None)
    with_copies = texts(TransformersVideoLLM(toy.folder).generate(pictures[:1], PROMPTS, SAMPLED))
    assert shared == [True, False]
    assert with_one == with_copies


def test_replies_depend_on_the_picture_and_on_the_prompt(toy: Plain, pictures: list[Path]) -> None:
    model = toy.ours
    first, other, both = (replies(model.generate(p, PROMPTS)) for p in (pictures[:1], pictures[1:2], pictures[:2]))
    assert len(set(first)) == len(TEXTS)
    for i in range(len(TEXTS)):
        assert len({first[i], other[i], both[i]}) == 3


@pytest.mark.parametrize("wrong", ["positions", "padding"])
def test_other_positions_or_padding_that_is_seen_give_other_replies(
    toy: Plain, pictures: list[Path], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(branches: list[list[int]], *, first_position: int, axes: int | None) -> Any:
        right = rows_of_branches(branches, first_position=first_position + 7 * (wrong == "positions"), axes=axes)
        return right._replace(mask=torch.ones_like(right.mask)) if wrong == "padding" else right

    monkeypatch.setattr(decoding, "rows_of_branches", rows)
    assert replies(toy.ours.generate(pictures[:1], PROMPTS)) != toy.replies(pictures[:1])


def test_positions_that_count_a_pictures_tokens_give_other_replies(
    qwen: Plain, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A multimodal rotary embedding goes on from the picture's largest position, not from its number of tokens."""
    original = decoding.run_prefix

    def run_prefix(model: Any, inputs: Any, length: int) -> Prefix:
        prefix = original(model, inputs, length)
        assert prefix.next_position < len(prefix.tokens)
        return prefix._replace(next_position=len(prefix.tokens))

    monkeypatch.setattr(transformers_model, "run_prefix", run_prefix)
    assert replies(qwen.ours.generate(pictures[:1], PROMPTS)) != qwen.replies(pictures[:1])


def test_a_sliding_window_is_kept(windowed: Plain, qwen: Plain, pictures: list[Path]) -> None:
    model = windowed.ours
    expected = windowed.replies(pictures[:1])
    assert expected != qwen.replies(pictures[:1])  # the same weights without it
    assert replies(model.generate(pictures[:1], PROMPTS)) == expected
    assert yes(model.yes_probability(pictures[:1], PROMPTS)) == pytest.approx([windowed.yes(pictures[:1], t) for t in TEXTS], abs=1e-4)


def test_the_models_own_ends_and_repetition_penalty_hold(qwen: Plain, pictures: list[Path], tmp_path: Path) -> None:
    without = qwen.replies(pictures[:1])
    ends = [qwen.generated((pictures[0],), text)[place] for text, place in ((TEXTS[0], 3), (TEXTS[3], 6))]
    for name, settings in (
        ("ends", {"eos_token_id": ends}),
        ("penalty", {"repetition_penalty": 1.7}),
        ("one end", {"eos_token_id": ends[0]}),
    ):
        folder = shutil.copytree(qwen.folder, tmp_path / name)
        changed(folder / "generation_config.json", **settings)
        expected = plain(folder).replies(pictures[:1])
        assert expected != without
        answered = in_order(TransformersVideoLLM(folder).generate(pictures[:1], PROMPTS))
        assert replies(iter(answered)) == expected
        tokens = [a.completion.completion_tokens for a in answered]
        if name == "ends":
            assert tokens[0] <= 4 and tokens[3] <= 7 and expected[0][1] and expected[3][1] and not all(done for _, done in expected)
        elif name == "penalty":
            assert tokens == [NEW_TOKENS] * 4 and not any(done for _, done in expected)


def test_each_prompt_has_its_own_longest_reply(qwen: Plain, pictures: list[Path]) -> None:
    short = [p.model_copy(update={"max_new_tokens": k}) for p, k in zip(PROMPTS, (1, 5, 12, 3), strict=True)]
    answered = in_order(qwen.ours.generate(pictures[:1], short))
    assert [a.completion.completion_tokens for a in answered] == [1, 5, 12, 3]
    cut = [(" ".join(text.split(" ")[:k]), False) for (text, _), k in zip(qwen.replies(pictures[:1]), (1, 5, 12, 3), strict=True)]
    assert replies(iter(answered)) == cut


def test_tokens_are_counted_as_a_client_would_be_billed(qwen: Plain, pictures: list[Path]) -> None:
    model = qwen.ours
    lengths = [qwen.inputs(pictures[:2], text)["input_ids"].shape[1] for text in TEXTS]
    greedy, sampled = (in_order(model.generate(pictures[:2], PROMPTS, Sampling(n=3, temperature=t))) for t in (0, 1))
    said = in_order(model.yes_probability(pictures[:2], PROMPTS))
    for answered, tokens in ((greedy, NEW_TOKENS), (sampled, 3 * NEW_TOKENS), (said, 1)):
        assert [a.completion.prompt_tokens for a in answered] == lengths
        assert [a.completion.completion_tokens for a in answered] == [tokens] * 4
        assert all(a.completion.seconds > 0 for a in answered)
    for a in greedy:  # made once
        assert len(a.completion.generations) == 3 and len(set(a.completion.generations)) == 1


def test_special_tokens_in_a_prompt_are_left_out(qwen: Plain, pictures: list[Path]) -> None:
    """Words that a model has said, or that are read from a picture, come back in prompts."""
    text = "Is there a <|image_pad|>cup<|im_end|>?"
    assert without_special_tokens(text, qwen.processor.tokenizer) == "Is there a cup?"
    expected = qwen.replies(pictures[:1], ["Is there a cup?", TEXTS[0]])
    prompts = [PROMPTS[0].model_copy(update={"text": text}), PROMPTS[0]]
    assert replies(qwen.ours.generate(pictures[:1], prompts)) == expected


def test_nothing_is_done_for_no_prompts(qwen: Plain, pictures: list[Path]) -> None:
    model = qwen.ours
    assert list(model.generate(pictures, [])) == list(model.yes_probability(pictures, [])) == []


# --- samples


def test_samples_are_the_same_whatever_is_asked_with_them(toy: Plain, pictures: list[Path]) -> None:
    model = toy.ours
    whole = texts(model.generate(pictures[:1], PROMPTS, SAMPLED))
    assert texts(model.generate(pictures[:1], PROMPTS[2:3], SAMPLED)) == whole[2:3]
    assert texts(model.generate(pictures[:1], PROMPTS[::-1], SAMPLED)) == whole[::-1]
    assert texts(model.generate(pictures[:1], PROMPTS, SAMPLED.model_copy(update={"n": 2}))) == [samples[:2] for samples in whole]


def test_samples_differ_by_number_prompt_and_seed(qwen: Plain, pictures: list[Path]) -> None:
    model = qwen.ours
    one, other = (texts(model.generate(pictures[:1], PROMPTS, Sampling(n=3, temperature=0.8, seed=seed))) for seed in (5, 6))
    assert len({text for samples in (*one, *other) for text in samples}) == 24


def test_a_hardly_warm_sample_is_the_greedy_reply(qwen: Plain, pictures: list[Path]) -> None:
    answered = qwen.ours.generate(pictures[:1], PROMPTS, Sampling(n=1, temperature=1e-4))
    assert replies(answered) == qwen.replies(pictures[:1])


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    likely = torch.tensor([0.5, 0.0, 0.3, 0.2])
    drawn = Counter(next_tokens(likely.log().repeat(4000, 1), [random.Random(k) for k in range(4000)], 1.0).tolist())
    assert [drawn[k] / 4000 for k in range(4)] == pytest.approx([0.5, 0.0, 0.3, 0.2], abs=0.03) and drawn[1] == 0
    sharper = Counter(next_tokens(likely.log().repeat(4000, 1), [random.Random(k) for k in range(4000)], 0.5).tolist())
    assert [sharper[k] / 4000 for k in (0, 2, 3)] == pytest.approx([0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38], abs=0.03)


# --- yes or no


@pytest.mark.parametrize("count", [1, 2])
def test_yes_is_as_likely_as_when_one_prompt_is_asked(toy: Plain, pictures: list[Path], count: int) -> None:
    expected = [toy.yes(pictures[:count], text) for text in TEXTS]
    assert yes(toy.ours.yes_probability(pictures[:count], PROMPTS)) == pytest.approx(expected, abs=1e-4)
    assert max(expected) - min(expected) > 0.05


@pytest.mark.parametrize("wrong", ["positions", "branches see each other"])
def test_yes_is_less_or_more_likely_with_other_positions_or_another_mask(
    toy: Plain, pictures: list[Path], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pack(branches: list[list[int]], *, first_position: int, **given: Any) -> Any:
        right = pack_branches(branches, first_position=first_position + 7 * (wrong == "positions"), **given)
        causal = torch.full_like(right.mask, torch.finfo(right.mask.dtype).min).triu(1 + given["prefix_length"])
        return right if wrong == "positions" else right._replace(mask=causal)

    monkeypatch.setattr(decoding, "pack_branches", pack)
    found = yes(toy.ours.yes_probability(pictures[:1], PROMPTS))
    assert max(abs(a - toy.yes(pictures[:1], text)) for a, text in zip(found, TEXTS, strict=True)) > 1e-2


def test_yes_is_known_by_the_first_tokens_of_its_spellings(qwen: Plain) -> None:
    tokenizer = qwen.processor.tokenizer
    found = first_tokens(tokenizer, ("Yes", "yes"))
    assert {tokenizer.convert_tokens_to_ids(token) for token in ("Yes", "yes")} <= found
    assert found == {tokenizer.encode(text)[0] for text in ("Yes", "yes", " Yes", " yes")}


# --- batches


def test_many_prompts_run_in_batches_that_fit(qwen: Plain, pictures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    original = decoding.reply

    def reply(model: Any, prefix: Prefix, draws: Any, rules: Any) -> list[list[int]]:
        sizes.append(len(draws))
        return original(model, prefix, draws, rules)

    monkeypatch.setattr(transformers_model, "reply", reply)
    model = qwen.ours
    whole = replies(model.generate(pictures[:1], PROMPTS))
    longest = max(qwen.inputs(pictures[:1], text)["input_ids"].shape[1] for text in TEXTS) + NEW_TOKENS
    monkeypatch.setattr(decoding, "MAX_CACHED_TOKENS", 3 * longest)
    stream = model.generate(pictures[:1], PROMPTS)
    first = next(stream)
    assert sizes == [4, 3]  # prompts of the first batch come before the second is begun
    assert replies(iter([first, *stream])) == whole and sizes == [4, 3, 1]


def request(position: int, length: int, new: int = 0) -> Request:
    return Request(position, [1] * length, new)


def prefix_of(length: int, *layers: Any) -> Prefix:
    class Cache:
        pass

    cache = Cache()
    cache.layers = layers  # type: ignore[attr-defined]
    return Prefix([0] * length, cache, length, None)


def test_rows_together_stay_below_the_limit_of_tokens() -> None:
    third = MAX_CACHED_TOKENS // 3
    requests = [request(0, 10, third - 20), request(1, 5, 1), request(2, 5, 1), request(3, 5, third), request(4, 1, 1)]
    batches = [[r.position for r in batch] for batch in rows_together(requests, prefix_of(10))]
    assert batches == [[0, 1, 2], [3, 4]]  # three rows of a third; the fourth makes four, each as long as itself
    assert [[r.position for r in b] for b in rows_together(requests[:2], prefix_of(10), replies=3)] == [[0], [1]]
    unpaddable = [[r.position for r in batch] for batch in rows_together(requests, prefix_of(10, object()))]
    assert unpaddable == [[4], [1, 2], [3], [0]]  # those of one length only, and two of these


def test_packed_rows_stay_below_their_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_PACKED_TOKENS", 20)
    requests = [request(0, 10), request(1, 10), request(2, 1), request(3, 30), request(4, 1)]
    assert [[r.position for r in batch] for batch in packed_together(requests, prefix_of(10))] == [[0, 1], [2], [3], [4]]


def test_what_does_not_fit_into_memory_is_tried_in_halves() -> None:
    tried: list[int] = []

    def work(rows: Sequence[int]) -> list[int]:
        tried.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError
        return [row * 10 for row in rows]

    assert in_memory(work, [1, 2, 3, 4, 5]) == [10, 20, 30, 40, 50]
    assert tried == [5, 2, 3, 1, 2]


def test_one_prompt_that_does_not_fit_into_memory_is_an_error_with_advice(
    qwen: Plain, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    model = qwen.ours
    monkeypatch.setattr(transformers_model, "last_logits", full)
    with pytest.raises(ModelUnavailable, match=r"too little memory for one prompt; give smaller pictures .*CUDA out of memory"):
        list(model.yes_probability(pictures[:1], PROMPTS))


# --- refusals


def test_a_prompt_longer_than_the_context_is_refused_when_the_others_are_done(qwen: Plain, pictures: list[Path], tmp_path: Path) -> None:
    lengths = [qwen.inputs(pictures[:1], text)["input_ids"].shape[1] for text in TEXTS]
    assert max(lengths) == lengths[2]
    folder = shutil.copytree(qwen.folder, tmp_path / "short")
    text_config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["text_config"]
    changed(folder / "config.json", text_config={**text_config, "max_position_embeddings": lengths[2] + NEW_TOKENS - 1})
    model = TransformersVideoLLM(folder)
    answered = []
    with pytest.raises(ModelRefused) as refused:
        for one in model.generate(pictures[:1], PROMPTS):
            answered.append(one)
    assert str(refused.value) == (
        f"a prompt of {lengths[2]} tokens, pictures included, and a reply of up to 12 do not fit into the {lengths[2] + 11} tokens "
        "that model 'short' can see; ask about fewer objects, or give smaller pictures (max_pixels)"
    )
    assert [a.position for a in answered] == [0, 1, 3]
    assert len(list(model.yes_probability(pictures[:1], PROMPTS))) == 4  # one token more is enough
    with pytest.raises(ModelRefused):
        next(model.generate(pictures[:1], PROMPTS[2:3]))


def test_a_folder_without_a_model_is_bad_input(tmp_path: Path, pictures: list[Path], qwen: Plain) -> None:
    with pytest.raises(BadInput, match="cannot be loaded"):
        next(TransformersVideoLLM(tmp_path).generate(pictures[:1], PROMPTS))
    folder = shutil.copytree(qwen.folder, tmp_path / "mute")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(BadInput, match="mute' has no chat template"):
        next(TransformersVideoLLM(folder).generate(pictures[:1], PROMPTS))


# --- pixels, identity


@pytest.mark.parametrize(("name", "pixels"), [("qwen2_5_vl", 2 * 28 * 28), ("qwen3_vl", 2 * 32 * 32)])
def test_smaller_pictures_are_fewer_tokens(name: str, pixels: int, pictures: list[Path], tmp_path: Path) -> None:
    folder = built(tmp_path / name, BUILDERS[name])
    whole, small = (next(TransformersVideoLLM(folder, max_pixels=p).generate(pictures[:1], PROMPTS[:1])) for p in (None, pixels))
    assert whole.completion.prompt_tokens - small.completion.prompt_tokens == 6 - 1  # 2 x 3 patches become 1


def test_where_pixels_cannot_be_limited_it_is_said(pictures: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = built(tmp_path / "internvl", BUILDERS["internvl"])
    with caplog.at_level(logging.WARNING):
        next(TransformersVideoLLM(folder, max_pixels=784).yes_probability(pictures[:1], PROMPTS[:1]))
    assert "the processor of model 'internvl' has no limit of pixels; max_pixels is ignored" in caplog.text


def test_identity_is_of_all_that_decides_replies_and_loads_nothing(qwen: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(transformers_model, "load_pretrained")
    folder = shutil.copytree(qwen.folder, tmp_path / "mine")
    identity = TransformersVideoLLM(folder).identity
    assert {**identity, "files": ""} == {
        "backend": "transformers",
        "version": 1,
        "model": "mine",
        "files": "",
        "max_pixels": None,
        "dtype": "float32",
    }
    assert json.loads(json.dumps(identity)) == identity and TransformersVideoLLM(folder).name == "mine"
    assert TransformersVideoLLM(folder, max_pixels=1000).identity == {**identity, "max_pixels": 1000}
    (folder / "README.md").write_text("a model", encoding="utf-8")
    assert TransformersVideoLLM(f"{folder}/").identity == identity
    seen = {str(identity["files"])}
    for name in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "generation_config.json"):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(" ")
        seen.add(str(TransformersVideoLLM(folder).identity["files"]))
    assert len(seen) == 6
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert TransformersVideoLLM(folder).identity["dtype"] == "auto"


def test_a_hubs_model_is_known_by_its_commit_and_loaded_at_it(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached, commit = tmp_path / "models--some--model", "0123456789012345678901234567890123456789"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(commit, encoding="utf-8")
    (cached / "snapshots" / commit).mkdir(parents=True)
    (cached / "snapshots" / commit / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    loaded: list[Any] = []

    def load(source: str, **options: Any) -> None:
        loaded.extend([source, options])
        raise BadInput("not now")

    monkeypatch.setattr(transformers_model, "load_pretrained", load)
    model = TransformersVideoLLM("some/model")
    assert (model.name, model.identity["revision"]) == ("some/model", commit) and "files" not in model.identity
    with pytest.raises(BadInput, match="not now"):
        next(model.generate(pictures[:1], PROMPTS))
    assert loaded == ["some/model", {"dtype": torch.float32, "revision": commit}]
    with pytest.raises(BadInput, match=r"model 'some/other' cannot be loaded: .*Give a model folder with safetensors weights, or a hub id"):
        _ = TransformersVideoLLM("some/other").identity


def test_a_model_is_loaded_when_it_is_first_asked_and_once(qwen: Plain, pictures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(source: Path, **options: Any) -> LoadedModel:
        loaded.append(source.name)
        return load_pretrained(source, **options)

    monkeypatch.setattr(transformers_model, "load_pretrained", load)
    model = TransformersVideoLLM(qwen.folder)
    assert model.name == "qwen" and model.identity and not loaded
    for _ in range(2):
        list(model.generate(pictures[:1], PROMPTS, GREEDY))
        list(model.yes_probability(pictures[1:2], PROMPTS))
    assert loaded == ["qwen"]


# --- tensors


def test_the_common_prefix_leaves_each_row_a_branch() -> None:
    assert common_prefix_length([[1, 2, 3, 4], [1, 2, 5], [1, 2, 3, 9, 9]]) == 2
    assert common_prefix_length([[1, 2, 3]]) == 2 == common_prefix_length([[1, 2, 3], [1, 2, 3, 4]])
    assert common_prefix_length([[7], [7, 8]]) == 0


def test_branches_are_padded_in_front_and_go_on_from_a_position() -> None:
    rows = rows_of_branches([[5, 6, 7], [8]], first_position=10, axes=None)
    assert rows.tokens.tolist() == [[5, 6, 7], [0, 0, 8]] and rows.mask.tolist() == [[1, 1, 1], [0, 0, 1]]
    assert rows.positions[0].tolist() == [10, 11, 12] and rows.positions[1, 2] == 10
    assert rows_of_branches([[5, 6, 7], [8]], first_position=10, axes=3).positions.tolist() == [rows.positions.tolist()] * 3


def test_packed_branches_see_the_prefix_and_themselves() -> None:
    packed = pack_branches([[5, 6], [7, 8, 9]], prefix_length=2, first_position=10, axes=3, dtype=torch.float32)
    assert packed.tokens.tolist() == [[5, 6, 7, 8, 9]] and packed.ends.tolist() == [1, 4]
    assert packed.positions.tolist() == [[[10, 11, 10, 11, 12]]] * 3
    sees = [[int(v == 0) for v in row] for row in packed.mask[0, 0].tolist()]
    assert sees == [[1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 1, 0, 0], [1, 1, 0, 0, 1, 1, 0], [1, 1, 0, 0, 1, 1, 1]]
    assert not math.isinf(float(packed.mask.min())) and packed.mask.dtype == torch.float32
