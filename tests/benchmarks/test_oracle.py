"""The oracle without errors: what it says of a world worked by hand, and the frame scene graphs that the parser makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks.oracle import PERFECT, OracleErrors, OracleVideoLLM, OracleWorld, has_lookalikes
from benchmarks.oracle.names import SYNONYMS, object_called, respellings
from benchmarks.oracle.prompt_fields import PromptFields, listed_names
from benchmarks.oracle.scenes import as_held, scene_of
from benchmarks.oracle.worlds import oracle_world, oracle_worlds
from graph_schema.errors import ModelRefused
from graph_schema.intervals import MIN_SECONDS
from graph_schema.models import STSG, Attribute, FrameSceneGraph
from graph_schema.options import PromptedParserOptions
from tests.support.oracle_examples import TRUTH, WORLD, keyframe, oracle, prompt, replies, said, says_yes, true_graph
from workers.media import ClipFrames, SplitClip, SplitKeyframe
from workers.parsers import ClipToParse
from workers.parsers.prompted import PromptedParser
from workers.parsers.prompted.boxes import box_words
from workers.parsers.prompted.canonical import canonical_label
from workers.parsers.prompted.findings import listed
from workers.parsers.prompted.prompt_files import FIELDS
from workers.synthetic import World
from workers.video_llms import CachedCalls, Prompt

# -------------------------------------------------------------------------------------------- one picture


def test_what_the_first_picture_shows() -> None:
    scene = scene_of(TRUTH, WORLD, 0)
    assert [(o.name, o.label, o.which, o.dynamic) for o in scene.objects] == [
        ("red", "square", "red", True),
        ("high", "square", "blue, medium, at the top", False),
        ("low", "square", "blue, medium, at the bottom", False),
    ]
    assert scene.objects[0].box == pytest.approx((20 / 200, 40 / 100, 40 / 200, 60 / 100))
    assert scene.relations == {("red", "left of", "low"), ("high", "above", "low")}


def test_what_left_the_picture_is_not_in_it() -> None:
    # a tenth of red is inside until its middle is 8 px above the edge: 58 px at 60 px/s, 0.97 s
    assert [[o.name for o in scene_of(TRUTH, WORLD, frame).objects] for frame in (20 + 9, 20 + 10)] == [
        ["green", "low", "red"],
        ["green", "low"],
    ]


def test_a_picture_shows_what_is_too_short_for_the_graph_and_nothing_else() -> None:
    world = oracle_world(11, 0)
    truth = true_graph(world)
    name = {o.id: o.entity_id.removeprefix(f"{truth.id}-") for o in truth.objects}
    more: Counter[tuple[str, str, str]] = Counter()
    for frame in range(truth.video.frame_count):
        seconds = frame / world.fps
        held = {
            as_held(name[r.subject_id], r.predicate, name[r.object_id])
            for r in truth.relations
            if r.start_seconds - 1e-6 <= seconds < r.end_seconds - 1e-6
        }
        shown = scene_of(truth, world, frame).relations
        assert held <= shown
        more.update(shown - held)
    assert more and max(more.values()) / world.fps < MIN_SECONDS


def test_objects_are_listed_by_label_and_what_tells_them_apart() -> None:
    model = oracle()
    assert said(model, [0], "objects")["objects"] == [
        {"label": "square", "which": "red"},
        {"label": "square", "which": "blue, medium, at the top"},
        {"label": "square", "which": "blue, medium, at the bottom"},
    ]
    assert said(model, [30], "objects")["objects"] == [{"label": "circle", "which": ""}, {"label": "square", "which": ""}]
    assert len(said(model, [0], "objects", max_objects=2)["objects"]) == 2


@pytest.mark.parametrize(
    ("counted", "box"), [("pixels", [20, 40, 40, 60]), ("thousandths", [100, 400, 200, 600]), ("fractions", [0.1, 0.4, 0.2, 0.6])]
)
def test_boxes_are_counted_as_the_prompt_wants(counted: str, box: list[float]) -> None:
    assert said(oracle(), [0], "objects", **box_words(counted))["objects"][0]["box"] == box


def test_kinds_attributes_and_relations_go_by_the_names_of_the_prompt() -> None:
    model, red, high, low = oracle(), "square (red)", "square (blue, medium, at the top)", "square (blue, medium, at the bottom)"
    kinds = said(model, [0], "kinds", objects=listed([low, red, "ghost"]))
    assert kinds == {"dynamic": [red], "static": [low, "ghost"]}
    colours = said(model, [0], "attributes", object=red)["attributes"]
    assert colours == [{"kind": "colour", "name": "red"}, {"kind": "size", "name": "medium"}]
    assert said(model, [0], "attributes", object="ghost") == {"attributes": []}
    relations = {
        (first, second): said(model, [0], "relations", first=first, second=second)["relations"]
        for first, second in ((red, low), (low, red), (high, red), (high, low), (red, "ghost"), (red, "red square"))
    }
    assert relations == {
        (red, low): [{"subject": red, "predicate": "left of", "object": low}],
        (low, red): [{"subject": red, "predicate": "left of", "object": low}],
        (high, red): [],
        (high, low): [{"subject": high, "predicate": "above", "object": low}],
        (red, "ghost"): [],
        (red, "red square"): [],
    }


def test_the_whole_graph_in_one_reply() -> None:
    graph = said(oracle(), [0], "whole")
    assert [(o["label"], o["dynamic"], [a["name"] for a in o["attributes"]]) for o in graph["objects"]] == [
        ("square", True, ["red", "medium"]),
        ("square", False, ["blue", "medium"]),
        ("square", False, ["blue", "medium"]),
    ]
    assert graph["relations"] == [
        {"subject": 0, "predicate": "left of", "object": 2},
        {"subject": 1, "predicate": "above", "object": 2},
    ]


def test_text_replies_say_what_is_there() -> None:
    (text,) = replies(oracle(), [30], prompt("narrative"))
    assert text == "On a plain ground, this is seen: a large green circle, a medium blue square."
    (text,) = replies(oracle(), [0], prompt("description", objects='- "square (red)"', object="square (red)"))
    assert text == "It is a medium red square that moves."


@pytest.mark.parametrize(
    ("stage", "fields", "frame", "answer"),
    [
        ("verify_object", {"object": "square (red)"}, 0, True),
        ("verify_object", {"object": "square (red)"}, 30, False),
        ("verify_object", {"object": "boxes"}, 0, True),
        ("verify_object", {"object": "square (green)"}, 0, False),
        ("verify_object", {"object": "square (blue, medium) 2"}, 0, True),
        ("verify_object", {"object": "square (blue, medium) 3"}, 0, False),
        ("deny_object", {"object": "square (red)"}, 0, False),
        ("deny_object", {"object": "square (red)"}, 30, True),
        ("deny_attribute", {"object": "square (red)", "kind": "colour", "name": "blue"}, 0, True),
        ("deny_relation", {"subject": "red square", "predicate": "left of", "object": "square (blue, at the bottom)"}, 0, False),
        ("verify_attribute", {"object": "square (red)", "kind": "colour", "name": "red"}, 0, True),
        ("verify_attribute", {"object": "square (red)", "kind": "colour", "name": "blue"}, 0, False),
        ("verify_attribute", {"object": "square (red)", "kind": "size", "name": "medium"}, 0, True),
        ("verify_attribute", {"object": "ghost", "kind": "colour", "name": "red"}, 0, False),
        ("verify_relation", {"subject": "red square", "predicate": "left of", "object": "square (blue, at the bottom)"}, 0, True),
        ("verify_relation", {"subject": "square (blue, at the bottom)", "predicate": "right of", "object": "red square"}, 0, True),
        ("verify_relation", {"subject": "square (blue, at the bottom)", "predicate": "left of", "object": "red square"}, 0, False),
        ("verify_relation", {"subject": "red square", "predicate": "left of", "object": "square (blue, at the top)"}, 0, False),
    ],
)
def test_yes_and_no(stage: str, fields: dict[str, object], frame: int, answer: bool) -> None:
    assert says_yes(oracle(), [frame], stage, **fields) is answer
    assert replies(oracle(), [frame], prompt(stage, **fields)) == ["Yes." if answer else "No."]


# ---------------------------------------------------------------------------------------- several pictures


def test_motions_between_two_pictures() -> None:
    model, red = oracle(), "square (red)"
    assert said(model, [0, 10], "motion", object=red) == {"motion": "moves right"}  # 40 px in 1 s
    assert said(model, [10, 19], "motion", object=red) == {"motion": "unchanged"}
    assert said(model, [20, 25], "motion", object=red) == {"motion": "moves up"}
    assert said(model, [0, 10], "motion", object="square (blue, medium, at the top)") == {"motion": "unchanged"}
    assert said(model, [20, 39], "motion", object=red) == {"motion": "unchanged"}  # it is in the first only


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("square (red)", "red square", True),
        ("square (blue, medium, at the top)", "square (blue, medium, at the top)", True),
        ("square (blue, medium, at the top)", "square (blue, medium, at the bottom)", False),
        ("square (red)", "square (blue, medium, at the bottom)", False),
        ("ghost", "ghost", False),
    ],
)
def test_one_object_in_two_pictures(first: str, second: str, answer: bool) -> None:
    assert says_yes(oracle(), [0, 15], "same_in_clip", first=first, second=second) is answer


def test_one_object_in_two_clips() -> None:
    model, low = oracle(), "square (blue, medium, at the bottom)"
    assert says_yes(model, [0, 10, 30, 35], "same_across", first_count=2, first_frame=1, second_frame=3, first=low, second="square")
    assert not says_yes(
        model,
        [0, 10, 30, 35],
        "same_across",
        first_count=2,
        first_frame=1,
        second_frame=3,
        first="square (blue, medium, at the top)",
        second="square",
    )
    assert not says_yes(
        model, [0, 10, 30, 35], "same_across", first_count=2, first_frame=1, second_frame=3, first="square (red)", second="circle"
    )


def test_the_event_of_a_clip() -> None:
    event = said(oracle(), [0, 5, 10, 19], "event", objects=listed(["square (red)", "square (blue, at the top)"]))
    assert event == {
        "description": "The square (red) moves right and the square (blue, at the top) stands still.",
        "agents": ["square (red)"],
        "patients": [],
    }


# --------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "object_name"),
    [
        ("square (red)", "red"),
        ("The red squares", "red"),
        ("medium blue block", "high"),
        ("square", "red"),
        ("square 2", "high"),
        ("square 3", "low"),
        ("square 4", None),
        ("box (blue, medium, at the bottom)", "low"),
        ("square (on the moon, blue)", "high"),
        ("square (large, red)", None),
        ("circle", None),
        ("", None),
    ],
)
def test_a_name_means_an_object_of_the_picture(name: str, object_name: str | None) -> None:
    found = object_called(name, scene_of(TRUTH, WORLD, 0).objects)
    assert (found and found.name) == object_name


def test_synonyms_are_of_one_label_and_respellings_of_one_word() -> None:
    words = [word for label, synonyms in SYNONYMS.items() for word in (label, *synonyms)]
    assert len(set(words)) == len(words)
    assert {canonical_label(r) for word in words for r in respellings(word)} == set(words)


@pytest.mark.parametrize("stage", sorted(FIELDS))
def test_a_prompt_gives_back_what_it_was_filled_with(stage: str) -> None:
    values = {field: f'"{field}", (two)\nlines. {{3}}' for field in FIELDS[stage]}
    assert PromptFields().read(prompt(stage, **values)) == values
    assert listed_names(listed(["circle (red, large)", "circle 2"])) == ["circle (red, large)", "circle 2"]


# ------------------------------------------------------------------------------------------------ refusals


def test_what_it_cannot_answer_is_refused() -> None:
    model = oracle()
    with pytest.raises(ModelRefused, match=r"keyframes/v9/0\.jpg is no keyframe of the oracle's worlds; it knows keyframes/<video id>"):
        next(model.generate([Path("keyframes/v9/0.jpg")], [prompt("narrative")]))
    with pytest.raises(ModelRefused, match="'objects': 'What is here\\?'; give the oracle the templates that the prompts are made with"):
        next(model.generate([keyframe(0)], [Prompt(stage="objects", text="What is here?")]))
    with pytest.raises(ModelRefused, match="stage 'narrative' is not to be answered with yes or no"):
        next(model.yes_probability([keyframe(0)], [prompt("narrative")]))
    with pytest.raises(ValueError, match="video v0 has no frame 40; it has 40"):
        scene_of(TRUTH, WORLD, 40)


# ---------------------------------------------------------------------------------------- the parser over it


def parsed(folder: Path, world: World, truth: STSG, errors: OracleErrors, **options: object) -> Iterator[tuple[float, FrameSceneGraph]]:
    """(seconds, frame scene graph) of every second of the truth's grid of keyframes, read by the parser."""
    model = OracleVideoLLM({"v0": OracleWorld(truth, world, folder / "unrendered.mp4")}, errors)
    chosen = PromptedParserOptions.model_validate({"model": "oracle", "boxes": "fractions", **options})
    parser = PromptedParser(chosen, CachedCalls(model, folder))
    pictures = folder / "keyframes" / "v0"
    pictures.mkdir(parents=True, exist_ok=True)

    def no_frames() -> ClipFrames:
        raise AssertionError("the parser asks about keyframes only")

    for clip in truth.clips:
        keyframes = [k for k in clip.keyframes if (k.frame - clip.start_frame) % 4 == 0]
        for k in keyframes:  # a picture of its own content for each, as calls are kept by it
            cv2.imwrite(str(pictures / f"{k.frame}.jpg"), np.full((world.height, world.width, 3), k.frame, np.uint8))
        split = SplitClip(
            index=clip.index,
            start_frame=clip.start_frame,
            end_frame=clip.end_frame,
            start_seconds=clip.start_seconds,
            end_seconds=clip.end_seconds,
            keyframes=tuple(
                SplitKeyframe(frame=k.frame, time_seconds=k.time_seconds, image=f"keyframes/v0/{k.frame}.jpg") for k in keyframes
            ),
        )
        images = tuple(folder / k.image for k in split.keyframes)
        for graph in parser.parse(ClipToParse(split, images, no_frames)):
            yield graph.time_seconds, graph


