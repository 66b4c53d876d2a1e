"""The back end for OpenAI-compatible servers, against a real HTTP server that behaves, or misbehaves in all the ways servers do."""

from __future__ import annotations

import base64
import math
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from graph_schema.errors import BadInput, ModelRefused, ModelUnavailable, StepgraphError
from tests.support.chat_server import Body, ChatServer, Reply, chat_server, choices
from workers.video_llms import Answered, CachedCalls, Prompt, Sampling
from workers.video_llms.chat_client import ChatClient, RetryPolicy
from workers.video_llms.openai_server import OpenAIVideoLLM

CUP = Prompt(stage="objects", text="Is there a cup?", max_new_tokens=7)
DOG = Prompt(stage="objects", text="Is there a dog?")
FIVE = Sampling(n=5, temperature=0.7, seed=3)


def model_at(
    server: ChatServer | str, *, key: str = "", timeout: float = 5.0, attempts: int = 3, pauses: list[float] | None = None
) -> OpenAIVideoLLM:
    url = server if isinstance(server, str) else server.url
    sleep: Callable[[float], None] = (lambda seconds: None) if pauses is None else pauses.append
    retry = RetryPolicy(attempts=attempts, first_seconds=1.0, max_seconds=8.0, loading_seconds=60.0)
    return OpenAIVideoLLM("toy", ChatClient(url, key, timeout_seconds=timeout, retry=retry, sleep=sleep), concurrency=4)


def texts(answered: Iterator[Answered]) -> list[list[str]]:
    return [[g.text for g in a.completion.generations] for a in sorted(answered, key=lambda a: a.position)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "0.jpg"
    path.write_bytes(b"\xff\xd8 a picture")
    return path


def test_a_request_has_the_pictures_first_and_the_question_last(image: Path) -> None:
    with chat_server(lambda body: choices("yes")) as server:
        prompt = CUP.model_copy(update={"json_schema": {"type": "object"}})
        assert texts(model_at(server, key="secret").generate([image, image], [prompt])) == [["yes"]]
    (body,) = server.requests
    url = "data:image/jpeg;base64," + base64.b64encode(image.read_bytes()).decode()
    assert body == {
        "model": "toy",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": url}},
                    {"type": "image_url", "image_url": {"url": url}},
                    {"type": "text", "text": "Is there a cup?"},
                ],
            }
        ],
        "temperature": 0.0,
        "max_tokens": 7,
        "seed": 0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "objects", "schema": {"type": "object"}, "strict": True}},
    }
    assert (server.paths, server.headers[0]["Authorization"]) == (["/v1/chat/completions"], "Bearer secret")


def test_n_replies_in_one_request_and_what_they_cost(image: Path) -> None:
    with chat_server(lambda body: choices(*["a cup"] * body.get("n", 1))) as server:
        (answered,) = model_at(server).generate([image], [CUP], FIVE)
    completion = answered.completion
    assert (len(completion.generations), completion.prompt_tokens, completion.completion_tokens) == (5, 10, 10)
    assert [body["n"] for body in server.requests] == [5]


def test_a_server_that_ignores_n_is_asked_n_times_with_other_seeds(image: Path) -> None:
    with chat_server(lambda body: choices(f"seed {body['seed']}")) as server:
        model = model_at(server)
        assert texts(model.generate([image], [CUP], FIVE)) == [[f"seed {seed}" for seed in range(3, 8)]]
        assert texts(model.generate([image], [CUP], FIVE)) == [[f"seed {seed}" for seed in range(3, 8)]]
    assert [body.get("n") for body in server.requests] == [5, *[None] * 9]  # it is remembered


def test_a_server_that_limits_n_is_asked_for_as_many_as_it_gives(image: Path) -> None:
    def reply(body: Body) -> Reply | Body:
        if body.get("n", 1) > 2:
            return Reply(400, {"error": {"message": "n must be between 1 <= value <= 2", "type": "invalid_request_error"}})
        return choices(*["x"] * body.get("n", 1))

    with chat_server(reply) as server:
        assert texts(model_at(server).generate([image], [CUP], FIVE)) == [["x"] * 5]
    assert [body.get("n") for body in server.requests] == [5, 2, 2, None]


def test_greedy_replies_are_asked_for_once(image: Path) -> None:
    with chat_server(lambda body: choices("x")) as server:
        assert texts(model_at(server).generate([image], [CUP], Sampling(n=3))) == [["x"] * 3]
    assert len(server.requests) == 1


