"""`stepgraph evaluate …`: scores against what is known to be true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import Json


def evaluate_graphs(
    truth: Annotated[Path, typer.Option(help="Folder of true graphs, as `synth` writes them.")],
    graphs: Annotated[Path, typer.Option(help="Folder of graphs to score, as `run` writes them.")],
    json_: Json = False,
) -> None:
    """Precision, recall and F1 of objects, attributes, relations, motions, references and cuts."""
    from graph_schema.compare.files import evaluate_folders

    scores = evaluate_folders(truth, graphs)
    if json_:
        print(json.dumps(scores, indent=1, ensure_ascii=False))
        return
    print(f"{'':12}{'precision':>10}{'recall':>10}{'F1':>10}")
    for what in ("objects", "attributes", "relations", "motions", "references", "cuts"):
        print(f"{what:12}" + "".join(_score(scores[what][k]) for k in ("precision", "recall", "f1")))
    if scores["missing"]:
        print(f"no graph for {len(scores['missing'])} of {scores['videos']} videos, counted as all missed: {', '.join(scores['missing'])}")
    if scores["extra"]:
        print(f"left out, their truth is not known: {', '.join(scores['extra'])}")


def _score(value: float | None) -> str:
    return f"{'none':>10}" if value is None else f"{value:10.3f}"
