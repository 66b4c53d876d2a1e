"""The experiment behind evidence_step: its worlds, what its learner is told, and how its arms are compared, worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.evidence.learner import Learner, build, lesson, listing, patches, read_listing
from benchmarks.evidence.worlds import graph_of, make_world, neighbours, picture_of, write_video
from benchmarks.evidence_step import paired, summary
from graph_schema.options import SamplingOptions
from graph_schema.store import GraphStore
from tests.support.threads import one_thread
from trainer.encoding import SampleEncoder
from trainer.evaluation.scores import ExamAnswer
from trainer.samples import Conversation, Frame, Sample, Turn
from workers.pipeline import sample_questions

WORLD = {0: "red circle", 1: "blue square", 4: "black cross"}
"""A circle, a square right of it, a cross below that."""


def test_what_stands_beside_what() -> None:
    assert set(neighbours(WORLD)) == {(0, "right of", 1), (1, "left of", 0), (1, "below", 4), (4, "above", 1)}
    assert listing(WORLD) == "a1 red circle; a2 blue square; b2 black cross"
    assert read_listing("a1red circle;a2 blue square; b2 black cross") == WORLD
    assert read_listing("a1 red circle; z9 blue square; a1 black cross; a2 red circle; nothing") == {0: "red circle"}


def test_the_product_asks_about_these_worlds_what_the_learner_was_taught(embedded_store: GraphStore, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    video = write_video(tmp_path, picture_of(WORLD, draw, 10), "world")
    graph = graph_of(WORLD, video, "truth", {})
    embedded_store.graphs.write(graph)
    items, _ = sample_questions(embedded_store, [graph.id], SamplingOptions(samples=12, step_mix=(1, 0, 0)))
    asked = {item.question: item.answer for item in items}
    assert asked["What is to the right of the red circle?"] == "blue square"
    assert asked.get("What colour is the cross that is below the blue square?", "black") == "black"
    kinds = [lesson("fact", draw, 0) for _ in range(60)]
    assert {one.question.split()[0] for one in kinds} == {"What", "Which"}
    assert all(one.reply in one.world.values() or one.reply in {n.split()[0] for n in one.world.values()} for one in kinds)


def test_the_learner_s_prompts_and_pictures_are_those_of_the_product(tmp_path: Path) -> None:
    with one_thread():
        learner = Learner(build(tmp_path / "model", 0))
        picture = picture_of(make_world(np.random.default_rng(1)), np.random.default_rng(1), 10)
        video = write_video(tmp_path, picture, "world")
        turn = Turn("Where is the red circle?\nAnswer the question directly.", "a1")
        frame = Frame(tmp_path / "keyframes" / video.id / "0.jpg", 0.5)
        encoded = SampleEncoder(learner.processor, frame_pixels=48 * 48)(Sample("here", (Conversation("answer", (turn,)),), (frame,)))
        assert encoded.prefix.tolist() == learner.prompt("Where is the red circle?")
        assert torch.allclose(encoded.pictures["pixel_values"], patches(picture[None]), atol=1e-5)
        names = learner.processor.tokenizer("the red circle and the blue square", add_special_tokens=False)["input_ids"]
        assert {"red circle", "blue square"} < set(learner.processor.tokenizer.convert_ids_to_tokens(names))
        learner.learn(1.0, 10, 0)
        assert 0 <= learner.accuracy("where", 10, 0, 8) <= 1


def said(seed: int, video: int, correct: bool, steps: int) -> ExamAnswer:
    return ExamAnswer(
        question_id=f"q{seed}-{video}-{steps}", video_id=f"v{video}", steps=steps, question_type="open", answer_type="object", question="?",
        expected="a", said="a" if correct else "b", correct=correct,
    )  # fmt: skip


def test_arms_are_compared_question_by_question_over_all_seeds() -> None:
    def arm(right: bool) -> list[ExamAnswer]:
        return [said(seed, video, right or video % 2 == 0, steps) for seed in (0,) for video in range(20) for steps in (1, 2, 3)]

    names = ("initial", "instruct", "answer_only", "answer_only_equal_time")
    cells = {(seed, 150, 10.0): {"joint": arm(True), **{name: arm(False) for name in names}} for seed in (0, 1)}
    difference, low, high = paired({seed: cells[seed, 150, 10.0] for seed in (0, 1)}, "joint", "initial", 3)
    assert difference == 0.5 and 0.3 < low < 0.5 < high < 0.7
    result = summary(cells)
    assert [row["3_step"] for row in result["rows"] if "arm" in row] == pytest.approx([1.0, 0.5, 0.5, 0.5, 0.5])
    assert len(result["goals"]) == 4 and all(goal["met"] for goal in result["goals"])
