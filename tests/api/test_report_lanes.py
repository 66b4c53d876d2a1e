from __future__ import annotations

from pathlib import Path

import pytest

from api.views.edges import EdgeInterval, merge_edges
from api.views.entities import entities_of
from api.views.lanes import HEAD, LANE, MAX_ARCS, MAX_LANES, Lanes, lay_out, motion_text
from api.views.words import clock, shorten, span, text_width
from graph_schema.models import STSG, ObjectBox, Relation, SceneObject
from tests.support.report_examples import draw_example


def lanes_of(graph: STSG) -> Lanes:
    keys = {k.id: f"v0-{k.id}" for c in graph.clips for k in c.keyframes}
    return lay_out(graph, entities_of(graph, "v0"), keys)


def test_time_runs_linearly_from_the_first_clip_to_the_last(tmp_path: Path) -> None:
    lanes = lanes_of(draw_example(tmp_path))  # 5 s, 1030 px wide: 14 px at 0 s, 1004 px at 5 s, so 198 px a second
    circle = next(t for t in lanes.entities if t.name == "red circle")
    assert [round(m.x, 3) for m in lanes.marks if m.entity is circle] == [113.0, 311.0, 608.0]  # 0.5 s, 1.5 s, 3.0 s
    assert [(round(b.x, 3), round(b.width, 3)) for b in lanes.bars if b.entity is circle] == [
        (14.0, 495.0),
        (509.0, 217.8),
    ]  # to 2.5 s; 2.5-3.6 s
    assert [(round(m.x, 3), round(m.width, 3)) for m in lanes.motions] == [(113.0, 198.0)]
    assert [round(s.x, 3) for s in lanes.clips] == [14.0, 509.0]


def test_every_thing_has_one_lane_and_a_relation_joins_the_two(tmp_path: Path) -> None:
    lanes = lanes_of(draw_example(tmp_path))
    assert [t.name for t in lanes.entities] == ["red circle", "blue square"]
    left_of = next(a for a in lanes.arcs if a.predicate == "left of")
    assert (left_of.subject.name, left_of.object.name) == ("red circle", "blue square")
    assert left_of.object_y - left_of.subject_y == pytest.approx(LANE)
    assert left_of.subject_y - HEAD == pytest.approx(0.56 * LANE)
    assert left_of.start_x <= left_of.label_x <= left_of.end_x
    assert left_of.keyframe == "v0-k0"  # its middle, 1.0 s, is as near to 0.5 s as to 1.5 s: the first counts
    assert len(lanes.links) == 2


