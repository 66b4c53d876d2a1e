"""The cache of model calls: a finished call is never made again, whatever happens after it, and each is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from graph_schema.errors import Interrupted, ModelUnavailable
from graph_schema.models import StageAccount
from graph_schema.progress import Progress
from tests.support.scripted_model import ScriptedModel
from workers.video_llms import CachedCalls, Prompt, Sampling

COLOUR = Prompt(stage="attributes", text="what colour is it")
PLACE = Prompt(stage="relations", text="where is it")


def picture(folder: Path, content: bytes = b"picture", name: str = "0.jpg") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def say_the_question(images: Sequence[Path], prompt: Prompt, k: int) -> str:
    if prompt.text == "break":
        raise ModelUnavailable("the server went away")
    return f"{prompt.text} {k}"


def test_a_call_is_made_once_and_its_reply_kept(tmp_path: Path) -> None:
    model = ScriptedModel(say_the_question)
    images = [picture(tmp_path)]
    first = CachedCalls(model, tmp_path).generate(images, [COLOUR, PLACE])
    again = CachedCalls(model, tmp_path)
    assert again.generate(images, [PLACE, COLOUR]) == first[::-1]
    assert model.asked == [COLOUR, PLACE]
    assert [g.text for g in first[0].completion.generations] == ["what colour is it 0"]
    assert again.progress.calls == {"attributes": StageAccount(calls=1, kept=1), "relations": StageAccount(calls=1, kept=1)}


def test_what_was_made_is_counted_by_stage(tmp_path: Path) -> None:
    calls = CachedCalls(ScriptedModel(say_the_question), tmp_path)
    calls.generate([picture(tmp_path)], [COLOUR], Sampling(n=3, temperature=0.7))
    calls.reject("attributes")
    # the prompt of 4 words once, three replies of 5 words
    (account,) = calls.progress.calls.values()
    assert account.seconds > 0
    expected = StageAccount(calls=1, prompt_tokens=4, completion_tokens=15, rejected=1)
    assert calls.progress.calls == {"attributes": expected.model_copy(update={"seconds": account.seconds})}


def test_the_address_is_the_request_and_the_pictures_content(tmp_path: Path) -> None:
    model = ScriptedModel(say_the_question)
    calls = CachedCalls(model, tmp_path)
    image, copy = picture(tmp_path), picture(tmp_path, name="copy.jpg")
    other = picture(tmp_path, b"another picture", "other.jpg")
    (one,) = calls.generate([image], [COLOUR])
    assert calls.generate([copy], [COLOUR.model_copy(update={"stage": "another stage"})]) == [one]  # the same bytes, asked the same
    drawn = Sampling(n=1, temperature=0.7)
    others = [
        *calls.generate([other], [COLOUR]),
        *calls.generate([image, other], [COLOUR]),
        *calls.generate([image], [COLOUR], drawn),
        *calls.generate([image], [COLOUR], drawn.model_copy(update={"seed": 1})),
        *calls.generate([image], [COLOUR.model_copy(update={"json_schema": {"type": "object"}})]),
        *calls.yes_probability([image], [COLOUR]),
    ]
    assert len({one.id, *(call.id for call in others)}) == 7
    assert len(model.asked) == 7


def test_a_picture_that_is_written_anew_is_another_picture(tmp_path: Path) -> None:
    calls = CachedCalls(ScriptedModel(say_the_question), tmp_path)
    (before,) = calls.generate([picture(tmp_path)], [COLOUR])
    (after,) = calls.generate([picture(tmp_path, b"another picture")], [COLOUR])
    assert before.id != after.id


def test_a_question_asked_twice_in_a_batch_is_one_call(tmp_path: Path) -> None:
    model = ScriptedModel(say_the_question)
    one, other, two = CachedCalls(model, tmp_path).generate([picture(tmp_path)], [COLOUR, PLACE, COLOUR])
    assert (one, model.asked) == (two, [COLOUR, PLACE])
    assert other.prompt == PLACE


def test_what_was_done_before_the_model_failed_is_kept(tmp_path: Path) -> None:
    model = ScriptedModel(say_the_question)
    images = [picture(tmp_path)]
    broken = Prompt(stage="relations", text="break")
    with pytest.raises(ModelUnavailable, match="went away"):
        CachedCalls(model, tmp_path).generate(images, [COLOUR, broken, PLACE])
    after = CachedCalls(model, tmp_path)
    after.generate(images, [COLOUR, PLACE])
    assert [q.text for q in model.asked] == ["what colour is it", "break", "where is it"]


def test_a_stop_is_noticed_when_a_call_is_done_and_that_call_is_kept(tmp_path: Path) -> None:
    model = ScriptedModel(say_the_question)
    images = [picture(tmp_path)]
    with pytest.raises(Interrupted):
        CachedCalls(model, tmp_path, Progress(should_stop=lambda: True)).generate(images, [COLOUR, PLACE])
    assert CachedCalls(model, tmp_path).generate(images, [COLOUR])[0].completion.generations[0].text == "what colour is it 0"
    assert model.asked == [COLOUR]


@pytest.mark.parametrize("content", [b"", b'{"id": "call', b"[]"])
def test_a_kept_call_that_cannot_be_read_is_made_again(tmp_path: Path, content: bytes) -> None:
    model = ScriptedModel(say_the_question)
    images = [picture(tmp_path)]
    (call,) = CachedCalls(model, tmp_path).generate(images, [COLOUR])
    (kept,) = (tmp_path / "calls").rglob("*.json")
    kept.write_bytes(content)
    assert CachedCalls(model, tmp_path).generate(images, [COLOUR]) == [call]
    assert len(model.asked) == 2
    assert kept.read_bytes() != content


def test_another_model_is_another_call(tmp_path: Path) -> None:
    images = [picture(tmp_path)]
    model, other = ScriptedModel(say_the_question), ScriptedModel(say_the_question)
    other.identity = {"name": "scripted", "weights": "others"}
    CachedCalls(model, tmp_path).generate(images, [COLOUR])
    CachedCalls(other, tmp_path).generate(images, [COLOUR])
    assert other.asked == [COLOUR]
