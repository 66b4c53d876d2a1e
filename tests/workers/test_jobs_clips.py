"""The clips of one video on several workers, and a job whose model a worker runs itself: media on one queue, the model on another."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

import workers.video_llms.open_model
import workers.video_llms.transformers_model
from graph_schema.models import InduceParameters, InduceResult, Job
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.chat_server import Body, Reply
from tests.support.graphs import unique
from tests.support.model_server import MODEL, model_server, say
from tests.support.service import shots_video, wait_until
from tests.support.tiny_models import build_qwen2_5_vl
from workers.jobs.runner import run_job
from workers.media.decode import probe
from workers.video_llms.loading import LoadedModel, load_pretrained

SHOTS = 4


def queued(store: GraphStore, video: Path, **parser: object) -> Job:
    """A job that a Video-LLM is to read a video for, with few calls."""
    seen = probe(video)
    store.videos.write(seen)
    options = {"kind": "prompted", "model": MODEL, "backend": "openai", "staged": False, "samples": 1, "yes_no": False, **parser}
    return store.jobs.create(Job(id=unique("j"), parameters=InduceParameters.model_validate({"video_id": seen.id, "parser": options})))


def parts_of(store: GraphStore, job: Job) -> dict[str, Job]:
    return {part.id: part for part in store.jobs.list(parent=job.id).items}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", lease_seconds=2.0, openai_concurrency=1, openai_timeout_seconds=30)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return shots_video(tmp_path / "shots.mp4", SHOTS)


def test_one_worker_alone_parses_all_clips_and_counts_their_calls(embedded_store: GraphStore, settings: Settings, video: Path) -> None:
    with model_server() as server:
        job = queued(embedded_store, video)
        run_job(job.id, embedded_store, settings.model_copy(update={"openai_url": server.url}))
        asked = sum(bool(body) for body in server.requests)
    done = embedded_store.jobs.read(job.id)
    assert done.state == "done" and isinstance(done.result, InduceResult)
    assert len(embedded_store.graphs.read(done.result.graph_id).clips) == SHOTS
    assert sum(account.made for account in done.result.calls.values()) == asked
    assert done.result.calls["whole"].calls == 2 * SHOTS
    parts = parts_of(embedded_store, job)
    assert sorted(parts) == [f"{job.id}-{clip}" for clip in range(SHOTS)]
    assert {(part.state, part.kind, part.parent) for part in parts.values()} == {("done", "parse", job.id)}
    assert list((settings.data / "accounts").rglob("*.json"))  # what later forecasts rest on
    assert not {part for part in parts if part in {listed.id for listed in embedded_store.jobs.list(limit=1000).items}}


def test_another_worker_takes_clips_while_the_first_is_busy(embedded_store: GraphStore, settings: Settings, video: Path) -> None:
    """The server does not answer the first worker before the second has parsed a clip: alone, it would wait in vain."""
    first, helped = threading.Event(), threading.Event()

    def reply(body: Body) -> Body:
        if body and not first.is_set():
            first.set()
            assert helped.wait(60)
        return say(body)

    with model_server(reply) as server:
        here = settings.model_copy(update={"openai_url": server.url})
        job = queued(embedded_store, video)
        owner = threading.Thread(target=run_job, args=(job.id, embedded_store, here))
        owner.start()
        assert first.wait(60)
        (waiting, *_) = [part.id for part in parts_of(embedded_store, job).values() if part.state == "queued"]
        run_job(waiting, embedded_store, here)
        assert embedded_store.jobs.read(waiting).state == "done"
        assert embedded_store.jobs.read(job.id).state == "running"
        helped.set()
        owner.join(60)
    done = embedded_store.jobs.read(job.id)
    assert done.state == "done" and isinstance(done.result, InduceResult)
    assert done.result.calls["whole"].calls == 2 * SHOTS


def test_a_clip_of_a_worker_that_died_is_parsed_when_its_lease_runs_out(
    embedded_store: GraphStore, settings: Settings, video: Path
) -> None:
    with model_server() as server:
        here = settings.model_copy(update={"openai_url": server.url})
        job = queued(embedded_store, video)
        died = threading.Event()

        def die_with_a_clip() -> None:
            wait_until(lambda: f"{job.id}-{SHOTS - 1}" in parts_of(embedded_store, job), 30, "the clips are there to be claimed")
            assert embedded_store.jobs.claim(f"{job.id}-{SHOTS - 1}", "ghost", 1.0, time.time()) is not None
            died.set()

        ghost = threading.Thread(target=die_with_a_clip)
        ghost.start()
        run_job(job.id, embedded_store, here)
        ghost.join(30)
    assert died.is_set()
    assert embedded_store.jobs.read(job.id).state == "done"
    assert parts_of(embedded_store, job)[f"{job.id}-{SHOTS - 1}"].attempt == 2


def test_a_clip_that_fails_fails_the_job_with_its_reason_and_nobody_goes_on(
    embedded_store: GraphStore, settings: Settings, video: Path
) -> None:
    refused = {"error": {"message": "this model takes no pictures: image input is not supported"}}

    with model_server(lambda body: Reply(500, refused) if body else say(body)) as server:
        job = queued(embedded_store, video)
        run_job(job.id, embedded_store, settings.model_copy(update={"openai_url": server.url}))
    failed = embedded_store.jobs.read(job.id)
    assert (failed.state, failed.attempt) == ("failed", 1)
    assert failed.error is not None and "takes no pictures" in failed.error
    assert sorted(part.state for part in parts_of(embedded_store, job).values()) == ["cancelled"] * (SHOTS - 1) + ["failed"]


def test_a_job_that_is_cancelled_takes_its_clips_with_it(embedded_store: GraphStore, settings: Settings, video: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def reply(body: Body) -> Body:
        if body:
            asked.set()
            over.wait(30)
        return say(body)

    with model_server(reply) as server:
        job = queued(embedded_store, video)
        owner = threading.Thread(target=run_job, args=(job.id, embedded_store, settings.model_copy(update={"openai_url": server.url})))
        owner.start()
        assert asked.wait(60)
        embedded_store.jobs.request_cancel(job.id)
        wait_until(lambda: "cancelled" in _lease_states(embedded_store, job), 30, "the wish is heard")
        over.set()
        owner.join(60)
    assert embedded_store.jobs.read(job.id).state == "cancelled"
    assert {part.state for part in parts_of(embedded_store, job).values()} <= {"cancelled", "done"}
    assert "cancelled" in {part.state for part in parts_of(embedded_store, job).values()}


def _lease_states(store: GraphStore, job: Job) -> set[str]:
    """`cancelled` once the job's worker has renewed its lease after the wish."""
    row = store.jobs.read(job.id)
    return {"cancelled"} if row.cancel_requested and row.lease_expires > time.time() + 1.5 else set()


