"""Right or wrong, counted: shares with intervals, and the difference of two models on the same questions. Pure, without torch.

Intervals say what other questions of the same kind would give: of one share by Wilson's score, of a difference by resampling videos, as
questions about one video are not independent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np
from pydantic import Field

from graph_schema.errors import BadInput
from graph_schema.record import Record

Z = 1.959963984540054
"""Of a 95 % interval."""
RESAMPLES = 10_000
_ARTICLE = re.compile(r"^(?:a|an|the)\s+", re.IGNORECASE)
_ANSWER = re.compile(r"answer:\s*", re.IGNORECASE)


class ExamAnswer(Record):
    """What a model said to a question, beside what is right. A line of `answers.jsonl`."""

    question_id: str
    video_id: str
    steps: int = Field(ge=1)
    question_type: str
    answer_type: str
    question: str
    expected: str
    said: str
    correct: bool


class Share(Record):
    """How many are right, with a 95 % interval by Wilson's score."""

    questions: int
    correct: int
    accuracy: float
    low: float
    high: float

    @classmethod
    def of(cls, correct: int, questions: int) -> Share:
        """Count `correct` of `questions`, one at least."""
        low, high = wilson(correct, questions)
        return cls(questions=questions, correct=correct, accuracy=correct / questions, low=low, high=high)


class Scores(Record):
    """Shares over all questions, and by what they are. Keys of `by_steps` are numbers of steps, as text."""

    overall: Share
    by_steps: dict[str, Share]
    by_question_type: dict[str, Share]
    by_answer_type: dict[str, Share]


class Difference(Record):
    """How much more often one model is right than another on the same questions, with a 95 % interval by resampling videos."""

    questions: int
    videos: int
    difference: float
    low: float
    high: float


def wilson(correct: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share. Source: Wilson (1927), which holds at 0 and 1 and for few questions too."""
    share, z2 = correct / total, Z * Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def score(answers: Sequence[ExamAnswer]) -> Scores:
    """Count. Raises: BadInput where there are none."""
    if not answers:
        raise BadInput("there are no answers to count")
    return Scores(
        overall=_share(answers),
        by_steps=_by(answers, lambda answer: str(answer.steps)),
        by_question_type=_by(answers, lambda answer: answer.question_type),
        by_answer_type=_by(answers, lambda answer: answer.answer_type),
    )


def paired_difference(one: Sequence[ExamAnswer], other: Sequence[ExamAnswer], *, seed: int = 0) -> Difference:
    """How much more often `one` is right than `other`.

    Raises: BadInput where they are not of the same questions.
    """
    right = {answer.question_id: answer.correct for answer in other}
    if {answer.question_id for answer in one} != right.keys() or not one:
        raise BadInput("the two exams are of different questions; compare exams on the same qra.jsonl")
    videos: dict[str, list[float]] = {}
    for answer in one:
        videos.setdefault(answer.video_id, []).append(float(answer.correct) - right[answer.question_id])
    sums, counts = np.array([sum(v) for v in videos.values()]), np.array([len(v) for v in videos.values()])
    low, high = resampled_interval(sums, counts, seed=seed)
    return Difference(questions=len(one), videos=len(videos), difference=float(sums.sum() / counts.sum()), low=low, high=high)


def resampled_interval(sums: Iterable[float], counts: Iterable[float], *, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of sum(sums) / sum(counts), units (videos) drawn anew with replacement."""
    of_units, sizes = np.asarray(list(sums), dtype=float), np.asarray(list(counts), dtype=float)
    draw = np.random.default_rng(seed)
    drawn = draw.multinomial(len(of_units), np.full(len(of_units), 1 / len(of_units)), size=RESAMPLES)
    low, high = np.quantile((drawn @ of_units) / (drawn @ sizes), [0.025, 0.975])
    return float(low), float(high)


def answer_in(reply: str, *, rationale_first: bool) -> str:
    """The answer in a reply: all of it, or what stands behind its last `Answer:`."""
    return _ANSWER.split(reply)[-1].strip() if rationale_first else reply.strip()


def same_answer(said: str, expected: str) -> bool:
    """Whether two answers are the same text, whatever their case, article, spaces and full stop."""
    return _plain(said) == _plain(expected)


def _plain(text: str) -> str:
    return _ARTICLE.sub("", " ".join(text.split()).rstrip(".!").strip()).casefold()


def _share(answers: Sequence[ExamAnswer]) -> Share:
    return Share.of(sum(answer.correct for answer in answers), len(answers))


def _by(answers: Sequence[ExamAnswer], key: Callable[[ExamAnswer], Hashable]) -> dict[str, Share]:
    groups: dict[str, list[ExamAnswer]] = {}
    for answer in answers:
        groups.setdefault(str(key(answer)), []).append(answer)
    return {name: _share(groups[name]) for name in sorted(groups)}
