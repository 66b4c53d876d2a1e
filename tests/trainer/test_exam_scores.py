"""Scores of an exam, with values worked by hand."""

from __future__ import annotations

import random

import pytest

from graph_schema.errors import BadInput
from trainer.evaluation.scores import ExamAnswer, answer_in, paired_difference, resampled_interval, same_answer, score, wilson


def said(number: int, correct: bool, *, video: str = "v1", steps: int = 1, answer_type: str = "object") -> ExamAnswer:
    return ExamAnswer(
        question_id=f"q{number}", video_id=video, steps=steps, question_type="open", answer_type=answer_type, question="?",
        expected="a", said="a" if correct else "b", correct=correct,
    )  # fmt: skip


def test_shares_by_steps_and_types() -> None:
    answers = [said(1, True), said(2, False), said(3, True, steps=3, answer_type="motion"), said(4, True)]
    scores = score(answers)
    assert (scores.overall.correct, scores.overall.questions, scores.overall.accuracy) == (3, 4, 0.75)
    assert {steps: (s.correct, s.questions) for steps, s in scores.by_steps.items()} == {"1": (2, 3), "3": (1, 1)}
    assert {kind: s.accuracy for kind, s in scores.by_answer_type.items()} == {"motion": 1.0, "object": pytest.approx(2 / 3)}
    with pytest.raises(BadInput, match="no answers"):
        score([])


def test_wilson_s_interval_at_its_ends_and_in_the_middle() -> None:
    # z = 1.96: 10 of 20 is (0.5 ± 0.5 * z / sqrt(20 + z²)); none of 10 goes from 0 to z² / (10 + z²)
    half = 0.5 * 1.959964 / (20 + 1.959964**2) ** 0.5
    assert wilson(10, 20) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    assert wilson(0, 10) == pytest.approx((0, 1.959964**2 / (10 + 1.959964**2)), abs=1e-6)
    assert wilson(10, 10) == pytest.approx((1 - 1.959964**2 / (10 + 1.959964**2), 1), abs=1e-6)


def test_a_difference_is_of_the_same_questions_and_its_interval_of_videos() -> None:
    one = [said(n, True, video=f"v{n % 10}") for n in range(40)]
    other = [said(n, n % 2 == 0, video=f"v{n % 10}") for n in range(40)]
    found = paired_difference(one, other)
    assert (found.difference, found.questions, found.videos) == (0.5, 40, 10)
    assert 0.1 < found.low < 0.3 < 0.7 < found.high < 0.9  # videos are all right or all wrong: 5 of 10, not 20 of 40
    assert paired_difference(other, one).difference == -0.5
    with pytest.raises(BadInput, match="different questions"):
        paired_difference(one, other[:-1])


def test_the_interval_holds_the_true_mean_in_19_of_20_draws() -> None:
    draw = random.Random(0)
    held = 0
    for _ in range(100):
        units = [draw.gauss(1.0, 2.0) for _ in range(60)]
        low, high = resampled_interval(units, [1.0] * 60)
        held += low <= 1.0 <= high
    assert 88 <= held <= 99


@pytest.mark.parametrize(
    ("reply", "rationale_first", "answer"),
    [
        ("The cup. ", False, "The cup."),
        ("1. What? a man\nAnswer: red cup", True, "red cup"),
        ("Answer: a\nAnswer: b", True, "b"),
        ("I do not know", True, "I do not know"),
    ],
)
def test_the_answer_of_a_rationale_is_its_last_line(reply: str, rationale_first: bool, answer: str) -> None:
    assert answer_in(reply, rationale_first=rationale_first) == answer


@pytest.mark.parametrize(
    ("text", "expected", "same"),
    [("the  Red cup.", "red cup", True), ("A cup", "cup", True), ("red", "red cup", False), ("", "cup", False), ("anthem", "them", False)],
)
def test_case_article_spaces_and_full_stop_do_not_count(text: str, expected: str, same: bool) -> None:
    assert same_answer(text, expected) is same
