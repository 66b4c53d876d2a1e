"""From the options of the `prompted` parser to the Video-LLM that they mean."""

from __future__ import annotations

import gc
import importlib.util
import sys
from functools import lru_cache
from typing import assert_never

from graph_schema.errors import BadInput
from graph_schema.model_names import check_server
from graph_schema.options import PromptedParserOptions
from graph_schema.plugins import VIDEO_LLMS, made_by_plugin
from graph_schema.settings import Settings
from workers.video_llms.base import VideoLLM
from workers.video_llms.chat_client import ChatClient
from workers.video_llms.openai_server import OpenAIVideoLLM


def open_video_llm(options: PromptedParserOptions, settings: Settings) -> VideoLLM:
    """Return the model; a local one loads its weights when it is first asked, once a process.

    Raises: BadInput, ModelUnavailable, ModelRefused where it cannot be used.
    """
    match options.backend:
        case "openai":
            check_server(options, settings)
            assert settings.openai_url is not None
            return open_served_model(settings.openai_url, options.model, settings)
        case "transformers":
            if importlib.util.find_spec("torch") is None:
                raise BadInput(
                    f'model {options.model!r} on this machine needs torch, which is not installed: pip install "stepgraph[train]", '
                    "or serve the model and use the backend openai"
                )
            return _local(options.model, options.max_pixels)
        case "plugin":
            return _plugin(options.model)
        case _:
            assert_never(options.backend)


def open_served_model(url: str, model: str, settings: Settings | None = None) -> OpenAIVideoLLM:
    """Return a model of the OpenAI-compatible server at `url`, up to and with `/v1`; key and limits are those of the settings.

    Raises: BadInput, ModelUnavailable, ModelRefused where it cannot be used.
    """
    settings = settings or Settings.from_environment()
    client = ChatClient(url, settings.openai_api_key.get_secret_value(), timeout_seconds=settings.openai_timeout_seconds)
    served = OpenAIVideoLLM(model, client, concurrency=settings.openai_concurrency)
    served.check()
    return served


def forget_local_model() -> None:
    """Let go of a model that this process has loaded, so that another process has the GPU's memory."""
    _local.cache_clear()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


@lru_cache(maxsize=1)
def _local(model: str, max_pixels: int | None) -> VideoLLM:
    from workers.video_llms.transformers_model import TransformersVideoLLM

    return TransformersVideoLLM(model, max_pixels=max_pixels)


@lru_cache(maxsize=1)
def _plugin(name: str) -> VideoLLM:
    model: VideoLLM = made_by_plugin(VIDEO_LLMS, name, has=("name", "identity", "generate", "yes_probability"))
    return model
