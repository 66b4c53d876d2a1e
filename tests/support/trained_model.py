"""A toy Qwen2.5-VL that has learnt by heart to say of every picture what `tests.support.model_server` says: a man holds a cup."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from graph_schema.models import STSG
from graph_schema.options import InductionOptions
from graph_schema.settings import Settings
from tests.support.chat_server import Body
from tests.support.model_server import MODEL, model_server, pictures_of, prompt_of, say
from tests.support.threads import one_thread
from tests.support.tiny_models import build_qwen2_5_vl
from workers.parsers import open_parser
from workers.pipeline import induce

Asked = dict[str, tuple[int, str]]
"""{prompt: (how many pictures it is about, reply)}"""
MAX_STEPS = 300
LEARNT = 0.004
"""Mean loss of a token from where on greedy replies are what was learnt; reached after 80 to 100 steps, about 20 s."""


def served_graph(data: Path, video: Path) -> tuple[STSG, Asked]:
    """The graph of a video by the scripted model behind a server, and what it was asked and said."""
    asked: Asked = {}

    def reply(body: Body) -> Body:
        said = say(body)
        if body:
            asked[prompt_of(body)] = pictures_of(body), said["choices"][0]["message"]["content"]
        return said

    options = InductionOptions.model_validate({"parser": {"kind": "prompted", "model": MODEL, "backend": "openai"}})
    with model_server(reply) as server:
        settings = Settings(data=data, openai_url=server.url)
        graph = induce(video, data=data, parser=open_parser(options.parser, settings), split_options=options.split)
    return graph, asked


def said_by(graph: STSG) -> list[object]:
    """What a graph says, without ids, confidences and calls."""
    names = {o.id: (o.name, o.clip_index) for o in graph.objects}
    return [
        sorted((o.name, o.kind, o.clip_index, o.verified, len(o.boxes)) for o in graph.objects),
        sorted((names[r.subject_id], r.predicate, names[r.object_id]) for r in graph.relations),
        sorted((names[m.from_id], m.motion) for m in graph.motions),
        sorted((names[r.from_id], names[r.to_id]) for r in graph.references),
        [e.description for c in graph.clips for e in c.events],
    ]


def teach_toy_model(folder: Path, replies: Mapping[str, tuple[int, str]], images: Sequence[Path]) -> Path:
    """Train on {prompt: (how many pictures it is about, reply)} and save. Fails where that is not learnt in `MAX_STEPS`."""
    texts = [*replies, *[reply for _, reply in replies.values()] * 5]
    sizes = {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 3}
    build_qwen2_5_vl(folder, texts, sizes, pixels=56 * 56)
    processor = AutoProcessor.from_pretrained(folder)
    with torch.random.fork_rng(), one_thread():
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
        chosen = random.Random(0)
        for _ in range(MAX_STEPS):
            batch = chosen.sample(list(replies.items()), min(8, len(replies)))
            optimizer.zero_grad()
            loss = sum(_loss(model, processor, text, reply, [chosen.choice(images) for _ in range(n)]) for text, (n, reply) in batch)
            (loss / len(batch)).backward()  # type: ignore[union-attr]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if float(loss.detach()) / len(batch) < LEARNT:  # type: ignore[union-attr]
                model.save_pretrained(folder)
                return folder
    raise AssertionError(f"the toy model has not learnt its replies in {MAX_STEPS} steps")


def _loss(model: torch.nn.Module, processor: object, text: str, reply: str, images: Sequence[Path]) -> torch.Tensor:
    """Mean loss of the reply's tokens and of its end."""
    pictures = [Image.open(path) for path in images]
    content = [*[{"type": "image"}] * len(images), {"type": "text", "text": text}]
    prompt = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False)  # type: ignore[attr-defined]
    whole = processor(text=[f"{prompt}{reply}<|im_end|>"], images=pictures, return_tensors="pt")  # type: ignore[operator]
    length = processor(text=[prompt], images=pictures, return_tensors="pt").input_ids.shape[1]  # type: ignore[operator]
    labels = whole.input_ids.clone()
    labels[:, :length] = -100
    loss = model(**whole, labels=labels).loss
    assert isinstance(loss, torch.Tensor)
    return loss
