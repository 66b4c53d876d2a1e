"""A Qwen3-VL at toy size that learns to see: lists of what is where, what is at a place, where something is, what is beside something."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from benchmarks.evidence.worlds import CELL, GRID, NAMES, PLACES, SHAPES, World, make_world, neighbours, picture_of
from trainer.encoding import messages, picture_parts
from trainer.samples import ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION

HIDDEN, LAYERS = 128, 4
PATCH, MERGE = CELL // 2, 2
TOKENS = GRID * GRID
MEAN, STD = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
TEMPLATE = (
    "{% for message in messages %}{% for part in message.content %}{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>{% endif %}"
)
PHRASES = {"left of": "to the left of", "right of": "to the right of", "above": "above", "below": "below"}
LIST = "List what is in the picture."
SECONDS = {"where": 0.2, "facts": 0.4}
"""Shares of the time for each stage; lists come in the last. A name is tied to its place first: mixed with all else it is not learned."""
BATCH, LEARNING_RATE = 48, 1.5e-3


class Lesson(NamedTuple):
    """A picture, what is asked about it, what is to be said."""

    world: World
    picture: NDArray[np.uint8]
    question: str
    reply: str


def build(folder: Path, seed: int) -> Path:
    """Write the model with random weights."""
    tokenizer = _tokenizer()
    ids: dict[str, int] = tokenizer.get_vocab()
    size = {"shortest_edge": (GRID * CELL) ** 2, "longest_edge": (GRID * CELL) ** 2}
    picture: dict[str, Any] = {"size": size, "patch_size": PATCH, "merge_size": MERGE, "temporal_patch_size": 1}
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**picture, image_mean=MEAN.tolist(), image_std=STD.tolist()),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(**picture),
        chat_template=TEMPLATE,
    )
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": HIDDEN, "intermediate_size": 2 * HIDDEN, "num_hidden_layers": LAYERS,
            "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": HIDDEN // 4, "max_position_embeddings": 512,
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [6, 5, 5], "mrope_interleaved": True},
            "initializer_range": 0.06, "bos_token_id": None, "eos_token_id": ids["<|im_end|>"], "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 2, "out_hidden_size": HIDDEN, "patch_size": PATCH,
            "spatial_merge_size": MERGE, "temporal_patch_size": 1, "deepstack_visual_indexes": [0],
            "num_position_embeddings": (GRID * CELL // PATCH) ** 2, "initializer_range": 0.06,
        },
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"], vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"], tie_word_embeddings=True,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen3VLForConditionalGeneration(config)
    model.generation_config = GenerationConfig(eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|endoftext|>"], do_sample=False)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def listing(world: World) -> str:
    """What is where, in the order of the cells."""
    return "; ".join(f"{PLACES[cell]} {name}" for cell, name in world.items())


def read_listing(text: str) -> World:
    """The inverse; what cannot be read is left out, a place or a name said twice counts once."""
    found: World = {}
    for part in text.split(";"):
        place, name = part.strip()[:2], part.strip()[2:].strip()  # tokens that begin with a space are read without it
        if place in PLACES and name in NAMES and name not in found.values():
            found.setdefault(PLACES.index(place), name)
    return dict(sorted(found.items()))


def lesson(kind: str, draw: np.random.Generator, noise: float) -> Lesson:
    """One of a kind: `list`, `where`, `at`, or a `fact`: a question of one step, in the words that the product asks in."""
    world = make_world(draw)
    picture = picture_of(world, draw, noise)
    cells = list(world)
    cell = cells[draw.integers(len(cells))]
    if kind == "list":
        return Lesson(world, picture, LIST, listing(world))
    if kind == "where":
        return Lesson(world, picture, f"Where is the {world[cell]}?", PLACES[cell])
    if kind == "at":
        return Lesson(world, picture, f"What is at {PLACES[cell]}?", world[cell])
    if not (facts := list(neighbours(world))):
        return lesson(kind, draw, noise)
    here, predicate, there = facts[draw.integers(len(facts))]
    beside, (colour, shape) = f"is {PHRASES[predicate]} the {world[here]}", world[there].split()
    if draw.random() < 0.3:
        return Lesson(world, picture, f"What colour is the {shape} that {beside}?", colour)
    return Lesson(world, picture, f"{'What' if draw.random() < 0.6 else f'Which {shape}'} {beside}?", world[there])


class Learner:
    """The model in memory, with what turns lessons into tensors as the product's encoder would."""

    def __init__(self, folder: Path) -> None:
        """Load it."""
        self.processor = Qwen3VLProcessor.from_pretrained(folder)
        self.model: Any = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        self.folder = folder
        self._names = self.processor.tokenizer.convert_tokens_to_ids(list(NAMES))
        self._ids = dict(zip(NAMES, self._names, strict=True))
        self._picture = self.processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")

    def prompt(self, question: str) -> list[int]:
        """Tokens before the reply: those of the product for a question about one picture."""
        asked = question if question == LIST else f"{question}\n{ANSWER_INSTRUCTION}"
        text = self.processor.apply_chat_template(messages(asked, picture_parts([0.5])), add_generation_prompt=True, tokenize=False)
        ids: list[int] = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        at = ids.index(self._picture)
        return [*ids[:at], *[self._picture] * TOKENS, *ids[at + 1 :]]

    def inputs(self, rows: Sequence[Sequence[int]], pictures: Sequence[NDArray[np.uint8]], *, left: bool = False) -> dict[str, Tensor]:
        """A batch of token rows with a picture each, padded."""
        pad, length = self.processor.tokenizer.pad_token_id, max(map(len, rows))
        padded = [[*[pad] * (length - len(r)), *r] if left else [*r, *[pad] * (length - len(r))] for r in rows]
        mask = [[*[0] * (length - len(r)), *[1] * len(r)] if left else [*[1] * len(r), *[0] * (length - len(r))] for r in rows]
        ids = torch.tensor(padded)
        side = GRID * CELL // PATCH
        return {
            "input_ids": ids, "attention_mask": torch.tensor(mask), "pixel_values": patches(np.stack(pictures)),
            "image_grid_thw": torch.tensor([[1, side, side]] * len(rows)), "mm_token_type_ids": (ids == self._picture).int(),
        }  # fmt: skip

    def learn(self, seconds: float, noise: float, seed: int, tell: Any = None) -> None:
        """Train on fresh worlds for so long (CPU seconds of this thread), and save.

        An auxiliary head on what the language model is given and on its first layer names each cell's content; it is thrown away.
        """
        model, tokenizer = self.model.train(), self.processor.tokenizer
        heads = [
            nn.Linear(HIDDEN, len(NAMES) + 1),
            nn.Linear(HIDDEN, len(NAMES) + 1),
            nn.Linear(HIDDEN, TOKENS),
            nn.Linear(HIDDEN, 4 * (len(NAMES) + 1)),
        ]
        seen: dict[str, Tensor] = {}
        hooks = [
            model.model.visual.register_forward_hook(
                lambda _m, _i, out: seen.__setitem__("vision", torch.cat(list(out.pooler_output)).view(-1, HIDDEN))
            ),
            *(
                model.model.language_model.layers[layer].register_forward_hook(
                    lambda _m, _i, out, layer=layer: seen.__setitem__(str(layer), out[0] if isinstance(out, tuple) else out)
                )
                for layer in (0, 1, 2)
            ),
        ]
        parameters = [*model.parameters(), *(p for head in heads for p in head.parameters())]
        optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
        draw, begun, step = np.random.default_rng([seed, 1]), time.thread_time(), 0
        while (spent := (time.thread_time() - begun) / seconds) < 1:
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * min(1, (step + 1) / 50) * (1 if spent < 0.7 else max(0.02, (1 - spent) / 0.3))
            kinds = _kinds(spent)
            lessons = [lesson(kinds[i % len(kinds)], draw, noise) for i in range(BATCH)]
            loss = self._loss(lessons, tokenizer) + self._naming_loss(lessons, seen, heads)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            step += 1
            if tell is not None and step % 200 == 0:
                tell(step, spent, {kind: self.accuracy(kind, noise, seed, 100) for kind in ("list", "where", "at", "fact")})
                model.train()
        for hook in hooks:
            hook.remove()
        model.save_pretrained(self.folder)

    def _naming_loss(self, lessons: Sequence[Lesson], seen: dict[str, Tensor], heads: Sequence[nn.Module]) -> Tensor:
        """What is in each cell, from the merged patches and the first layer; where a name of the question is, from the second layer; what
        is beside it, from the third.
        """
        inside = torch.tensor([NAMES.index(one.world[c]) + 1 if c in one.world else 0 for one in lessons for c in range(TOKENS)])
        prompts = [self.prompt(one.question) for one in lessons]
        at = prompts[0].index(self._picture)
        vision = seen["vision"]
        loss = nn.functional.cross_entropy(heads[0](vision), inside)
        loss = loss + nn.functional.cross_entropy(heads[1](seen["0"][:, at : at + TOKENS].reshape(-1, HIDDEN)), inside)
        named = [(i, prompt.index(name)) for i, prompt in enumerate(prompts) for name in self._names if name in prompt]
        if named:
            rows, places = zip(*named, strict=True)
            cells = [next(c for c, name in lessons[i].world.items() if self._ids[name] == prompts[i][at]) for i, at in named]
            loss = loss + nn.functional.cross_entropy(heads[2](seen["1"][list(rows), list(places)]), torch.tensor(cells))
            beside = torch.tensor([_beside(lessons[i].world, cell) for i, cell in zip(rows, cells, strict=True)])
            told = heads[3](seen["2"][list(rows), list(places)]).view(-1, len(NAMES) + 1)
            loss = loss + nn.functional.cross_entropy(told, beside.flatten())
        return loss

    def _loss(self, lessons: Sequence[Lesson], tokenizer: Any) -> Tensor:
        prompts = [self.prompt(one.question) for one in lessons]
        replies = [tokenizer(one.reply + tokenizer.eos_token, add_special_tokens=False)["input_ids"] for one in lessons]
        batch = self.inputs([p + r for p, r in zip(prompts, replies, strict=True)], [one.picture for one in lessons])
        labels = torch.full_like(batch["input_ids"], -100)
        for i, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):
            labels[i, len(prompt) : len(prompt) + len(reply)] = torch.tensor(reply)
        logits = self.model(**batch, use_cache=False).logits[:, :-1]
        learned = labels[:, 1:] != -100
        losses = nn.functional.cross_entropy(logits[learned], labels[:, 1:][learned], reduction="none")
        of = learned.nonzero()[:, 0]
        return (torch.zeros(len(lessons)).index_add(0, of, losses) / torch.bincount(of, minlength=len(lessons))).mean()

    @torch.no_grad()
    def accuracy(self, kind: str, noise: float, seed: int, count: int) -> float:
        """The share of fresh lessons of a kind that it answers right, greedily."""
        draw = np.random.default_rng([seed, 2])
        lessons = [lesson(kind, draw, noise) for _ in range(count)]
        said = self.say([one.question for one in lessons], [one.picture for one in lessons])
        if kind == "list":
            return sum(read_listing(reply) == one.world for reply, one in zip(said, lessons, strict=True)) / count
        return sum(reply.strip() == one.reply for reply, one in zip(said, lessons, strict=True)) / count

    @torch.no_grad()
    def say(self, questions: Sequence[str], pictures: Sequence[NDArray[np.uint8]], *, temperature: float = 0.0) -> list[str]:
        """Replies, drawn at a temperature, or greedy."""
        batch = self.inputs([self.prompt(question) for question in questions], pictures, left=True)
        drawn = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        out = self.model.eval().generate(**batch, max_new_tokens=24, **drawn)
        texts: list[str] = self.processor.tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
        return texts


