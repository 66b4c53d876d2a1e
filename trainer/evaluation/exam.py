"""An exam: a model, questions about videos it was not trained on, and what it says to them. `python -m trainer.evaluation CONFIG` too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from graph_schema.errors import BadInput, Interrupted
from graph_schema.files import write_atomically
from graph_schema.identifiers import content_hash, file_sha256
from graph_schema.models import QRA
from graph_schema.options import ExamOptions
from graph_schema.record import Record
from trainer.evaluation.scores import ExamAnswer, Scores, answer_in, same_answer, score
from trainer.samples import Sample, read_questions

EXAM_VERSION = 1
"""Raised when the same model and questions give other answers or another score than before."""
ANSWERS, RESULT = "answers.jsonl", "exam.json"

ReportProgress = Callable[[int, int, str], None]
"""Called with how many questions are answered, of how many, and what there is to say."""


class ExamConfig(ExamOptions):
    """An exam: which model, how it is asked, and its files."""

    model: str = Field(min_length=1, max_length=500, description="a model folder, a folder of adapters, or a hub id")
    revision: str | None = Field(default=None, min_length=1, max_length=200, description="of a hub's model: branch, tag or commit")
    qra: Path
    root: Path = Field(default=Path(), description="where graphs/*.json lie; the folder of `qra` where not given")
    out: Path
    trained_on: tuple[Path, ...] = Field(default=(), description="questions that the model was trained on: their videos are refused")

    @model_validator(mode="before")
    @classmethod
    def _root_beside_the_questions(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("root") is None and values.get("qra") is not None:
            return {**values, "root": Path(values["qra"]).parent}
        return values

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        for name in ("qra", "root", "out"):
            object.__setattr__(self, name, getattr(self, name).absolute())
        return self


class ExamResult(Record):
    """`exam.json`: what was asked of which model, and how it did.

    Attributes:
        identity: a hash of the model, the questions and how they were asked.
        majority: the share of questions that the most frequent answer of their answer type would get right: what guessing gives.
    """

    identity: str
    configuration: dict[str, Any]
    questions_sha256: str
    scores: Scores
    majority: float
    seconds: float


def hold_exam(config: ExamConfig, report: ReportProgress | None = None, should_stop: Callable[[], bool] = lambda: False) -> ExamResult:
    """Ask every question, or go on with an exam that was interrupted, or return the one that is done.

    Writes `out`/answers.jsonl, a line as soon as it is known, and `out`/exam.json at the end.
    Raises: BadInput for questions or a model that cannot be used, and for videos that the model was trained on; Interrupted.
    """
    asked = _chosen(config)
    check_held_out(asked, config)
    config.out.mkdir(parents=True, exist_ok=True)
    asked_how = config.model_dump(mode="json", include=set(ExamOptions.model_fields) - {"batch_size"})
    identity = content_hash(EXAM_VERSION, _model_identity(config), file_sha256(config.qra), asked_how)
    done = _done_before(config, identity, asked)
    if isinstance(done, ExamResult):
        return done
    from trainer.evaluation.asking import Asker

    seconds = 0.0
    left = [(qra, sample) for qra, sample in asked if qra.id not in done]
    if left:
        asker = Asker(config)
        with (config.out / ANSWERS).open("a", encoding="utf-8") as file:
            for batch, replies in asker.replies(left):
                for (qra, _), reply in zip(batch, replies, strict=True):
                    done[qra.id] = answer = _judged(qra, answer_in(reply, rationale_first=config.rationale_first))
                    file.write(answer.model_dump_json() + "\n")
                file.flush()
                if report is not None:
                    report(len(done), len(asked), f"{sum(a.correct for a in done.values())} of {len(done)} right")
                if should_stop():
                    raise Interrupted(f"stopped after {len(done)} of {len(asked)} questions; the same exam goes on from there")
        seconds = asker.seconds
    answers = [done[qra.id] for qra, _ in asked]
    result = ExamResult(
        identity=identity,
        configuration=config.model_dump(mode="json"),
        questions_sha256=file_sha256(config.qra),
        scores=score(answers),
        majority=_majority(answers),
        seconds=round(seconds, 3),
    )
    write_atomically(config.out / RESULT, result.model_dump_json(indent=1).encode())
    return result


def read_answers(folder: Path) -> list[ExamAnswer]:
    """The answers of an exam. Raises: BadInput where the folder holds none."""
    try:
        lines = (folder / ANSWERS).read_text(encoding="utf-8").splitlines()
        return [ExamAnswer.model_validate_json(line) for line in lines if line.strip()]
    except (OSError, ValidationError) as error:
        raise BadInput(f"{folder} holds no exam that can be read: {error}; give the --out of one") from error


def check_held_out(asked: Sequence[tuple[QRA, Sample]], config: ExamConfig) -> None:
    """Raises: BadInput where a question is about a video that the model was trained on: its answers would say nothing of others."""
    for path in [*config.trained_on, *_trained_on(Path(config.model))]:
        seen = set(_videos_of(path))
        if known := sorted({qra.video.id for qra, _ in asked if qra.video.sha256 in seen}):
            raise BadInput(
                f"{len(known)} of the videos asked about, such as {known[0]}, are in {path}, which {config.model} was trained on; "
                "take questions about other videos"
            )


def _trained_on(model: Path) -> Iterator[Path]:
    """The questions of the training run that released this model, where it lies as it was released."""
    try:
        path = json.loads((model.parent / "run.json").read_bytes())["configuration"]["qra"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # of another origin
    if path is not None and Path(path).is_file():
        yield Path(path)


def _videos_of(path: Path) -> Iterator[str]:
    try:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                yield json.loads(line)["video"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} cannot be read as questions: {error}; give a qra.jsonl") from error


def _chosen(config: ExamConfig) -> list[tuple[QRA, Sample]]:
    asked = read_questions(config.qra, config.root, max_frames=config.max_frames, evidence_only=config.frames == "evidence")
    part = "rationale" if config.rationale_first else "answer"
    asked = [(qra, replace(sample, conversations=tuple(one for one in sample.conversations if one.part == part))) for qra, sample in asked]
    if config.max_questions is not None and config.max_questions < len(asked):
        import numpy as np

        chosen = np.random.default_rng(config.seed).permutation(len(asked))[: config.max_questions]
        asked = [asked[i] for i in sorted(chosen.tolist())]
    return asked


def _done_before(config: ExamConfig, identity: str, asked: Sequence[tuple[QRA, Sample]]) -> dict[str, ExamAnswer] | ExamResult:
    """The result of the same exam, or the answers so far; another exam's are cleared."""
    begun = config.out / ".identity"
    if begun.is_file() and begun.read_text() == identity:
        if (config.out / RESULT).is_file():
            return ExamResult.model_validate_json((config.out / RESULT).read_bytes())
        return _whole_lines(config.out / ANSWERS, {qra.id for qra, _ in asked})
    for name in (ANSWERS, RESULT):
        (config.out / name).unlink(missing_ok=True)
    write_atomically(begun, identity.encode())
    return {}


