"""Video-LLMs: a local one by transformers, one behind an OpenAI-compatible server, and the cache of calls that wraps either."""

from workers.video_llms.base import GREEDY, Answered, Completion, Generation, Prompt, Sampling, VideoLLM
from workers.video_llms.calls import CachedCalls, Call

__all__ = [
    "GREEDY",
    "Answered",
    "CachedCalls",
    "Call",
    "Completion",
    "Generation",
    "Prompt",
    "Sampling",
    "VideoLLM",
]
