"""Uploading videos: streamed, hashed, limited; what is not a video is refused with a reason and leaves nothing behind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from graph_schema.store import GraphStore
from tests.support.api_client import client_of
from tests.support.service import shots_video

LIMIT = 100_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client(embedded_store: GraphStore, data: Path) -> Iterator[TestClient]:
    with client_of(embedded_store, data, max_upload_bytes=LIMIT) as client:
        yield client


def left_behind(data: Path) -> list[Path]:
    return list((data / "uploads").glob("*")) + list((data / "uploads").glob(".*"))


def test_a_video_is_kept_under_its_hash_and_called_by_its_name(client: TestClient, data: Path, tmp_path: Path) -> None:
    content = shots_video(tmp_path / "made.mp4", 1).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    response = client.post("/v1/videos", files={"file": ("../../etc/My Talk.MP4", content)})
    assert response.status_code == 201
    video = response.json()
    assert response.headers["Location"] == f"/v1/videos/v{sha256[:16]}"
    assert (video["id"], video["name"], video["frame_count"]) == (f"v{sha256[:16]}", "My Talk.MP4", 25)
    assert left_behind(data) == [data / "uploads" / f"{sha256}.mp4"]
    assert left_behind(data)[0].read_bytes() == content
    assert video["uri"] == left_behind(data)[0].as_uri()  # the form that it has in the graph as well
    assert client.get(response.headers["Location"]).json() == video


def test_the_same_bytes_under_two_names_are_one_video(client: TestClient, data: Path, tmp_path: Path) -> None:
    content = shots_video(tmp_path / "made.mp4", 1).read_bytes()
    first = client.post("/v1/videos", files={"file": ("one.mp4", content)}).json()
    second = client.post("/v1/videos", files={"file": ("two.mp4", content)}).json()
    assert first["id"] == second["id"]
    assert len(left_behind(data)) == 1
    assert [v["name"] for v in client.get("/v1/videos", params={"limit": 1000}).json()["items"] if v["id"] == first["id"]] == ["two.mp4"]


@pytest.mark.parametrize(("content", "reason"), [(b"just some words\n" * 20, "notes.mp4"), (b"", "notes.mp4")], ids=["text", "empty"])
def test_what_is_no_video_is_refused_with_a_reason(client: TestClient, data: Path, content: bytes, reason: str) -> None:
    response = client.post("/v1/videos", files={"file": ("notes.mp4", content)})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    problem = response.json()
    assert (problem["type"], problem["status"], problem["instance"]) == ("/problems/video-unreadable", 422, "/v1/videos")
    assert reason in problem["detail"]
    assert str(data) not in problem["detail"]  # the server's own paths are nobody's business
    assert left_behind(data) == []


def test_an_upload_above_the_limit_is_refused_whether_it_says_its_size_or_not(client: TestClient, data: Path) -> None:
    response = client.post("/v1/videos", files={"file": ("big.mp4", b"x" * (LIMIT + 70_000))})
    assert (response.status_code, response.json()["type"]) == (413, "/problems/too-large")
    assert "more than the 100000 bytes" in response.json()["detail"]

    def body() -> Iterator[bytes]:  # sent in chunks, without a length
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.mp4"\r\n\r\n'
        for _ in range(11):
            yield b"x" * 10_000
        yield b"\r\n--b--\r\n"

    response = client.post("/v1/videos", content=body(), headers={"content-type": "multipart/form-data; boundary=b"})
    assert (response.status_code, response.json()["type"]) == (413, "/problems/too-large")
    assert left_behind(data) == []


@pytest.mark.parametrize(
    ("request_body", "output"),
    [
        ({"json": {"file": "talk.mp4"}}, "the content type is 'application/json'"),
        ({"files": {"video": ("talk.mp4", b"x")}}, "a file in the field 'video'"),
        ({"files": {"file": (None, b"talk.mp4")}}, "a value in the field 'file'"),
        ({"files": [("file", ("a.mp4", b"x")), ("file", ("b.mp4", b"x"))]}, "more than one part"),
        ({"content": b"--b\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}, "the body ends before its file does"),
        ({"content": b"garbage", "headers": {"content-type": "multipart/form-data; boundary=b"}}, "the body is not a multipart form"),
    ],
    ids=["json", "other field", "no file", "two files", "cut short", "garbage"],
)
def test_another_body_than_one_file_is_refused_and_told_how(client: TestClient, data: Path, request_body: dict, output: str) -> None:  # type: ignore[type-arg]
    response = client.post("/v1/videos", **request_body)
    assert (response.status_code, response.json()["type"]) == (422, "/problems/bad-input")
    assert output in response.json()["detail"]
    assert "curl -F file=@talk.mp4" in response.json()["detail"]
    assert left_behind(data) == []