Facts = tuple[list[tuple[object, ...]], list[tuple[object, ...]]]


def true_facts(truth: STSG, seconds: float) -> Facts:
    """What the true graph says of a keyframe: its objects with kind, attributes and box, and the relations that hold."""
    (keyframe_id,) = [k.id for clip in truth.clips for k in clip.keyframes if abs(k.time_seconds - seconds) < 1e-6]
    boxes = {o.id: b.box_xyxy for o in truth.objects for b in o.boxes if b.keyframe_id == keyframe_id and b.box_xyxy is not None}
    here = [o for o in truth.objects if o.id in boxes]
    objects = [(o.label, o.kind, attribute_names(o.attributes), rounded(boxes[o.id])) for o in here]
    where = {o.entity_id: rounded(boxes[o.id]) for o in here}
    entity = {o.id: o.entity_id for o in truth.objects}
    held = [r for r in truth.relations if r.start_seconds - 1e-6 <= seconds < r.end_seconds - 1e-6]
    relations = [as_held(str(where[entity[r.subject_id]]), r.predicate, str(where[entity[r.object_id]])) for r in held]
    return sorted(objects), sorted(relations)


def read_facts(graph: FrameSceneGraph) -> Facts:
    """The same of a frame scene graph."""
    boxes = [rounded(o.box_xyxy or (0, 0, 0, 0)) for o in graph.objects]
    objects = [(o.label, o.kind, attribute_names(o.attributes), box) for o, box in zip(graph.objects, boxes, strict=True)]
    relations = [as_held(str(boxes[r.subject]), r.predicate, str(boxes[r.object])) for r in graph.relations]
    return sorted(objects), sorted(relations)


