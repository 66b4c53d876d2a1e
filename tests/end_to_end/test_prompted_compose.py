"""A Video-LLM reads a video on the compose stack: media on the CPU worker, the model on the GPU worker, the graph in Neo4j."""

from __future__ import annotations

from pathlib import Path

import httpx
import neo4j
import pytest

from graph_schema.models import STSG
from tests.support import compose, service
from tests.support.trained_model import said_by, served_graph, teach_toy_model

BROWSER = Path(__file__).resolve().parents[2] / "graph_schema" / "browser"


@pytest.mark.compose
@pytest.mark.timeout(2400)  # the first time, both images are built
def test_a_toy_model_in_the_models_folder_reads_a_real_video(tmp_path: Path, real_videos: Path) -> None:
    video = real_videos / "sk_bikes.mp4"
    expected, asked = served_graph(tmp_path / "served", video)
    teach_toy_model(tmp_path / "models" / "toy", asked, sorted((tmp_path / "served" / "keyframes").rglob("*.jpg")))
    for path in (tmp_path, *(tmp_path / "models").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # the containers' user reads it
    with compose.stack(tmp_path / "compose.log", STEPGRAPH_MODELS=str(tmp_path / "models")) as stack:
        with httpx.Client(base_url=stack.url, timeout=60) as client:
            uploaded = service.upload(client, video)
            parser = {"kind": "prompted", "model": "toy"}
            reported = service.follow(client, service.order(client, "graphs", {"video_id": uploaded["id"], "parser": parser}))
            assert reported[-1]["state"] == "done", reported[-1]
            assert {(job["stage"], job["queue"]) for job in reported} >= {("model", "gpu")}
            graph = STSG.model_validate_json(client.get(f"/v1/graphs/{reported[-1]['result']['graph_id']}").content)
        assert said_by(graph) == said_by(expected)
        with neo4j.GraphDatabase.driver(stack.bolt, auth=("neo4j", compose.PASSWORD)) as driver:  # as the Browser asks
            query = (BROWSER / "evidence.cypher").read_text(encoding="utf-8")
            rows, _, _ = driver.execute_query(query)
        assert rows


@pytest.mark.compose
def test_the_compose_files_assign_gpus_and_serve_a_model_where_they_are_asked_to(tmp_path: Path) -> None:
    compose.need_docker()
    plain = compose.config()
    assert "vllm" not in plain["services"] and "deploy" not in plain["services"]["worker-gpu"]
    assert plain["services"]["worker-cpu"]["environment"]["STEPGRAPH_OPENAI_URL"] == "http://vllm:8000/v1"
    served = compose.config("--profile", "vllm", STEPGRAPH_VLLM_MODEL="Qwen/Qwen3-VL-4B-Instruct")
    vllm = served["services"]["vllm"]
    assert vllm["command"][:2] == ["--model", "Qwen/Qwen3-VL-4B-Instruct"] and "ports" not in vllm
    assert vllm["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    with_gpus = compose.config("--file", "docker-compose.yml", "--file", "docker-compose.gpu.yml", STEPGRAPH_GPUS="2")
    worker = with_gpus["services"]["worker-gpu"]
    assert worker["environment"]["STEPGRAPH_GPUS"] == "2"
    assert worker["deploy"]["resources"]["reservations"]["devices"][0]["count"] == 2
