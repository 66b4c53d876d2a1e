"""What paths are asked as: question, answer, rationale and evidence, worked by hand on small scenes."""

from __future__ import annotations

from graph_schema.models import STSG
from tests.support.question_scenes import Scene, answers, rationale_of
from workers.questions import build_questions, keep_unique


def table() -> Scene:
    """One shot: a cup left of a plate that touches a box; no colours, so that only things are asked for."""
    scene = Scene("t")
    for entity, caption in (("cup", "small cup"), ("plate", "large plate"), ("box", "small box")):
        scene.thing(entity, caption)
    scene.relates("cup0", "left of", "plate0", 0, 4)
    scene.relates("box0", "touches", "plate0", 0, 4)
    return scene


def test_a_relation_is_asked_from_either_end() -> None:
    scene = table()
    assert answers(scene.questions("tr0", answer="cup0")) == {"What is to the left of the large plate?": "small cup"}
    assert answers(scene.questions("tr0", answer="plate0")) == {"What is to the right of the small cup?": "large plate"}


def test_two_relations_nest_and_the_rationale_leads_from_the_start_to_the_answer() -> None:
    (question,) = table().questions("tr0", "tr1", answer="cup0").values()
    assert question.question == "What is to the left of the thing that touches the small box?"
    assert rationale_of(question) == [
        ("What touches the small box?", "large plate"),
        ("What is to the left of the large plate?", "small cup"),
    ]
    assert (question.steps, question.answer, question.answer_type, question.time_range_seconds) == (2, "small cup", "object", None)
    first, second = question.rationale
    assert (first.edge_id, first.node_ids, first.time_seconds) == ("tr1", ("tbox0", "tplate0"), 0.0)
    assert (second.edge_id, second.node_ids) == ("tr0", ("tplate0", "tcup0"))
    assert first.keyframe_ids == ("tk0.0", "tk0.1", "tk0.2", "tk0.3")


def test_evidence_is_what_is_seen_while_the_relation_holds() -> None:
    scene = Scene("t")
    scene.thing("cup", "small cup")
    scene.thing("plate", "large plate")
    scene.relates("cup0", "left of", "plate0", 0.5, 2.5)
    (question,) = scene.questions("tr0", answer="cup0").values()
    assert question.rationale[0].keyframe_ids == ("tk0.1", "tk0.2")
    assert question.rationale[0].time_seconds == 1.0


def test_time_is_given_only_where_the_answer_is_unique_only_then() -> None:
    scene = Scene("t")
    for entity, caption in (("cup", "small cup"), ("plate", "large plate"), ("box", "small box")):
        scene.thing(entity, caption)
    scene.relates("cup0", "left of", "plate0", 0.0, 1.98)
    scene.relates("box0", "left of", "plate0", 2.05, 4.0)
    (question,) = scene.questions("tr1", answer="box0").values()
    assert question.question == "Between 2.1 s and 4.0 s, what is to the left of the large plate?"
    assert question.time_range_seconds == (2.1, 4.0)
    assert "start_seconds < 4.0 AND edge.end_seconds > 2.1" in question.program


def test_a_clip_is_given_where_that_tells_objects_apart() -> None:
    scene = Scene("t", shots=2)
    for shot in (0, 1):
        scene.thing("cup" if shot else "mug", "small cup" if shot else "small mug", shot)
        scene.thing("plate", "large plate", shot)
    scene.relates("mug0", "left of", "plate0", 0, 4)
    scene.relates("cup1", "left of", "plate1", 4, 8)
    (question,) = scene.questions("tr1", answer="cup1").values()
    assert (question.question, question.answer) == ("In shot 2, what is to the left of the large plate?", "small cup")
    assert question.time_range_seconds == (4.0, 8.0)


def test_twins_at_the_same_time_are_not_asked_about() -> None:
    scene = table()
    scene.thing("twin", "small cup")
    scene.relates("twin0", "left of", "plate0", 0, 4)
    assert scene.questions("tr0", answer="cup0") == {}  # two small cups: one word, two answers
    assert scene.questions("tr0", answer="plate0") == {}  # "the small cup" is which?


def test_a_caption_that_fits_a_second_object_tells_neither() -> None:
    scene = table()
    scene.thing("red", "small red cup")
    assert scene.questions("tr0", answer="plate0") == {}  # "the small cup" may be the red one


def test_a_way_on_that_could_be_another_is_told_by_label_or_not_asked_about() -> None:
    scene = table()
    scene.thing("pot", "large pot")
    scene.relates("box0", "touches", "pot0", 0, 4)
    (question,) = scene.questions("tr0", "tr1", answer="cup0").values()  # the box touches two things, but one plate
    assert question.question == "What is to the left of the plate that touches the small box?"
    assert rationale_of(question)[0] == ("Which plate touches the small box?", "large plate")
    assert "(there:Object {label: 'plate'})" in question.program
    scene.thing("dish", "small plate")
    scene.relates("box0", "touches", "dish0", 0, 4)
    assert scene.questions("tr0", "tr1", answer="cup0") == {}  # of the plates that it touches, only one is right of the cup


