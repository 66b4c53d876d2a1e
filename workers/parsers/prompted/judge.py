"""Asks the Video-LLM what merging and bridging leave open.

Source: STEP, dynamic merging and cross-clip bridging; METHODS 1.1, S3 and S4.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

from graph_schema.options import PromptedParserOptions
from workers.induction import EventOpinion, MotionOpinion, Opinion, Sighting
from workers.media import SplitClip
from workers.parsers.prompted.asking import PicturePrompts
from workers.parsers.prompted.canonical import canonical_motion, plain
from workers.parsers.prompted.findings import listed
from workers.parsers.prompted.prompt_files import PromptTemplates
from workers.parsers.prompted.replies import EVENT_SCHEMA, MOTION_SCHEMA, EventReply, MotionReply
from workers.video_llms import CachedCalls

K = TypeVar("K", bound=Hashable)
Pair = tuple[Sighting, Sighting]


class PromptedJudge:
    """Implements `Judge` over the keyframes of one video. What is asked over the same pictures is asked together."""

    def __init__(
        self, clips: Sequence[SplitClip], data: Path, calls: CachedCalls, templates: PromptTemplates, options: PromptedParserOptions
    ) -> None:
        """Ask nothing yet. Args: data: the folder that the keyframes' paths are relative to."""
        self._clips = {clip.index: clip for clip in clips}
        self._data, self._calls, self._templates, self._options = data, calls, templates, options

    def same_in_clip(self, pairs: Sequence[Pair]) -> list[Opinion]:
        """As `Judge.same_in_clip`."""
        opinions: dict[int, Opinion] = {}
        for (clip, *keyframes), positions in _grouped(pairs, lambda pair: (pair[0].clip, pair[0].keyframe, pair[1].keyframe)).items():
            fields: list[dict[str, object]] = [
                {"first": pairs[p][0].name, "second": pairs[p][1].name, "seconds": self._seconds(clip, keyframes)} for p in positions
            ]
            replies = self._about([(clip, keyframe) for keyframe in keyframes]).yes_probabilities("same_in_clip", fields)
            opinions |= {p: Opinion(likely=yes, call_ids=(call_id,)) for p, (yes, call_id) in zip(positions, replies, strict=True)}
        return [opinions[p] for p in range(len(pairs))]

    def same_across(self, pairs: Sequence[Pair], *, left_out: int) -> list[Opinion]:
        """As `Judge.same_across`; the pictures are all keyframes of both clips."""
        self._calls.leave_out("same_across", left_out)
        opinions: dict[int, Opinion] = {}
        for (a, b), positions in _grouped(pairs, lambda pair: (pair[0].clip, pair[1].clip)).items():
            pictures = [(clip, keyframe) for clip in (a, b) for keyframe in range(len(self._clips[clip].keyframes))]
            first_count = len(self._clips[a].keyframes)
            fields: list[dict[str, object]] = [
                {
                    "first": pairs[p][0].name,
                    "second": pairs[p][1].name,
                    "first_count": first_count,
                    "first_frame": pairs[p][0].keyframe + 1,
                    "second_frame": first_count + pairs[p][1].keyframe + 1,
                }
                for p in positions
            ]
            replies = self._about(pictures).yes_probabilities("same_across", fields)
            opinions |= {p: Opinion(likely=yes, call_ids=(call_id,)) for p, (yes, call_id) in zip(positions, replies, strict=True)}
        return [opinions[p] for p in range(len(pairs))]

    def motions(self, steps: Sequence[Pair]) -> list[MotionOpinion]:
        """As `Judge.motions`: what enough replies say."""
        opinions: dict[int, MotionOpinion] = {}
        for (clip, *keyframes), positions in _grouped(steps, lambda step: (step[0].clip, step[0].keyframe, step[1].keyframe)).items():
            ask = self._about([(clip, keyframe) for keyframe in keyframes])
            seconds = self._seconds(clip, keyframes)
            prompts = [ask.prompt("motion", MOTION_SCHEMA, object=steps[p][0].name, seconds=seconds) for p in positions]
            for p, call in zip(positions, ask.sampled(prompts), strict=True):
                read = [reply for reply in ask.objects(call, MotionReply, ("motion",)) if reply is not None]
                votes = Counter(word for reply in read if (word := canonical_motion(reply.motion)))
                word, count = max(votes.items(), key=lambda vote: (vote[1], vote[0]), default=("", 0))
                share = count / len(call.completion.generations)
                agreed = count > 0 and share >= self._options.min_frequency - 1e-9
                opinions[p] = MotionOpinion(motion=word if agreed else None, confidence=share, call_ids=(call.id,))
        return [opinions[p] for p in range(len(steps))]

    def event(self, clip: int, names: Sequence[str]) -> EventOpinion | None:
        """As `Judge.event`; a sentence that the model, asked again, denies is none."""
        ask = self._about([(clip, keyframe) for keyframe in range(len(self._clips[clip].keyframes))])
        (call,) = ask.once([ask.prompt("event", EVENT_SCHEMA, objects=listed(names))])
        (reply,) = ask.objects(call, EventReply, ("description",))
        if reply is None:
            return None
        (verdict,) = ask.verified("event", [{"description": reply.description}])
        if verdict.agrees is False:
            return None
        called = {plain(name): name for name in names}
        return EventOpinion(
            description=reply.description,
            agents=tuple(called[plain(name)] for name in reply.agents if plain(name) in called),
            patients=tuple(called[plain(name)] for name in reply.patients if plain(name) in called),
            verified=verdict.agrees,
            call_ids=(call.id, *verdict.call_ids),
        )

    def _about(self, pictures: Sequence[tuple[int, int]]) -> PicturePrompts:
        """What asks about keyframes, each given as (clip, index in it)."""
        images = [self._data / self._clips[clip].keyframes[keyframe].image for clip, keyframe in pictures]
        return PicturePrompts(images, self._calls, self._templates, self._options)

    def _seconds(self, clip: int, keyframes: Sequence[int]) -> str:
        """How long after the first keyframe the last one is, as the prompts say it."""
        times = [self._clips[clip].keyframes[keyframe].time_seconds for keyframe in keyframes]
        return f"{times[-1] - times[0]:.1f}"


def _grouped(pairs: Sequence[Pair], key: Callable[[Pair], K]) -> dict[K, list[int]]:
    """{key: positions of the pairs that have it}, in the order of first appearance."""
    groups: dict[K, list[int]] = defaultdict(list)
    for position, pair in enumerate(pairs):
        groups[key(pair)].append(position)
    return groups