def test_labels_do_not_cover_one_another(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    many = [
        Relation(id=f"x{i}", subject_id="circle0", predicate=f"word {i}", object_id="square0", start_seconds=0, end_seconds=2.0)
        for i in range(20)
    ]
    arcs = [a for a in lanes_of(graph.model_copy(update={"relations": tuple(many)})).arcs if not a.quiet]
    assert 3 <= len(arcs) < 20
    for i, a in enumerate(arcs):
        for b in arcs[:i]:
            assert abs(a.label_x - b.label_x) >= (a.label_width + b.label_width) / 2 or abs(a.label_y - b.label_y) >= 16


def test_a_label_at_the_edge_stays_whole_and_its_line_where_it_was(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    ends = [
        Relation(id=f"x{at}", subject_id=circle, predicate="touches", object_id=square, start_seconds=at, end_seconds=at)
        for at, circle, square in ((0, "circle0", "square0"), (5, "circle2", "square1"))
    ]
    first, last = lanes_of(graph.model_copy(update={"relations": tuple(ends)})).arcs
    assert (first.path[:5], last.path[:7]) == ("M14.0", "M1004.0")  # 0 s and 5 s
    assert first.label_x - first.label_width / 2 >= 0
    assert last.label_x + last.label_width / 2 <= 1030


def test_a_large_graph_keeps_its_busiest_things_and_counts_the_rest(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    crowd = [
        SceneObject(
            id=f"o{i}",
            label="speck",
            kind="static",
            clip_index=0,
            entity_id=f"o{i}",
            start_seconds=0,
            end_seconds=1,
            boxes=(ObjectBox(keyframe_id="k0", box_xyxy=(0.1, 0.1, 0.2, 0.2)),),
        )
        for i in range(300)
    ]
    busy = [
        Relation(
            id=f"b{i}", subject_id="circle0", predicate="touches", object_id=f"o{i % 30 + 200}", start_seconds=0.1 * i, end_seconds=0.1 * i
        )
        for i in range(MAX_ARCS + 10)
    ]
    lanes = lanes_of(graph.model_copy(update={"objects": graph.objects + tuple(crowd), "relations": tuple(busy)}))
    assert len(lanes.entities) == MAX_LANES
    assert lanes.hidden_entities == 302 - MAX_LANES
    assert {"red circle", "speck 201", "speck 230"} <= {t.name for t in lanes.entities}
    assert (len(lanes.arcs), lanes.hidden_arcs) == (MAX_ARCS, 10)


def test_what_goes_on_over_a_keyframe_is_drawn_as_one() -> None:
    a, b = ("a", "moves up"), ("b", "moves up")
    held = [EdgeInterval(a, 1.0, 2.0), EdgeInterval(a, 2.0, 3.0), EdgeInterval(a, 3.5, 4.0), EdgeInterval(b, 2.0, 3.0)]
    assert merge_edges(held) == [EdgeInterval(a, 1.0, 3.0, 2), EdgeInterval(b, 2.0, 3.0), EdgeInterval(a, 3.5, 4.0)]


def test_lookalikes_are_distinguished_and_keep_their_colour_across_clips(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    lookalike = graph.objects[0].model_copy(update={"id": "lookalike", "entity_id": "lookalike", "start_seconds": 0.2})
    things = entities_of(graph.model_copy(update={"objects": (*graph.objects, lookalike)}), "v0")
    assert [t.name for t in things] == ["red circle 1", "blue square", "red circle 2"]
    assert len({t.colour for t in things}) == 3
    assert [len(t.nodes) for t in things] == [3, 2, 1]


def test_motion_words_give_way_to_an_arrow_when_the_room_is_small() -> None:
    assert motion_text("moves up and left", 200) == "↖ moves up and left"
    assert motion_text("moves up and left", 20) == "↖"
    assert motion_text("stands still", 20) == ""


def test_times_read_as_a_person_says_them() -> None:
    assert [clock(t) for t in (0, 2.4, 59.994, 59.999, 75.06, 3600)] == ["0.00 s", "2.40 s", "59.99 s", "1:00.0", "1:15.1", "60:00.0"]
    assert span(1.2, 3.04) == "1.20 – 3.04 s"
    assert span(2, 2) == "2.00 s"
    assert span(2, 75) == "2.00 s – 1:15.0"


def test_shortened_text_fits_its_room() -> None:
    assert shorten("clip 12", 100, 11) == "clip 12"
    short = shorten("clip 12", 30, 11)
    assert short.endswith("…")
    assert text_width(short, 11) <= 30


def test_a_mark_says_what_the_model_and_the_detector_said_when_asked(tmp_path: Path) -> None:
    graph = draw_example(tmp_path)
    verdicts = {"circle0": {"verified": True, "detected": False}, "square0": {"detected": True}}
    objects = tuple(o.model_copy(update=verdicts.get(o.id, {})) for o in graph.objects)
    titles = {mark.title for mark in lanes_of(graph.model_copy(update={"objects": objects})).marks}
    assert "red circle at 0.50 s, confirmed by the model, not seen by the detector" in titles
    assert any(title.startswith("blue square at ") and title.endswith(" s, seen by the detector too") for title in titles)
    assert "red circle at 3.00 s" in titles  # nobody was asked