def test_an_answer_in_the_question_is_not_asked_for() -> None:
    scene = Scene("t")
    scene.thing("cup", "red cup")
    scene.thing("mug", "small red cup holder")
    scene.relates("cup0", "on", "mug0", 0, 4)
    assert {q.answer for q in scene.questions("tr0", answer="cup0").values()} <= {"red"}
    assert scene.questions("tr0", answer="cup0") == {}  # "small red cup holder" says both red and red cup


def test_a_path_that_comes_back_to_an_object_is_not_asked_about() -> None:
    scene = table()
    scene.relates("cup0", "touches", "box0", 0, 4)
    assert scene.questions("tr1", "tr2", "tr0", answer="plate0") == {}


def rolling() -> Scene:
    """One shot: a ball moves left, then stands, then moves up; then a cup is above it."""
    scene = Scene("t")
    scene.thing("ball", "ball", moves=True)
    scene.thing("cup", "cup")
    scene.moves("ball0.0", "moves left", "ball0.1", 0.0, 1.04)
    scene.moves("ball0.1", "stands still", "ball0.2", 1.04, 2.0)
    scene.moves("ball0.2", "moves up", "ball0.3", 2.0, 3.96)
    scene.relates("cup0", "above", "ball0.2", 1.5, 3.0)
    return scene


def test_a_motion_is_asked_for_by_mover_word_and_time() -> None:
    questions = rolling().questions("tm0", answer="ball0.0")
    assert answers(questions) == {
        "Between 0.0 s and 1.0 s, what moves left?": "ball",
        "Between 0.0 s and 1.0 s, what does the ball do?": "moves left",
        "When does the ball move left?": "between 0.0 s and 1.0 s",
    }
    assert {q.answer_type: q.time_range_seconds for q in questions.values()} == {"object": (0, 1), "motion": (0, 1), "time": None}


def test_what_stands_still_is_no_question_for_objects_that_never_move_do_too() -> None:
    assert "Between 1.1 s and 2.0 s, what stands still?" not in rolling().questions("tm1", answer="ball0.1")


def test_one_motion_after_another_is_asked_in_their_order() -> None:
    scene = rolling()
    after = scene.questions("tm1", "tm0", answer="ball0.2")
    assert answers(after)["What does the ball do right after moving left?"] == "stands still"
    assert rationale_of(after["What does the ball do right after moving left?"]) == [
        ("When does the ball move left?", "between 0.0 s and 1.0 s"),
        ("What does the ball do right after moving left?", "stands still"),
    ]
    before = scene.questions("tm0", "tm1", answer="ball0.0")
    assert answers(before)["What does the ball do right before standing still?"] == "moves left"


def test_a_motion_gives_the_time_of_what_follows_it() -> None:
    questions = rolling().questions("tr3", "tm2", answer="cup0")
    assert answers(questions)["While the ball moves up, what is above it?"] == "cup"
    assert rationale_of(questions["While the ball moves up, what is above it?"]) == [
        ("When does the ball move up?", "between 2.0 s and 4.0 s"),
        ("Between 2.0 s and 4.0 s, what is above the ball?", "cup"),
    ]
    assert answers(questions)["What is above the thing that moves up between 2.0 s and 3.9 s?"] == "cup"


def test_parts_of_one_motion_are_one() -> None:
    scene = Scene("t")
    scene.thing("ball", "ball", moves=True)
    for s in range(3):
        scene.moves(f"ball0.{s}", "moves left", f"ball0.{s + 1}", s, s + 1)
    questions = scene.questions("tm1", "tm0", answer="ball0.2")
    assert {q.steps for q in questions.values()} == {1}
    assert answers(questions)["When does the ball move left?"] == "between 0.0 s and 3.0 s"


def test_a_motion_that_comes_twice_has_no_one_time() -> None:
    scene = rolling()
    scene.moves("ball0.3", "moves left", "ball0.3", 3.97, 4.0)
    assert not any(text.startswith("When") for text in scene.questions("tm0", answer="ball0.0"))


def cuts() -> Scene:
    """Four shots: a cup in the first, the third and the fourth; in the third a box touches it, in the first a plate."""
    scene = Scene("t", shots=4)
    for shot in (0, 2, 3):
        scene.thing("cup", "small cup", shot)
    scene.thing("box", "box", 2)
    scene.thing("plate", "plate", 0)
    scene.again("cup0", "cup2")
    scene.again("cup2", "cup3")
    scene.relates("box2", "touches", "cup2", 8, 12)
    scene.relates("plate0", "touches", "cup0", 0, 4)
    return scene


def test_a_reference_asks_for_the_clip_where_more_than_one_is_left() -> None:
    scene = cuts()
    assert answers(scene.questions("ts0", answer="cup2")) == {"After shot 1, in which shot does the small cup appear next?": "shot 3"}
    assert scene.questions("ts1", answer="cup3") == {}  # after shot 3 there is only shot 4
    assert answers(scene.questions("ts1", answer="cup2")) == {"Before shot 4, in which shot does the small cup appear last?": "shot 3"}


