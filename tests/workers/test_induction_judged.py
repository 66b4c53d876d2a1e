"""Merging and bridging with a judge: whom it is asked about, what is made of its answers, and that every call is kept on what it made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graph_schema.models import FrameObject, FrameSceneGraph, Interval, Kind
from tests.support.induction_examples import LEFT, MIDDLE, RIGHT, frame, frame_object
from workers.induction import (
    ClipGraph,
    EventOpinion,
    Induction,
    MotionOpinion,
    Opinion,
    Sighting,
    bridge_clips,
    merge_clip,
    unify_labels,
)
from workers.induction.events import clip_event

Pair = tuple[Sighting, Sighting]


class Judge:
    """Says what a test tells it, by the names of the two sightings; remembers what it was asked."""

    def __init__(self, same: Callable[[str, str], float | None] = lambda a, b: 0.0, word: str | None = None) -> None:
        self._same, self._word = same, word
        self.asked: list[tuple[str, str]] = []
        self.left_out = 0
        self.says: EventOpinion | None = None

    def same_in_clip(self, pairs: Sequence[Pair]) -> list[Opinion]:
        self.asked += [(a.name, b.name) for a, b in pairs]
        return [Opinion(likely=self._same(a.name, b.name), call_ids=(f"{a.name}={b.name}",)) for a, b in pairs]

    def same_across(self, pairs: Sequence[Pair], *, left_out: int) -> list[Opinion]:
        self.left_out += left_out
        return self.same_in_clip(pairs)

    def motions(self, steps: Sequence[Pair]) -> list[MotionOpinion]:
        return [MotionOpinion(motion=self._word, confidence=0.8, call_ids=(f"{a.name}~{b.name}",)) for a, b in steps]

    def event(self, clip: int, names: Sequence[str]) -> EventOpinion | None:
        return self.says


def named(name: str, colour: str = "red", label: str = "cup", kind: Kind = "static") -> FrameObject:
    """An object without a box, as a Video-LLM names it."""
    return frame_object(colour, label, box=None, kind=kind).model_copy(update={"name": name, "call_ids": (f"saw {name}",)})


def groups(graph: ClipGraph) -> list[list[str | None]]:
    return [[m.name for m in o.observations] for o in graph.objects]


def last_letter(a: str, b: str) -> float:
    return 1.0 if a[-1] == b[-1] else 0.0


def test_what_label_and_attributes_leave_no_doubt_about_is_not_asked() -> None:
    judge = Judge()
    graph = merge_clip([frame(0, [named("cup a"), named("dog a", label="dog")]), frame(1, [named("cup a")])], how=Induction(judge))
    assert groups(graph) == [["cup a", "cup a"], ["dog a"]]
    assert judge.asked == []


def test_lookalikes_are_what_the_judge_says_and_keep_its_calls() -> None:
    judge = Judge(last_letter)
    frames = [frame(0, [named("cup a"), named("cup b")]), frame(1, [named("cup b"), named("cup a")])]
    graph = merge_clip(frames, how=Induction(judge))
    assert sorted(groups(graph)) == [["cup a", "cup a"], ["cup b", "cup b"]]
    assert sorted(judge.asked) == [("cup a", "cup a"), ("cup a", "cup b"), ("cup b", "cup a"), ("cup b", "cup b")]
    assert sorted(o.call_ids for o in graph.objects) == [("cup a=cup a",), ("cup b=cup b",)]
    without = merge_clip(frames)  # nothing but a box could tell them apart
    assert sorted(groups(without)) == [["cup a"], ["cup a"], ["cup b"], ["cup b"]]


def test_an_object_whose_attributes_differ_is_the_same_if_the_judge_says_so() -> None:
    frames = [frame(0, [named("cup a", "red")]), frame(1, [named("cup a", "orange")])]
    assert len(merge_clip(frames, how=Induction(Judge(last_letter))).objects) == 1
    assert len(merge_clip(frames, how=Induction(Judge())).objects) == 2


def test_a_judge_that_finds_two_equally_likely_settles_nothing() -> None:
    frames = [frame(0, [named("cup a"), named("cup b")]), frame(1, [named("cup c")])]
    assert len(merge_clip(frames, how=Induction(Judge(lambda a, b: 0.9))).objects) == 3
    assert len(merge_clip(frames, how=Induction(Judge(lambda a, b: 0.9 if a == "cup a" else 0.6))).objects) == 2


def test_an_answer_that_could_not_be_read_joins_nothing() -> None:
    frames = [frame(0, [named("cup a", "red")]), frame(1, [named("cup a", "blue")])]
    assert len(merge_clip(frames, how=Induction(Judge(lambda a, b: None))).objects) == 2


def test_only_so_many_candidates_are_asked_about_the_most_alike_first() -> None:
    judge = Judge(last_letter)
    known = [named(f"cup {n}", colour) for n, colour in enumerate(("red", "blue", "green", "white"))]
    merge_clip([frame(0, known), frame(1, [named("cup 3", "white")])], how=Induction(judge, max_candidates=2))
    assert judge.asked[0] == ("cup 3", "cup 3")
    assert len(judge.asked) == 2


def test_without_merging_each_keyframe_has_its_own_objects() -> None:
    judge = Judge(last_letter, word="runs")
    man = named("man a", label="man", kind="dynamic")
    graph = merge_clip([frame(0, [man]), frame(1, [man])], how=Induction(judge, merge=False))
    assert groups(graph) == [["man a"], ["man a"]]
    assert graph.motions == () and judge.asked == []


def test_motions_are_the_judges_words_from_keyframe_to_keyframe() -> None:
    man = named("man a", label="man", kind="dynamic")
    frames = [frame(0, [man, named("cup a")]), frame(1, [man, named("cup a")]), frame(2.5, [man])]
    graph = merge_clip(frames, how=Induction(Judge(word="runs")))
    assert [(m.motion, m.start_seconds, m.end_seconds, m.confidence, m.call_ids) for m in graph.motions] == [
        ("runs", 0, 1, 0.8, ("man a~man a",)),
        ("runs", 1, 2.5, 0.8, ("man a~man a",)),
    ]
    assert merge_clip(frames, how=Induction(Judge(word=None))).motions == ()


def test_a_judge_goes_by_boxes_too_where_there_are_some() -> None:
    def at(name: str, box: tuple[float, float, float, float]) -> FrameObject:
        return named(name).model_copy(update={"box_xyxy": box})

    frames = [frame(0, [at("cup a", LEFT), at("cup b", RIGHT)]), frame(1, [at("cup c", LEFT)])]
    graph = merge_clip(frames, how=Induction(Judge(lambda a, b: 0.8)))  # as likely both
    assert sorted(groups(graph)) == [["cup a", "cup c"], ["cup b"]]


def boxed(name: str, box: tuple[float, float, float, float], colour: str = "red", label: str = "cup", kind: Kind = "static") -> FrameObject:
    return named(name, colour, label, kind).model_copy(update={"box_xyxy": box})


def test_lookalikes_that_stay_in_their_places_are_not_asked_about() -> None:
    judge = Judge()  # would deny everything
    frames = [frame(0, [boxed("cup a", LEFT), boxed("cup b", RIGHT)]), frame(1, [boxed("cup b", RIGHT), boxed("cup a", LEFT)])]
    assert sorted(groups(merge_clip(frames, how=Induction(judge)))) == [["cup a", "cup a"], ["cup b", "cup b"]]
    assert judge.asked == []


def test_the_one_that_is_left_when_others_of_its_label_are_in_their_places_is_not_asked_about() -> None:
    judge = Judge()
    frames = [
        frame(0, [boxed("cup a", LEFT), boxed("cup b", MIDDLE, kind="dynamic")]),
        frame(1, [boxed("cup a", LEFT), boxed("cup b", RIGHT, kind="dynamic")]),
    ]
    assert sorted(groups(merge_clip(frames, how=Induction(judge)))) == [["cup a", "cup a"], ["cup b", "cup b"]]
    assert judge.asked == []


def test_attributes_are_compared_with_what_most_keyframes_say() -> None:
    judge = Judge(last_letter)
    frames = [frame(t, [named("cup a", colour)]) for t, colour in enumerate(("red", "red", "orange", "red"))]
    graph = merge_clip(frames, how=Induction(judge))
    assert groups(graph) == [["cup a"] * 4]
    assert judge.asked == [("cup a", "cup a")]  # of the orange one alone


def test_a_thing_that_is_called_otherwise_in_the_same_place_is_the_same_if_the_judge_says_so() -> None:
    frames = [frame(0, [boxed("cup a", LEFT)]), frame(1, [boxed("mug a", LEFT, label="mug")]), frame(2, [boxed("cup a", LEFT)])]
    judge = Judge(last_letter)
    (one,) = merge_clip(frames, how=Induction(judge)).objects
    assert (one.label, len(one.observations)) == ("cup", 3)
    assert len(merge_clip(frames, how=Induction(Judge())).objects) == 2
    of_another_colour = [frames[0], frame(1, [boxed("mug a", LEFT, "blue", label="mug")])]
    assert len(merge_clip(of_another_colour, how=Induction(Judge(last_letter))).objects) == 2


def test_the_first_and_the_last_motion_last_as_long_as_the_object_is_in_view() -> None:
    man = named("man a", label="man", kind="dynamic")
    graph = merge_clip([frame(t, [man]) for t in (1, 2, 4)], start_seconds=0, end_seconds=6, how=Induction(Judge(word="runs")))
    assert [(m.start_seconds, m.end_seconds) for m in graph.motions] == [(0, 2), (2, 6)]


# ------------------------------------------------------------------------------------------ bridging


def test_what_nothing_known_agrees_with_is_not_one_even_if_the_judge_says_so() -> None:
    judge = Judge(lambda a, b: 0.9)
    other = frame_object("blue", "cup", box=None, size="large").model_copy(update={"name": "cup b"})
    assert len(bridge_clips([shot(0, named("cup a")), shot(1, other)], Induction(judge))) == 2
    assert len(bridge_clips([shot(0, named("cup a")), shot(1, named("cup a", "blue"))], Induction(judge))) == 1  # of one size


def shot(clip: int, *objects: FrameObject) -> ClipGraph:
    return merge_clip([frame(3.0 * clip, list(objects), clip=clip), frame(3.0 * clip + 1, list(objects), clip=clip)])


def test_objects_of_clips_are_one_where_the_judge_says_so_and_through_clips_without_them() -> None:
    judge = Judge(last_letter)
    shots = [shot(0, named("cup a"), named("cup b", "blue")), shot(1, named("dog a", label="dog")), shot(2, named("cup b", "blue"))]
    entities = bridge_clips(shots, Induction(judge))
    names = [[shots[a.clip].objects[a.object_index].observations[0].name for a in e.appearances] for e in entities]
    assert sorted(names) == [["cup a"], ["cup b", "cup b"], ["dog a"]]
    (link,) = [link for e in entities for link in e.links]
    assert (link.confidence, link.call_ids) == (1.0, ("cup b=cup b",))
    assert all(a.split()[0] == b.split()[0] for a, b in judge.asked)  # never a cup and a dog


def test_two_objects_of_one_clip_are_never_one_even_if_the_judge_finds_everything_the_same() -> None:
    shots = [shot(n, named("cup a"), named("cup b")) for n in range(3)]
    for entity in bridge_clips(shots, Induction(Judge(lambda a, b: 1.0))):
        clips = [a.clip for a in entity.appearances]
        assert len(set(clips)) == len(clips)


def test_two_earlier_objects_are_one_where_a_later_one_is_found_to_be_both() -> None:
    judge = Judge(lambda a, b: 0.0 if (a, b) == ("cup a", "cup b") else 0.9)
    shots = [shot(0, named("cup a")), shot(1, named("cup b")), shot(2, named("cup c"))]
    (one,) = bridge_clips(shots, Induction(judge))
    assert [a.clip for a in one.appearances] == [0, 1, 2]
    assert [link.call_ids for link in one.links] == [("cup a=cup c", "cup b=cup c"), ("cup a=cup c",)]
    in_one_clip = [shot(0, boxed("cup a", LEFT), boxed("cup b", RIGHT)), shot(1, named("cup c"))]
    assert len(bridge_clips(in_one_clip, Induction(judge))) == 3  # which of the two it is, is open
    of_another_look = [shot(0, named("cup a")), shot(1, named("cup b", "blue")), shot(2, named("cup c"))]
    assert [[a.clip for a in e.appearances] for e in bridge_clips(of_another_look, Induction(judge))] == [[0, 2], [1]]


def test_an_object_is_compared_with_what_most_of_its_clips_say_of_it() -> None:
    judge = Judge(lambda a, b: 0.9)
    once_large = frame_object("blue", "cup", box=None, size="large").model_copy(update={"name": "cup"})
    shots = [*(shot(n, named("cup")) for n in range(3)), shot(3, once_large), shot(4, named("cup"))]
    assert [[a.clip for a in e.appearances] for e in bridge_clips(shots, Induction(judge))] == [[0, 1, 2, 4], [3]]


def test_calls_grow_with_the_clips_and_what_was_left_out_is_said() -> None:
    def calls(clips: int) -> tuple[int, int]:
        judge = Judge()
        bridge_clips([shot(n, named("cup a"), named("cup b", "blue")) for n in range(clips)], Induction(judge, max_candidates=3))
        return len(judge.asked), judge.left_out

    # the judge denies all, so that each clip's two cups are two more: of clip n, 2 are compared with 2 n known ones
    assert calls(2) == (4, 0)
    assert calls(20) == (4 + 18 * 6, sum(2 * (2 * n - 3) for n in range(2, 20)))


def test_without_bridging_there_are_no_references() -> None:
    judge = Judge(lambda a, b: 1.0)
    shots = [shot(n, named("cup a")) for n in range(2)]
    assert [len(e.appearances) for e in bridge_clips(shots, Induction(judge, bridge=False))] == [1, 1]
    assert judge.asked == []
    assert [len(e.appearances) for e in bridge_clips(shots, Induction(judge))] == [2]


# ------------------------------------------------------------------------------------- events, labels


def test_the_event_is_the_judges_sentence_or_else_the_graphs() -> None:
    graph, whole = shot(0, named("cup a"), named("cup b", "blue")), Interval(start_seconds=0, end_seconds=2)
    judge = Judge()
    plain = clip_event(graph, whole, Induction(judge))
    assert plain.description == "A small blue cup and a small red cup stand still." and plain.call_ids == ()
    judge.says = EventOpinion(description="A cup falls.", agents=("small red cup",), verified=True, call_ids=("said", "checked"))
    said = clip_event(graph, whole, Induction(judge))
    assert (said.description, [p.role for p in said.participants]) == ("A cup falls.", ["present", "agent"])
    assert (said.verified, said.call_ids) == (True, ("said", "checked"))


def test_labels_that_mean_the_same_are_the_same_in_the_whole_video() -> None:
    clips = [[frame(0, [named("sofa", label="sofa"), named("cup")])], [frame(3, [named("couch", label="couch")], clip=1)]] * 2

    def labels(clips: Sequence[Sequence[FrameSceneGraph]]) -> list[str]:
        return [o.label for frames in clips for f in frames for o in f.objects]

    def similar(a: str, b: str) -> float:
        return 0.9 if {a, b} == {"sofa", "couch"} else 0.1

    assert labels(unify_labels(clips, similar)) == ["couch", "cup", "couch"] * 2  # as often: the first by the alphabet
    assert labels(unify_labels(clips, None)) == ["sofa", "cup", "couch"] * 2