def attribute_names(attributes: Sequence[Attribute]) -> tuple[str, ...]:
    return tuple(sorted(f"{a.kind}: {a.name}" for a in attributes))


def rounded(box: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(edge, 3) for edge in box)


READ = [(WORLD, TRUTH)] + [(w, true_graph(w)) for w in (oracle_world(13, n) for n in (0, 1))]
"""By hand, with look-alikes, without."""


@pytest.mark.parametrize(("staged", "samples"), [(True, 1), (True, 3), (False, 2)])
@pytest.mark.parametrize(("world", "truth"), READ, ids=["small", "look-alikes", "none alike"])
def test_without_errors_the_parser_reads_the_truth(tmp_path: Path, world: World, truth: STSG, staged: bool, samples: int) -> None:
    read = list(parsed(tmp_path, world, truth, PERFECT, staged=staged, samples=samples))
    assert len(read) >= 8
    for seconds, graph in read:
        assert read_facts(graph) == true_facts(truth, seconds)
        assert graph.rejections == ()


def test_with_errors_the_parser_reads_something_else(tmp_path: Path) -> None:
    wrong = [read_facts(graph) != true_facts(TRUTH, seconds) for seconds, graph in parsed(tmp_path, WORLD, TRUTH, OracleErrors())]
    assert sum(wrong) >= len(wrong) / 2


