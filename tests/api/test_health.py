"""Alive, ready, and what it says when the engine or the broker is gone."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from graph_schema.engines.embedded import stop_embedded
from graph_schema.models import SCHEMA_VERSION
from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support import neo4j_server
from tests.support.api_client import client_of
from tests.support.graphs import a_question, unique
from tests.support.service import free_port, redis_server, wait_until
from workers.jobs.celery_app import make_celery, notify, ping_broker


def test_ready_names_the_engine(embedded_store: GraphStore, tmp_path: Path) -> None:
    with client_of(embedded_store, tmp_path) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        ready = client.get("/readyz").json()
        assert (ready["status"], ready["engine"]["engine"], "broker" in ready) == ("ready", "embedded", False)
        assert client.get("/version").json()["schema_version"] == SCHEMA_VERSION


def test_the_bare_address_leads_to_documentation_that_needs_no_other_machine(embedded_store: GraphStore, tmp_path: Path) -> None:
    with client_of(embedded_store, tmp_path) as client:
        page = client.get("/")
        assert (page.status_code, page.url.path) == (200, "/docs")
        parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(parts) == 3  # script, style, icon
        for part in parts:
            assert part.startswith("/") and client.get(part).status_code == 200


@pytest.mark.neo4j
def test_without_its_engine_it_is_alive_but_not_ready(tmp_path: Path) -> None:
    (tmp_path / "neo4j").mkdir()
    try:
        with neo4j_server.running(tmp_path / "neo4j") as server:
            store = GraphStore.open(server.address.settings(tmp_path))
    except neo4j_server.CannotRun as error:
        pytest.skip(str(error))
    with store, client_of(store, tmp_path) as client:
        assert client.get("/healthz").status_code == 200
        for url in ("/readyz", "/v1/jobs"):
            response = client.get(url)
            assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
            assert response.json()["type"] == "/problems/engine-unavailable"
            assert f"no graph engine answers at {server.address.uri}" in response.json()["detail"]
            assert response.headers["Retry-After"] == "5"


@pytest.mark.redis
def test_with_the_broker_down_jobs_are_accepted_and_notified_of_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(data=tmp_path / "data", redis_url=f"redis://127.0.0.1:{port}/0")
    broker = {"notify": functools.partial(notify, make_celery(settings)), "ping_broker": functools.partial(ping_broker, settings)}
    try:
        with GraphStore.open(settings) as store, client_of(store, settings.data, sweep_seconds=0.5, **broker) as client:  # type: ignore[arg-type]
            response = client.get("/readyz")
            assert (response.status_code, response.json()["type"]) == (503, "/problems/broker-unavailable")
            assert "no Redis answers at STEPGRAPH_REDIS_URL" in response.json()["detail"]

            set_id = unique("s")
            store.qra_sets.write(set_id, [a_question(set_id, "gnone", 0)], graph_ids=[], configuration={})
            response = client.post("/v1/training-runs", json={"qra_set_id": set_id})
            assert (response.status_code, response.json()["state"]) == (202, "queued")
            assert response.elapsed.total_seconds() < 2  # nobody waits for a dead broker

            with redis_server(tmp_path, port):
                wait_until(lambda: ping_broker(settings) == {"cpu": 0, "gpu": 1}, 30, "the sweeper notifies")
                assert client.get("/readyz").json()["broker"] == {"waiting": {"cpu": 0, "gpu": 1}}
                assert store.jobs.read(response.json()["id"]).state == "queued"
    finally:
        stop_embedded(settings.data)


def test_celery_is_set_as_the_design_says() -> None:
    conf = make_celery(Settings(redis_url="redis://127.0.0.1:1/0")).conf
    assert (conf.task_acks_late, conf.worker_disable_prefetch, conf.task_ignore_result) == (False, True, True)
    assert (conf.task_create_missing_queues, conf.worker_soft_shutdown_timeout) == (False, 20)
    assert [queue.name for queue in conf.task_queues] == ["cpu", "gpu"]
    assert conf.broker_transport_options == {"socket_timeout": 5, "socket_connect_timeout": 2}
