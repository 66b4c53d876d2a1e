"""Detectors of transformers at toy size: real classes, processors and files. Their last layers are set so that what they find is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel, WordPiece
from tokenizers.normalizers import BertNormalizer, Lowercase
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    DetrConfig,
    DetrForObjectDetection,
    DetrImageProcessor,
    DFineConfig,
    DFineForObjectDetection,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
    PreTrainedTokenizerFast,
    ResNetConfig,
    RTDetrImageProcessor,
    RTDetrResNetConfig,
    RTDetrV2Config,
    RTDetrV2ForObjectDetection,
    SwinConfig,
)

SIDE = 64
"""Pixels of the pictures that they look at."""
BERT_TOKENS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
"""Ids that Grounding DINO has in its code."""


def build_detr(folder: Path, labels: Sequence[str]) -> Path:
    """Five boxes in the middle of the picture, half its sides long; all of the last label."""
    backbone = _backbone(ResNetConfig, embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], out_features=["stage2"], layer_type="basic")
    config = DetrConfig(
        backbone_config=backbone, num_queries=5, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, id2label=dict(enumerate(labels)),
    )  # fmt: skip
    model = _random(DetrForObjectDetection, config)
    _constant(model.class_labels_classifier, [0.0] * (len(labels) - 1) + [3.0, -9.0])  # the last: no object
    _constant(model.bbox_predictor.layers[-1], [0.0] * 4)  # sigmoid(0) = 0.5
    return _save(folder, model, DetrImageProcessor(size={"height": SIDE, "width": SIDE}))


def build_d_fine(folder: Path, labels: Sequence[str]) -> Path:
    """Five boxes somewhere; all of the last label."""
    config = DFineConfig(**_rt_detr_sizes(labels), lqe_hidden_dim=8, max_num_bins=8, decoder_n_points=[2, 2])
    return _save(folder, _of_last_label(DFineForObjectDetection, config), RTDetrImageProcessor(size={"height": SIDE, "width": SIDE}))


def build_rt_detr_v2(folder: Path, labels: Sequence[str]) -> Path:
    """Five boxes somewhere; all of the last label."""
    config = RTDetrV2Config(**_rt_detr_sizes(labels), decoder_n_points=2, decoder_n_levels=2)
    return _save(folder, _of_last_label(RTDetrV2ForObjectDetection, config), RTDetrImageProcessor(size={"height": SIDE, "width": SIDE}))


def _rt_detr_sizes(labels: Sequence[str]) -> dict[str, Any]:
    backbone = _backbone(
        RTDetrResNetConfig,
        embedding_size=8,
        hidden_sizes=[8, 8, 8],
        depths=[1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3"],
    )
    return {
        "backbone_config": backbone, "encoder_hidden_dim": 16, "encoder_in_channels": [8, 8], "feat_strides": [8, 16],
        "encode_proj_layers": [1], "encoder_ffn_dim": 16, "encoder_attention_heads": 2, "d_model": 16, "num_queries": 5,
        "decoder_in_channels": [16, 16], "decoder_ffn_dim": 16, "num_feature_levels": 2, "decoder_layers": 2,
        "decoder_attention_heads": 2, "num_denoising": 0, "id2label": dict(enumerate(labels)),
    }  # fmt: skip


def _of_last_label(model_class: Any, config: Any) -> Any:
    model = _random(model_class, config)
    last = config.num_labels - 1
    for classifier in model.class_embed:
        _constant(classifier, [0.0 if k == last else -9.0 for k in range(config.num_labels)])
    return model


def build_owlv2(folder: Path, words: Sequence[str]) -> Path:
    """A grid of 2 x 2 boxes in the squared picture, a patch apart, half of it long, the first in its middle; each as likely any word."""
    vocabulary = {token: n for n, token in enumerate(("!", "<s>", "</s>", "<unk>", *words))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    processor = Owlv2Processor(
        image_processor=Owlv2ImageProcessor(size={"height": SIDE, "width": SIDE}),
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="!", unk_token="<unk>", bos_token="<s>", eos_token="</s>", model_max_length=16
        ),
    )
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Owlv2Config(
        text_config={**size, "vocab_size": len(vocabulary), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
        vision_config={**size, "image_size": SIDE, "patch_size": SIDE // 2},
        projection_dim=16,
    )
    model = _random(Owlv2ForObjectDetection, config)
    _constant(model.box_head.dense2, [0.0] * 4)
    _constant(model.class_head.logit_scale, [0.0])  # ELU(0) + 1 = 1
    _constant(model.class_head.logit_shift, [2.0])
    return _save(folder, model, processor)


def build_grounding_dino(folder: Path, words: Sequence[str], max_text_tokens: int = 256) -> Path:
    """Five boxes somewhere. Args: words: what its tokenizer knows; others are cut into letters."""
    letters = "abcdefghijklmnopqrstuvwxyz-"
    pieces = [*words, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = dict(BERT_TOKENS)
    vocabulary |= {word: 200 + n for n, word in enumerate(dict.fromkeys(pieces))}
    taken = set(vocabulary.values())
    vocabulary |= {f"[unused{n}]": n for n in range(1100) if n not in taken}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)])
    processor = GroundingDinoProcessor(
        image_processor=GroundingDinoImageProcessor(size={"height": SIDE, "width": SIDE}),
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
            model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        ),
    )  # fmt: skip
    config = GroundingDinoConfig(
        backbone_config=_backbone(
            SwinConfig, image_size=SIDE, embed_dim=8, depths=[1, 1], num_heads=[1, 1], window_size=4, out_features=["stage1", "stage2"]
        ),
        text_config=BertConfig(vocab_size=1100, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2),
        num_queries=5, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=16, encoder_attention_heads=2,
        decoder_attention_heads=2, d_model=32, num_feature_levels=2, max_text_len=max_text_tokens,
    )  # fmt: skip
    return _save(folder, _random(GroundingDinoForObjectDetection, config), processor)


def _backbone(config_class: Any, **sizes: Any) -> Any:
    return config_class(**sizes)


def _random(model_class: Any, config: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return model_class(config).eval()


def _constant(layer: Any, bias: Sequence[float]) -> None:
    """Make a layer give these values, whatever comes in."""
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor(bias))


def _save(folder: Path, model: Any, processor: Any) -> Path:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
