"""Paths into questions with rationale, answer and program; which of them are kept. Records in, records out.

A question starts from the path's far end, named by its caption ("the small blue square") or by what it does ("the thing that
moves left between 1.0 s and 2.5 s"), and tells each further thing by the link that leads to it. Time is said only where the answer
is unique only then. Source: STEP, multi-step reasoning path sampling and temporal contextualisation.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from graph_schema.identifiers import content_hash
from graph_schema.models import QRA, STSG, Motion, QRAChecks, RationaleStep, ReasoningPath, Reference, Relation, VideoRef
from graph_schema.vocabulary import BRIDGE_SECONDS
from workers.questions import english, words
from workers.questions.candidates import Hop, by_caption, candidate_plans, hops_of
from workers.questions.english import NounPhrase
from workers.questions.graph_index import GraphIndex, Resolved
from workers.questions.plan import (
    ANY_TIME,
    AskColour,
    AskFirst,
    AskMotion,
    AskNext,
    AskShot,
    AskThing,
    AskTime,
    ByMotion,
    DuringMotion,
    NextAppearance,
    Plan,
    Related,
    Scope,
    Window,
)
from workers.questions.program import program

QUESTIONS_VERSION = 3
"""Raised when the same graphs, asked for the same, give other questions than before."""


def build_questions(graph: STSG, paths: Sequence[ReasoningPath], *, set_id: str, seed: int) -> list[QRA]:
    """Return the questions that come of paths, in their order, with `checks.unique` still false: their programs have to be run.

    A path gives no question where no way of reading it tells one thing at each step, or all would contain their answer. No two
    questions have the same text.
    """
    index = GraphIndex(graph)
    found: dict[str, QRA] = {}
    for path in paths:
        hops = hops_of(path, index)
        chance = random.Random(f"stepgraph question {seed} {path.index}")
        for plan in candidate_plans(hops, index, chance) if hops else ():
            question = _question(path, plan, hops or [], index, set_id=set_id, seed=seed)
            if question is not None:
                found.setdefault(question.question, question)
                break
    return list(found.values())


def keep_unique(candidates: Sequence[QRA], answers: Sequence[Sequence[str]]) -> list[QRA]:
    """Return the candidates whose program, executed, returned exactly their answer.

    Args:
        answers: what the program of each candidate returned, in the same order.
    Raises: ValueError if the lengths differ.
    """
    return [
        c.model_copy(update={"checks": c.checks.model_copy(update={"unique": True})})
        for c, got in zip(candidates, answers, strict=True)
        if list(got) == [c.answer]
    ]


def leaks(text: str, answer: str) -> bool:
    """Whether a question contains its answer, in any case; a motion also as in `right after moving left`."""
    return words.contains_words(text, answer) or words.contains_words(text, words.participle(answer))


def _question(path: ReasoningPath, plan: Plan, hops: Sequence[Hop], index: GraphIndex, *, set_id: str, seed: int) -> QRA | None:
    """The question of a plan, or None where a description is ambiguous or the answer leaks."""
    resolved = index.resolve(plan)
    if not _is_unambiguous(plan, hops, resolved, index):
        return None
    ((_, answer),) = resolved.answers
    text = english.question(plan)
    steps = _steps(plan, hops, resolved, index)
    if leaks(text, answer) or any(leaks(asked, said) for _, asked, said in steps):
        return None
    return QRA(
        id=f"q{content_hash(set_id, index.graph.id, path.node_ids, [e.id for e in path.edges], text)}",
        set_id=set_id,
        graph_id=index.graph.id,
        video=VideoRef(id=index.graph.video.id, uri=index.graph.video.uri, sha256=index.graph.video.sha256),
        time_range_seconds=_time_range(plan, index),
        question=text,
        answer=answer,
        answer_type=_ANSWER_TYPES[type(plan.ask)],
        steps=len(steps),
        rationale=tuple(_rationale(n, hop, asked, said, index) for n, (hop, asked, said) in enumerate(steps, start=1)),
        program=program(plan, index.graph.id),
        seed=seed,
        checks=QRAChecks(unique=False, leaks_answer=False),
    )


_ANSWER_TYPES = {
    AskThing: "object",
    AskColour: "colour",
    AskMotion: "motion",
    AskFirst: "motion",
    AskNext: "motion",
    AskTime: "time",
    AskShot: "shot",
}


def _is_unambiguous(plan: Plan, hops: Sequence[Hop], resolved: Resolved, index: GraphIndex) -> bool:
    """Whether each step leads to the path's thing and no other, its edge holds in the time that is said, and there is one answer."""
    linked = hops[1:] if isinstance(plan.start, ByMotion) else hops
    if len(resolved.answers) != 1 or list(resolved.places[0]) != [hops[0].known.entity_id]:
        return False
    for (link, hop), before, after in zip(zip(plan.links, linked, strict=False), resolved.places, resolved.places[1:], strict=False):
        if list(after) != [hop.asked.entity_id]:
            return False
        if isinstance(link, NextAppearance) and after[hop.asked.entity_id].shot != hop.asked.clip_index:
            return False
        edge = index.edges[hop.edge_id]
        if not isinstance(edge, Reference) and not index.holds(edge, before[hop.known.entity_id]):
            return False
    return _is_shown(plan, hops[-1], resolved, index)


