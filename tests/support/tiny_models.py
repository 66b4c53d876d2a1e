"""Vision-language models of six architectures at toy size with random weights: the real classes, processors and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import (
    GenerationConfig,
    GotOcr2ImageProcessor,
    Idefics3ImageProcessor,
    Idefics3Processor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    LlavaNextImageProcessor,
    LlavaNextVideoConfig,
    LlavaNextVideoForConditionalGeneration,
    LlavaNextVideoProcessor,
    LlavaNextVideoVideoProcessor,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)

QWEN_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
INTERNVL_TOKENS = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
SMOLVLM_TOKENS = ("<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>")
INITIAL_SPREAD = 0.15
"""Standard deviation of the weights: large enough that a reply differs where a picture or a word does."""


def build_qwen2_5_vl(folder: Path, texts: Iterable[str], text: Mapping[str, Any] | None = None, pixels: int = 84 * 84) -> Path:
    """Args: text: what to change of the language model's size. pixels: of a picture, at most; a token is 28 x 28 of them."""
    tokenizer = _tokenizer(texts, QWEN_TOKENS)
    sizes: dict[str, Any] = {"min_pixels": 28 * 28, "max_pixels": pixels}
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**sizes),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(**sizes),
        chat_template=_template("<|vision_start|><|image_pad|><|vision_end|>", "<|vision_start|><|video_pad|><|vision_end|>"),
    )
    config = Qwen2_5_VLConfig(
        text_config=_text(tokenizer, **{"rope_parameters": rope, **(text or {})}),
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "fullatt_block_indexes": [1],
            "out_hidden_size": (text or {}).get("hidden_size", 64),
        },
        **_qwen_ids(tokenizer),
    )  # fmt: skip
    return _save(folder, Qwen2_5_VLForConditionalGeneration, config, processor)


def build_qwen3_vl(folder: Path, texts: Iterable[str]) -> Path:
    tokenizer = _tokenizer(texts, QWEN_TOKENS)
    size = {"shortest_edge": 32 * 32, "longest_edge": 96 * 96}
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size, patch_size=16),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(size=size),
        chat_template=_template("<|vision_start|><|image_pad|><|vision_end|>", "<|vision_start|><|video_pad|><|vision_end|>"),
    )
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        text_config=_text(tokenizer, head_dim=16, rope_parameters=rope),
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64,
            "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64,
        },
        **_qwen_ids(tokenizer),
    )  # fmt: skip
    return _save(folder, Qwen3VLForConditionalGeneration, config, processor)


def build_llava_onevision(folder: Path, texts: Iterable[str]) -> Path:
    tokenizer = _tokenizer(texts, ("<image>", "<video>"))
    pinpoints = [[28, 28], [28, 56], [56, 28], [56, 56]]
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size={"height": 28, "width": 28}, image_grid_pinpoints=pinpoints),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(size={"height": 28, "width": 28}),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=_template("<image>\n", "<video>\n"),
    )
    config = LlavaOnevisionConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config={
            "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 28, "patch_size": 14, "vision_use_head": False,
        },
        image_token_index=_id(tokenizer, "<image>"),
        video_token_index=_id(tokenizer, "<video>"),
        image_grid_pinpoints=pinpoints,
        tie_word_embeddings=True,
    )  # fmt: skip
    return _save(folder, LlavaOnevisionForConditionalGeneration, config, processor)


def build_smolvlm(folder: Path, texts: Iterable[str]) -> Path:
    """With the processor of Idefics3, whose pictures are the same: SmolVLM's own needs a package for numbers in videos' prompts."""
    cells = [f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)]
    tokenizer = _tokenizer(texts, (*SMOLVLM_TOKENS, *cells))
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}),
        tokenizer=tokenizer,
        image_seq_len=4,
        chat_template=_template("<image>"),
    )
    config = SmolVLMConfig(
        text_config=_text(tokenizer, model_type="llama"),
        vision_config={
            "model_type": "smolvlm_vision", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 32, "patch_size": 8,
        },
        image_token_id=_id(tokenizer, "<image>"),
        scale_factor=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    return _save(folder, SmolVLMForConditionalGeneration, config, processor)


def build_internvl(folder: Path, texts: Iterable[str]) -> Path:
    tokenizer = _tokenizer(texts, tuple(INTERNVL_TOKENS.values()), **INTERNVL_TOKENS)
    size = {"height": 28, "width": 28}
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=True, max_patches=3),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=_template("<IMG_CONTEXT>\n", "<video>\n"),
    )
    config = InternVLConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": [28, 28], "patch_size": [7, 7],
        },
        image_token_id=_id(tokenizer, "<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=True,
    )  # fmt: skip
    return _save(folder, InternVLForConditionalGeneration, config, processor)


def build_llava_next_video(folder: Path, texts: Iterable[str]) -> Path:
    tokenizer = _tokenizer(texts, ("<image>", "<video>"), image_token="<image>", video_token="<video>")
    sizes: dict[str, Any] = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    pinpoints = [[28, 56], [56, 28], [56, 56]]
    processor = LlavaNextVideoProcessor(
        image_processor=LlavaNextImageProcessor(**sizes, image_grid_pinpoints=pinpoints),
        tokenizer=tokenizer,
        video_processor=LlavaNextVideoVideoProcessor(**sizes),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template("<image>\n", "<video>\n"),
    )
    config = LlavaNextVideoConfig(
        text_config=_text(tokenizer, model_type="llama"),
        vision_config={
            "model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 28, "patch_size": 14, "projection_dim": 32,
        },
        image_token_index=_id(tokenizer, "<image>"),
        video_token_index=_id(tokenizer, "<video>"),
        image_grid_pinpoints=pinpoints,
        image_seq_length=4,
        tie_word_embeddings=True,
    )  # fmt: skip
    return _save(folder, LlavaNextVideoForConditionalGeneration, config, processor)


BUILDERS: dict[str, Callable[[Path, Iterable[str]], Path]] = {
    "qwen2_5_vl": build_qwen2_5_vl,
    "qwen3_vl": build_qwen3_vl,
    "llava_onevision": build_llava_onevision,
    "smolvlm": build_smolvlm,
    "internvl": build_internvl,
    "llava_next_video": build_llava_next_video,
}


def _template(picture: str, video: str = "") -> str:
    """A chat template that is rendered as those of these models are; `picture` stands for each picture, `video` for each video."""
    return (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n"
        "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
        "{% if part.type == 'image' %}" + picture + "{% elif part.type == 'video' %}" + video + "{% else %}{{ part.text }}{% endif %}"
        "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


def _tokenizer(texts: Iterable[str], special: Sequence[str], **named: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that knows the words of `texts`; `named` become attributes, as `image_token` of some processors."""
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *special]
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=500, special_tokens=tokens, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([*texts, *["yes Yes no No"] * 50], trainer=trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=named or tokens[1:]
    )


def _text(tokenizer: PreTrainedTokenizerFast, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 4096, "initializer_range": INITIAL_SPREAD, "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, **more,
    }  # fmt: skip


def _id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    found: int = tokenizer.get_vocab()[token]
    return found


def _qwen_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    names = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>"}
    names |= {"vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}
    return {name: _id(tokenizer, token) for name, token in names.items()} | {"tie_word_embeddings": True}


def _save(folder: Path, model_class: Any, config: Any, processor: Any) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = model_class(config)
    tokenizer = processor.tokenizer
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=False)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