# --------------------------------------------------------------------------------------------------- worlds


def test_every_second_world_has_lookalikes_in_two_clips_and_objects_come_back() -> None:
    worlds = [oracle_world(12, n) for n in range(4)]
    alike = [[n for n, clip in enumerate(w.clips) if has_lookalikes(clip)] for w in worlds]
    assert [len(clips) for clips in alike] == [2, 0, 2, 0]
    assert all(clips[1] == clips[0] + 1 for clips in alike if clips)
    assert all(len({a.object.kind for a in clip.appearances}) >= 2 for w in worlds for clip in w.clips)
    for w in worlds:
        shown = [{a.object.name for a in clip.appearances} for clip in w.clips]
        assert (shown[0] & shown[-1]) - set().union(*shown[1:-1])
    assert oracle_world(12, 3) == worlds[3] != oracle_world(13, 3)


def test_worlds_are_rendered_with_their_true_graphs(tmp_path: Path) -> None:
    ((video_id, made),) = oracle_worlds(1, 12, tmp_path).items()
    assert made.path.is_file() and made.truth.video.id == video_id
    assert made.world == oracle_world(12, 0)
    model = OracleVideoLLM({video_id: made}, PERFECT)
    (answered,) = model.generate([Path(f"keyframes/{video_id}/0.jpg")], [prompt("narrative")])
    assert answered.completion.generations[0].text.startswith("On a plain ground, this is seen: a ")


def test_the_oracle_is_no_benchmark() -> None:
    assert "oracle" not in command.names() and "synthetic_worlds" in command.names()