def _beside(world: World, cell: int) -> list[int]:
    """What is left, right, above and below of a cell: 0 for nothing, else 1 and on by name."""
    there = {predicate: other for here, predicate, other in neighbours(world) if here == cell}
    return [NAMES.index(world[there[predicate]]) + 1 if predicate in there else 0 for predicate in PHRASES]


def patches(pictures: NDArray[np.uint8]) -> Tensor:
    """(B * patches, values): pictures as the product's processor cuts them, blocks of merged patches in a row."""
    scaled = (torch.tensor(pictures).float() / 255 - torch.tensor(MEAN).float()) / torch.tensor(STD).float()
    count, side = len(pictures), GRID * CELL // PATCH
    blocks = scaled.view(count, side // MERGE, MERGE, PATCH, side // MERGE, MERGE, PATCH, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
    return blocks.reshape(count * side * side, 3 * PATCH * PATCH)


def _kinds(spent: float) -> Sequence[str]:
    if spent < SECONDS["where"]:
        return ("where",)
    if spent < SECONDS["where"] + SECONDS["facts"]:
        return ("where", "at", "fact", "fact", "fact")
    return ("list", "list", "where", "at", "fact", "fact")


def _tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE whose texts are the questions; a name is one token, a place too."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [LIST, ANSWER_INSTRUCTION, RATIONALE_INSTRUCTION, "0.5 s ", "Where is the", "What is at", "Answer: ", "1. 2. 3. "]
    texts += [f"{start} is {phrase} the" for phrase in PHRASES.values() for start in ("What", "What colour", "that")]
    texts += [f"Which {shape} is? What colour is the {shape} that is" for shape in SHAPES]
    texts += [f" {word} {word}" for name in NAMES for word in name.split()]
    trainer = BpeTrainer(
        vocab_size=600, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts * 20, trainer=trainer)
    tokenizer.add_tokens([AddedToken(name, lstrip=True, normalized=False) for name in (*NAMES, *PLACES)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=list(SPECIAL[1:])
    )
