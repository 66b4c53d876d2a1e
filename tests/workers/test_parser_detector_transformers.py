"""Detectors of transformers, of the real classes at toy size, loaded by folder: what they find has the right name, score and place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from graph_schema.errors import BadInput
from graph_schema.options import DetectorParserOptions
from tests.support import tiny_detectors
from workers.parsers.detector.base import MIN_CONFIDENCE, NamedBox
from workers.parsers.detector.open_detector import open_detector, open_detector_parser

Build = Callable[[Path, Sequence[str]], Path]
WIDE = np.zeros((32, 64, 3), np.uint8)
WIDE[8:20, 10:30] = 200
"""A picture twice as wide as high."""
WORDS = ("Cup", "tennis racket", "t-shirt")


def detected(folder: Path, words: tuple[str, ...] | None = ()) -> list[NamedBox]:
    first, second = open_detector(str(folder), words).detect([WIDE, WIDE])
    assert [b.label for b in first] == [b.label for b in second]
    return first


def test_detr_says_what_and_where(tmp_path: Path) -> None:
    found = detected(tiny_detectors.build_detr(tmp_path, ("N/A", "cup", "person")))
    assert [b.label for b in found] == ["person"] * 5
    for box in found:  # softmax of (0, 0, 3, -9) without the last, which stands for nothing
        assert box.confidence == pytest.approx(np.exp(3) / (np.exp(3) + 2 + np.exp(-9)), abs=1e-4)
        assert box.box_xyxy == pytest.approx((0.25, 0.25, 0.75, 0.75))
    assert open_detector(str(tmp_path), ()).labels == ("cup", "person")


def test_a_class_that_stands_for_none_is_no_object(tmp_path: Path) -> None:
    assert detected(tiny_detectors.build_detr(tmp_path, ("cup", "N/A"))) == []


@pytest.mark.parametrize("build", [tiny_detectors.build_d_fine, tiny_detectors.build_rt_detr_v2])
def test_d_fine_and_rt_detr(tmp_path: Path, build: Build) -> None:
    found = detected(build(tmp_path, ("cup", "person")))
    assert [(b.label, round(b.confidence, 3)) for b in found] == [("person", 0.5)] * 5  # sigmoid(0)
    assert all(-0.01 <= v <= 1.01 for b in found for v in b.box_xyxy)


def test_owlv2_looks_at_a_square_and_its_boxes_are_of_the_picture(tmp_path: Path) -> None:
    found = detected(tiny_detectors.build_owlv2(tmp_path, WORDS), WORDS)
    assert {b.label for b in found} <= set(WORDS)
    # middle (0.5, 0.5) of the square, half of it wide: x from 16 to 48 of 64, y from 16 to 48 of 32
    assert found[0].box_xyxy == pytest.approx((0.25, 0.5, 0.75, 1.5), abs=1e-3)
    (box,) = [b for b in detected(tmp_path, ("cup",)) if b.box_xyxy == found[0].box_xyxy]
    assert box.label == "cup"
    a_long_word = " ".join(["cup"] * 40)  # more than its text takes
    assert {b.label for b in detected(tmp_path, (a_long_word,))} <= {a_long_word}


def test_grounding_dino_names_the_word_of_its_best_token(tmp_path: Path) -> None:
    """The text is "cup. tennis racket. t-shirt.": of its tokens the first is a start, and full stops stand at 2, 5 and 9."""
    found = detected(tiny_detectors.build_grounding_dino(tmp_path, ("cup", "tennis", "racket", "shirt")), WORDS)

    processor, model = AutoProcessor.from_pretrained(tmp_path), AutoModelForZeroShotObjectDetection.from_pretrained(tmp_path)
    inputs = processor(images=[WIDE], text=[["Cup", "tennis racket", "t-shirt"]], return_tensors="pt")
    assert processor.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]) == [
        "[CLS]", "cup", ".", "tennis", "racket", ".", "t", "-", "shirt", ".", "[SEP]"
    ]  # fmt: skip
    with torch.inference_mode():
        outputs = model(**inputs)
    scores = outputs.logits[0].sigmoid().numpy()
    of_words = np.stack([scores[:, 1], scores[:, 3:5].max(axis=1), scores[:, 6:9].max(axis=1)], axis=1)
    expected = [
        NamedBox(WORDS[of_words[n].argmax()], of_words[n].max(), (x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        for n, (x, y, w, h) in enumerate(outputs.pred_boxes[0].tolist())
        if of_words[n].max() >= MIN_CONFIDENCE
    ]
    assert [b.label for b in found] == [b.label for b in expected] and len({b.label for b in found}) > 1
    for box, other in zip(found, expected, strict=True):
        assert (box.confidence, *box.box_xyxy) == pytest.approx((other.confidence, *other.box_xyxy), abs=1e-4)


def test_words_that_do_not_fit_one_text_are_asked_in_parts(tmp_path: Path) -> None:
    """16 tokens: two ends, and letters with a full stop after each word."""
    folder = tiny_detectors.build_grounding_dino(tmp_path, (), max_text_tokens=16)
    words = ("cup", "fork", "spoon", "knife", "bowl")
    together = detected(folder, words)
    in_parts = [box for part in (("cup", "fork"), ("spoon", "knife"), ("bowl",)) for box in detected(folder, part)]  # 9, 12, 5 tokens
    assert together == in_parts and len({b.label for b in together}) >= 3


def test_one_that_is_told_later_knows_no_word_until_then(tmp_path: Path) -> None:
    detector = open_detector(str(tiny_detectors.build_owlv2(tmp_path, WORDS)))
    assert (detector.labels, detector.detect([WIDE])) == ((), [[]])
    assert detector.told(("cup",)).labels == ("cup",)
    assert {b.label for b in detector.told(("cup",)).detect([WIDE])[0]} == {"cup"}
    assert all(b.confidence >= MIN_CONFIDENCE for b in detector.told(WORDS).detect([WIDE])[0])


def test_one_that_must_be_told_is_refused_without_words(tmp_path: Path) -> None:
    folder = str(tiny_detectors.build_owlv2(tmp_path, WORDS))
    with pytest.raises(BadInput, match="finds what it is told, and words is empty; give them, as in --words cup,person"):
        open_detector_parser(DetectorParserOptions(detector=folder))
    assert open_detector_parser(DetectorParserOptions(detector=folder, words=("cup",))).configuration["words"] == ["cup"]


def test_weights_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    folder = tiny_detectors.build_detr(tmp_path, ("cup",))
    weights = load_file(folder / "model.safetensors")
    del weights["class_labels_classifier.bias"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match=r"lacks 1 of its weights, such as class_labels_classifier\.bias"):
        open_detector(str(folder))
