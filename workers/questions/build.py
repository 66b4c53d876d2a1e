"""Paths into questions with rationale, answer and program; which of them are kept. Records in, records out.

A question starts from the path's far end, named by its caption ("the small blue square") or by what it does ("the thing that
moves left between 1.0 s and 2.5 s"), and tells each further object by the link that leads to it. Time is said only where the answer
is unique only then. Source: STEP, multi-step reasoning path sampling and temporal contextualisation.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from graph_schema.identifiers import content_hash
from graph_schema.models import QRA, STSG, QRAChecks, ReasoningPath, Reference, VideoRef
from workers.questions import english, words
from workers.questions.candidates import candidate_plans
from workers.questions.graph_index import GraphIndex, Resolved
from workers.questions.hops import Hop, hops_of
from workers.questions.links import ByMotion, NextAppearance, Window
from workers.questions.plan import Plan
from workers.questions.program import program
from workers.questions.rationale import rationale_step, sub_questions
from workers.questions.resolve import resolve

QUESTIONS_VERSION = 3
"""Raised when the same graphs, asked for the same, give other questions than before."""


def build_questions(graph: STSG, paths: Sequence[ReasoningPath], *, set_id: str, seed: int) -> list[QRA]:
    """Return the questions that come of paths, in their order, with `checks.unique` still false: their programs have to be run.

    A path gives no question where no way of reading it tells one object at each step, or all would contain their answer. No two
    questions have the same text.
    """
    index = GraphIndex(graph)
    results: dict[str, QRA] = {}
    for path in paths:
        hops = hops_of(path, index)
        chance = random.Random(f"stepgraph question {seed} {path.index}")
        for plan in candidate_plans(hops, index, chance) if hops else ():
            question = _question(path, plan, hops or [], index, set_id=set_id, seed=seed)
            if question is not None:
                results.setdefault(question.question, question)
                break
    return list(results.values())


def keep_unique(candidates: Sequence[QRA], answers: Sequence[Sequence[str]]) -> list[QRA]:
    """Return the candidates whose program, executed, returned exactly their answer.

    Args:
        answers: what the program of each candidate returned, in the same order.
    Raises: ValueError if the lengths differ.
    """
    return [
        c.model_copy(update={"checks": c.checks.model_copy(update={"unique": True})})
        for c, returned in zip(candidates, answers, strict=True)
        if list(returned) == [c.answer]
    ]


def leaks(text: str, answer: str) -> bool:
    """Whether a question contains its answer, in any case; a motion also as in `right after moving left`."""
    return words.contains_words(text, answer) or words.contains_words(text, words.participle(answer))


def _question(path: ReasoningPath, plan: Plan, hops: Sequence[Hop], index: GraphIndex, *, set_id: str, seed: int) -> QRA | None:
    """The question of a plan, or None where a description is ambiguous or the answer leaks."""
    resolved = resolve(plan, index)
    if not _is_unambiguous(plan, hops, resolved, index):
        return None
    ((_, answer),) = resolved.answers
    text = english.question(plan)
    steps = sub_questions(plan, hops, resolved, index)
    if leaks(text, answer) or any(leaks(step.question, step.answer) for step in steps):
        return None
    return QRA(
        id=f"q{content_hash(set_id, index.graph.id, path.node_ids, [e.id for e in path.edges], text)}",
        set_id=set_id,
        graph_id=index.graph.id,
        video=VideoRef(id=index.graph.video.id, uri=index.graph.video.uri, sha256=index.graph.video.sha256),
        time_range_seconds=_time_range(plan, index),
        question=text,
        answer=answer,
        answer_type=plan.ask.answer_type,
        steps=len(steps),
        rationale=tuple(rationale_step(n, step, index) for n, step in enumerate(steps, start=1)),
        program=program(plan, index.graph.id),
        seed=seed,
        checks=QRAChecks(unique=False, leaks_answer=False),
    )


def _is_unambiguous(plan: Plan, hops: Sequence[Hop], resolved: Resolved, index: GraphIndex) -> bool:
    """Whether each step leads to the path's object and no other, its edge holds in the time that is said, and there is one answer."""
    linked = hops[1:] if isinstance(plan.start, ByMotion) else hops
    if len(resolved.answers) != 1 or list(resolved.bindings[0]) != [hops[0].known.entity_id]:
        return False
    for (link, hop), before, after in zip(zip(plan.links, linked, strict=False), resolved.bindings, resolved.bindings[1:], strict=False):
        if list(after) != [hop.target.entity_id]:
            return False
        if isinstance(link, NextAppearance) and after[hop.target.entity_id].clip != hop.target.clip_index:
            return False
        edge = index.edges[hop.edge_id]
        if not isinstance(edge, Reference) and not index.holds(edge, before[hop.known.entity_id]):
            return False
    ((entity, answer),) = resolved.answers
    return plan.ask.is_shown(entity, answer, hops[-1], resolved, index)


def _time_range(plan: Plan, index: GraphIndex) -> Window | None:
    """The time that holds all times a question gives; None where a part of it is about any time."""
    if plan.ask.ignores_scope or any(isinstance(link, NextAppearance) for link in plan.links):
        return None
    windows = [plan.start.window] if isinstance(plan.start, ByMotion) else []
    own_window = plan.ask.own_window(plan.last_link)
    if own_window is not None:
        windows.append(own_window)
    if plan.scope.window is not None:
        windows.append(plan.scope.window)
    elif plan.scope.clip is not None:
        clip = index.graph.clips[plan.scope.clip]
        windows.append((clip.start_seconds, clip.end_seconds))
    elif plan.links or not windows or not plan.ask.takes_window:
        return None
    return min(s for s, _ in windows), max(e for _, e in windows)
