"""Detectors of the transformers library: those with fixed classes (D-FINE, RT-DETR, DETR, YOLOS …), and those that are told what to find
(Grounding DINO, OWLv2 …). Import this only where torch is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoImageProcessor, AutoModelForObjectDetection, AutoModelForZeroShotObjectDetection, AutoProcessor
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES,
    MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING_NAMES,
)

from graph_schema.errors import BadInput
from graph_schema.identifiers import file_sha256
from graph_schema.record import JsonObject
from workers.parsers.detector.base import MIN_CONFIDENCE, Image, NamedBox
from workers.pretrained import cannot_be_loaded, hub_commit, load_whole

NO_NAME = "N/A"
"""What DETR calls the classes that COCO left out."""
READ_BY_TOKEN = ("grounding-dino", "mm-grounding-dino")
"""Models that are given all words as one text, with a full stop after each."""
ENDS = 2
"""Tokens at the ends of their text."""
IDENTIFYING_FILES = ("*.safetensors", "config.json", "preprocessor_config.json", "processor_config.json")
"""Of a model's folder: what decides its boxes."""


class TransformersDetector:
    """A model with its own processor, whose names are its classes or, of a model that is told, `words`."""

    def __init__(self, model: Any, processor: Any, configuration: JsonObject, words: Sequence[str] | None = None) -> None:
        """Put the model where it runs fastest. Args: words: what to find, maybe nothing yet; None: its classes."""
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model, self._processor = model.to(self._device).eval(), processor
        self._configuration, self._words = configuration, None if words is None else tuple(words)

    @property
    def configuration(self) -> JsonObject:
        """Its weights by content or revision, and the libraries that run them."""
        return self._configuration

    @property
    def labels(self) -> tuple[str, ...]:
        """The names it can give."""
        return tuple(self._id2label.values()) if self._words is None else self._words

    def told(self, words: Sequence[str]) -> TransformersDetector:
        """The same model, to find these words; itself where its names are its classes."""
        return self if self._words is None else TransformersDetector(self._model, self._processor, self._configuration, words)

    def detect(self, images: Sequence[Image]) -> list[list[NamedBox]]:
        """Return the boxes in each picture."""
        if self._words is None:
            return self._of_classes(images)
        if self._configuration["type"] in READ_BY_TOKEN:
            by_part = [self._of_tokens(images, part) for part in self._prompts(self._words)]
        else:
            by_part = [self._of_words(images, self._words)] if self._words else []
        return [[box for part in by_part for box in part[n]] for n in range(len(images))]

    @property
    def _id2label(self) -> dict[int, str]:
        return {k: str(name) for k, name in self._model.config.id2label.items() if name != NO_NAME}

    def _run(self, images: Sequence[Image], **told: Any) -> tuple[Any, Any]:
        """(what goes into the model, what comes out)"""
        inputs = self._processor(images=list(images), return_tensors="pt", **told).to(self._device)
        with torch.inference_mode():
            return inputs, self._model(**inputs)

    def _of_classes(self, images: Sequence[Image]) -> list[list[NamedBox]]:
        sizes, names = [image.shape[:2] for image in images], self._id2label
        _, outputs = self._run(images)
        found = self._processor.post_process_object_detection(outputs, threshold=MIN_CONFIDENCE, target_sizes=sizes)
        return [_named_boxes(r, [names.get(k) for k in r["labels"].tolist()], *size) for r, size in zip(found, sizes, strict=True)]

    def _of_words(self, images: Sequence[Image], words: Sequence[str]) -> list[list[NamedBox]]:
        """Of a model that scores each word by itself, as OWLv2 does."""
        sizes, texts = [image.shape[:2] for image in images], [list(words) for _ in images]
        _, outputs = self._run(images, text=texts, padding=True, truncation=True)
        found = self._processor.post_process_grounded_object_detection(
            outputs=outputs, threshold=MIN_CONFIDENCE, target_sizes=sizes, text_labels=texts
        )
        return [_named_boxes(r, [str(text) for text in r["text_labels"]], *size) for r, size in zip(found, sizes, strict=True)]

    def _prompts(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The words in parts that fit the model's text; it leaves out unseen what is longer."""
        parts: list[list[str]] = [[]]
        used, room = 0, self._model.config.max_text_len - ENDS
        for word in words:
            tokens = len(self._processor.tokenizer(_asked(word), add_special_tokens=False)["input_ids"]) + 1  # and the full stop
            if parts[-1] and used + tokens > room:
                parts.append([])
                used = 0
            parts[-1].append(word)
            used += tokens
        return [tuple(part) for part in parts if part]

    def _of_tokens(self, images: Sequence[Image], words: Sequence[str]) -> list[list[NamedBox]]:
        """Of a model that scores each token of one text, as Grounding DINO does: a box is of the word that has its best token.

        The processor's own reading puts together all tokens above a second threshold: parts of words, or several words at once.
        """
        text = " ".join(f"{_asked(word)}." for word in words)
        inputs, outputs = self._run(images, text=[text] * len(images), padding=True)
        stop = self._processor.tokenizer.convert_tokens_to_ids(".")
        tokens = inputs["input_ids"][0].tolist()
        stops = [n for n, token in enumerate(tokens) if token == stop][: len(words)]
        starts = [1, *(n + 1 for n in stops)]
        of_token = torch.sigmoid(outputs.logits)  # (pictures, boxes, tokens)
        of_word = [of_token[..., start:end].amax(dim=-1) for start, end in zip(starts, stops, strict=False)]
        scores, kinds = torch.stack(of_word, dim=-1).max(dim=-1)
        results = []
        for of_boxes, named, boxes in zip(scores.tolist(), kinds.tolist(), outputs.pred_boxes.tolist(), strict=True):
            rows = [row for row in zip(of_boxes, named, boxes, strict=True) if row[0] >= MIN_CONFIDENCE]
            results.append([NamedBox(words[k], score, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)) for score, k, (x, y, w, h) in rows])
        return results


