"""A job's events: progress, one end, taken up again where the client was."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from graph_schema.metrics import Metrics, append_metrics, drop_metrics_after
from graph_schema.models import InduceParameters, InduceResult, Job, TrainParameters
from graph_schema.store import GraphStore
from graph_schema.training_names import training_folder
from tests.support.api_client import client_of
from tests.support.graphs import a_question, cup_graph, unique
from tests.support.service import events, wait_until


@pytest.fixture
def client(embedded_store: GraphStore, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(embedded_store, tmp_path) as client:
        yield client


@pytest.fixture
def job(embedded_store: GraphStore) -> Job:
    job = embedded_store.jobs.create(Job(id=unique("j"), parameters=InduceParameters(video_id="v1")))
    taken = embedded_store.jobs.claim(job.id, "me", 600, now=time.time())
    assert taken is not None
    return taken


def test_the_stream_tells_of_progress_and_ends_with_the_job(client: TestClient, job: Job, embedded_store: GraphStore) -> None:
    with ThreadPoolExecutor(1) as pool:
        url = f"/v1/jobs/{job.id}/events"
        reported = pool.submit(lambda: list(events(iter(client.get(url).text.splitlines()))))
        for share in (0.25, 0.5):
            embedded_store.jobs.renew_lease(job.id, "me", 1, 600, time.time(), progress=share, message=f"at {share}")
            time.sleep(1)
        embedded_store.jobs.finish(job.id, "me", 1, "done", result=InduceResult(graph_id="g1"))
        results = reported.result(20)
    kinds = [kind for kind, _, _ in results]
    assert kinds == ["progress"] * (len(results) - 1) + ["end"]
    assert [data["message"] for _, _, data in results if data["message"]][:1] == ["at 0.25"]
    assert (results[-1][2]["state"], results[-1][2]["result"], results[-1][2]["progress"]) == ("done", {"graph_id": "g1", "calls": {}}, 1.0)
    ids = [event_id for _, event_id, _ in results]
    assert len(set(ids)) == len(ids)  # nothing is told twice


def test_who_comes_back_hears_only_what_is_new(client: TestClient, job: Job, embedded_store: GraphStore) -> None:
    embedded_store.jobs.finish(job.id, "me", 1, "failed", error="the video is damaged")
    url = f"/v1/jobs/{job.id}/events"
    ((kind, last, data),) = events(iter(client.get(url).text.splitlines()))
    assert (kind, data["error"]) == ("end", "the video is damaged")
    assert client.get(url, headers={"Last-Event-ID": "before that"}).text.count("event: end") == 1
    again = client.get(url, headers={"Last-Event-ID": last})
    assert (again.status_code, again.content) == (204, b"")  # EventSource then stops connecting


def test_a_running_job_carries_the_wish_to_cancel_and_an_ended_one_stays(client: TestClient, job: Job, embedded_store: GraphStore) -> None:
    response = client.post(f"/v1/jobs/{job.id}/cancel")
    assert (response.status_code, response.json()["state"], response.json()["cancel_requested"]) == (202, "running", True)
    embedded_store.jobs.finish(job.id, "me", 1, "cancelled")
    assert client.post(f"/v1/jobs/{job.id}/cancel").json()["state"] == "cancelled"
    waiting = embedded_store.jobs.create(Job(id=unique("j"), parameters=TrainParameters(training_run_id="t1", qra_set_id="s1")))
    assert client.post(f"/v1/jobs/{waiting.id}/cancel").json()["state"] == "cancelled"
    listed = client.get("/v1/jobs", params={"state": "cancelled", "limit": 1000}).json()["items"]
    assert {job.id, waiting.id} <= {item["id"] for item in listed}


def test_the_sweeper_rings_for_what_nobody_works_on_but_not_all_the_time(embedded_store: GraphStore, tmp_path: Path) -> None:
    lost = embedded_store.jobs.create(Job(id=unique("j"), parameters=InduceParameters(video_id="v1")))
    embedded_store.jobs.claim(lost.id, "a worker that died", 0.01, now=time.time())
    notified: list[tuple[str, float]] = []
    with client_of(embedded_store, tmp_path, notify=lambda job: notified.append((job.id, time.monotonic())), sweep_seconds=0.1):
        wait_until(lambda: [i for i, _ in notified].count(lost.id) >= 4, 20, "the worker is notified again")
    times = [when for job_id, when in notified if job_id == lost.id]
    waits = [b - a for a, b in itertools.pairwise(times)]
    assert waits[2] > waits[0]  # 0.1, 0.2, 0.4 s: a busy worker is not drowned in wake-up messages
    embedded_store.jobs.request_cancel(lost.id)
    embedded_store.jobs.claim(lost.id, "me", 1, now=time.time())


def test_a_training_run_tells_each_step_once_and_ends_with_its_job(client: TestClient, embedded_store: GraphStore, tmp_path: Path) -> None:
    run_id, set_id, graph = unique("t"), unique("s"), cup_graph(unique())
    embedded_store.graphs.write(graph)
    embedded_store.qra_sets.write(set_id, [a_question(set_id, graph.id, 0)], graph_ids=[graph.id], configuration={})
    job = embedded_store.jobs.create(Job(id=unique("j"), parameters=TrainParameters(training_run_id=run_id, qra_set_id=set_id)))
    embedded_store.training_runs.write(run_id, {"job_id": job.id}, [set_id], started_from="tiny", produced=None)
    embedded_store.jobs.claim(job.id, "me", 600, now=time.time())
    path = training_folder(tmp_path, run_id) / "metrics.jsonl"
    path.parent.mkdir(parents=True)
    rows: list[Metrics] = [{"step": step, "loss": 1.0 / step} for step in (1, 2, 3)]
    for row in rows[:2]:
        append_metrics(path, row)
    url = f"/v1/training-runs/{run_id}/events"
    with ThreadPoolExecutor(1) as pool:
        reported = pool.submit(lambda: list(events(iter(client.get(url).text.splitlines()))))
        time.sleep(1)
        drop_metrics_after(path, 1)  # a kill: step 2 is done again
        for row in rows[1:]:
            append_metrics(path, row)
        time.sleep(1)
        embedded_store.jobs.finish(job.id, "me", 1, "failed", error="no memory")
        told = reported.result(20)
    assert [(kind, event_id) for kind, event_id, _ in told] == [("metrics", "1"), ("metrics", "2"), ("metrics", "3"), ("end", "3-end")]
    assert [data for _, _, data in told[:-1]] == rows and told[-1][2] == {"state": "failed", "error": "no memory"}
    later = client.get(url, headers={"Last-Event-ID": "2"}).text
    assert [event_id for _, event_id, _ in events(iter(later.splitlines()))] == ["3", "3-end"]
    assert client.get(url, headers={"Last-Event-ID": "3-end"}).status_code == 204
