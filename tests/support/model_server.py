"""A model server that says the same of every picture: a man holds a cup. What it says of anything can be changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.chat_server import Body, ChatServer, Reply, chat_server, choices

SAID = {
    "List the objects": {"objects": [{"label": "man", "which": ""}, {"label": "cup", "which": ""}]},
    "Which of them are dynamic": {"dynamic": ["man"], "static": ["cup"]},
    "List the attributes": {"attributes": [{"kind": "colour", "name": "red"}]},
    "Which relations hold": {"relations": [{"subject": "man", "predicate": "holding", "object": "cup"}]},
    "Give its scene graph": {
        "objects": [{"label": "man", "dynamic": True, "attributes": []}, {"label": "cup", "dynamic": False, "attributes": []}],
        "relations": [{"subject": 0, "predicate": "holding", "object": 1}],
    },
    "What does": {"motion": "raises the cup"},
    "Say in one sentence": {"description": "A man raises a cup.", "agents": ["man in red"], "patients": ["red cup"]},
}
"""{words of a prompt: the reply}"""
MODEL = "man-with-cup"


def say(body: Body) -> Body:
    """The reply to a request: what `SAID` has for its prompt; yes to what ends in yes or no; else a sentence."""
    if not body:  # GET /models
        return {"data": [{"id": MODEL}]}
    text = prompt_of(body)
    said = next((json.dumps(reply) for words, reply in SAID.items() if words in text), "A man holds a red cup.")
    if text.endswith("Answer yes or no."):
        said = "Yes."
    return choices(*[said] * body.get("n", 1))


def prompt_of(body: Body) -> str:
    """The text of a request."""
    text = next(part["text"] for part in body["messages"][-1]["content"] if part["type"] == "text")
    assert isinstance(text, str)
    return text


def pictures_of(body: Body) -> int:
    """How many pictures a request has."""
    return sum(part["type"] == "image_url" for part in body["messages"][-1]["content"])


def quoted(text: str) -> list[str]:
    """What a prompt puts in quotes."""
    return re.findall(r'"([^"]+)"', text)


@contextmanager
def model_server(reply: Callable[[Body], Reply | Body] = say) -> Iterator[ChatServer]:
    """A server on this machine with the model `MODEL`."""
    with chat_server(reply) as server:
        yield server
