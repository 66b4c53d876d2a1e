"""One job, done by a worker: its steps, its end, and what happens when it must stop, loses its lease, or fails."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

import workers.jobs.handlers
import workers.pipeline
from graph_schema.errors import Interrupted
from graph_schema.files import path_of
from graph_schema.identifiers import file_sha256, video_id
from graph_schema.models import InduceParameters, InduceResult, Job, SampleParameters, SampleResult
from graph_schema.options import OpenCVParserOptions, SamplingOptions
from graph_schema.progress import Progress
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.graphs import cup_graph, unique
from tests.support.service import shots_video, wait_until
from workers.jobs.lease import Lease
from workers.jobs.runner import run_job
from workers.media.decode import probe
from workers.parsers import open_parser
from workers.pipeline import induce_video, sample_questions

SHOTS = 8


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shots_video(tmp_path_factory.mktemp("shots") / "shots.mp4", SHOTS)


@pytest.fixture
def induce(embedded_store: GraphStore, shots: Path) -> Iterator[Job]:
    """A queued job for a short video that is in the store."""
    video = probe(shots)
    embedded_store.videos.write(video)
    parameters = {"video_id": video.id, "parser": "opencv"}
    job = embedded_store.jobs.create(Job(id=unique("j"), parameters=InduceParameters.model_validate(parameters)))
    yield job
    embedded_store.jobs.request_cancel(job.id)


def test_a_job_is_done_once_whoever_rings_again(embedded_store: GraphStore, settings: Settings, induce: Job, shots: Path) -> None:
    run_job(induce.id, embedded_store, settings)
    done = embedded_store.jobs.read(induce.id)
    assert (done.state, done.attempt, done.progress, done.owner) == ("done", 1, 1.0, None)
    assert f"{SHOTS} shots" in done.message
    assert isinstance(done.result, InduceResult)
    graph = embedded_store.graphs.read(done.result.graph_id)
    assert graph.video.id == video_id(file_sha256(shots))
    assert len(graph.clips) == SHOTS
    run_job(induce.id, embedded_store, settings)
    assert embedded_store.jobs.read(induce.id) == done


def test_what_a_user_can_mend_fails_at_once_with_its_reason(embedded_store: GraphStore, settings: Settings, tmp_path: Path) -> None:
    gone = shutil.copy(shots_video(tmp_path / "a.mp4", 1), tmp_path / "gone.mp4")
    video = probe(Path(gone))
    embedded_store.videos.write(video)
    Path(gone).unlink()
    parameters = {"video_id": video.id, "parser": "opencv"}
    job = embedded_store.jobs.create(Job(id=unique("j"), parameters=InduceParameters.model_validate(parameters)))
    run_job(job.id, embedded_store, settings)
    failed = embedded_store.jobs.read(job.id)
    assert (failed.state, failed.attempt) == ("failed", 1)
    assert failed.error == f"the file of video {video.id} (gone.mp4) is no longer at {gone}; upload it again"


def test_a_cancelled_job_ends_between_two_steps_and_keeps_what_is_done(embedded_store: GraphStore, settings: Settings, induce: Job) -> None:
    quick = settings.model_copy(update={"lease_seconds": 0.4})
    parses = settings.data / "steps" / "parse"

    def cancel_after_the_first_shot() -> None:
        wait_until(lambda: list(parses.glob("*.json")), 120, "the first shot is parsed")
        embedded_store.jobs.request_cancel(induce.id)

    with ThreadPoolExecutor(1) as pool:
        cancelling = pool.submit(cancel_after_the_first_shot)
        run_job(induce.id, embedded_store, quick)
        cancelling.result()
    ended = embedded_store.jobs.read(induce.id)
    assert (ended.state, ended.result) == ("cancelled", None)
    assert 1 <= len(list(parses.glob("*.json"))) < SHOTS


def test_a_worker_that_shuts_down_hands_the_job_back_unspent(embedded_store: GraphStore, settings: Settings, induce: Job) -> None:
    run_job(induce.id, embedded_store, settings, stop=lambda: True)
    back = embedded_store.jobs.read(induce.id)
    assert (back.state, back.attempt, back.owner, back.error) == ("queued", 0, None, None)
    run_job(induce.id, embedded_store, settings)
    assert embedded_store.jobs.read(induce.id).state == "done"


def test_whoever_lost_the_lease_changes_nothing(embedded_store: GraphStore, settings: Settings, induce: Job) -> None:
    taken = embedded_store.jobs.claim(induce.id, "slow", 0.1, now=time.time())
    assert taken is not None
    lease = Lease(embedded_store, taken, 0.1, stop=lambda: False)  # as if the machine slept: nothing renews it
    other = embedded_store.jobs.claim(induce.id, "quick", 60, now=time.time() + 1)
    assert other is not None
    with lease, pytest.raises(Interrupted):
        for _ in range(400):
            lease.report(0.9, "still at it")
            time.sleep(0.01)
    assert lease.lost
    held = embedded_store.jobs.read(induce.id)
    assert (held.owner, held.attempt, held.progress, held.message) == ("quick", 2, 0.0, "")
    embedded_store.jobs.finish(induce.id, "quick", 2, "cancelled")


def test_the_lease_is_renewed_while_a_step_takes_longer_than_it(embedded_store: GraphStore, induce: Job) -> None:
    taken = embedded_store.jobs.claim(induce.id, "me", 0.5, now=time.time())
    assert taken is not None
    with Lease(embedded_store, taken, 0.5, stop=lambda: False) as lease:
        time.sleep(1.5)
        assert embedded_store.jobs.claim(induce.id, "you", 60, now=time.time()) is None
        assert not lease.lost
    embedded_store.jobs.finish(induce.id, "me", 1, "cancelled")


def test_an_unforeseen_error_is_tried_three_times_and_then_given_up_with_its_reason(
    embedded_store: GraphStore, settings: Settings, induce: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> dict[str, object]:
        raise ZeroDivisionError("a mistake in a step")

    monkeypatch.setattr(workers.jobs.handlers, "induce", breaks)
    for attempt in (1, 2, 3):
        run_job(induce.id, embedded_store, settings)
        row = embedded_store.jobs.read(induce.id)
        assert (row.state, row.attempt, row.error) == ("queued", attempt, "ZeroDivisionError: a mistake in a step")
    run_job(induce.id, embedded_store, settings)
    row = embedded_store.jobs.read(induce.id)
    assert (row.state, row.error) == ("failed", "given up after 3 attempts: ZeroDivisionError: a mistake in a step")


def test_a_step_that_does_not_hear_a_wish_to_cancel_is_ended_with_its_process(
    embedded_store: GraphStore, induce: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.jobs.lease.CANCEL_TIMEOUT_SECONDS", 0.3)
    taken = embedded_store.jobs.claim(induce.id, "me", 0.8, now=time.time())
    assert taken is not None
    ended = Event()
    with Lease(embedded_store, taken, 0.8, stop=lambda: False, on_unresponsive=ended.set):
        embedded_store.jobs.request_cancel(induce.id)
        assert ended.wait(20)  # the step itself does nothing: it hangs
    assert embedded_store.jobs.read(induce.id).state == "cancelled"


def test_sampling_tells_of_each_graph_and_stops_before_the_next(embedded_store: GraphStore) -> None:
    graphs = [cup_graph(unique()).id for _ in range(3)]
    for graph in graphs:
        embedded_store.graphs.write(cup_graph(graph))
    reported: list[tuple[float, str]] = []
    questions, set_id = sample_questions(
        embedded_store, graphs, SamplingOptions(samples=6), progress=Progress(lambda share, what: reported.append((share, what)))
    )
    # a round is 120 of the 480 paths that are drawn from a graph at most
    assert reported[:3] == [(0.0, "sampling graph 1 of 3"), (1 / 12, "sampling graph 2 of 3"), (2 / 12, "sampling graph 3 of 3")]
    assert reported[-1] == (1.0, f"{len(questions)} questions")
    assert (questions, set_id) == sample_questions(
        embedded_store, graphs * 2, SamplingOptions(samples=6)
    )  # a graph named twice is one graph

    reported.clear()
    with pytest.raises(Interrupted, match="stopped before graph 2 of 3; no questions are kept"):
        sample_questions(
            embedded_store,
            graphs,
            SamplingOptions(samples=7),
            progress=Progress(lambda share, what: reported.append((share, what)), lambda: len(reported) == 1),
        )
    assert [share for share, _ in reported] == [0.0]

    reported.clear()
    sample_questions(
        embedded_store, graphs, SamplingOptions(samples=100), progress=Progress(lambda share, what: reported.append((share, what)))
    )
    shares = [share for share, _ in reported]
    assert shares == sorted(shares) and shares[-1] == 1.0  # also where the last round is a part of one: 800 paths by 266


def test_sampling_ends_where_graphs_give_nothing_new(embedded_store: GraphStore) -> None:
    graph = cup_graph("gends")  # paths depend on the name
    embedded_store.graphs.write(graph)
    reported: list[tuple[float, str]] = []
    progress = Progress(lambda share, what: reported.append((share, what)))
    questions, _ = sample_questions(embedded_store, [graph.id], SamplingOptions(samples=100_000), progress=progress)
    assert reported[-2][0] < 0.05  # of the paths that so many questions would need
    few, _ = sample_questions(embedded_store, [graph.id], SamplingOptions(samples=60))
    assert len(questions) >= len(few) > 0


def test_what_one_graph_lacks_others_give(embedded_store: GraphStore) -> None:
    """One graph with edges, five without any: its share of the paths is a sixth, and it gives as much as alone."""
    rich = cup_graph("glacks")
    poor = [cup_graph(f"glacks{n}").model_copy(update={"relations": (), "motions": (), "references": ()}) for n in range(5)]
    for graph in (rich, *poor):
        embedded_store.graphs.write(graph)
    alone, _ = sample_questions(embedded_store, [rich.id], SamplingOptions(samples=60))
    together, _ = sample_questions(embedded_store, [rich.id, *(graph.id for graph in poor)], SamplingOptions(samples=60))
    assert {q.graph_id for q in together} == {rich.id}
    assert len(together) >= len(alone) > 0


def test_a_sample_job_can_be_cancelled_and_handed_back(embedded_store: GraphStore, settings: Settings) -> None:
    graph = cup_graph(unique())
    embedded_store.graphs.write(graph)
    parameters = {"graph_ids": [graph.id], "samples": 6, "step_mix": [25, 45, 30], "seed": 0}
    job = embedded_store.jobs.create(Job(id=unique("j"), parameters=SampleParameters.model_validate(parameters)))
    run_job(job.id, embedded_store, settings, stop=lambda: True)
    back = embedded_store.jobs.read(job.id)
    assert (back.state, back.attempt, back.result) == ("queued", 0, None)
    run_job(job.id, embedded_store, settings)
    done = embedded_store.jobs.read(job.id)
    assert isinstance(done.result, SampleResult)
    assert (done.state, done.progress, done.message) == ("done", 1.0, f"{done.result.questions} questions")


@pytest.mark.parametrize("content", [b"", b'{"video": {}}', b"\xff\xfe"], ids=["empty", "of another form", "no text"])
def test_a_kept_step_that_cannot_be_read_is_done_again(
    settings: Settings, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    video, parser = shots_video(tmp_path / "a.mp4", 1), open_parser(OpenCVParserOptions())
    graph = workers.pipeline.induce(video, data=settings.data, parser=parser)
    kept = {path: path.read_bytes() for path in (settings.data / "steps").glob("*/*.json")}
    assert {path.parent.name for path in kept} == {"split", "parse"}
    for path in kept:
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert workers.pipeline.induce(video, data=settings.data, parser=parser) == graph
    assert {path: path.read_bytes() for path in (settings.data / "steps").glob("*/*.json")} == kept
    for path in kept:
        assert f"{path} is not a result of this step" in caplog.text
    caplog.clear()
    assert workers.pipeline.induce(video, data=settings.data, parser=parser) == graph
    assert caplog.text == ""


def test_a_file_may_be_called_by_any_bytes(embedded_store: GraphStore, settings: Settings, tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(b"caf\xe9 100%.mp4")
    shots_video(tmp_path / "a.mp4", 1).replace(named)
    graph = induce_video(named, settings=settings, store=embedded_store)
    assert graph.video.name == "caf\ufffd 100%.mp4"
    assert graph.video.uri.endswith("/caf%E9%20100%25.mp4")
    assert path_of(graph.video.uri) == named
    assert embedded_store.videos.read(graph.video.id) == graph.video
