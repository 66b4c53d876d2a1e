"""The job's row is the truth: claimed once, lost with the lease, ended by its owner alone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from graph_schema.errors import Conflict, LeaseLost, NotFound
from graph_schema.models import InduceParameters, InduceResult, Job, ParseParameters, SampleParameters, TrainParameters
from graph_schema.store import GraphStore
from graph_schema.timestamps import timestamp
from tests.support.graphs import unique


def seconds_of(moment: str | None) -> float:
    assert moment is not None
    return datetime.fromisoformat(moment).timestamp()


@pytest.fixture
def job(store: GraphStore) -> Job:
    return store.jobs.create(Job(id=unique("j"), parameters=InduceParameters(video_id="v1")))


def test_a_job_reads_back_with_its_times(store: GraphStore, job: Job) -> None:
    assert store.jobs.read(job.id) == job
    assert job.created_at is not None
    assert job.created_at == job.updated_at
    assert abs(seconds_of(job.created_at) - time.time()) < 60
    with pytest.raises(NotFound, match="job 'j0' not found"):
        store.jobs.read("j0")


def test_one_key_makes_one_job(store: GraphStore) -> None:
    key = unique("key")
    first = store.jobs.create(Job(id=unique("j"), parameters=SampleParameters(graph_ids=("g1",), samples=1)), idempotency_key=key)
    assert store.jobs.create(Job(id=unique("j"), parameters=SampleParameters(graph_ids=("g1",), samples=1)), idempotency_key=key) == first
    with pytest.raises(Conflict, match=f"idempotency key '{key}' was used for another sample job"):
        store.jobs.create(Job(id=unique("j"), parameters=SampleParameters(graph_ids=("g1",), samples=2)), idempotency_key=key)
    with pytest.raises(Conflict, match=f"a job '{first.id}' is already in the store"):
        store.jobs.create(Job(id=first.id, parameters=TrainParameters(training_run_id="t1", qra_set_id="s1")))


def test_one_key_makes_one_job_also_at_the_same_moment(store: GraphStore) -> None:
    key = unique("key")

    def ask(i: int) -> str:
        return store.jobs.create(Job(id=f"{key}{i}", parameters=SampleParameters(graph_ids=("g1",))), idempotency_key=key).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1


def test_a_queued_job_is_claimed_once(store: GraphStore, job: Job) -> None:
    taken = store.jobs.claim(job.id, "me", 60, now=1000.0)
    assert taken is not None
    assert (taken.state, taken.owner, taken.attempt, taken.lease_expires) == ("running", "me", 1, 1060.0)
    assert store.jobs.claim(job.id, "you", 60, now=1001.0) is None
    assert store.jobs.claim(job.id, "me", 60, now=1001.0) is None  # nor by the same owner again


def test_of_many_who_ask_at_once_one_gets_the_job(store: GraphStore, job: Job) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda i: store.jobs.claim(job.id, f"w{i}", 60, now=1000.0), range(8)))
    winners = [t for t in taken if t is not None]
    assert len(winners) == 1
    assert store.jobs.read(job.id) == winners[0]


def test_a_lease_that_ran_out_can_be_taken_and_the_old_owner_can_do_no_more(store: GraphStore, job: Job) -> None:
    store.jobs.claim(job.id, "me", 60, now=1000.0)
    taken = store.jobs.claim(job.id, "you", 60, now=1060.0)
    assert taken is not None
    assert taken.attempt == 2
    with pytest.raises(LeaseLost, match=f"job {job.id} is no longer me's attempt 1"):
        store.jobs.renew_lease(job.id, "me", 1, 60, now=1061.0)
    with pytest.raises(LeaseLost):
        store.jobs.finish(job.id, "me", 1, "done", result=InduceResult(graph_id="late"))
    assert store.jobs.read(job.id) == taken


def test_a_heartbeat_moves_the_lease_and_tells_how_far_it_is(store: GraphStore, job: Job) -> None:
    store.jobs.claim(job.id, "me", 60, now=1000.0)
    beaten = store.jobs.renew_lease(job.id, "me", 1, 60, now=1030.0, progress=0.5, message="half")
    assert (beaten.lease_expires, beaten.progress, beaten.message) == (1090.0, 0.5, "half")
    assert store.jobs.read(job.id) == beaten
    assert store.jobs.claim(job.id, "you", 60, now=1070.0) is None


def test_the_owner_ends_the_job_with_a_result_or_an_error(store: GraphStore, job: Job) -> None:
    store.jobs.claim(job.id, "me", 60, now=1000.0)
    done = store.jobs.finish(job.id, "me", 1, "done", result=InduceResult(graph_id="g1"))
    assert (done.state, done.result, done.progress, done.owner) == ("done", InduceResult(graph_id="g1"), 1.0, None)
    assert store.jobs.read(job.id) == done
    assert store.jobs.claim(job.id, "you", 60, now=9e9) is None


def test_after_three_attempts_a_job_fails_with_the_last_reason(store: GraphStore, job: Job) -> None:
    for attempt in range(3):
        assert store.jobs.claim(job.id, f"w{attempt}", 10, now=1000.0 + 10 * attempt) is not None
    assert store.jobs.claim(job.id, "w3", 10, now=1030.0) is None
    failed = store.jobs.read(job.id)
    assert failed.state == "failed"
    assert failed.error == "given up after 3 attempts: worker w2 exited without reporting in attempt 3"


def test_a_job_that_is_handed_on_is_queued_for_its_next_stage_and_has_used_no_attempt(store: GraphStore, job: Job) -> None:
    store.jobs.claim(job.id, "me", 60, 1000.0)
    handed_on = store.jobs.release(job.id, "me", 1, stage="model")
    assert (handed_on.state, handed_on.stage, handed_on.attempt, handed_on.owner) == ("queued", "model", 0, None)
    assert store.jobs.read(job.id) == handed_on
    with pytest.raises(LeaseLost):
        store.jobs.release(job.id, "me", 1, stage="media")
    store.jobs.request_cancel(job.id)


def test_parts_of_a_job_are_listed_as_such_alone(store: GraphStore, job: Job) -> None:
    part = store.jobs.create(
        Job(id=unique("j"), parameters=ParseParameters(video_id="v1", clip=2, queue="gpu"), parent=job.id, stage="model")
    )
    assert (part.kind, part.queue) == ("parse", "gpu")
    assert [one.id for one in store.jobs.list(parent=job.id).items] == [part.id]
    assert part.id not in {one.id for one in store.jobs.list(limit=1000).items}
    assert store.jobs.read(part.id).parameters == part.parameters
    assert part.id in {one.id for one in store.jobs.list_unclaimed(time.time() + 1)}  # it need not have waited
    store.jobs.request_cancel(part.id)


def test_cancel_ends_a_queued_job_and_flags_a_running_one(store: GraphStore, job: Job) -> None:
    running = store.jobs.create(Job(id=unique("j"), parameters=TrainParameters(training_run_id="t1", qra_set_id="s1")))
    store.jobs.claim(running.id, "me", 60, now=1000.0)
    assert store.jobs.request_cancel(job.id).state == "cancelled"
    flagged = store.jobs.request_cancel(running.id)
    assert (flagged.state, flagged.cancel_requested) == ("running", True)
    assert store.jobs.finish(running.id, "me", 1, "cancelled").state == "cancelled"
    assert store.jobs.request_cancel(running.id).state == "cancelled"  # asking again is harmless


def test_a_cancelled_job_whose_worker_died_is_not_started_again(store: GraphStore, job: Job) -> None:
    store.jobs.claim(job.id, "me", 60, now=1000.0)
    store.jobs.request_cancel(job.id)
    assert store.jobs.claim(job.id, "you", 60, now=2000.0) is None
    assert store.jobs.read(job.id).state == "cancelled"


def test_forgotten_jobs_are_notified_again(store: GraphStore, job: Job) -> None:
    working = store.jobs.create(Job(id=unique("j"), parameters=TrainParameters(training_run_id="t1", qra_set_id="s1")))
    made = seconds_of(job.updated_at)
    store.jobs.claim(working.id, "me", 60, now=made)

    def notified(seconds: float) -> set[str]:
        return {j.id for j in store.jobs.list_unclaimed(seconds)} & {job.id, working.id}

    assert notified(made + 4) == set()
    assert notified(made + 6) == {job.id}
    assert notified(made + 61) == {job.id, working.id}


def test_jobs_are_listed_by_state_newest_first(store: GraphStore) -> None:
    later = 5e9 + len(store.jobs.list(limit=1000).items)  # after all that an earlier run of this test left in the store
    jobs = [
        store.jobs.create(Job(id=unique("j"), parameters=SampleParameters(graph_ids=("g1",)), created_at=timestamp(later + i / 10)))
        for i in range(3)
    ]
    store.jobs.request_cancel(jobs[1].id)
    page = store.jobs.list(limit=2)
    assert [j.id for j in page.items] == [jobs[2].id, jobs[1].id]
    assert store.jobs.list(limit=1, cursor=page.next_cursor).items == [jobs[0]]
    assert [j.id for j in store.jobs.list(limit=2, state="queued").items] == [jobs[2].id, jobs[0].id]
