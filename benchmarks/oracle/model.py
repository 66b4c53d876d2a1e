"""A Video-LLM over synthetic worlds whose mistakes are set: it knows what each picture shows, and errs as often as it is told to.

What is asked is read back from the prompt, what is shown follows from the picture's path and the world; no pixel is looked at. Without
errors its replies are exactly what the picture shows. Two things it never gets wrong, whatever the rates: `which`, and which objects are
dynamic. What a prompt quotes of an earlier reply, a narrative or a description, does not sway it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.oracle import replies
from benchmarks.oracle.errors import Draws, Key, OracleErrors
from benchmarks.oracle.names import object_called
from benchmarks.oracle.prompt_fields import PromptFields, boxes_counted, listed_names
from benchmarks.oracle.replies import Looking
from benchmarks.oracle.scenes import Scene, as_held, scene_of
from benchmarks.oracle.worlds import OracleWorld
from graph_schema.errors import ModelRefused
from graph_schema.identifiers import content_hash
from graph_schema.record import JsonObject
from workers.parsers.prompted import PromptTemplates
from workers.parsers.prompted.canonical import canonical_attribute, canonical_predicate
from workers.video_llms import GREEDY, Answered, Completion, Generation, Prompt, Sampling

ORACLE_VERSION = 1
"""Raised when the same request gets another reply than before."""
YES, NO = 0.95, 0.05
"""P(yes) of what it holds to be so, and of what not."""
SAME = ("same_in_clip", "same_across")
VERIFY, DENY = "verify_", "deny_"
YES_NO = (*(f"{asked}{what}" for what in ("object", "attribute", "relation", "event") for asked in (VERIFY, DENY)), *SAME)


class OracleVideoLLM:
    """Answers all prompts of the `prompted` parser and of induction about keyframes `…/<video id>/<frame>.jpg` of its worlds.

    Replies depend on the seed, the pictures, the prompt's text, and, unless greedy, on the sampling's seed and the reply's number; not on
    what was asked before, nor on where the pictures lie.
    """

    def __init__(
        self,
        worlds: Mapping[str, OracleWorld],
        errors: OracleErrors | None = None,
        seed: int = 0,
        templates: PromptTemplates | None = None,
    ) -> None:
        """Look at nothing yet. Args: worlds: by their video's id; templates: those that the prompts are made with."""
        self._worlds, self._errors, self._seed = worlds, errors or OracleErrors(), seed
        self._fields = PromptFields(templates)
        self._scenes: dict[tuple[str, int], Scene] = {}
        self.name = "oracle"
        self.identity: JsonObject = {
            "name": self.name,
            "version": ORACLE_VERSION,
            "seed": seed,
            "errors": self._errors.model_dump(mode="json"),
        }

    def generate(self, images: Sequence[Path], prompts: Sequence[Prompt], sampling: Sampling = GREEDY) -> Iterator[Answered]:
        """Reply to each prompt. Raises ModelRefused for pictures that are of no world, and prompts that are of no template."""
        scenes = [self._scene(image) for image in images]
        for position, prompt in enumerate(prompts):
            fields = self._read(prompt)
            texts = []
            for k in range(sampling.n):
                reply: Key = (prompt.text, "greedy") if sampling.temperature == 0 else (prompt.text, sampling.seed, k)
                texts.append(self._reply(scenes, prompt, fields, reply))
            tokens = sum(len(text.split()) for text in texts)
            generations = tuple(Generation(text=text) for text in texts)
            yield Answered(position, Completion(generations=generations, prompt_tokens=len(prompt.text.split()), completion_tokens=tokens))

    def yes_probability(self, images: Sequence[Path], prompts: Sequence[Prompt]) -> Iterator[Answered]:
        """Answer each yes / no prompt with YES or NO. Raises ModelRefused as `generate`, and for a prompt of another kind."""
        scenes = [self._scene(image) for image in images]
        for position, prompt in enumerate(prompts):
            if prompt.stage not in YES_NO:
                raise ModelRefused(f"the prompt of stage {prompt.stage!r} is not to be answered with yes or no")
            yes = YES if self._agrees(scenes, prompt, self._read(prompt)) else NO
            yield Answered(position, Completion(yes_probability=yes, prompt_tokens=len(prompt.text.split()), completion_tokens=1))

    def _scene(self, image: Path) -> Scene:
        video, frame = image.parent.name, image.stem
        if video not in self._worlds or not frame.isdigit():
            raise ModelRefused(f"{image} is no keyframe of the oracle's worlds; it knows keyframes/<video id>/<frame>.jpg of its own")
        if (video, int(frame)) not in self._scenes:
            known = self._worlds[video]
            self._scenes[video, int(frame)] = scene_of(known.truth, known.world, int(frame))
        return self._scenes[video, int(frame)]

    def _read(self, prompt: Prompt) -> dict[str, str]:
        try:
            return self._fields.read(prompt)
        except ValueError as error:
            raise ModelRefused(f"{error}; give the oracle the templates that the prompts are made with") from error

    def _reply(self, scenes: Sequence[Scene], prompt: Prompt, fields: Mapping[str, str], reply: Key) -> str:
        """One reply. Of several pictures, those about one picture are about the first."""
        stage, scene = prompt.stage, scenes[0]
        if stage in YES_NO:
            return "Yes." if self._agrees(scenes, prompt, fields) else "No."
        errors = self._errors.whole() if stage == "whole" else self._errors
        look = Looking(errors, Draws(self._seed, (content_hash(*reply),), errors.systematic_share))
        if stage == "narrative":
            return replies.narrative(look, scene)
        if stage == "description":
            return replies.description(look, scene, fields["object"])
        return json.dumps(_json_reply(look, scenes, stage, fields))

    def _agrees(self, scenes: Sequence[Scene], prompt: Prompt, fields: Mapping[str, str]) -> bool:
        """Its answer to a yes / no prompt: one draw, whatever the other prompts were answered with."""
        rate = self._errors.wrong_same if prompt.stage in SAME else self._errors.wrong_yes_no
        pictures = [list(scene.picture) for scene in scenes]
        wrong = Draws(self._seed, (), 0).uniform("yes / no", prompt.stage, pictures, prompt.text) < rate
        return _is_so(scenes, prompt.stage, fields) != wrong