@pytest.mark.parametrize("key", ["response_format", "seed"])
@pytest.mark.parametrize("status", [400, 422])
def test_a_key_that_the_server_does_not_take_is_left_out_from_then_on(image: Path, key: str, status: int) -> None:
    def reply(body: Body) -> Reply | Body:
        return Reply(status, {"detail": f"Unexpected keys: {{'{key}'}}"}) if key in body else choices("x")

    prompt = CUP.model_copy(update={"json_schema": {"type": "object"}})
    with chat_server(reply) as server:
        model = model_at(server)
        assert texts(model.generate([image], [prompt])) == texts(model.generate([image], [prompt])) == [["x"]]
    assert [key in body for body in server.requests] == [True, False, False]


def test_a_reply_that_was_cut_off_says_so(image: Path) -> None:
    with chat_server(lambda body: choices('{"obj', finish_reason="length")) as server:
        (answered,) = model_at(server).generate([image], [CUP])
    assert not answered.completion.generations[0].complete


# ---------------------------------------------------------------------------------------------------- yes or no


def with_logprobs(*tokens: dict[str, float]) -> Body:
    content = [{"token": "x", "top_logprobs": [{"token": t, "logprob": math.log(p)} for t, p in top.items()]} for top in tokens]
    body = choices("No.")
    body["choices"][0]["logprobs"] = {"content": content}
    return body


@pytest.mark.parametrize(
    ("reply", "probability"),
    [
        (with_logprobs({"Yes": 0.5, " yes": 0.1, "No": 0.2, "The": 0.2}), 0.75),  # 0.6 of 0.8
        (with_logprobs({"\n": 0.99}, {"no": 0.9, "yes": 0.1}), 0.1),  # the first token says nothing
        (with_logprobs({"The": 0.99, "yes": 0.0001}), 0.0),  # by the words: No.
        (choices("Yes, it is."), 1.0),
        (choices("no"), 0.0),
        (choices("A cup."), None),
        ({**choices("yes"), "usage": None}, 1.0),
    ],
)
def test_yes_by_logprobs_and_else_by_words(image: Path, reply: Body, probability: float | None) -> None:
    with chat_server(lambda body: reply) as server:
        (answered,) = model_at(server).yes_probability([image], [CUP])
    assert answered.completion.yes_probability == (None if probability is None else pytest.approx(probability))
    assert (server.requests[0]["logprobs"], server.requests[0]["top_logprobs"]) == (True, 20)


def test_a_server_without_logprobs_is_asked_without(image: Path) -> None:
    def reply(body: Body) -> Reply | Body:
        return Reply(400, {"error": {"message": "logprobs is not supported"}}) if "logprobs" in body else choices("Yes")

    with chat_server(reply) as server:
        (answered,) = model_at(server).yes_probability([image], [CUP])
    assert answered.completion.yes_probability == 1.0
    assert [sorted(body.keys() & {"logprobs", "top_logprobs"}) for body in server.requests] == [["logprobs", "top_logprobs"], []]


# ---------------------------------------------------------------------------------------------------- misbehaviour

