"""Questions put to a model of transformers, in the very prompts of training, answered greedily."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftConfig, PeftModel
from torch import Tensor
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from graph_schema.models import QRA
from trainer.checks import check_chat_template, context_length
from trainer.encoding import TYPES, EncodedSample, SampleEncoder
from trainer.models import SMALL_MODEL_PARAMETERS, frozen_dtype
from trainer.packing import joined_pictures
from trainer.prefetch import prefetched
from trainer.samples import Sample
from workers.video_llms.loading import LoadedModel, load_pretrained

if TYPE_CHECKING:
    from trainer.evaluation.exam import ExamConfig

Asked = tuple[QRA, Sample]
MAX_ANSWER_TOKENS, MAX_RATIONALE_TOKENS = 64, 512


class Asker:
    """A model on its device. `seconds`: that it was at work."""

    def __init__(self, config: ExamConfig) -> None:
        """Load it. Raises: BadInput for a model that cannot be used."""
        disable_progress_bar()
        set_verbosity_error()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        loaded = load_for_asking(config.model, config.revision or "main", self._device)
        check_chat_template(loaded.processor, config.model)
        self._model = loaded.model.to(self._device).eval()
        self._encode = SampleEncoder(loaded.processor, frame_pixels=config.frame_pixels, context=context_length(loaded.model.config))
        self._tokenizer = loaded.processor.tokenizer
        self._batch_size = config.batch_size
        self._max_new_tokens = MAX_RATIONALE_TOKENS if config.rationale_first else MAX_ANSWER_TOKENS
        self._threads = 1 if self._device.type == "cpu" and loaded.model.num_parameters() < SMALL_MODEL_PARAMETERS else None
        self.seconds = 0.0

    def replies(self, asked: Sequence[Asked]) -> Iterator[tuple[list[Asked], list[str]]]:
        """Yield questions with the replies to them, a batch at a time, those whose prompts are alike together."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads or before)
        try:
            for batch in _batches(prefetched((one, self._prompt(one[1])) for one in asked), self._batch_size):
                start = time.perf_counter()
                replies = self._generate([prompt for _, prompt in batch])
                self.seconds += time.perf_counter() - start
                yield [one for one, _ in batch], replies
        finally:
            torch.set_num_threads(before)

    def _prompt(self, sample: Sample) -> EncodedSample:
        """All that comes before the reply, as the prefix."""
        encoded = self._encode(sample)
        (branch,) = encoded.branches
        asked = branch.tokens[~branch.learned]
        types = None if encoded.types is None else torch.cat([encoded.types, torch.zeros_like(asked)])
        return EncodedSample(torch.cat([encoded.prefix, asked]), types, (), encoded.pictures)

    @torch.inference_mode()
    def _generate(self, prompts: Sequence[EncodedSample]) -> list[str]:
        ids = torch.stack([prompt.prefix for prompt in prompts])
        given: dict[str, Tensor] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if types := [prompt.types for prompt in prompts if prompt.types is not None]:
            given[TYPES] = torch.stack(types)
        given |= joined_pictures([prompt.pictures for prompt in prompts])
        said = self._model.generate(
            **{name: value.to(self._device) for name, value in given.items()}, max_new_tokens=self._max_new_tokens, do_sample=False
        )
        texts: list[str] = self._tokenizer.batch_decode(
            said[:, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return texts


def load_for_asking(source: str, revision: str, device: torch.device) -> LoadedModel:
    """A model folder, a hub id, or a folder of adapters, whose base is loaded too. Raises: BadInput."""
    dtype = frozen_dtype(device)
    if not (Path(source) / "adapter_config.json").is_file():
        return load_pretrained(source, dtype=dtype, revision=revision)
    adapters = PeftConfig.from_pretrained(source)
    base = load_pretrained(str(adapters.base_model_name_or_path), dtype=dtype, revision=adapters.revision or "main")
    return base._replace(model=PeftModel.from_pretrained(base.model, source).merge_and_unload())


def _batches(prompts: Iterator[tuple[Asked, EncodedSample]], batch_size: int) -> Iterator[list[tuple[Asked, EncodedSample]]]:
    """Group prompts of one length with pictures of one shape: no padding, so that a reply does not depend on what else was asked."""
    waiting: dict[Any, list[tuple[Asked, EncodedSample]]] = {}
    for one in prompts:
        prompt = one[1]
        group = waiting.setdefault((len(prompt.prefix), tuple((n, tuple(t.shape)) for n, t in prompt.pictures.items())), [])
        group.append(one)
        if len(group) == batch_size:
            yield group.copy()
            group.clear()
        elif sum(map(len, waiting.values())) >= 8 * batch_size:  # their pictures are in memory meanwhile
            largest = max(waiting.values(), key=len)
            yield largest.copy()
            largest.clear()
    yield from (group for group in waiting.values() if group)