def _is_shown(plan: Plan, last: Hop, resolved: Resolved, index: GraphIndex) -> bool:
    """Whether the last edge of the path is what the answer is about; where a thing is asked for, its link has shown that."""
    ((entity, answer),) = resolved.answers
    start, end = last.stretch
    match plan.ask:
        case AskMotion():
            edge, scope = index.edges[last.edge_id], _asked_in(plan, entity, resolved)
            return answer == last.word and isinstance(edge, Motion) and index.holds(edge, scope)
        case AskFirst(forward):
            edges = index.motions_in(entity, resolved.places[-1][entity])
            return answer == last.word and (
                start == min(m.start_seconds for m in edges) if forward else end == max(m.end_seconds for m in edges)
            )
        case AskNext(forward):
            since, until = resolved.places[-1][entity].window or (0.0, 0.0)
            return answer == last.word and abs(start - until if forward else end - since) < BRIDGE_SECONDS
        case AskTime():
            return answer == words.between(words.nearest_tenths(start, end))
        case AskShot():
            return answer == words.shot_name(last.asked.clip_index)
    return True


def _asked_in(plan: Plan, entity: str, resolved: Resolved) -> Scope:
    """The time of what is asked last, where that is no link."""
    if isinstance(plan.ask, AskMotion) and plan.ask.window is not None:
        return Scope(window=plan.ask.window)
    return resolved.places[-2 if isinstance(plan.ask, AskNext) else -1][entity]


def _steps(plan: Plan, hops: Sequence[Hop], resolved: Resolved, index: GraphIndex) -> list[tuple[Hop, str, str]]:
    """Each hop with its sub-question and sub-answer, from the start to the answer."""
    mentions = english.tell(plan).mentions
    found: list[tuple[Hop, str, str]] = []
    ((_, answer),) = resolved.answers
    linked = list(hops)
    if isinstance(plan.start, ByMotion):
        alone = Plan(plan.start, (), plan.ask if not plan.links and isinstance(plan.ask, AskColour) else AskThing())
        found.append((linked.pop(0), english.question(alone), answer if isinstance(alone.ask, AskColour) else hops[0].asked.name))
    for i, link in enumerate(plan.links):
        hop, is_answer = linked[i], i == len(plan.links) - 1 and isinstance(plan.ask, AskThing | AskColour)
        entity, scope = hop.known.entity_id, resolved.places[i][hop.known.entity_id]
        thing = _mention(entity, hop, scope, mentions[i], index)
        if isinstance(link, Related):
            front, after = _said(scope), english.described(thing, link)
            ask = plan.ask if is_answer else AskThing()
            if len(index.follow({entity: scope}, replace(link, label=None))) == 1:
                link = replace(link, label=None)  # what it is shall not be said in its question without need
            asked = words.sentence(front, english.main_clause(Plan(plan.start, (link,), ask), (thing, after)))
            said = answer if is_answer else hop.asked.name
        elif isinstance(link, DuringMotion):
            asked = words.sentence(_said(scope), english.main_clause(Plan(plan.start, (), AskTime(link.motion)), (thing,)))
            said = words.between(words.nearest_tenths(*hop.stretch))
        else:
            asked = words.sentence(english.main_clause(Plan(plan.start, (), AskShot(link.shot, link.forward)), (thing,)))
            said = words.shot_name(hop.asked.clip_index)
        found.append((hop, asked, said))
    if not isinstance(plan.ask, AskThing | AskColour):
        hop = linked[-1]
        scope = _asked_in(plan, hop.known.entity_id, resolved)
        thing = _mention(hop.known.entity_id, hop, scope, mentions[-1], index)
        front = "" if isinstance(plan.ask, AskShot) else _said(scope)
        found.append((hop, words.sentence(front, english.main_clause(replace(plan, scope=ANY_TIME), (thing, thing))), answer))
    return found


