"""Gather what a run found and write it as one HTML file: no outside request, nothing of the input taken as markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.views.curves import HEIGHT, SERIES, WIDTH, draw_curves
from api.views.edges import Row, rows_of
from api.views.entities import EntityView, entities_of
from api.views.frames import FrameView, choose_pictures, evenly, frames_of, opening_keyframe
from api.views.lanes import HEAD, LANE, Lanes, lay_out
from api.views.questions import MAX_CARDS, Card, cards_of
from api.views.runs import call_rows, describe_calls, hours, nothing_found, parser_names, remark
from api.views.words import clock, describe_shortfalls, span
from graph_schema.errors import OutOfSpace
from graph_schema.metrics import Metrics
from graph_schema.models import QRA, STSG, Clip, InputRecord, RunRecord
from graph_schema.timestamps import now
from graph_schema.vocabulary import plural

MAX_PICTURES = 240
"""Pictures in one report: at about 30 kB each, 7 MB."""
MAX_PICTURES_A_VIDEO = 80
MAX_PICTURES_OF_NOTHING = 8
"""Pictures of a video in which nothing was found: one row."""
MAX_ROWS = 400
"""Rows of a table of the graph; graphs/<id>.json has all."""


@dataclass(frozen=True)
class VideoView:
    """One graph's section of the page. `opening`: key of the frame it opens on, empty without frames; `few`: for an empty graph."""

    key: str
    graph: STSG
    entities: tuple[EntityView, ...]
    frames: tuple[FrameView, ...]
    opening: str
    few: tuple[FrameView, ...]
    clips: tuple[tuple[Clip, tuple[FrameView, ...]], ...]
    lanes: Lanes
    rows: tuple[Row, ...]
    hidden_rows: int
    cards: tuple[Card, ...]
    question_count: int

    @property
    def empty(self) -> bool:
        return not self.entities

    @property
    def pictures_left_out(self) -> int:
        return sum(1 for f in self.frames if f.absent.startswith("picture left out"))


