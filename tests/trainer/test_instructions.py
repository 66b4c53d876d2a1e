"""External instruction data: conversations as LLaVA has them, mixed with questions or alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoProcessor

from graph_schema.errors import BadInput
from graph_schema.metrics import read_metrics
from tests.support.tiny_models import build_qwen2_5_vl
from tests.support.trainer_examples import keyframe, write_set
from trainer.config import TrainingConfig
from trainer.data import read_data
from trainer.encoding import SampleEncoder
from trainer.instructions import read_instructions
from trainer.run import train
from trainer.samples import Turn


def said(*texts: str, **media: Any) -> dict[str, Any]:
    speakers = ("human", "gpt")
    return {"id": "x", "conversations": [{"from": speakers[i % 2], "value": text} for i, text in enumerate(texts)], **media}


TURNS = said("<image>\nWhat is it?", "A square.", "Which colour?", "Red.", image=keyframe(0).image)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_set(tmp_path)
    return tmp_path


def write(root: Path, *records: dict[str, Any], name: str = "mix.jsonl") -> Path:
    path = root / name
    path.write_text(json.dumps(records) if name.endswith(".json") else "\n".join(map(json.dumps, records)))
    return path


def test_pictures_videos_and_text_alone_are_read_from_lines_or_a_list(root: Path) -> None:
    video = said("What happens?\n<video>", "Squares.", video="train.mp4")
    for name in ("mix.jsonl", "mix.json"):
        picture, moving, text = read_instructions(write(root, TURNS, video, said("Hi", "Hello."), name=name), max_frames=4)
        (conversation,) = picture.conversations
        assert conversation == ("instruction", (Turn("What is it?", "A square."), Turn("Which colour?", "Red.")))
        assert [frame.path for frame in picture.frames] == [root / keyframe(0).image] and not picture.timed
        assert moving.video == root / "train.mp4" and moving.conversations[0].turns == (Turn("What happens?", "Squares."),)
        assert [frame.time_seconds for frame in moving.frames] == pytest.approx([0.5, 1.5, 2.5, 3.5])
        assert text.frames == () and text.video is None


def test_every_reply_of_a_conversation_is_learned_and_nothing_else(root: Path) -> None:
    processor = AutoProcessor.from_pretrained(build_qwen2_5_vl(root / "model", ["What is it? A square. Which colour? Red."]))
    (sample,) = read_instructions(write(root, TURNS), max_frames=4)
    encoded = SampleEncoder(processor, frame_pixels=448 * 448)(sample)
    (branch,) = encoded.branches
    assert branch.part == "instruction"
    assert processor.tokenizer.decode(branch.tokens[branch.learned]) == "A square.<|im_end|>Red.<|im_end|>"
    between = processor.tokenizer.decode(branch.tokens[~branch.learned])
    assert between == "\n<|im_start|>user\nWhich colour?<|im_end|>\n<|im_start|>assistant\n"
    assert processor.tokenizer.decode(encoded.prefix).endswith("<|vision_end|>What is it?<|im_end|>\n<|im_start|>assistant\n")


def test_a_share_is_drawn_by_the_seed(root: Path) -> None:
    path = write(root, *(said(f"Number {i}?", f"{i}") for i in range(20)))
    drawn = [[s.conversations[0].turns[0].reply for s in read_instructions(path, max_frames=1, count=5, seed=n)] for n in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2] and len(set(drawn[0])) == 5
    config = TrainingConfig(qra=root / "qra.jsonl", out=root / "out", instruction_data=str(path), instruction_ratio=0.5)
    assert [s.conversations[0].part for s in read_data(config)] == ["answer"] * 4 + ["instruction"] * 2
    assert len(read_data(config.model_copy(update={"instruction_ratio": None}))) == 24
    assert len(read_data(config.model_copy(update={"instruction_ratio": 100}))) == 24


def test_questions_and_instructions_train_together_and_each_alone(root: Path) -> None:
    path = write(root, TURNS, said("Hi", "Hello."))
    together = TrainingConfig(
        qra=root / "qra.jsonl", out=root / "mixed", instruction_data=str(path), max_frames=2, batch_size=6, max_steps=2
    )
    (first, _) = read_metrics(train(together).metrics)
    parts = {"loss_answer", "loss_rationale", "loss_instruction"}
    assert parts <= first.keys()
    # four questions and two conversations: a step's loss is the mean over six samples
    assert first["loss"] == pytest.approx(
        (4 * (first["loss_answer"] + first["loss_rationale"]) + 2 * first["loss_instruction"]) / 6, abs=1e-4
    )
    alone = together.model_copy(update={"qra": None, "out": root / "alone"})
    (first, _) = read_metrics(train(alone).metrics)
    assert first.keys() & parts == {"loss_instruction"} and first["loss"] == pytest.approx(first["loss_instruction"])
    answers = TrainingConfig(qra=root / "qra.jsonl", out=root / "answers", rationale_weight=0, max_frames=2, max_steps=1)
    (first,) = read_metrics(train(answers).metrics)
    assert first.keys() & parts == {"loss_answer"}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"conversations": []}, r"line 1: conversations: List should have at least 2 items"),
        (said("Hi", "Hello.", "And?"), r"line 1: the last turn has no reply; remove it"),
        ({"conversations": [{"from": "gpt", "value": "a"}, {"from": "human", "value": "b"}]}, r"take turns, human first; here gpt is"),
        (said("Hi", " "), r"line 1: a reply is empty"),
        (said("Hi", "Ho", image="none.jpg"), r"line 1: no file .*none\.jpg; pictures and videos are named relative to"),
        (said("Hi", "Ho", image="a", video="b"), r"line 1: it has image and video; give one"),
    ],
)
def test_bad_data_are_named_with_their_line(root: Path, record: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_instructions(write(root, record), max_frames=1)


def test_files_without_conversations_are_refused(root: Path) -> None:
    (root / "broken.jsonl").write_text("{\n")
    (root / "table.json").write_text("{}")
    (root / "empty.jsonl").write_text("\n")
    for name, message in (
        ("broken.jsonl", "line 1 is no JSON"), ("table.json", "holds no list"), ("empty.jsonl", "has no conversations"),
        ("none.jsonl", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=message):
            read_instructions(root / name, max_frames=1)
