"""Requests to an OpenAI-compatible server: sent, tried again where that may help, and read. What is asked is the caller's.

Tried on llama.cpp's server and `transformers serve`; what a server may do wrong is in the tests.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from graph_schema.errors import ModelRefused, ModelUnavailable
from graph_schema.record import JsonObject

MAX_BODY = 8 * 2**20
"""Bytes of a reply; a server that sends more is not replying to a prompt of ours."""
_SHOWN = 300
"""Characters of a server's own words in a message."""
_NO_PICTURES = ("image input is not supported", "mmproj", "does not support image", "multimodal")

_NO_PROXY: dict[str, httpx.BaseTransport | None] = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""A proxy of the environment does not know what listens here."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after how many seconds, a failed request is sent again; each pause is twice the last, give or take a quarter.

    A server that says it is loading the model is waited for until the pauses are `loading_seconds` long together.
    """

    attempts: int = 5
    first_seconds: float = 0.5
    max_seconds: float = 30.0
    loading_seconds: float = 180.0


class KeyRefused(Exception):
    """The server does not take one of the request's keys."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


class _Failed(Exception):
    """A request that may succeed if it is sent again. `after`: seconds the server asks to wait; `loading`: it is not ready yet."""

    def __init__(self, reason: str, *, after: float | None = None, loading: bool = False) -> None:
        self.after, self.loading = after, loading
        super().__init__(reason)


class ChatClient:
    """One server. May be shared by threads.

    Args:
        url: up to and with `/v1`.
        timeout_seconds: for connecting, for each part of a reply, and for a reply as a whole.
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        timeout_seconds: float = 120.0,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect to nothing yet."""
        self._url = httpx.URL(url.rstrip("/") + "/")
        self._timeout, self._retry, self._sleep = timeout_seconds, retry or RetryPolicy(), sleep
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(
            headers=headers, timeout=timeout_seconds, follow_redirects=False, limits=httpx.Limits(max_connections=64)
        )

    @property
    def address(self) -> str:
        """Where the server is, without credentials."""
        return str(self._url.copy_with(userinfo=b"")).rstrip("/")

    def models(self) -> list[str]:
        """The models that the server lists. Raises ModelUnavailable, ModelRefused."""
        listed = self._send("GET", "models", None).get("data")
        names = [entry.get("id") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return [name for name in names if isinstance(name, str)]

    def complete(self, body: JsonObject) -> JsonObject:
        """POST chat/completions. Raises KeyRefused for an optional key the server does not take; ModelUnavailable, ModelRefused."""
        return self._send("POST", "chat/completions", body)

    def _send(self, method: str, path: str, body: JsonObject | None) -> JsonObject:
        """Send until it succeeds or there is no hope."""
        pause, attempt, waited = self._retry.first_seconds, 1, 0.0
        while True:
            try:
                return self._once(method, path, body)
            except _Failed as failure:
                over = waited >= self._retry.loading_seconds if failure.loading else attempt >= self._retry.attempts
                if over:
                    tried = f"for {waited:.0f} s" if failure.loading else f"{attempt} times"
                    raise ModelUnavailable(
                        f"the model server at {self.address} did not reply ({failure}; tried {tried}); "
                        "see that it runs and is reached at STEPGRAPH_OPENAI_URL, then start again: what is done is kept"
                    ) from failure
                logger.info("%s %s failed: %s", method, path, failure)
                attempt += not failure.loading
                wait = pause if failure.after is None else max(failure.after, self._retry.first_seconds)
                wait = min(wait, self._retry.max_seconds)
                waited += wait
                self._sleep(wait * random.uniform(0.75, 1.25))
                pause = min(2 * pause, self._retry.max_seconds)

    def _once(self, method: str, path: str, body: JsonObject | None) -> JsonObject:
        deadline = time.monotonic() + self._timeout
        content = bytearray()
        try:
            with self._client.stream(method, self._url.join(path), json=body) as response:
                for part in response.iter_bytes():
                    content += part
                    if len(content) > MAX_BODY:
                        raise _Failed(f"the reply has more than {MAX_BODY // 2**20} MiB")
                    if time.monotonic() > deadline:
                        raise _Failed(f"the reply did not end within {self._timeout:g} s")
        except httpx.TimeoutException as error:
            raise _Failed(f"no reply within {self._timeout:g} s") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _Failed(str(error) or type(error).__name__) from error
        try:
            value: Any = json.loads(content)
        except (ValueError, RecursionError):
            value = None
        if response.is_success:
            if not isinstance(value, dict):
                raise _Failed(f"the reply is no JSON object: {_shown(content.decode(errors='replace'))}")
            return value
        raise self._refusal(response, _message(value, content), body)

    def _refusal(self, response: httpx.Response, message: str, body: JsonObject | None) -> Exception:
        """What a status that is no success means."""
        status, said = response.status_code, f"{response.status_code}: {message}"
        if any(words in message.lower() for words in _NO_PICTURES):
            return ModelRefused(f"the model at {self.address} takes no pictures ({said}); serve one that does")
        if status == 503 and "loading" in message.lower():
            return _Failed(said, loading=True)
        if status in (408, 425, 429) or status >= 500:
            return _Failed(said, after=_seconds(response.headers.get("retry-after")))
        if status in (400, 422):
            for key in ("response_format", "top_logprobs", "logprobs", "seed", "n"):
                if body is not None and key in body and _mentions(message, key):
                    return KeyRefused(key, message)
        if status in (401, 403):
            return ModelRefused(f"the model server at {self.address} refuses the key ({said}); set STEPGRAPH_OPENAI_API_KEY")
        if response.is_redirect:
            return ModelRefused(f"{self.address} redirects elsewhere ({status}), where pictures are not sent; correct STEPGRAPH_OPENAI_URL")
        return ModelRefused(f"the model server at {self.address} refuses the request ({said}); correct the model or its settings")


def _mentions(message: str, key: str) -> bool:
    words = message.replace("'", " ").replace('"', " ").replace("`", " ").replace("<", " ").replace(",", " ").replace(".", " ").split()
    return key in words or (key == "n" and "must be between 1 <= value" in message)


def _message(value: Any, content: bytes | bytearray) -> str:
    """A server's own words for what is wrong: OpenAI's form, FastAPI's, or plain text."""
    error = value.get("error", value.get("detail", value.get("message"))) if isinstance(value, dict) else None
    if isinstance(error, dict):
        error = error.get("message", error)
    text = error if isinstance(error, str) else json.dumps(error) if error is not None else content.decode(errors="replace")
    return _shown(text)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _seconds(retry_after: str | None) -> float | None:
    try:
        return None if retry_after is None else max(0.0, float(retry_after))
    except ValueError:  # a date; our own pause will do
        return None
