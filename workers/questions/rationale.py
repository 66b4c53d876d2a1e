"""The rationale of a question: a sub-question with its answer for each hop, and the evidence of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graph_schema.models import RationaleStep, Reference, Relation
from workers.questions import english, noun_phrase, words
from workers.questions.ask import Ask
from workers.questions.asks import ask_for_link
from workers.questions.candidates import by_caption
from workers.questions.graph_index import GraphIndex, Resolved
from workers.questions.hops import Hop
from workers.questions.links import ByMotion, Link, Related, Scope, Start
from workers.questions.noun_phrase import NounPhrase
from workers.questions.plan import Plan


@dataclass(frozen=True)
class SubQuestion:
    """One hop, asked alone."""

    hop: Hop
    question: str
    answer: str


def sub_questions(plan: Plan, hops: Sequence[Hop], resolved: Resolved, index: GraphIndex) -> list[SubQuestion]:
    """Each hop with its sub-question and answer, from the start to the answer of the plan, which must be the only one."""
    nouns = english.phrase(plan).nouns
    results: list[SubQuestion] = []
    ((_, answer),) = resolved.answers
    linked = list(hops)
    if isinstance(plan.start, ByMotion):
        is_answer = not plan.links and plan.ask.answers_link
        ask, start_answer = (plan.ask, answer) if is_answer else ask_for_link(plan.start, hops[0])
        results.append(SubQuestion(linked.pop(0), english.question(Plan(plan.start, (), ask)), start_answer))
    for i, link in enumerate(plan.links):
        hop, is_answer = linked[i], i == len(plan.links) - 1 and plan.ask.answers_link
        scope = resolved.bindings[i][hop.known.entity_id]
        noun = _noun(hop, scope, nouns[i], index)
        ask, link_answer = (plan.ask, answer) if is_answer else ask_for_link(link, hop)
        after = noun_phrase.described(noun, link) if isinstance(link, Related) else noun
        plain = _without_needless_label(link, hop.known.entity_id, scope, index)
        results.append(SubQuestion(hop, _question(ask, plain, noun, after, scope), link_answer))
    if not plan.ask.answers_link:
        hop = linked[-1]
        scope = plan.ask.scope_of(hop.known.entity_id, resolved.bindings)
        noun = _noun(hop, scope, nouns[-1], index)
        results.append(SubQuestion(hop, _question(plan.ask, plan.last_link, noun, noun, scope), answer))
    return results


def rationale_step(number: int, step: SubQuestion, index: GraphIndex) -> RationaleStep:
    """One step with its evidence: the keyframes that show the edge's ends; of a relation those at which it holds, where there are some."""
    hop = step.hop
    edge = index.edges[hop.edge_id]
    known, target = ([index.keyframes[b.keyframe_id] for b in o.boxes] for o in (hop.known, hop.target))
    if isinstance(edge, Reference):
        earlier, later = (known, target) if hop.forward else (target, known)
        frames = [*sorted(earlier, key=lambda k: k.time_seconds)[-1:], *sorted(later, key=lambda k: k.time_seconds)[:1]]
        start = frames[0].time_seconds if frames else hop.known.start_seconds
    else:
        start = edge.start_seconds
        shown = {k.id: k for k in (*known, *target)}
        both = {k.id for k in known} & {k.id for k in target}
        frames = sorted((k for k in shown.values() if not both or k.id in both), key=lambda k: k.time_seconds)
        if isinstance(edge, Relation):
            frames = [k for k in frames if edge.start_seconds <= k.time_seconds < edge.end_seconds] or frames
        start = min(max(start, frames[0].time_seconds), edge.end_seconds) if frames else start
    return RationaleStep(
        step=number,
        question=step.question,
        answer=step.answer,
        edge_id=hop.edge_id,
        node_ids=tuple(dict.fromkeys((hop.known.id, hop.target.id))),
        keyframe_ids=tuple(k.id for k in frames),
        time_seconds=start,
    )


def _question(ask: Ask, link: Start | Link, before: NounPhrase, noun: NounPhrase, scope: Scope) -> str:
    """A sub-question, with its time in front; that of a motion in tenths."""
    timed = scope if scope.window is None else replace(scope, window=words.nearest_tenths(*scope.window))
    return words.sentence("" if ask.ignores_scope else noun_phrase.time_words(timed), ask.clause(link, before, noun))


def _noun(hop: Hop, scope: Scope, in_question: NounPhrase, index: GraphIndex) -> NounPhrase:
    """The known object in a sub-question: by its caption, where that tells it; else as the question does."""
    start = by_caption(hop.known)
    if index.named(start, scope) == {hop.known.entity_id}:
        return noun_phrase.caption(start)
    return replace(in_question, text=in_question.full)


def _without_needless_label(link: Link, entity: str, scope: Scope, index: GraphIndex) -> Link:
    """A relation without its label where it leads to one object all the same: its sub-question asks what that is."""
    if not isinstance(link, Related):
        return link
    plain = replace(link, label=None)
    return plain if len(index.follow({entity: scope}, plain)) == 1 else link