# ------------------------------------------------------------------------------------ a model on the worker


def test_a_job_whose_model_a_worker_runs_is_split_on_one_queue_and_read_on_the_other(
    embedded_store: GraphStore, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two such jobs load the model once. It has learnt nothing: what it says cannot be read, and that is what the jobs end with."""
    models = tmp_path / "models"
    build_qwen2_5_vl(models / "toy", ["List the objects."])
    here = settings.model_copy(update={"models": models})
    loads: list[object] = []

    def load(*arguments: Any, **options: Any) -> LoadedModel:
        loads.append(arguments)
        return load_pretrained(*arguments, **options)

    monkeypatch.setattr(workers.video_llms.transformers_model, "load_pretrained", load)
    workers.video_llms.open_model._local.cache_clear()
    for name in ("a", "b"):
        job = queued(embedded_store, shots_video(tmp_path / f"{name}.mp4", 1), model="toy", backend="transformers")
        assert (job.stage, job.queue) == ("media", "cpu")
        run_job(job.id, embedded_store, here)
        handed_over = embedded_store.jobs.read(job.id)
        assert (handed_over.state, handed_over.stage, handed_over.queue, handed_over.attempt) == ("queued", "model", "gpu", 0)
        assert handed_over.id in {waiting.id for waiting in embedded_store.jobs.list_unclaimed(time.time() + 1)}  # without having waited
        assert (len(list((settings.data / "steps" / "split").glob("*.json"))), len(loads)) == (1 + (name == "b"), name == "b")
        run_job(job.id, embedded_store, here)
        ended = embedded_store.jobs.read(job.id)
        assert (ended.state, ended.attempt) == ("failed", 1)
        assert ended.error is not None and "of what toy said about" in ended.error
    assert len(loads) == 1
