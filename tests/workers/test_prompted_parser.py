"""The walk of one keyframe by prompts, with a model whose replies are written out: what it agrees on and stands by is in the graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from graph_schema.models import FrameSceneGraph, Kind
from graph_schema.options import PromptedParserOptions
from tests.support.onnx_files import write_detector
from tests.support.scripted_model import Reply, ScriptedModel
from workers.media import ClipFrames, SplitClip, SplitKeyframe
from workers.parsers import ClipToParse
from workers.parsers.detector.open_detector import open_detector
from workers.parsers.prompted import PromptedParser
from workers.video_llms import CachedCalls, Prompt

Yes = Callable[[Sequence[Path], Prompt], float]


def read(folder: Path, reply: Reply, yes: Yes = lambda images, prompt: 1.0, **options: object) -> tuple[FrameSceneGraph, ScriptedModel]:
    picture = folder / "0.jpg"
    cv2.imwrite(str(picture), np.zeros((100, 200, 3), np.uint8))
    keyframe = SplitKeyframe(frame=3, time_seconds=0.5, image="0.jpg")
    clip = SplitClip(index=0, start_frame=0, end_frame=9, start_seconds=0.0, end_seconds=1.0, keyframes=(keyframe,))

    def no_frames() -> ClipFrames:
        raise AssertionError("a parser that asks about keyframes needs no other frame")

    model = ScriptedModel(reply, yes)
    chosen = PromptedParserOptions.model_validate({"model": "scripted", **options})
    detector = None if chosen.boxes_from is None else open_detector(chosen.boxes_from)
    parser = PromptedParser(chosen, CachedCalls(model, folder), detector=detector)
    assert ("boxes_from" in parser.configuration) is (detector is not None)
    (graph,) = parser.parse(ClipToParse(clip, (picture,), no_frames))
    return graph, model


def said(graph: FrameSceneGraph) -> tuple[list[tuple[str, Kind, list[tuple[str, str, float]]]], list[tuple[int, str, int]]]:
    """([(label, kind, [(attribute kind, name, confidence)])], [(subject, predicate, object)])."""
    objects = [(o.label, o.kind, [(a.kind, a.name, round(a.confidence, 2)) for a in o.attributes]) for o in graph.objects]
    return objects, [(r.subject, r.predicate, r.object) for r in graph.relations]


def staged(images: Sequence[Path], prompt: Prompt, k: int) -> str:
    """Three replies: all see man and cup; two say the cup is red; each names the relation in its own words."""
    if prompt.stage == "objects":
        return json.dumps({"objects": ["Man", "cups"] if k else ["man", "cup", "ghost"]})
    if prompt.stage == "kinds":
        return '{"dynamic": ["man"], "static": ["cup"]}'
    if prompt.stage == "attributes":
        colours = ["red", "Red", "blue"] if '"cup"' in prompt.text else ["tall"] * 3
        return json.dumps({"attributes": [{"kind": "color" if '"cup"' in prompt.text else "size", "name": colours[k]}]})
    if prompt.stage == "relations":
        relations = [("man", "is holding", "cup"), ("man", "holds", "cup"), ("man", "holding", "the cup")]
        subject, predicate, target = relations[k]
        beside = {"subject": "cup", "predicate": "to the right of", "object": "man"}
        return json.dumps({"relations": [{"subject": subject, "predicate": predicate, "object": target}, beside]})
    return "A man holds a cup."


def test_what_enough_replies_say_is_in_the_graph(tmp_path: Path) -> None:
    graph, model = read(tmp_path, staged, samples=3)
    objects, relations = said(graph)
    assert objects == [("man", "dynamic", [("size", "tall", 1.0)]), ("cup", "static", [("colour", "red", 0.67)])]
    assert relations == [(0, "holding", 1), (0, "left of", 1)]
    assert graph.rejections == ()
    assert {o.verified for o in graph.objects} | {r.verified for r in graph.relations} == {True}
    # objects, kinds and the yes / no of each; narrative has its own
    assert [len(o.call_ids) for o in graph.objects] == [3, 3]
    stages = [q.stage for q in model.asked]
    assert {stage: stages.count(stage) for stage in dict.fromkeys(stages)} == {
        "narrative": 1, "objects": 1, "verify_object": 2, "kinds": 1, "description": 2, "attributes": 2, "verify_attribute": 2,
        "relations": 1, "verify_relation": 2,
    }  # fmt: skip


def test_an_object_that_is_denied_takes_all_that_hangs_on_it(tmp_path: Path) -> None:
    def no_cup(images: Sequence[Path], prompt: Prompt) -> float:
        return 0.4 if prompt.stage == "verify_object" and '"cup"' in prompt.text else 0.5

    graph, model = read(tmp_path, staged, no_cup, samples=3)
    assert said(graph) == ([("man", "dynamic", [("size", "tall", 1.0)])], [])
    assert "relations" not in [q.stage for q in model.asked]
    assert [q.text for q in model.asked if q.stage == "deny_object"] == [
        'This is one frame of a video. Look for "cup". Answer yes if it is missing from the frame, no if it can be seen.'
    ]


def test_what_is_denied_but_not_the_other_way_round_stays_unverified(tmp_path: Path) -> None:
    def always_no_of_the_cup(images: Sequence[Path], prompt: Prompt) -> float:
        return 0.1 if prompt.stage in ("verify_object", "deny_object") and '"cup"' in prompt.text else 0.9

    graph, _ = read(tmp_path, staged, always_no_of_the_cup, samples=3)
    assert [(o.label, o.verified) for o in graph.objects] == [("man", True), ("cup", None)]
    assert [len(o.call_ids) for o in graph.objects] == [3, 4]


def test_without_yes_and_no_nothing_is_asked_and_nothing_verified(tmp_path: Path) -> None:
    graph, model = read(tmp_path, staged, samples=3, yes_no=False)
    assert said(graph)[1] == [(0, "holding", 1), (0, "left of", 1)]
    assert {o.verified for o in graph.objects} == {None}
    assert not [q for q in model.asked if q.stage.startswith("verify")]


def test_replies_that_cannot_be_read_are_counted_with_their_calls(tmp_path: Path) -> None:
    graph, _ = read(tmp_path, lambda images, prompt, k: "no idea", samples=3)
    assert graph.objects == ()
    assert [(r.stage, r.reason) for r in graph.rejections] == [("objects", "no list of objects")] * 3
    assert all(next((tmp_path / "calls").rglob(f"{r.call_id}.json")).is_file() for r in graph.rejections)


def whole(images: Sequence[Path], prompt: Prompt, k: int) -> str:
    """Three replies to one prompt; the third has an object that is none before the cup, so that its numbers mean others."""
    man = {"label": "man", "dynamic": True, "box": [0, 0, 100, 100]}
    cup = {"label": "cup", "attributes": [{"kind": "colour", "name": "red"}]}
    objects = [man, cup] if k < 2 else [7, man, cup]
    relation = {"subject": 0, "predicate": "holding", "object": 1}
    return json.dumps({"objects": objects, "relations": [relation]})


def test_one_prompt_for_the_whole_graph(tmp_path: Path) -> None:
    graph, model = read(tmp_path, whole, samples=3, staged=False, boxes="pixels")
    objects, relations = said(graph)
    assert objects == [("man", "dynamic", []), ("cup", "static", [("colour", "red", 1.0)])]
    assert relations == [(0, "holding", 1)]
    assert round(graph.relations[0].confidence, 2) == 0.67  # the third reply's numbers do not count
    assert [o.box_xyxy for o in graph.objects] == [(0.0, 0.0, 0.5, 1.0), None]  # of a picture of 200 x 100
    assert [r.reason for r in graph.rejections] == ["1 of the objects are not of the form that was asked for"]
    assert [q.stage for q in model.asked] == ["whole", "verify_object", "verify_object", "verify_attribute", "verify_relation"]


def test_a_detector_puts_boxes_on_what_is_named_and_says_what_it_does_not_see(tmp_path: Path) -> None:
    output = np.zeros((1, 42, 7), np.float32)  # one person, in the middle of a picture of 64 x 32
    output[0, :, 0] = 60
    output[0, 0] = [32, 16, 16, 16, 1, 0, 0.9]
    path = write_detector(tmp_path / "net.onnx", output, size=(64, 32))
    path.with_suffix(".names").write_text("cup\nperson\n")
    graph, _ = read(tmp_path, staged, samples=3, boxes_from=str(path))
    assert [(o.label, o.box_xyxy, o.detected) for o in graph.objects] == [("man", (0.375, 0.25, 0.625, 0.75), True), ("cup", None, False)]
    assert said(graph)[1] == [(0, "holding", 1), (0, "left of", 1)]  # a verdict takes nothing away
    without, _ = read(tmp_path, staged, samples=3)
    assert [(o.box_xyxy, o.detected) for o in without.objects] == [(None, None)] * 2


def test_two_hundred_objects_in_a_frame(tmp_path: Path) -> None:
    labels = [f"thing {n}" for n in range(250)]

    def many(images: Sequence[Path], prompt: Prompt, k: int) -> str:
        if prompt.stage == "objects":
            return json.dumps({"objects": labels})
        return json.dumps({"dynamic": [], "static": labels, "attributes": [], "relations": []})

    graph, model = read(tmp_path, many, samples=3, max_objects=200)
    assert [o.label for o in graph.objects] == labels[:200]
    stages = [q.stage for q in model.asked]
    assert {stage: stages.count(stage) for stage in dict.fromkeys(stages)} == {
        "narrative": 1, "objects": 1, "verify_object": 200, "kinds": 1, "description": 200, "attributes": 200, "relations": 24,
    }  # fmt: skip
