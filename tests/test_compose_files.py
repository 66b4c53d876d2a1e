"""The compose files, read as they stand: what a worker is given, and that GPUs are asked for where workers are told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["services"]
    return found


def test_api_and_workers_find_the_same_models_prompts_and_server() -> None:
    found = services("docker-compose.yml")
    for name in ("api", "worker-cpu", "worker-gpu"):
        environment, volumes = found[name]["environment"], found[name]["volumes"]
        assert (environment["STEPGRAPH_MODELS"], environment["STEPGRAPH_PROMPTS"]) == ("/models", "/prompts")
        assert environment["STEPGRAPH_OPENAI_URL"] == "${STEPGRAPH_OPENAI_URL:-http://vllm:8000/v1}"
        assert [volume.rsplit(":", 2)[-2:] for volume in volumes[1:]] == [["/models", "ro"], ["/prompts", "ro"]]


def test_the_served_model_is_started_only_where_its_profile_is_on_and_reached_by_no_other_machine() -> None:
    vllm = services("docker-compose.yml")["vllm"]
    assert vllm["profiles"] == ["vllm"] and "ports" not in vllm
    assert vllm["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]


def test_as_many_gpus_are_assigned_as_the_worker_is_told_of() -> None:
    worker = services("docker-compose.gpu.yml")["worker-gpu"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert worker["environment"]["STEPGRAPH_GPUS"] == device["count"] == "${STEPGRAPH_GPUS:-all}"
