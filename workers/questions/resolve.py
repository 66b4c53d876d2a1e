"""A plan resolved over a graph in memory: which objects each of its links leads to, and its answers. The same as its program finds."""

from __future__ import annotations

from workers.questions.graph_index import Bindings, GraphIndex, Resolved
from workers.questions.links import ByCaption, Scope
from workers.questions.plan import Plan


def resolve(plan: Plan, index: GraphIndex) -> Resolved:
    """Follow a plan from its start to its answers."""
    start = plan.start
    entities = index.named(start, plan.scope) if isinstance(start, ByCaption) else index.moving(start.motion, Scope(window=start.window))
    bindings: list[Bindings] = [dict.fromkeys(sorted(entities), plan.scope)]
    for link in plan.links:
        bindings.append(index.follow(bindings[-1], link))
    answers = {
        (entity, answer) for entity, scope in bindings[-1].items() for answer in plan.ask.answers(entity, scope, plan.last_link, index)
    }
    return Resolved(tuple(bindings), frozenset(answers))