def _mention(entity: str, hop: Hop, scope: Scope, so_far: NounPhrase, index: GraphIndex) -> NounPhrase:
    """A thing in a sub-question: by its caption, where that tells it; else as the question told it."""
    told = by_caption(hop.known)
    if index.named(told, scope) == {entity}:
        return english.caption(told)
    return replace(so_far, text=so_far.full)


def _said(scope: Scope) -> str:
    """The time of a sub-question; that of a motion in tenths."""
    return english.time_words(scope if scope.window is None else replace(scope, window=words.nearest_tenths(*scope.window)))


def _rationale(number: int, hop: Hop, question: str, answer: str, index: GraphIndex) -> RationaleStep:
    """One step with its evidence: the keyframes that show the edge's ends; of a relation those at which it holds, where there are some."""
    edge = index.edges[hop.edge_id]
    known, asked = ([index.keyframes[b.keyframe_id] for b in o.boxes] for o in (hop.known, hop.asked))
    if isinstance(edge, Reference):
        earlier, later = (known, asked) if hop.forward else (asked, known)
        frames = [*sorted(earlier, key=lambda k: k.time_seconds)[-1:], *sorted(later, key=lambda k: k.time_seconds)[:1]]
        start = frames[0].time_seconds if frames else hop.known.start_seconds
    else:
        start = edge.start_seconds
        shown = {k.id: k for k in (*known, *asked)}
        both = {k.id for k in known} & {k.id for k in asked}
        frames = sorted((k for k in shown.values() if not both or k.id in both), key=lambda k: k.time_seconds)
        if isinstance(edge, Relation):
            frames = [k for k in frames if edge.start_seconds <= k.time_seconds < edge.end_seconds] or frames
        start = min(max(start, frames[0].time_seconds), edge.end_seconds) if frames else start
    return RationaleStep(
        step=number,
        question=question,
        answer=answer,
        edge_id=hop.edge_id,
        node_ids=tuple(dict.fromkeys((hop.known.id, hop.asked.id))),
        keyframe_ids=tuple(k.id for k in frames),
        time_seconds=start,
    )


def _time_range(plan: Plan, index: GraphIndex) -> Window | None:
    """The time that holds all times a question says; None where a part of it is about any time."""
    if isinstance(plan.ask, AskShot) or any(isinstance(link, NextAppearance) for link in plan.links):
        return None
    said = [plan.start.window] if isinstance(plan.start, ByMotion) else []
    if isinstance(plan.ask, AskMotion) and plan.ask.window is not None:
        said.append(plan.ask.window)
    if plan.scope.window is not None:
        said.append(plan.scope.window)
    elif plan.scope.shot is not None:
        clip = index.graph.clips[plan.scope.shot]
        said.append((clip.start_seconds, clip.end_seconds))
    elif plan.links or not said or isinstance(plan.ask, AskTime):
        return None
    return min(s for s, _ in said), max(e for _, e in said)
