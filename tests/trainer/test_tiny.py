"""The toy-sized model: real classes, made on the spot."""

from __future__ import annotations

import hashlib
from pathlib import Path

from transformers import AutoModelForImageTextToText, AutoProcessor, Qwen2_5_VLForConditionalGeneration

from trainer.tiny import build_tiny_model

TEXTS = ["What is left of the large red circle?", "the small blue square", "moves left", "1. What moves? the small blue square"]


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_the_same_texts_and_seed_give_the_same_files_and_another_seed_other_weights(tmp_path: Path) -> None:
    first, again, other = (hashes(build_tiny_model(tmp_path / n, texts=TEXTS, seed=s)) for n, s in (("a", 3), ("b", 3), ("c", 4)))
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_a_model_folder_like_any_other_with_safetensors_only(tmp_path: Path) -> None:
    folder = build_tiny_model(tmp_path / "m", texts=TEXTS)
    assert {p.suffix for p in folder.iterdir()} == {".json", ".jinja", ".safetensors"}
    model = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=False, use_safetensors=True)
    assert isinstance(model, Qwen2_5_VLForConditionalGeneration)
    assert model.num_parameters() < 500_000


def test_its_own_texts_are_few_tokens_and_any_text_comes_back_whole(tmp_path: Path) -> None:
    tokenizer = AutoProcessor.from_pretrained(build_tiny_model(tmp_path / "m", texts=TEXTS * 9)).tokenizer
    assert len(tokenizer("the small blue square")["input_ids"]) <= 4
    strange = "Größe: 7 µm – 猫 🐈\n\ttab"
    assert tokenizer.decode(tokenizer(strange)["input_ids"], clean_up_tokenization_spaces=False) == strange