def write_report(out: Path, *, graphs: Sequence[STSG], qras: Sequence[QRA], run: RunRecord, metrics: Sequence[Metrics]) -> Path:
    """Write `out/report.html` and return its path. The old one stays until the new one is whole.

    Args:
        graphs: one section each; their keyframes' images are read from under `out`, a missing one is shown as missing.
        qras: questions; those of a graph that is not among `graphs` are listed at the end, without pictures.
        run: what `run.json` holds.
        metrics: rows of metrics.jsonl; empty without a training.
    Raises: OutOfSpace if the file cannot be written.
    """
    html = render_report(out, graphs=graphs, qras=qras, run=run, metrics=metrics)
    path = out / "report.html"
    part = out / "report.html.part"
    try:
        out.mkdir(parents=True, exist_ok=True)
        part.write_text(html, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OutOfSpace(f"{path} cannot be written: {error.strerror}; free some space or choose another --out") from error
    return path


def render_report(folder: Path, *, graphs: Sequence[STSG], qras: Sequence[QRA], run: RunRecord, metrics: Sequence[Metrics]) -> str:
    """The page as text; `folder` is where the keyframes' images lie."""
    shares = share_out([_pictures_wished(g) for g in graphs], MAX_PICTURES)
    known = {graph.id for graph in graphs}
    videos = [
        _video_view(graph, f"v{i}", [q for q in qras if q.graph_id == graph.id], folder=folder, most_pictures=shares[i])
        for i, graph in enumerate(graphs)
    ]
    here = files("api.report")
    script, style = (here / "report.js").read_text(encoding="utf-8"), (here / "report.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("api", "report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"clock": clock, "plural": plural, "number": _number}
    environment.globals |= {"span": span, "hours": hours}
    return environment.get_template("report.html.jinja").render(
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=Markup(style),
        run=run,
        inputs=[_input_row(record, run.configuration.parser.kind) for record in run.inputs],
        calls=call_rows(run),
        calls_in_words=describe_calls(run),
        parser_names=parser_names(run.configuration.parser),
        shortfalls=describe_shortfalls(run.shortfalls),
        nothing_found=nothing_found(run.configuration.parser.kind).capitalize(),
        counts=[(_singular(n) if v == 1 else n, v) for n, v in run.counts.items() if run.configuration.sample or n != "questions"],
        seconds=_seconds(run.seconds),
        versions=run.versions.items(),
        videos=videos,
        other_questions=[q for q in qras if q.graph_id not in known],
        question_count=len(qras),
        curves=draw_curves(metrics),
        curve_size=(WIDTH, HEIGHT),
        series=SERIES,
        metrics=metrics,
        lane_height=LANE,
        lane_head=HEAD,
        most_cards=MAX_CARDS,
        made_at=f"{(run.created_at or now())[:16].replace('T', ' ')} UTC",
    )


def share_out(wanted: Sequence[int], total: int) -> list[int]:
    """Give each as much as is wanted as far as `total` goes; when it does not, small numbers are met and large ones cut alike."""
    given = [0] * len(wanted)
    left = total
    for place, i in enumerate(sorted(range(len(wanted)), key=lambda i: wanted[i])):
        given[i] = min(wanted[i], left // (len(wanted) - place))
        left -= given[i]
    return given


def _pictures_wished(graph: STSG) -> int:
    return min(MAX_PICTURES_A_VIDEO if graph.objects else MAX_PICTURES_OF_NOTHING, sum(len(c.keyframes) for c in graph.clips))


def _video_view(graph: STSG, key: str, qras: Sequence[QRA], *, folder: Path, most_pictures: int) -> VideoView:
    entities = entities_of(graph, key)
    cited = {k for qra in qras[:MAX_CARDS] for step in qra.rationale for k in step.keyframe_ids}
    frames = frames_of(
        graph, entities, key, folder=folder, pictures=choose_pictures(graph, cited, most_pictures), shown=_facts(graph, entities)
    )
    keys = {f.keyframe.id: f.key for f in frames}
    rows = rows_of(graph, entities, keys)
    return VideoView(
        key=key,
        graph=graph,
        entities=entities,
        frames=frames,
        opening=keys.get(opening_keyframe(graph) or "", ""),
        few=tuple(evenly([f for f in frames if f.picture] or frames, MAX_PICTURES_OF_NOTHING)),
        clips=tuple((clip, tuple(f for f in frames if f.clip_index == clip.index)) for clip in graph.clips),
        lanes=lay_out(graph, entities, keys),
        rows=tuple(rows[:MAX_ROWS]),
        hidden_rows=max(0, len(rows) - MAX_ROWS),
        cards=cards_of(qras, key, frames={f.keyframe.id: f for f in frames}, entities=entities),
        question_count=len(qras),
    )


def _facts(graph: STSG, entities: Sequence[EntityView]) -> dict[str, list[str]]:
    """What holds at each keyframe, as sentences; a relation of a moment counts at the keyframes within its interval."""
    names = {node.id: entity.name for entity in entities for node in entity.nodes}
    facts: dict[str, list[str]] = {}
    for clip in graph.clips:
        for keyframe in clip.keyframes:
            at = keyframe.time_seconds
            sentences = [
                f"{names[r.subject_id]} {r.predicate} {names[r.object_id]}"
                for r in graph.relations
                if r.start_seconds <= at < r.end_seconds or r.start_seconds == at
            ]
            sentences += [f"{names[m.from_id]} {m.motion}" for m in graph.motions if m.start_seconds <= at < m.end_seconds]
            facts[keyframe.id] = list(dict.fromkeys(sentences))
    return facts


class InputRow(NamedTuple):
    """One input of the run. `result`: what was found, or why nothing was."""

    name: str
    status: str
    result: str
    graph_id: str | None


def _input_row(record: InputRecord, parser: str) -> InputRow:
    if record.error:
        result = _without_name(record.error, record.path, record.name)
    else:
        found = [plural(record.things, "thing")] if record.things else []
        result = "; ".join(filter(None, [*found, remark(record, parser)])) or "–"
    return InputRow(record.name, record.status or "working", result, record.graph_id)


def _without_name(reason: str, path: str, name: str) -> str:
    """The reason without the file's path, which stands beside it: `has no pictures, only audio; …`."""
    return reason.replace(path, name).removeprefix(f"{name} ").removeprefix(f"{name}: ")


def _singular(noun: str) -> str:
    return noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s")


def _seconds(seconds: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Name, seconds and share of the slowest, for each step."""
    slowest = max(seconds.values(), default=0.0) or 1.0
    return [(name, value, value / slowest) for name, value in seconds.items()]


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"