def _asked(word: str) -> str:
    """A word as such a model is asked for it: in lower case, and without the full stops that end words."""
    return " ".join(word.lower().replace(".", " ").split()) or "thing"


def _named_boxes(result: Any, labels: Sequence[str | None], height: int, width: int) -> list[NamedBox]:
    rows = zip(labels, result["scores"].tolist(), result["boxes"].tolist(), strict=True)
    return [
        NamedBox(label, score, (x1 / width, y1 / height, x2 / width, y2 / height))
        for label, score, (x1, y1, x2, y2) in rows
        if label is not None
    ]


def load_transformers_detector(source: str, words: Sequence[str] | None = None) -> TransformersDetector:
    """Load a model folder or a hub id: safetensors weights only, none of the code that may come with it.

    Args: words: what one that is told is to find; None: it is told later.
    Raises: BadInput where it is no detector, cannot be loaded, lacks some of its weights, or is to be told what to find and is not.
    """
    try:
        kind = str(AutoConfig.from_pretrained(source, trust_remote_code=False).model_type)
        told = kind in MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING_NAMES
        if not told and kind not in MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES:
            raise BadInput(f"detector {source!r} is a model of type {kind!r}, which finds no objects; give an object detection model")
        if told and words is not None and not words:
            raise BadInput(f"detector {source!r} finds what it is told, and words is empty; give them, as in --words cup,person")
        automatic: Any = AutoModelForZeroShotObjectDetection if told else AutoModelForObjectDetection
        processors: Any = AutoProcessor if told else AutoImageProcessor
        processor = processors.from_pretrained(source, trust_remote_code=False)
        model = load_whole(automatic, source, what="detector")
    except (OSError, ValueError, ImportError) as error:
        alternatives = "a model folder with safetensors weights, a .cfg or .onnx file"
        raise cannot_be_loaded("detector", source, error, alternatives) from error
    configuration: JsonObject = {
        "name": Path(source).name if Path(source).is_dir() else source,
        "type": kind,
        "weights": _identity(source),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    return TransformersDetector(model, processor, configuration, (words or ()) if told else None)


def _identity(source: str) -> JsonObject:
    """What tells its weights from others: the files' hashes of a folder, the commit of a hub's model."""
    folder = Path(source)
    if folder.is_dir():
        return {p.name: file_sha256(p) for pattern in IDENTIFYING_FILES for p in sorted(folder.glob(pattern))}
    return {"commit": hub_commit(source)}