def _json_reply(look: Looking, scenes: Sequence[Scene], stage: str, fields: Mapping[str, str]) -> JsonObject:
    scene = scenes[0]
    if stage in ("objects", "whole"):
        counted, most = boxes_counted(fields), int(fields["max_objects"])
        if stage == "whole":
            return replies.whole_graph(look, scene, counted, most)
        return {"objects": [*(said for _, said in replies.listed_objects(look, scene, counted, most))]}
    if stage == "kinds":
        return replies.kinds(look, scene, listed_names(fields["objects"]))
    if stage == "attributes":
        o = object_called(fields["object"], look.believed(scene))
        return {"attributes": [] if o is None else replies.attributes_said(look, scene, o)}
    if stage == "relations":
        return {"relations": replies.relations_of_names(look, scene, fields["first"], fields["second"])}
    if stage == "motion":
        return {"motion": replies.motion_of_name(look, scenes, fields["object"])}
    return replies.event(look, scenes, listed_names(fields["objects"]))


def _is_so(scenes: Sequence[Scene], stage: str, fields: Mapping[str, str]) -> bool:
    """The true answer to a yes / no prompt. What is not in the picture has no attributes and relations, and is the same as nothing."""
    scene = scenes[0]
    if stage.startswith(DENY):
        return not _is_so(scenes, f"{VERIFY}{stage.removeprefix(DENY)}", fields)
    if stage in SAME:
        first, second = (scenes[int(fields.get(f"{which}_frame", default)) - 1] for which, default in (("first", 1), ("second", 2)))
        who = replies.meant(fields["first"], [first])
        return who is not None and who == replies.meant(fields["second"], [second])
    if stage == "verify_event":
        return True  # its sentence is made of what is there
    if stage == "verify_relation":
        subject, target = (object_called(fields[end], scene.objects) for end in ("subject", "object"))
        if subject is None or target is None:
            return False
        return as_held(subject.name, canonical_predicate(fields["predicate"]), target.name) in scene.relations
    o = object_called(fields["object"], scene.objects)
    if o is None or stage == "verify_object":
        return o is not None
    return canonical_attribute(fields["kind"], fields["name"]) in (*o.attributes, ("shape", o.label))
