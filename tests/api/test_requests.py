"""POSTs that start work: what is accepted, what is refused before it becomes a job, and problems as RFC 9457."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.routes.training_runs import TrainingRunRequest
from graph_schema.models import STSG, Job
from graph_schema.store import GraphStore
from graph_schema.store.jobs import Jobs
from tests.support.api_client import client_of
from tests.support.graphs import a_question, cup_graph, unique
from tests.support.service import wait_until


@pytest.fixture
def notified() -> list[Job]:
    return []


@pytest.fixture
def client(embedded_store: GraphStore, tmp_path: Path, notified: list[Job]) -> Iterator[TestClient]:
    with client_of(embedded_store, tmp_path, notify=notified.append) as client:
        yield client


@pytest.fixture
def graph(embedded_store: GraphStore) -> STSG:
    graph = cup_graph(unique())
    embedded_store.graphs.write(graph)
    return graph


def test_a_request_becomes_a_queued_job_and_a_notification(
    client: TestClient, graph: STSG, notified: list[Job], embedded_store: GraphStore
) -> None:
    response = client.post("/v1/graphs", json={"video_id": graph.video.id})
    job = response.json()
    assert (response.status_code, response.headers["Location"]) == (202, f"/v1/jobs/{job['id']}")
    assert (job["kind"], job["queue"], job["state"]) == ("induce", "cpu", "queued")
    split = job["parameters"].pop("split")
    assert job["parameters"] == {"kind": "induce", "video_id": graph.video.id, "parser": {"kind": "opencv"}}
    assert (split["max_keyframes"], split["clips"]) == (64, "cuts")
    job["parameters"]["split"] = split
    assert embedded_store.jobs.read(job["id"]).model_dump() == job
    wait_until(lambda: job["id"] in [j.id for j in notified], 5, "the worker is notified")


def test_a_key_sent_twice_starts_nothing_twice(client: TestClient, graph: STSG) -> None:
    headers = {"Idempotency-Key": unique("key")}
    body = {"graph_ids": [graph.id], "samples": 5}
    first, second = (client.post("/v1/qra-sets", json=body, headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["Location"] == first.headers["Location"]
    other = client.post("/v1/qra-sets", json={**body, "samples": 6}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/conflict")
    assert "use a new key for a new request" in other.json()["detail"]


def test_a_training_run_stands_in_the_store_before_a_worker_begins(client: TestClient, graph: STSG, embedded_store: GraphStore) -> None:
    set_id = unique("s")
    embedded_store.qra_sets.write(set_id, [a_question(set_id, graph.id, 0)], graph_ids=[graph.id], configuration={})
    job = client.post("/v1/training-runs", json={"qra_set_id": set_id, "epochs": 2}).json()
    run_id = job["parameters"]["training_run_id"]
    run = client.get(f"/v1/training-runs/{run_id}").json()
    assert (run["state"], run["latest"], run["qra_set_ids"], run["properties"]["epochs"]) == ("queued", None, [set_id], 2)
    assert run_id in [r["id"] for r in client.get("/v1/training-runs").json()["items"]]
    assert client.get(f"/v1/training-runs/{run_id}/metrics").json() == []
    again = client.post("/v1/training-runs", json={"qra_set_id": set_id, "epochs": 2}).json()
    assert again["parameters"]["training_run_id"] == run_id  # the same request is the same run
    assert client.post("/v1/training-runs", json={"qra_set_id": set_id, "epochs": 3}).json()["parameters"]["training_run_id"] != run_id


def test_a_training_request_has_what_the_trainer_understands(tmp_path: Path) -> None:
    config = pytest.importorskip("trainer.config", reason="torch is not installed")
    configuration = TrainingRunRequest(qra_set_id="s").identity()
    paths = {name: tmp_path / name for name in ("qra", "root", "out")}
    assert config.TrainingConfig(**configuration, **paths).model_dump() == config.TrainingConfig(**paths).model_dump()


def test_metrics_can_be_followed_from_a_step_on(client: TestClient, graph: STSG, embedded_store: GraphStore, tmp_path: Path) -> None:
    run_id = unique("t")
    embedded_store.training_runs.write(run_id, {}, [], started_from="tiny", produced=None)
    folder = tmp_path / "training" / run_id
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text(
        '{"step": 1, "loss": 2.5}\n{"step": 2, "loss": 2.0}\n{"step": 3, "lo'
    )  # the last is being written
    assert [row["step"] for row in client.get(f"/v1/training-runs/{run_id}/metrics").json()] == [1, 2]
    assert client.get(f"/v1/training-runs/{run_id}/metrics", params={"after_step": 1}).json() == [{"step": 2, "loss": 2.0}]


@pytest.mark.parametrize(
    ("route", "body", "status", "message"),
    [
        ("graphs", {"video_id": "v0"}, 404, "video 'v0' not found; upload it"),
        (
            "graphs",
            {"video_id": "v0", "parser": "magic"},
            422,
            "body.parser: Input tag 'magic' found using 'kind' does not match any of the expected tags: 'opencv', 'detector'",
        ),
        (
            "graphs",
            {"video_id": "v0", "parser": {"kind": "detector", "detector": "/etc/passwd"}},
            422,
            "detector '/etc/passwd' is no hub id (owner/name), and STEPGRAPH_MODELS is not set",
        ),
        ("graphs", {"video_id": "v0", "parsr": "opencv"}, 422, "body.parsr: Extra inputs are not permitted"),
        ("graphs", {}, 422, "body.video_id: Field required"),
        ("qra-sets", {"graph_ids": ["g0"]}, 404, "graph 'g0' not found; induce one"),
        ("qra-sets", {"graph_ids": []}, 422, "body.graph_ids: List should have at least 1 item"),
        ("qra-sets", {"graph_ids": ["g0"], "samples": 0}, 422, "body.samples: Input should be greater than or equal to 1 (got 0)"),
        ("qra-sets", {"graph_ids": ["g0"], "samples": "5"}, 422, "body.samples: Input should be a valid integer (got '5')"),
        ("qra-sets", {"graph_ids": ["g0"], "step_mix": [1, 2]}, 422, "body.step_mix.2: Field required"),
        ("qra-sets", {"graph_ids": ["g0"], "step_mix": [0, 0, 0]}, 422, "step_mix is [0.0, 0.0, 0.0]; give three shares of 0 or more"),
        ("qra-sets", {"graph_ids": ["g0"], "step_mix": [1, -2, 3]}, 422, "body.step_mix.1: Input should be greater than or equal to 0"),
        ("training-runs", {"qra_set_id": "s0"}, 404, "QRA set 's0' not found; sample one"),
        ("training-runs", {"qra_set_id": "s0", "epochs": 0}, 422, "body.epochs: Input should be greater than or equal to 1"),
    ],
)
def test_a_bad_request_is_refused_before_it_becomes_a_job(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, route: str, body: dict[str, Any], status: int, message: str
) -> None:
    monkeypatch.delattr(Jobs, "create")  # a job would be an internal error
    response = client.post(f"/v1/{route}", json=body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert message in response.json()["detail"]
    assert response.json()["type"] == ("/problems/not-found" if status == 404 else "/problems/bad-input")


@pytest.mark.parametrize(
    ("method", "url", "content", "status", "kind", "message"),
    [
        ("POST", "/v1/graphs", b'{"video_id": ', 422, "bad-input", "body: not valid JSON"),
        ("GET", "/v1/nothing", b"", 404, "not-found", "no route /v1/nothing; see /docs"),
        ("PUT", "/v1/jobs", b"", 405, "method-not-allowed", "PUT is not allowed on /v1/jobs"),
        ("GET", "/v1/jobs?limit=0", b"", 422, "bad-input", "query.limit: Input should be greater than or equal to 1 (got '0')"),
        ("GET", "/v1/jobs?limti=2", b"", 422, "bad-input", "query.limti: no such parameter; this route takes state, parent, limit, cursor"),
        ("GET", "/v1/jobs/j0?limit=2", b"", 422, "bad-input", "query.limit: no such parameter; this route takes none (got '2')"),
        ("POST", "/v1/graphs?video_id=v0", b"", 422, "bad-input", "query.video_id: no such parameter; this route takes none (got 'v0')"),
        ("GET", "/v1/jobs?state=asleep", b"", 422, "bad-input", "query.state: Input should be 'queued', 'running'"),
        ("GET", "/v1/jobs?cursor=abc", b"", 422, "bad-input", "cursor 'abc' is not one this list gave"),
        ("GET", "/v1/jobs/j0", b"", 404, "not-found", "job 'j0' not found"),
        ("GET", "/v1/jobs/j0/events", b"", 404, "not-found", "job 'j0' not found"),
        ("POST", "/v1/jobs/j0/cancel", b"", 404, "not-found", "job 'j0' not found"),
        ("GET", "/v1/qra-sets/s0/items", b"", 404, "not-found", "QRA set 's0' not found"),
        ("GET", "/v1/qra-sets/s0/export", b"", 404, "not-found", "QRA set 's0' not found"),
        ("GET", "/v1/training-runs/t0", b"", 404, "not-found", "training run 't0' not found"),
        ("GET", "/v1/training-runs/t0/metrics", b"", 404, "not-found", "training run 't0' not found"),
        ("GET", "/v1/videos/v0", b"", 404, "not-found", "video 'v0' not found"),
        ("GET", "/v1/graphs/g0/keyframes/k0", b"", 404, "not-found", "graph 'g0' not found"),
    ],
)
def test_every_error_is_a_problem_that_says_what_is_wrong(
    client: TestClient, method: str, url: str, content: bytes, status: int, kind: str, message: str
) -> None:
    response = client.request(method, url, content=content, headers={"content-type": "application/json"})
    problem = response.json()
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert (problem["type"], problem["status"], problem["instance"]) == (f"/problems/{kind}", status, url.partition("?")[0])
    assert problem["title"]
    assert message in problem["detail"]


@pytest.mark.parametrize("route", ["graphs", "qra-sets", "training-runs"])
@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("application/x-www-form-urlencoded", "the content type is 'application/x-www-form-urlencoded'"),  # curl -d
        ("text/plain", "the content type is 'text/plain'"),
        (None, "there is no header content-type"),
    ],
)
def test_a_body_that_does_not_say_it_is_json_is_refused_with_the_remedy(
    client: TestClient, route: str, content_type: str | None, message: str
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    response = client.post(f"/v1/{route}", content=b'{"video_id": "v0"}', headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (415, "application/problem+json")
    problem = response.json()
    assert (problem["type"], problem["title"]) == ("/problems/unsupported-media-type", "Unsupported Media Type")
    assert problem["detail"] == f"{message}; this route takes JSON: send the header content-type: application/json"
    described = client.get("/openapi.json").json()["paths"][f"/v1/{route}"]["post"]["responses"]
    assert "application/problem+json" in described["415"]["content"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/graphs", "GET, POST"),
        ("PATCH", "/v1/graphs/g0", "DELETE, GET"),
        ("DELETE", "/v1/videos", "GET, POST"),
        ("GET", "/v1/jobs/j0/cancel", "POST"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_a_refused_method_names_all_that_the_path_takes(client: TestClient, method: str, path: str, allowed: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("route", "place"),
    [
        ("qra-sets/SET/items", "[1180591620717411303424]"),  # no 64-bit number
        ("qra-sets/SET/items", "[9007199254740992]"),
        ("qra-sets/SET/items", "[-1]"),
        ("qra-sets/SET/items", f"[{'9' * 300}]"),
        ("jobs", '[NaN, "j0"]'),
        ("jobs", '[Infinity, "j0"]'),
        ("jobs", '[1e300, "j0"]'),
        ("jobs", '[1.5, "\\ud800"]'),  # half a character
    ],
)
def test_a_cursor_that_no_store_could_hold_is_bad_input(
    client: TestClient, graph: STSG, embedded_store: GraphStore, route: str, place: str
) -> None:
    set_id = unique("s")
    embedded_store.qra_sets.write(set_id, [a_question(set_id, graph.id, 0)], graph_ids=[graph.id], configuration={})
    cursor = base64.urlsafe_b64encode(place.encode()).decode()
    response = client.get(f"/v1/{route.replace('SET', set_id)}", params={"cursor": cursor})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/bad-input")
    assert response.json()["detail"] == f"cursor '{cursor}' is not one this list gave; leave it out to start at the beginning"


def test_questions_come_in_pages_and_as_lines(client: TestClient, graph: STSG, embedded_store: GraphStore) -> None:
    set_id = unique("s")
    questions = [a_question(set_id, graph.id, number) for number in range(3)]
    embedded_store.qra_sets.write(set_id, questions, graph_ids=[graph.id], configuration={"seed": 7})
    url = f"/v1/qra-sets/{set_id}"
    first = client.get(f"{url}/items", params={"limit": 2}).json()
    second = client.get(f"{url}/items", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [q["id"] for q in first["items"] + second["items"]] == [q.id for q in questions]
    assert second["next_cursor"] is None
    export = client.get(f"{url}/export")
    assert export.headers["content-type"].startswith("application/x-ndjson")
    assert export.text == "".join(f"{q.model_dump_json()}\n" for q in questions)
    assert (client.get(url).json()["count"], client.get(url).json()["configuration"]) == (3, {"seed": 7})


def test_a_parser_that_cannot_work_here_is_refused_and_a_model_here_waits_for_the_media(client: TestClient, graph: STSG) -> None:
    def order(**parser: object) -> Any:
        return client.post("/v1/graphs", json={"video_id": graph.video.id, "parser": {"kind": "prompted", **parser}})

    served = order(model="qwen", backend="openai")
    assert (served.status_code, served.json()["type"]) == (422, "/problems/bad-input")
    assert "STEPGRAPH_OPENAI_URL is not set" in served.json()["detail"]
    path = order(model="/etc/passwd")
    assert path.status_code == 422 and "'/etc/passwd' is no hub id" in path.json()["detail"]
    boxed = order(model="owner/name", boxes_from="/etc/passwd")
    assert boxed.status_code == 422 and "detector '/etc/passwd' is no hub id" in boxed.json()["detail"]
    here = order(model="owner/name", samples=3)
    assert (here.status_code, here.json()["queue"], here.json()["stage"]) == (202, "cpu", "media")  # handed to gpu once the video is split
    parameters = here.json()["parameters"]
    assert (parameters["parser"]["samples"], parameters["split"]["max_keyframes"]) == (3, 24)
