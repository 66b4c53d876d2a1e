"""`stepgraph sample`: graphs in, questions with rationales and answers out, in a folder that training and exams read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.options import Json, step_mix_of
from api.cli.progress import ProgressBars, stops_with_a_word


def sample(
    graphs: Annotated[list[Path], typer.Argument(help="Graph files, or folders of them, of `run` or `synth`.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for qra.jsonl and graphs/.")],
    samples: Annotated[int, typer.Option(min=1, max=100_000, help="Questions to sample, over all graphs.")] = 60,
    step_mix: Annotated[str, typer.Option(help="Shares of questions with 1, 2 and 3 steps.")] = "25,45,30",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same questions.")] = 0,
    json_: Json = False,
) -> None:
    """Questions from graphs that are there, such as the true graphs of synthetic worlds."""
    from api.cli.loop import check_folder
    from api.views.words import describe_shortfalls
    from graph_schema.compare.files import read_graphs
    from graph_schema.dataset import DatasetFolder
    from graph_schema.options import SamplingOptions
    from graph_schema.progress import Progress
    from graph_schema.settings import Settings
    from graph_schema.store import GraphStore
    from graph_schema.vocabulary import plural
    from workers.pipeline import named_as_here, sample_questions
    from workers.questions import shortfalls

    options = SamplingOptions(samples=samples, step_mix=step_mix_of(step_mix), seed=seed)
    found = read_graphs(graphs)
    settings = Settings.from_environment()
    check_folder(out)
    check_folder(settings.data)
    with ProgressBars() as bars, stops_with_a_word(), GraphStore.open(settings) as store:
        for number, graph in enumerate(found):
            bars.report("writing graphs", number / len(found), graph.video.name)
            store.graphs.write(graph)
        bars.report("writing graphs", 1, plural(len(found), "graph"))
        progress = Progress(lambda fraction, message: bars.report("sampling questions", fraction, message))
        questions, set_id = sample_questions(store, [graph.id for graph in found], options, progress=progress)
    dataset = DatasetFolder(out)
    for graph in found:
        dataset.write_graph(graph, indent=1)
    dataset.write_questions(named_as_here(questions, found))
    missing = shortfalls(questions, options.samples, options.step_mix)
    if json_:
        print(
            json.dumps(
                {"qra_set_id": set_id, "questions": len(questions), "shortfalls": missing, "qra": str(dataset.questions_path)}, indent=1
            )
        )
        return
    print(f"{plural(len(questions), 'question')} about {plural(len(found), 'video')} in {dataset.questions_path}; set {set_id}")
    if text := describe_shortfalls(missing):
        print(text)
