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
IDENTIFYING_FILES = ("*.safetensors", "config.json", "preprocessor_config.json", "processor_config.json")
"""Of a model's folder: what decides its boxes."""


class TransformersDetector:
    """A model with its own processor. `words`: what to find, for a model that is told; else it finds its classes."""

    def __init__(self, model: Any, processor: Any, configuration: JsonObject, words: Sequence[str] = ()) -> None:
        """Put the model where it runs fastest."""
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model, self._processor, self._words = model.to(self._device).eval(), processor, tuple(words)
        self._configuration = configuration

    @property
    def configuration(self) -> JsonObject:
        """Its weights by content or revision, and the libraries that run them."""
        return self._configuration

    @property
    def labels(self) -> tuple[str, ...]:
        """The names it can give."""
        return self._words or tuple(str(name) for name in self._model.config.id2label.values())

    def detect(self, images: Sequence[Image]) -> list[list[NamedBox]]:
        """Return the boxes in each picture."""
        sizes = [image.shape[:2] for image in images]
        texts = [list(self._words) for _ in images]
        told = {"text": texts, "padding": True} if self._words else {}
        inputs = self._processor(images=list(images), return_tensors="pt", **told).to(self._device)
        with torch.inference_mode():
            outputs = self._model(**inputs)
        if self._words:
            found = self._processor.post_process_grounded_object_detection(
                outputs=outputs, threshold=MIN_CONFIDENCE, target_sizes=sizes, text_labels=texts
            )
            names = [[self._word(str(text)) for text in result["text_labels"]] for result in found]
        else:
            found = self._processor.post_process_object_detection(outputs, threshold=MIN_CONFIDENCE, target_sizes=sizes)
            id2label = self._model.config.id2label
            names = [[id2label[k] for k in result["labels"].tolist()] for result in found]
        return [_named_boxes(result, labels, *size) for result, labels, size in zip(found, names, sizes, strict=True)]

    def _word(self, text: str) -> str | None:
        """The word that is meant: models give parts of their text back, of several words too. None where it is not clear."""
        if text in self._words:
            return text
        meant = [word for word in self._words if word in text or (text and text in word)]
        return meant[0] if len(meant) == 1 else None


def _named_boxes(result: Any, labels: Sequence[str | None], height: int, width: int) -> list[NamedBox]:
    rows = zip(labels, result["scores"].tolist(), result["boxes"].tolist(), strict=True)
    return [
        NamedBox(label, score, (x1 / width, y1 / height, x2 / width, y2 / height))
        for label, score, (x1, y1, x2, y2) in rows
        if label and label != NO_NAME
    ]


def load_transformers_detector(source: str, words: Sequence[str] = ()) -> TransformersDetector:
    """Load a model folder or a hub id: safetensors weights only, none of the code that may come with it.

    Raises: BadInput where it is no detector, cannot be loaded, lacks some of its weights, or is to be told what to find and is not.
    """
    try:
        kind = str(AutoConfig.from_pretrained(source, trust_remote_code=False).model_type)
        told = kind in MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING_NAMES
        if not told and kind not in MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES:
            raise BadInput(f"detector {source!r} is a model of type {kind!r}, which finds no objects; give an object detection model")
        if told and not words:
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
    return TransformersDetector(model, processor, configuration, words if told else ())


def _identity(source: str) -> JsonObject:
    """What tells its weights from others: the files' hashes of a folder, the commit of a hub's model."""
    folder = Path(source)
    if folder.is_dir():
        return {p.name: file_sha256(p) for pattern in IDENTIFYING_FILES for p in sorted(folder.glob(pattern))}
    return {"commit": hub_commit(source)}