GOOD = choices("x")
FAILURES: dict[str, tuple[Callable[[], Reply], str]] = {
    "500": (lambda: Reply(500, "Internal Server Error"), "500: Internal Server Error"),
    "429": (lambda: Reply(429, {"error": {"message": "slow down"}}), "429: slow down"),
    "garbage": (lambda: Reply(200, "<html>hello</html>"), "the reply is no JSON object: <html>hello</html>"),
    "half JSON": (lambda: Reply(200, '{"choices": [{"mess'), "the reply is no JSON object"),
    "a list": (lambda: Reply(200, "[]"), "the reply is no JSON object"),
    "deep": (lambda: Reply(200, "[" * 100_000), "the reply is no JSON object"),
    "cut off": (lambda: Reply(200, GOOD, cut=10), "peer closed connection"),
    "not gzip": (lambda: Reply(200, "plain", headers={"Content-Encoding": "gzip"}), "Error"),
    "too much": (lambda: Reply(200, b" " * (9 * 2**20)), "more than 8 MiB"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_is_tried_again(image: Path, failure: str) -> None:
    make, _ = FAILURES[failure]
    replies = iter([make(), make()])
    with chat_server(lambda body: next(replies, Reply(body=GOOD))) as server:
        assert texts(model_at(server).generate([image], [CUP])) == [["x"]]
    assert len(server.requests) == 3


@pytest.mark.parametrize("failure", FAILURES)
def test_what_goes_on_failing_is_said_with_its_reason(image: Path, failure: str) -> None:
    make, reason = FAILURES[failure]
    with chat_server(lambda body: make()) as server, pytest.raises(ModelUnavailable) as caught:
        list(model_at(server, key="secret").generate([image], [CUP]))
    message = str(caught.value)
    assert reason in message
    assert f"the model server at {server.url} did not reply" in message
    assert "tried 3 times" in message
    assert "what is done is kept" in message
    assert "secret" not in message
    assert len(server.requests) == 3


def test_a_server_that_hangs_in_the_middle_of_a_reply_is_left(image: Path) -> None:
    over = threading.Event()
    with (
        chat_server(lambda body: Reply(200, GOOD, cut=10, hang=over)) as server,
        pytest.raises(ModelUnavailable, match=r"no reply within 0\.2 s"),
    ):
        list(model_at(server, timeout=0.2, attempts=2).generate([image], [CUP]))
    over.set()


def test_nobody_listens(image: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://user:secret@127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ModelUnavailable, match="refused") as caught:
            list(model_at(address).generate([image], [CUP]))
    assert "secret" not in str(caught.value)


def test_pauses_double_and_heed_the_server(image: Path) -> None:
    replies = iter(
        [Reply(500, ""), Reply(500, ""), Reply(503, "", headers={"Retry-After": "6"}), Reply(503, "", headers={"Retry-After": "99"})]
    )
    pauses: list[float] = []
    with chat_server(lambda body: next(replies, Reply(body=GOOD))) as server:
        list(model_at(server, attempts=5, pauses=pauses).generate([image], [CUP]))
    assert [round(pause / expected, 9) for pause, expected in zip(pauses, (1, 2, 6, 8), strict=True)] == [
        pytest.approx(1, abs=0.25)
    ] * 4  # 8 s at most; give or take a quarter


def test_a_model_that_is_loading_is_waited_for_longer(image: Path) -> None:
    replies = iter([Reply(503, {"error": {"message": "Loading model", "type": "unavailable_error"}}) for _ in range(6)])
    with chat_server(lambda body: next(replies, Reply(body=GOOD))) as server:
        assert texts(model_at(server, attempts=2).generate([image], [CUP])) == [["x"]]
    with (
        chat_server(lambda body: Reply(503, {"error": {"message": "Loading model"}})) as server,
        pytest.raises(ModelUnavailable, match=r"Loading model; tried for 63 s"),
    ):
        list(model_at(server).generate([image], [CUP]))


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(500, {"error": {"message": "image input is not supported - hint: mmproj", "code": 500}}), "takes no pictures"),
        (Reply(401, {"error": {"message": "bad key"}}), r"refuses the key \(401: bad key\); set STEPGRAPH_OPENAI_API_KEY"),
        (Reply(404, {"error": {"message": "no such model"}}), r"refuses the request \(404: no such model\)"),
        (Reply(400, {"error": {"message": "request (9000 tokens) exceeds the context"}}), "exceeds the context"),
        (Reply(307, "", headers={"Location": "http://127.0.0.1:1/elsewhere"}), "redirects elsewhere"),
    ],
)
def test_what_cannot_succeed_is_not_tried_again(image: Path, reply: Reply, message: str) -> None:
    with chat_server(lambda body: reply) as server, pytest.raises(ModelRefused, match=message):
        list(model_at(server).generate([image], [CUP]))
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}, {"choices": "x"}, {"choices": [7]}])
def test_a_reply_without_words_is_no_reply(image: Path, body: dict[str, Any]) -> None:
    with chat_server(lambda _: Reply(body=body or "{}")) as server, pytest.raises(ModelUnavailable, match="without a choice that has text"):
        list(model_at(server).generate([image], [CUP]))


def test_what_other_questions_got_before_one_failed_is_kept(image: Path, tmp_path: Path) -> None:
    def reply(body: Body) -> Reply | Body:
        text = body["messages"][0]["content"][-1]["text"]
        return Reply(404, "no") if text == DOG.text else choices(text)

    others = [Prompt(stage="s", text=f"prompt {n}") for n in range(3)]
    with chat_server(reply) as server:
        with pytest.raises(ModelRefused):
            CachedCalls(model_at(server), tmp_path).generate([image], [*others, DOG])
        before = len(server.requests)
        CachedCalls(model_at(server), tmp_path).generate([image], others)
    assert len(server.requests) == before  # all three were under way when the fourth failed


def test_questions_are_asked_at_once_up_to_the_limit(image: Path) -> None:
    together = threading.Barrier(4, timeout=5)

    def reply(body: Body) -> Body:
        together.wait()  # breaks unless four are under way at once
        return choices("x")

    with chat_server(reply) as server:
        answered = list(model_at(server).generate([image], [Prompt(stage="s", text=str(n)) for n in range(8)]))
    assert sorted(a.position for a in answered) == list(range(8))


@pytest.mark.parametrize(("listed", "refused"), [(["toy", "other"], False), ([], False), (["other"], True)])
def test_the_server_is_asked_for_its_models_before_work_starts(listed: Sequence[str], refused: bool) -> None:
    with chat_server(lambda body: Reply(body={"data": [{"id": name} for name in listed]})) as server:
        try:
            model_at(server).check()
        except StepgraphError as error:
            assert refused
            assert isinstance(error, BadInput)
            assert str(error) == f"the model server at {server.url} has no model 'toy'; it has: other"
        else:
            assert not refused
