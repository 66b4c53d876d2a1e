"""Self-training: what a cycle is measured by, worked by hand, and what is refused before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from graph_schema.errors import BadInput, NotFound
from graph_schema.models import ArmRecord, Diversity, Job, SelfTrainingRecord, SelfTrainParameters
from graph_schema.options import SelfTrainingOptions
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.graphs import a_question, cup_graph, unique
from tests.support.service import shots_video
from workers.jobs.runner import run_job
from workers.jobs.self_training import check_self_training
from workers.media import probe
from workers.self_training import count_graphs, diversity_of, find_alarms, plateau, score_graphs
from workers.self_training_files import SelfTrainingConfig, stored


def test_distinct_n_counts_words_and_pairs_of_words_over_all_questions() -> None:
    found = diversity_of(["What is red?", "What is blue?"], ["cup", "Cup"])
    # words: what is red what is blue, 4 different of 6; pairs: what-is is-red what-is is-blue, 3 different of 4
    assert found == Diversity(questions=2, distinct_1=4 / 6, distinct_2=3 / 4, answers=1, top_answer=1.0)
    assert diversity_of([], []) is None


def test_a_collapse_is_told() -> None:
    varied = Diversity(questions=10, distinct_1=0.5, distinct_2=0.8, answers=8, top_answer=0.2)
    assert find_alarms(varied, varied) == ()
    assert find_alarms(None, varied) == ("no questions came of these graphs",)
    fallen = varied.model_copy(update={"distinct_2": 0.39, "top_answer": 0.6})
    assert find_alarms(fallen, varied) == (
        "one answer is that of 60 % of the questions", "distinct-2 fell from 0.800 in the first cycle to 0.390",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("accuracy", "fulfilled", "last"),
    [(0.504, 0.905, True), (0.506, 0.9, False), (0.5, 0.911, False), (0.4, 0.8, True)],
)
def test_a_plateau_is_little_gain_of_accuracy_and_of_questions(accuracy: float, fulfilled: float, last: bool) -> None:
    before = ArmRecord(arm="cycle", cycle=1, model="m1", accuracy=0.5, fulfilled=0.9)
    after = ArmRecord(arm="cycle", cycle=2, model="m2", accuracy=accuracy, fulfilled=fulfilled)
    reason = plateau(before, after, min_accuracy_gain=0.005, min_yield_gain=0.01)
    assert (reason is not None) is last
    if reason is not None:
        assert reason.startswith("plateau: cycle 2 brought ") and "points of accuracy (less than 0.5)" in reason


def test_graphs_are_counted_and_scored_against_true_ones() -> None:
    one = cup_graph(unique())
    assert count_graphs([one, one])["nodes"] == 2 * len(one.objects)
    assert score_graphs([one], []) is None
    whole, half = score_graphs([one], [one]), score_graphs([], [one])
    assert whole is not None and whole["objects"]["f1"] == 1.0
    assert half is not None and half["objects"]["recall"] == 0.0


def test_which_model_is_trained_is_the_cycle_s_to_say() -> None:
    with pytest.raises(ValidationError, match=r"leave training\.model and training\.revision out"):
        SelfTrainingOptions.model_validate({"model": "a/b", "training": {"model": "c/d"}})
    with pytest.raises(ValidationError, match="`tiny` is built for the questions it is trained on, and can induce no graphs"):
        SelfTrainingOptions(model="tiny")
    options = SelfTrainingOptions.model_validate({"model": "a/b", "split": {"keyframe_px": 500}})
    assert (options.split.max_keyframes, options.split.keyframe_px) == (24, 500)  # as suits a Video-LLM
    assert SelfTrainingOptions.model_validate(options.model_dump(mode="json")) == options


class TestBeforeAnyWork:
    @pytest.fixture
    def asked(self, embedded_store: GraphStore) -> Callable[..., SelfTrainParameters]:
        """A request about two videos, one of them asked about."""
        trained_on, held_out, set_id = cup_graph(unique()), cup_graph(unique()), unique("s")
        for graph in (trained_on, held_out):
            embedded_store.graphs.write(graph)
        embedded_store.qra_sets.write(set_id, [a_question(set_id, held_out.id, 0)], graph_ids=[held_out.id], configuration={})

        def parameters(**changes: Any) -> SelfTrainParameters:
            values = {"self_training_run_id": "c1", "model": "a/b", "video_ids": (trained_on.video.id,), "held_out_set_id": set_id}
            return SelfTrainParameters.model_validate({**values, **changes})

        return parameters

    def test_what_is_not_there_is_named(self, embedded_store: GraphStore, asked: Callable[..., SelfTrainParameters]) -> None:
        for changes in ({"video_ids": ("vnone",)}, {"held_out_set_id": "snone"}, {"instruct_set_id": "snone"}):
            with pytest.raises(NotFound, match="none"):
                check_self_training(asked(**changes), embedded_store)

    def test_an_exam_without_questions_or_about_what_is_trained_on_is_refused(
        self, embedded_store: GraphStore, asked: Callable[..., SelfTrainParameters]
    ) -> None:
        check_self_training(asked(), embedded_store)
        empty = unique("s")
        embedded_store.qra_sets.write(empty, [], graph_ids=[], configuration={})
        with pytest.raises(BadInput, match=f"the held-out set {empty} has no questions"):
            check_self_training(asked(held_out_set_id=empty), embedded_store)
        graph_id = embedded_store.qra_sets.read(asked().held_out_set_id).graph_ids[0]
        video = embedded_store.graphs.read(graph_id).video.id
        with pytest.raises(BadInput, match=r"asks about video .*, which is trained on; sample it from graphs of other videos"):
            check_self_training(asked(video_ids=(video,)), embedded_store)
        with pytest.raises(BadInput, match=r"asks about video .*, which is trained on"):  # by the control
            check_self_training(asked(instruct_set_id=asked().held_out_set_id), embedded_store)

    def test_a_job_that_cannot_work_fails_with_the_reason_and_leaves_no_part(
        self, embedded_store: GraphStore, asked: Callable[..., SelfTrainParameters], tmp_path: Path
    ) -> None:
        job = embedded_store.jobs.create(Job(id=unique("j"), parameters=asked(held_out_set_id="snone")))
        run_job(job.id, embedded_store, Settings(data=tmp_path))
        ended = embedded_store.jobs.read(job.id)
        assert ended.state == "failed" and "'snone' not found" in (ended.error or "")
        assert embedded_store.jobs.list(parent=job.id).items == []


class TestFiles:
    def test_questions_without_their_graphs_or_of_two_sets_are_refused(self, embedded_store: GraphStore, tmp_path: Path) -> None:
        graph = cup_graph(unique())
        config = SelfTrainingConfig(model="a/b", videos=[tmp_path], held_out=tmp_path / "qra.jsonl", out=tmp_path / "out")
        with pytest.raises(BadInput, match=r"qra\.jsonl cannot be read: No such file"):
            stored(config, [], embedded_store)
        config.held_out.write_text("")
        with pytest.raises(BadInput, match=r"has no questions; sample some first"):
            stored(config, [], embedded_store)
        one, other = (a_question(set_id, graph.id, n).model_dump_json() for n, set_id in enumerate(("s1", "s2")))
        config.held_out.write_text(f"{one}\n{other}\n")
        with pytest.raises(BadInput, match=r"questions of 2 sets, such as s1 and s2; give those of one"):
            stored(config, [], embedded_store)
        config.held_out.write_text(f"{one}\n")
        with pytest.raises(BadInput, match=r"graphs cannot be read: No such file"):
            stored(config, [], embedded_store)

    def test_a_video_that_cannot_be_read_is_passed_over_and_where_none_can_be_that_is_said(
        self, embedded_store: GraphStore, tmp_path: Path
    ) -> None:
        graph, set_id = cup_graph(unique()), unique("s")
        (tmp_path / "graphs").mkdir()
        (tmp_path / "graphs" / "g.json").write_text(graph.model_dump_json())
        (tmp_path / "qra.jsonl").write_text(a_question(set_id, graph.id, 0).model_dump_json() + "\n")
        good, bad = shots_video(tmp_path / "good.mp4", 1), tmp_path / "bad.mp4"
        bad.write_bytes(b"no video")
        config = SelfTrainingConfig(model="a/b", videos=[tmp_path], held_out=tmp_path / "qra.jsonl", out=tmp_path / "out")
        parameters, passed_over = stored(config, [bad, good], embedded_store)
        assert parameters.video_ids == (probe(good).id,) and len(passed_over) == 1 and "bad.mp4" in passed_over[0]
        assert stored(config, [good, good], embedded_store)[0].self_training_run_id == parameters.self_training_run_id
        with pytest.raises(BadInput, match=r"not one of 1 video can be read; the first reason: .*bad\.mp4"):
            stored(config, [bad], embedded_store)


def test_a_record_is_kept_with_its_arms_and_written_again(embedded_store: GraphStore) -> None:
    run_id, set_id, graph = unique("c"), unique("s"), cup_graph(unique())
    embedded_store.graphs.write(graph)
    embedded_store.qra_sets.write(set_id, [a_question(set_id, graph.id, 0)], graph_ids=[graph.id], configuration={})
    training = unique("t")
    embedded_store.training_runs.write(training, {}, [set_id], started_from="a/b", produced="m1")
    record = SelfTrainingRecord(id=run_id, configuration={}, video_ids=("v1",), held_out_set_id=set_id)
    embedded_store.self_training_runs.write(record, job_id="j1")
    arm = ArmRecord(arm="cycle", cycle=1, model="m1", training_run_id=training)
    done = record.model_copy(update={"status": "done", "arms": (arm,), "best": "m1"})
    for _ in range(2):
        embedded_store.self_training_runs.write(done)
    assert embedded_store.self_training_runs.read(run_id) == done
    assert embedded_store.self_training_runs.job_of(run_id) == "j1"
    program = f"MATCH (:SelfTrainingRun {{id: '{run_id}'}})-[has:HAS_ARM {{cycle: 1}}]->(run:TrainingRun) RETURN run.id AS answer"
    assert embedded_store.programs.run([program]) == [[training]]
