"""What the judge asks: which pictures, which words; and what it makes of the replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from graph_schema.options import PromptedParserOptions
from tests.support.scripted_model import Reply, ScriptedModel
from workers.induction import Sighting
from workers.media import SplitClip, SplitKeyframe
from workers.parsers.prompted import PromptTemplates
from workers.parsers.prompted.judge import PromptedJudge
from workers.video_llms import CachedCalls, Prompt

Yes = Callable[[Sequence[Path], Prompt], float]


@pytest.fixture
def clips(tmp_path: Path) -> list[SplitClip]:
    """Two clips of two keyframes, at 0.0, 0.8 and 3.0, 3.8 s."""
    results = []
    for index in range(2):
        keyframes = []
        for k in range(2):
            (tmp_path / f"{index}{k}.jpg").write_bytes(f"{index}{k}".encode())
            keyframes.append(SplitKeyframe(frame=30 * index + 8 * k, time_seconds=3.0 * index + 0.8 * k, image=f"{index}{k}.jpg"))
        results.append(
            SplitClip(index=index, start_frame=30 * index, end_frame=30 * index + 30, start_seconds=3.0 * index,
                      end_seconds=3.0 * index + 3, keyframes=tuple(keyframes))
        )  # fmt: skip
    return results


class Seen:
    """A judge over the two clips, and what its model was shown and asked."""

    def __init__(
        self,
        clips: list[SplitClip],
        data: Path,
        reply: Reply = lambda images, prompt, k: "",
        yes: Yes | None = None,
        **options: object,
    ) -> None:
        self.shown: list[tuple[list[str], str]] = []

        def remember(images: Sequence[Path], prompt: Prompt) -> None:
            self.shown.append(([image.stem for image in images], prompt.text))

        def replying(images: Sequence[Path], prompt: Prompt, k: int) -> str:
            if k == 0:
                remember(images, prompt)
            return reply(images, prompt, k)

        def saying(images: Sequence[Path], prompt: Prompt) -> float:
            remember(images, prompt)
            return 1.0 if yes is None else yes(images, prompt)

        self.calls = CachedCalls(ScriptedModel(replying, saying), data)
        chosen = PromptedParserOptions.model_validate({"model": "scripted", **options})
        self.judge = PromptedJudge(clips, data, self.calls, PromptTemplates(), chosen)


def test_two_keyframes_of_a_clip_are_shown_in_time_order(clips: list[SplitClip], tmp_path: Path) -> None:
    seen = Seen(clips, tmp_path, yes=lambda images, prompt: 0.25)
    (opinion,) = seen.judge.same_in_clip([(Sighting(1, 0, "cup 1"), Sighting(1, 1, "red cup"))])
    ((images, text),) = seen.shown
    assert images == ["10", "11"]
    assert (
        "the first 0.8 seconds before the second" in text and 'Is "cup 1" of the first frame' in text and '"red cup" of the second' in text
    )
    assert (opinion.likely, len(opinion.call_ids)) == (0.25, 1)


def test_across_clips_all_keyframes_are_shown_and_the_two_are_pointed_at(clips: list[SplitClip], tmp_path: Path) -> None:
    seen = Seen(clips, tmp_path)
    seen.judge.same_across([(Sighting(0, 1, "cup"), Sighting(1, 0, "cup 2"))], left_out=7)
    ((images, text),) = seen.shown
    assert images == ["00", "01", "10", "11"]
    assert "the first 2 of one shot" in text and '"cup" of frame 2 ' in text and '"cup 2" of frame 3?' in text
    assert seen.calls.progress.calls["same_across"].left_out == 7


def test_answers_come_in_the_order_of_the_pairs_whatever_pictures_they_share(clips: list[SplitClip], tmp_path: Path) -> None:
    seen = Seen(clips, tmp_path, yes=lambda images, prompt: float(f'"{images[0].stem[0]}"' in prompt.text))
    first, second = (Sighting(0, 0, "0"), Sighting(0, 1, "x")), (Sighting(1, 0, "no"), Sighting(1, 1, "x"))
    third = (Sighting(0, 0, "no"), Sighting(0, 1, "x"))
    assert [o.likely for o in seen.judge.same_in_clip([first, second, third])] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("words", "motion", "share"),
    [
        (["walks left", "Walks left.", "runs"], "walks left", 2 / 3),
        (["walks", "runs", "sits"], None, 1 / 3),
        (["unchanged", "stands still", "no change"], "stands still", 1.0),
    ],
)
def test_a_motion_is_what_enough_replies_say(
    clips: list[SplitClip], tmp_path: Path, words: list[str], motion: str | None, share: float
) -> None:
    seen = Seen(clips, tmp_path, lambda images, prompt, k: json.dumps({"motion": words[k]}), samples=3)
    (opinion,) = seen.judge.motions([(Sighting(0, 0, "man"), Sighting(0, 1, "man"))])
    assert (opinion.motion, round(opinion.confidence, 3)) == (motion, round(share, 3))


def event(images: Sequence[Path], prompt: Prompt, k: int) -> str:
    return json.dumps({"description": "A man lifts a cup.", "agents": ["The man", "ghost"], "patients": ["cup"]})


def test_an_event_names_those_that_are_there_and_is_checked(clips: list[SplitClip], tmp_path: Path) -> None:
    seen = Seen(clips, tmp_path, event)
    opinion = seen.judge.event(1, ["man", "cup"])
    assert opinion is not None
    assert (opinion.description, opinion.agents, opinion.patients, opinion.verified) == ("A man lifts a cup.", ("man",), ("cup",), True)
    assert [images for images, _ in seen.shown] == [["10", "11"]] * 2
    assert len(opinion.call_ids) == 2


def test_an_event_that_is_denied_or_cannot_be_read_is_none(clips: list[SplitClip], tmp_path: Path) -> None:
    denied = Seen(clips, tmp_path, event, lambda images, prompt: 0.9 if prompt.stage.startswith("deny") else 0.1)
    assert denied.judge.event(0, ["man"]) is None
    contradicted = Seen(clips, tmp_path, event, lambda images, prompt: 0.2).judge.event(1, ["man"])  # no, and no to the contrary
    assert contradicted is not None and contradicted.verified is None and len(contradicted.call_ids) == 3
    assert Seen(clips, tmp_path, lambda images, prompt, k: "nothing").judge.event(0, ["dog"]) is None
    unchecked = Seen(clips, tmp_path, event, yes_no=False).judge.event(1, ["man"])
    assert unchecked is not None and unchecked.verified is None