def _whole_lines(path: Path, known: set[str]) -> dict[str, ExamAnswer]:
    """The answers up to a line that was being written when the process ended; the file is cut there."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        write_atomically(path, whole.encode())
    answers = [ExamAnswer.model_validate_json(line) for line in whole.splitlines()]
    return {answer.question_id: answer for answer in answers if answer.question_id in known}


def _judged(qra: QRA, said: str) -> ExamAnswer:
    return ExamAnswer(
        question_id=qra.id,
        video_id=qra.video.id,
        steps=qra.steps,
        question_type=qra.question_type,
        answer_type=qra.answer_type,
        question=qra.question,
        expected=qra.answer,
        said=said,
        correct=same_answer(said, qra.answer),
    )


def _majority(answers: Sequence[ExamAnswer]) -> float:
    counts: dict[str, dict[str, int]] = {}
    for answer in answers:
        of_type = counts.setdefault(answer.answer_type, {})
        of_type[answer.expected] = of_type.get(answer.expected, 0) + 1
    return sum(max(of_type.values()) for of_type in counts.values()) / len(answers)


def _model_identity(config: ExamConfig) -> str:
    folder = Path(config.model)
    if not folder.is_dir():
        return f"{config.model}@{config.revision or 'main'}"
    return content_hash({path.name: file_sha256(path) for path in folder.iterdir() if path.is_file() and path.name != "README.md"})
