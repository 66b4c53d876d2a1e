"""`stepgraph exam`: how a model does on questions about videos that it was not trained on; and beside another one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.options import Json
from api.cli.progress import ProgressBars
from api.cli.stop import asked_to_stop


def exam(
    model: Annotated[str, typer.Argument(help="A model folder, a folder of adapters, or a hub id.", show_default=False)],
    qra: Annotated[Path, typer.Argument(help="Questions, qra.jsonl of `run` or `sample`, graphs/ beside it.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the answers; call again with the same one to go on.")],
    rationale_first: Annotated[bool, typer.Option("--rationale-first", help="Ask for the rationale; its last line is the answer.")] = False,
    trained_on: Annotated[list[Path] | None, typer.Option(help="Questions it was trained on: their videos are refused.")] = None,
    against: Annotated[Path | None, typer.Option(help="The --out of an earlier exam on the same questions, to compare with.")] = None,
    max_frames: Annotated[int, typer.Option(help="Frames a question, as in training.")] = 16,
    frames: Annotated[str, typer.Option(help="video, or evidence: the keyframes of the rationale, which tells where to look.")] = "video",
    max_questions: Annotated[int | None, typer.Option(help="So many questions, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(help="Of that draw.")] = 0,
    json_: Json = False,
) -> None:
    """Accuracy by 1, 2 and 3 steps and by type of question, with 95 % intervals."""
    from graph_schema.config_files import checked
    from graph_schema.errors import Interrupted
    from trainer.evaluation.exam import ExamConfig, hold_exam, read_answers
    from trainer.evaluation.scores import paired_difference

    given = {
        "model": _model(model), "qra": qra, "out": out, "rationale_first": rationale_first, "trained_on": tuple(trained_on or ()),
        "max_frames": max_frames, "frames": frames, "max_questions": max_questions, "seed": seed,
    }  # fmt: skip
    config = checked(ExamConfig, given, of="exam")
    before = None if against is None else read_answers(against)
    try:
        with ProgressBars() as progress, asked_to_stop() as should_stop:
            progress.report("exam", 0, "loading the model")
            result = hold_exam(config, lambda done, of, detail: progress.report("exam", done / of, detail), should_stop)
    except Interrupted as error:
        print(f"stepgraph: {error}")
        raise typer.Exit(130) from None
    difference = None if before is None else paired_difference(read_answers(out), before)
    if json_:
        print(
            json.dumps(result.model_dump(mode="json") | ({} if difference is None else {"difference": difference.model_dump()}), indent=1)
        )
        return
    _print_scores(result)
    if difference is not None:
        print(
            f"against {against}: {100 * difference.difference:+.1f} points, 95 % interval {100 * difference.low:+.1f} to "
            f"{100 * difference.high:+.1f}, over {difference.videos} videos"
        )
    print(f"answers in {out / 'answers.jsonl'}")


def _model(name: str) -> str:
    return str(Path(name).absolute()) if Path(name).is_dir() else name


def _print_scores(result: Any) -> None:
    print(f"{'':24}{'questions':>10}{'right':>8}{'95 % interval':>18}")
    scores = result.scores
    groups = {"all": scores.overall} | {f"{n} step{'s' if n != '1' else ''}": share for n, share in scores.by_steps.items()}
    if len(scores.by_question_type) > 1:
        groups |= {f"type {name}": share for name, share in scores.by_question_type.items()}
    groups |= {f"answer {name}": share for name, share in scores.by_answer_type.items()}
    for name, share in groups.items():
        print(f"{name:24}{share.questions:>10}{100 * share.accuracy:>7.1f}%{100 * share.low:>9.1f} to {100 * share.high:.1f}")
    print(f"the most frequent answer of each type would be right in {100 * result.majority:.1f}%")
