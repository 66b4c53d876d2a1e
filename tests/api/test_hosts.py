"""Who may talk to the service: requests to its own names and addresses, and no page of another site."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from graph_schema.settings import Settings
from graph_schema.store import GraphStore
from tests.support.api_client import client_of
from tests.support.service import shots_video

HOST = "localhost:8000"


@pytest.fixture
def client(embedded_store: GraphStore, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(embedded_store, tmp_path) as client:
        yield client


def statuses(client: TestClient, *hosts: str) -> set[int]:
    return {client.get("/healthz", headers={"Host": host}).status_code for host in hosts}


def test_it_answers_to_its_own_names_and_to_any_address(client: TestClient) -> None:
    names = ("localhost", HOST, "LOCALHOST:8000", "localhost.", socket.gethostname())
    addresses = ("127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "192.168.7.5:8000", "[fe80::1]")
    assert statuses(client, *names, *addresses) == {200}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", "", ":8000"]
)
def test_it_does_not_answer_to_a_name_that_somebody_made_to_lead_here(client: TestClient, host: str) -> None:
    for url in ("/healthz", "/v1/jobs", "/docs", "/v1/nothing"):
        response = client.get(url, headers={"Host": host})
        assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
        problem = response.json()
        assert (problem["type"], problem["status"], problem["instance"]) == ("/problems/host-not-allowed", 403, url)
        assert problem["detail"].endswith("use its address, or add the name to STEPGRAPH_ALLOWED_HOSTS")


def test_the_names_it_is_reached_by_can_be_set(embedded_store: GraphStore, tmp_path: Path) -> None:
    with client_of(embedded_store, tmp_path, host="gpu-box", allowed_hosts="api, Graphs.example:443,") as client:
        assert statuses(client, "gpu-box:8000", "api:8000", "graphs.example", "localhost", "10.0.0.7") == {200}
        assert statuses(client, "evil.example", "graphs.example.evil.example", "", "0.0.0.0.example") == {403}
    with client_of(embedded_store, tmp_path, host="0.0.0.0") as client:
        assert statuses(client, "10.0.0.7:8000", "localhost:8000", socket.gethostname()) == {200}
        assert statuses(client, "evil.example") == {403}
    with client_of(embedded_store, tmp_path, allowed_hosts="*") as client:
        assert statuses(client, "evil.example") == {200}


def test_the_names_are_read_from_the_environment() -> None:
    assert Settings.from_environment({"STEPGRAPH_ALLOWED_HOSTS": "api,graphs.example"}).allowed_hosts == "api,graphs.example"
    assert Settings.from_environment({"STEPGRAPH_ALLOWED_HOSTS": ""}).allowed_hosts == ""


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:3000", "http://localhost", "null", "http://localhost:8000.evil.example"]
)
def test_a_page_of_another_site_changes_nothing(client: TestClient, tmp_path: Path, origin: str) -> None:
    headers = {"Host": HOST, "Origin": origin}
    content = shots_video(tmp_path / "made.mp4", 1).read_bytes()
    refused = [
        client.post("/v1/videos", files={"file": ("talk.mp4", content)}, headers=headers),
        client.post("/v1/qra-sets", content='{"graph_ids": ["g0"]}', headers={**headers, "content-type": "text/plain"}),
        client.post("/v1/jobs/j0/cancel", headers=headers),
        client.delete("/v1/graphs/g0", headers=headers),
    ]
    for response in refused:
        assert (response.status_code, response.json()["type"]) == (403, "/problems/origin-not-allowed")
        assert response.json()["detail"].startswith(f"a page of {origin} may not change anything at localhost:8000")
    assert not (tmp_path / "uploads").exists()
    assert client.get("/v1/jobs", headers=headers).status_code == 200  # the browser does not let that page read it


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost:8000"}, {"Origin": "http://LOCALHOST:8000"}])
def test_its_own_pages_and_what_is_no_page_may(client: TestClient, tmp_path: Path, headers: dict[str, str]) -> None:
    headers = {"Host": HOST, **headers}
    content = shots_video(tmp_path / "made.mp4", 1).read_bytes()
    assert client.post("/v1/videos", files={"file": ("talk.mp4", content)}, headers=headers).status_code == 201
    assert client.post("/v1/jobs/j0/cancel", headers=headers).json()["type"] == "/problems/not-found"


def test_any_allowed_name_still_means_no_page_of_another_site(embedded_store: GraphStore, tmp_path: Path) -> None:
    with client_of(embedded_store, tmp_path, allowed_hosts="*") as client:
        answer = client.post("/v1/jobs/j0/cancel", headers={"Host": "graphs.example", "Origin": "http://evil.example"})
        assert answer.json()["type"] == "/problems/origin-not-allowed"
