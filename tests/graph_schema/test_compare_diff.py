"""What differs between two graphs of one video: each rule on graphs small enough to work by hand, and what holds for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema.compare.diff import diff_graphs
from graph_schema.errors import Conflict, DifferentVideos
from graph_schema.models import (
    STSG,
    Attribute,
    Changes,
    Clip,
    Event,
    GraphDiff,
    Keyframe,
    Motion,
    ObjectBox,
    Reference,
    Relation,
    SceneObject,
    Video,
)
from tests.support.graphs import cup_graph, stsgs

VIDEO = Video(id="v", sha256="0" * 64, name="v.mp4", uri="v.mp4", duration_seconds=8, fps=10, width=100, height=100, frame_count=80)
BOX = (0.1, 0.1, 0.3, 0.3)
FAR_BOX = (0.6, 0.6, 0.8, 0.8)
Box = tuple[float, float, float, float]
KINDS = ("entities", "relations", "motions", "events", "references", "cuts")


def node(
    name: str,
    clip: int = 0,
    *,
    label: str = "cup",
    span: tuple[float, float] | None = None,
    box: Box | None = None,
    attributes: Sequence[str] = (),
    kind: Literal["static", "dynamic"] = "static",
) -> SceneObject:
    """One node; clips last four seconds and have a keyframe in their middle. Without a box, as a model names what it does not place."""
    start, end = span or (4.0 * clip, 4.0 * clip + 4)
    return SceneObject(
        id=f"{name}{clip}",
        label=label,
        kind=kind,
        clip_index=clip,
        entity_id=name,
        start_seconds=start,
        end_seconds=end,
        boxes=(ObjectBox(keyframe_id=f"k{clip}", box_xyxy=box),) if box else (),
        attributes=tuple(Attribute(kind="colour", name=name) for name in attributes),
    )


def related(subject: str, word: str, other: str, start: float = 0, end: float = 4) -> Relation:
    return Relation(
        id=f"r{subject}{word}{start}", subject_id=subject, predicate=word, object_id=other, start_seconds=start, end_seconds=end
    )


def graph(*objects: SceneObject, cuts: Sequence[float] = (4.0,), said: Sequence[str] = ("", ""), **parts: Any) -> STSG:
    """A graph of eight seconds with a cut; `said`: the event of each clip, if any."""
    borders = list(zip((0.0, *cuts), (*cuts, 8.0), strict=True))
    clips = []
    for i, (start, end) in enumerate(borders):
        times: dict[str, Any] = {"start_seconds": start, "end_seconds": end}
        events = tuple(Event(id=f"e{i}", description=text, **times) for text in said[i : i + 1] if text)
        keyframe = Keyframe(id=f"k{i}", frame=i, time_seconds=4.0 * i + 2, image="")
        clips.append(Clip(index=i, start_frame=round(start * 10), end_frame=round(end * 10), keyframes=(keyframe,), events=events, **times))
    return STSG(**{"id": "g", "video": VIDEO, "producer": "test", "clips": tuple(clips), "objects": objects, **parts})


def numbers(changes: Changes[Any]) -> tuple[int, int, int, int]:
    return len(changes.lost), len(changes.gained), len(changes.changed), changes.unchanged


# ------------------------------------------------------------------------------------------------- objects


def test_objects_only_one_graph_has() -> None:
    diff = diff_graphs(graph(node("a"), node("b", label="hat")), graph(node("x"), node("y", 1, label="dog")))
    assert numbers(diff.entities) == (1, 1, 0, 1)
    (hat,), (dog,) = diff.entities.lost, diff.entities.gained
    assert (hat.entity_id, hat.caption, [tuple(dict(i).values()) for i in hat.in_view]) == ("b", "hat", [(0, 4)])
    assert (dog.entity_id, dog.caption, [tuple(dict(i).values()) for i in dog.in_view]) == ("y", "dog", [(4, 8)])


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (node("x", box=BOX), True),
        (node("x", box=(0.1, 0.1, 0.3, 0.2)), True),  # half of the box
        (node("x", box=(0.1, 0.1, 0.3, 0.19)), False),
        (node("x", box=FAR_BOX), False),
        (node("x"), True),  # named, not placed
        (node("x", label="mug"), False),  # a label alone does not say that it is the cup
        (node("x", label="mug", box=BOX), True),  # the same place does
        (node("x", label="mug", box=FAR_BOX), False),
        (node("x", span=(3.5, 4)), True),
        (node("x", 1), False),  # another time
    ],
)
def test_an_object_is_the_same_by_label_time_and_box(found: SceneObject, same: bool) -> None:
    entities = diff_graphs(graph(node("cup", box=BOX)), graph(found)).entities
    assert (len(entities.lost), len(entities.gained)) == ((0, 0) if same else (1, 1))


@pytest.mark.parametrize(("span", "same"), [((1, 3), True), ((2, 8), True), ((2.1, 8), False), ((3, 3), True), ((4.5, 4.5), False)])
def test_half_of_the_shorter_one_lies_within_the_other(span: tuple[float, float], same: bool) -> None:
    diff = diff_graphs(graph(node("cup"), cuts=()), graph(node("x", span=span), cuts=()))
    assert (diff.entities.lost == ()) is same


def test_what_changed_of_an_object() -> None:
    before = graph(node("a", box=BOX, attributes=("red", "wet"), span=(0, 2.5)))
    after = graph(node("x", label="mug", box=BOX, attributes=("red", "new"), span=(0, 4), kind="dynamic"))
    (change,) = diff_graphs(before, after).entities.changed
    assert change.differs_in == ("label", "kind", "attributes", "times")
    assert (change.before.label, change.after.label) == ("cup", "mug")
    assert (change.before.kind, change.after.kind) == ("static", "dynamic")
    assert set(change.before.attributes) - set(change.after.attributes) == {"colour: wet"}
    assert set(change.after.attributes) - set(change.before.attributes) == {"colour: new"}
    assert (change.before.in_view[0].end_seconds, change.after.in_view[0].end_seconds) == (2.5, 4)


@pytest.mark.parametrize(
    ("span", "changed"), [((0.19, 4), ()), ((0, 3.81), ()), ((0.2, 4), ("times",)), ((0, 3.7), ("times",)), ((0.1, 3.9), ())]
)
def test_times_closer_than_an_interruption_are_the_same(span: tuple[float, float], changed: tuple[str, ...]) -> None:
    diff = diff_graphs(graph(node("cup")), graph(node("cup", span=span)))
    assert [c.differs_in for c in diff.entities.changed] == ([changed] if changed else [])


def test_one_change_of_an_entity_in_many_clips_is_one() -> None:
    before = graph(node("a"), node("a", 1), node("b", label="hat"), node("b", 1, label="hat"))
    after = graph(node("x", attributes=("red",)), node("x", 1, attributes=("red",)), node("y", label="hat"))
    entities = diff_graphs(before, after).entities
    assert numbers(entities) == (1, 0, 1, 1)  # the hat of the second clip, the cup's colour; the hat of the first is as before
    assert [(i.start_seconds, i.end_seconds) for i in entities.changed[0].after.in_view] == [(0, 4), (4, 8)]
    assert [i.start_seconds for i in entities.lost[0].in_view] == [4]


def test_boxes_at_other_times_are_compared_from_the_side_that_can() -> None:
    """The first graph places the cup at 6 s, the second at 2 s, when it is not in view in the first."""
    before, after = graph(node("a", 1, box=BOX)), graph(node("x", span=(1, 8), box=BOX), cuts=())
    assert diff_graphs(before, after).entities.lost == diff_graphs(after, before).entities.lost == ()
    elsewhere = graph(node("x", span=(1, 8), box=FAR_BOX), cuts=())
    assert len(diff_graphs(before, elsewhere).entities.lost) == len(diff_graphs(elsewhere, before).entities.lost) == 1


@pytest.mark.parametrize("word", ["on", "touches"])
def test_without_boxes_what_is_said_tells_two_of_a_label_apart(word: str) -> None:
    table = node("t", label="table")
    before = graph(node("a"), node("b"), table, relations=(related("a0", word, "t0"),))
    after = graph(node("x"), node("y"), table, relations=(related("y0", word, "t0"),))
    assert diff_graphs(before, after).is_empty


def test_without_boxes_attributes_tell_two_of_a_label_apart() -> None:
    before = graph(node("a", attributes=("red",)), node("b"))
    assert diff_graphs(before, graph(node("x"), node("y", attributes=("red",)))).is_empty


def test_of_equals_the_one_that_both_graphs_call_alike_is_the_same() -> None:
    diff = diff_graphs(graph(node("b"), node("c")), graph(node("a"), node("b"), node("c")))
    assert [e.entity_id for e in diff.entities.gained] == ["a"]


def test_same_labels_are_paired_before_same_places() -> None:
    """A coat that one graph has is no other name for the person whose box it fills, as the other graph has the person too."""
    before = graph(node("a", label="person", box=BOX))
    after = graph(node("x", label="coat", box=BOX), node("y", label="person", box=(0.1, 0.1, 0.3, 0.25)))
    entities = diff_graphs(before, after).entities
    assert (numbers(entities), entities.gained[0].label) == ((0, 1, 0, 1), "coat")


# --------------------------------------------------------------------------------- relations, motions, references


def test_relations_are_matched_by_their_objects_words_and_times() -> None:
    things = (node("a"), node("b", label="hat"), node("c", label="dog"))
    before = graph(
        *things, relations=(related("a0", "left of", "b0"), related("a0", "on", "c0", 0, 2), related("b0", "touches", "c0"))
    )  # fmt: skip
    after = graph(
        *things, relations=(related("b0", "right of", "a0"), related("a0", "on", "c0", 0, 3), related("c0", "touches", "b0"),
                            related("c0", "above", "b0", 1, 2)),
    )  # fmt: skip
    relations = diff_graphs(before, after).relations
    assert numbers(relations) == (0, 1, 1, 2)
    gained, change = relations.gained[0], relations.changed[0]
    assert (gained.subject, gained.predicate, gained.object, gained.start_seconds, gained.end_seconds) == ("dog", "above", "hat", 1, 2)
    assert (change.before.end_seconds, change.after.end_seconds, change.differs_in) == (2, 3, ("times",))


def test_a_relation_keeps_standing_when_its_object_gets_a_better_name() -> None:
    before = graph(node("a", label="blob", box=BOX), node("b", box=FAR_BOX), relations=(related("a0", "on", "b0"),))
    after = graph(node("x", label="dog", box=BOX), node("y", box=FAR_BOX), relations=(related("x0", "on", "y0"),))
    diff = diff_graphs(before, after)
    assert (numbers(diff.entities), numbers(diff.relations)) == ((0, 0, 1, 1), (0, 0, 0, 1))
    elsewhere = graph(node("x", label="dog"), node("y", box=FAR_BOX), relations=(related("x0", "on", "y0"),))
    diff = diff_graphs(before, elsewhere)  # negative control: nothing says that the dog is the blob
    assert (numbers(diff.entities), numbers(diff.relations)) == ((1, 1, 0, 1), (1, 1, 0, 0))


def moving(word: str, start: float, end: float) -> Motion:
    return Motion(id=f"m{start}", from_id="a0", to_id="a0", motion=word, start_seconds=start, end_seconds=end)


def test_motions() -> None:
    before = graph(node("a"), motions=(moving("moves up", 0, 1), moving("moves up", 1, 2), moving("stands still", 2, 4)))
    after = graph(node("a"), motions=(moving("moves up", 0, 2), moving("moves left", 2, 4)))
    motions = diff_graphs(before, after).motions
    assert numbers(motions) == (1, 1, 0, 1)  # edges that follow one another are one motion
    assert (motions.lost[0].motion, motions.gained[0].motion, motions.gained[0].object) == ("stands still", "moves left", "cup")


def test_references() -> None:
    both = (node("a"), node("a", 1), node("b", label="hat"), node("b", 1, label="hat"))
    before = graph(*both, references=(Reference(id="s0", from_id="a0", to_id="a1"),))
    after = graph(*both, references=(Reference(id="s0", from_id="a1", to_id="a0"), Reference(id="s1", from_id="b0", to_id="b1")))
    references = diff_graphs(before, after).references
    assert numbers(references) == (0, 1, 0, 1)
    gained = references.gained[0]
    assert (gained.object, gained.from_clip_index, gained.to_clip_index, gained.seconds) == ("hat", 0, 1, 4)


# ------------------------------------------------------------------------------------------------ events, cuts


def test_events_are_compared_clip_by_clip() -> None:
    before = graph(said=("A man enters.", "A dog barks."))
    events = diff_graphs(before, graph(said=("A man enters.", "A dog sleeps."))).events
    assert numbers(events) == (0, 0, 1, 1)
    change = events.changed[0]
    assert (change.before.clip_index, change.before.description, change.after.description) == (1, "A dog barks.", "A dog sleeps.")
    assert change.differs_in == ("description",)
    assert numbers(diff_graphs(before, graph(said=("A man enters.", ""))).events) == (1, 0, 0, 1)


def test_cuts() -> None:
    assert numbers(diff_graphs(graph(), graph(cuts=(4.1,))).cuts) == (0, 0, 0, 1)  # one frame
    cuts = diff_graphs(graph(), graph(cuts=(4.2,))).cuts
    assert (cuts.lost[0].seconds, cuts.gained[0].seconds, cuts.unchanged) == (4.0, 4.2, 0)


# ---------------------------------------------------------------------------------------------- the whole record


def test_both_graphs_are_named_and_counted() -> None:
    cups = cup_graph("gd")
    diff = diff_graphs(cups, cups.model_copy(update={"id": "other", "producer": "prompted", "cycle": 2, "relations": cups.relations[1:]}))
    counts = {"clips": 2, "entities": 2, "objects": 4, "relations": 2, "motions": 1, "references": 1, "events": 2}
    assert (diff.before.id, diff.before.producer, diff.before.cycle, diff.before.counts) == ("gd", "hand", 1, counts)
    assert (diff.after.id, diff.after.producer, diff.after.cycle, diff.after.counts) == ("other", "prompted", 2, {**counts, "relations": 1})
    assert (diff.video_name, numbers(diff.relations)) == ("gd.mp4", (1, 0, 0, 1))
    assert GraphDiff.model_validate_json(diff.model_dump_json()) == diff


def test_graphs_of_two_videos_are_refused_with_both_names() -> None:
    other = graph(id="h", video=VIDEO.model_copy(update={"sha256": "1" * 64, "id": "w", "name": "w.mp4"}))
    message = (
        r"^graph 'g' is of the video 'v\.mp4' \(v\), graph 'h' of 'w\.mp4' \(w\); a diff is of two graphs of one video: choose two that "
        r"GET /v1/graphs\?video_id=… lists, or files whose `video` is the same$"
    )
    with pytest.raises(DifferentVideos, match=message) as refused:
        diff_graphs(graph(), other)
    assert isinstance(refused.value, Conflict)
    renamed = graph(video=VIDEO.model_copy(update={"name": "renamed.mp4"}))
    assert diff_graphs(graph(), renamed).is_empty  # the same bytes


# --------------------------------------------------------------------------------------- what holds for all graphs


@st.composite
def small_graphs(draw: st.DrawFn) -> STSG:
    """Few labels, places and times, so that much of two graphs is alike and there is more than one way to pair it."""
    spans = st.sampled_from([(0.0, 4.0), (0.0, 2.0), (1.0, 3.5)])
    colours = st.lists(st.sampled_from(["red", "wet"]), max_size=2, unique=True)
    objects = [
        node(
            f"{draw(st.sampled_from('nm'))}{i}",
            label=draw(st.sampled_from(["cup", "hat"])),
            box=draw(st.sampled_from([None, BOX, (0.1, 0.1, 0.3, 0.25), FAR_BOX])),
            span=draw(spans),
            attributes=draw(colours),
        )
        for i in range(draw(st.integers(0, 5)))
    ]
    ends = st.sampled_from([o.id for o in objects]) if objects else st.nothing()
    words = st.sampled_from(["left of", "right of", "touches"])
    edges = draw(st.lists(st.tuples(ends, words, ends, spans), max_size=4)) if objects else []
    relations = tuple(Relation(id=f"r{i}", subject_id=a, predicate=w, object_id=b, start_seconds=s, end_seconds=e)
                      for i, (a, w, b, (s, e)) in enumerate(edges))  # fmt: skip
    said = draw(st.tuples(*[st.sampled_from(["", "A cup.", "A hat."])] * 2))
    cuts = draw(st.sampled_from([(4.0,), (4.1,), (5.0,)]))
    return graph(*objects, relations=relations, said=said, cuts=cuts, id=draw(st.sampled_from(["g", "h"])))


many = settings(max_examples=150, derandomize=True)


def in_order(changes: dict[str, Any]) -> dict[str, Any]:
    """The lists of changes in an order that does not depend on which graph came first."""
    return {key: sorted(value, key=str) if isinstance(value, list) else value for key, value in changes.items()}


def swapped(diff: GraphDiff) -> dict[str, Any]:
    record = diff.model_dump(mode="json")
    for kind in KINDS:
        changes = record[kind]
        changes["lost"], changes["gained"] = changes["gained"], changes["lost"]
        changes["changed"] = [{**c, "before": c["after"], "after": c["before"]} for c in changes["changed"]]
    return {**record, "before": record["after"], "after": record["before"]}


@given(small_graphs(), small_graphs())
@many
def test_the_other_way_round_lost_and_gained_are_swapped(one: STSG, two: STSG) -> None:
    there, back = swapped(diff_graphs(one, two)), diff_graphs(two, one).model_dump(mode="json")
    for record in (there, back):
        record.update({kind: in_order(record[kind]) for kind in KINDS})
    assert there == back


@given(small_graphs() | stsgs())
@many
def test_a_graph_has_no_difference_to_itself(one: STSG) -> None:
    diff = diff_graphs(one, one)
    assert diff.is_empty
    assert diff.entities.unchanged == len({o.entity_id for o in one.objects})


def test_of_pairs_as_good_the_same_are_taken_either_way_round() -> None:
    """Which cup is which nothing says: either of the second graph agrees with the first two by 2/3 and 1 of their time."""
    one, two = graph(node("a", span=(0, 3)), node("b", span=(1, 3))), graph(node("x", span=(1, 3)), node("y", span=(1, 3)), id="h")
    (there,), (back,) = diff_graphs(one, two).entities.changed, diff_graphs(two, one).entities.changed
    assert (there.before, there.after) == (back.after, back.before)


@given(small_graphs(), st.integers(min_value=0))
@many
def test_an_object_more_is_gained_and_nothing_else(one: STSG, number: int) -> None:
    dog = node("dog", number % 2, label="dog")
    diff = diff_graphs(one, one.model_copy(update={"objects": (*one.objects, dog)}))
    assert [e.label for e in diff.entities.gained] == ["dog"]
    assert (diff.entities.lost, diff.entities.changed) == ((), ())
    assert all(not getattr(diff, kind).gained and not getattr(diff, kind).lost for kind in KINDS if kind != "entities")


@given(small_graphs(), small_graphs())
@many
def test_every_appearance_is_counted_once(one: STSG, two: STSG) -> None:
    """Here each entity is in one clip, so that entities and appearances are the same."""
    entities = diff_graphs(one, two).entities
    assert len(entities.lost) + len(entities.changed) + entities.unchanged == len(one.objects)
    assert len(entities.gained) + len(entities.changed) + entities.unchanged == len(two.objects)
