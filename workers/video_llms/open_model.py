"""From the options of the `prompted` parser to the Video-LLM that they mean."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from typing import assert_never

from graph_schema.errors import BadInput
from graph_schema.model_names import check_server
from graph_schema.options import PromptedParserOptions
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
            key, timeout = settings.openai_api_key.get_secret_value(), settings.openai_timeout_seconds
            client = ChatClient(settings.openai_url, key, timeout_seconds=timeout)
            model = OpenAIVideoLLM(options.model, client, concurrency=settings.openai_concurrency)
            model.check()
            return model
        case "transformers":
            if importlib.util.find_spec("torch") is None:
                raise BadInput(
                    f'model {options.model!r} on this machine needs torch, which is not installed: pip install "stepgraph[train]", '
                    "or serve the model and use the backend openai"
                )
            return _local(options.model, options.max_pixels)
        case _:
            assert_never(options.backend)


@lru_cache(maxsize=1)
def _local(model: str, max_pixels: int | None) -> VideoLLM:
    from workers.video_llms.transformers_model import TransformersVideoLLM

    return TransformersVideoLLM(model, max_pixels=max_pixels)