def test_a_reference_leads_to_the_clip_in_which_an_object_is_seen_again() -> None:
    scene = cuts()
    (after,) = scene.questions("tr2", "ts0", answer="box2").values()
    assert (after.question, after.answer) == ("The next time the small cup is seen after shot 1, what touches it?", "box")
    assert rationale_of(after) == [
        ("After shot 1, in which shot does the small cup appear next?", "shot 3"),
        ("In shot 3, what touches the small cup?", "box"),
    ]
    (deeper,) = scene.questions("tr2", "ts0", "tr3", answer="box2").values()
    assert deeper.question == "The next time the thing that touches the plate is seen after shot 1, what touches it?"
    assert deeper.steps == 3


def test_what_an_object_does_when_it_is_seen_again_is_asked_for() -> None:
    scene = Scene("t", shots=2)
    for shot in (0, 1):
        scene.thing("ball", "ball", shot, moves=True)
    scene.again("ball0.3", "ball1.0")
    scene.moves("ball1.0", "moves left", "ball1.1", 4, 5)
    scene.moves("ball1.1", "stands still", "ball1.2", 5, 7)
    first = scene.questions("tm1", "ts0", answer="ball1.1")
    assert answers(first) == {
        "The next time the ball is seen after shot 1, what does it do first?": "moves left",
        "The next time the ball is seen after shot 1, when does it move left?": "between 4.0 s and 5.0 s",
    }
    (then,) = scene.questions("tm2", "tm1", "ts0", answer="ball1.2").values()
    assert then.question == "The next time the ball is seen after shot 1, what does it do right after moving left?"
    assert rationale_of(then) == [
        ("After shot 1, in which shot does the ball appear next?", "shot 2"),
        ("In shot 2, when does the ball move left?", "between 4.0 s and 5.0 s"),
        ("In shot 2, what does the ball do right after moving left?", "stands still"),
    ]


def test_the_colour_of_what_a_relation_leads_to_is_asked_for() -> None:
    scene = Scene("t")
    scene.thing("cup", "red cup")
    scene.thing("plate", "plate")
    scene.relates("cup0", "on", "plate0", 0, 4)
    assert answers(scene.questions("tr0", answer="cup0")) == {
        "What is on the plate?": "red cup",
        "What colour is the thing that is on the plate?": "red",
    }


def test_people_are_not_called_things() -> None:
    scene = Scene("t")
    scene.thing("ann", "red person", moves=True)
    scene.thing("cup", "cup")
    scene.relates("ann0.0", "holding", "cup0", 0, 2)
    scene.moves("ann0.0", "moves left", "ann0.1", 0, 1)
    assert answers(scene.questions("tr0", answer="cup0")) == {"What is the person in red holding?": "cup"}
    results = answers(scene.questions("tm1", "tr0", answer="ann0.1"))
    assert results["What does the person who is holding the cup do?"] == "moves left"
    assert (
        answers(scene.questions("tm1", answer="ann0.1"))["What colour does the person who moves left between 0.0 s and 1.0 s wear?"]
        == "red"
    )


def test_an_object_of_which_nothing_is_known_is_no_answer() -> None:
    scene = Scene("t")
    scene.thing("blob", "large moving object", moves=True)
    scene.thing("cup", "cup")
    scene.moves("blob0.0", "moves left", "blob0.1", 0, 1)
    scene.relates("blob0.0", "above", "cup0", 0, 2)
    assert scene.questions("tr1", answer="blob0.0") == {}
    assert "object" not in {q.answer_type for q in scene.questions("tm0", answer="blob0.1").values()}


def test_the_same_question_is_built_once_and_ids_repeat() -> None:
    scene = table()
    graph, path = scene.graph(), scene.path("tr0", answer="cup0")
    again = [path, path.model_copy(update={"index": 7})]
    built = build_questions(graph, again, set_id="set", seed=1)
    assert len(built) == 1
    assert build_questions(graph, again, set_id="set", seed=1) == built
    assert build_questions(graph, again, set_id="other", seed=1)[0].id != built[0].id  # a question belongs to one set


def test_only_candidates_whose_program_gave_exactly_the_answer_are_kept() -> None:
    scene = table()
    (question,) = scene.questions("tr0", answer="cup0").values()
    assert not question.checks.unique
    kept = keep_unique([question] * 4, [["small cup"], ["small cup", "small cup"], [], ["large plate"]])
    assert [(q.id, q.checks.unique, q.checks.leaks_answer) for q in kept] == [(question.id, True, False)]


def test_programs_mean_what_the_question_says_and_name_no_node() -> None:
    scene = cuts()
    (question,) = scene.questions("tr2", "ts0", "tr3", answer="box2").values()
    graph: STSG = scene.graph()
    assert not any(f"'{o.id}'" in question.program for o in graph.objects)
    assert not any(f"'{o.entity_id}'" in question.program for o in graph.objects)
    assert "$" not in question.program  # pasteable: no parameters
