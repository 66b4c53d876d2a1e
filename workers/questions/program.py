"""A plan as Cypher: what the English says, in the subset that both engines run.

It names objects by caption, word and time, never by the path's ids: executed, it tells whether the question has one answer. Each row
is one entity's answer, so that two objects of one caption are two answers.
"""

from __future__ import annotations

from graph_schema.vocabulary import SYMMETRIC
from workers.questions.cypher_writer import CypherWriter, literal
from workers.questions.links import ANY_TIME, ByCaption, DuringMotion, Link, Related, Scope, Start
from workers.questions.plan import Plan


def program(plan: Plan, graph_id: str) -> str:
    """Write the program of a plan: it returns one column, `answer`."""
    writer = CypherWriter(plan.scope, graph_id)
    variable = _write_start(writer, plan.start)
    for link in plan.links:
        writer.bind_known(variable)
        variable = _write_link(writer, link)
    plan.ask.write(writer, variable, plan.last_link)
    return "\n".join(writer.clauses)


def _write_start(writer: CypherWriter, start: Start) -> str:
    """Match the start; return the variable its objects are bound to."""
    if isinstance(start, ByCaption):
        pattern = writer.node("start", label=literal(start.label))
        for i, (kind, name) in enumerate(start.attributes):
            pattern += f"{', (start)' if i else ''}-[:HAS_ATTRIBUTE]->(:Attribute {{kind: {literal(kind)}, name: {literal(name)}}})"
        writer.match(pattern, "start")
    else:
        node = writer.node("start", ANY_TIME)
        move = f"[move:MOVES {{motion: {literal(start.motion)}}}]"
        writer.match(f"{node}-{move}->(:Object)", "move", scope=Scope(window=start.window))
    return "start"


def _write_link(writer: CypherWriter, link: Link) -> str:
    """Follow a link from `known`; return the variable that what it leads to is bound to."""
    if isinstance(link, Related):
        edge = f"[edge:RELATES {{predicate: {literal(link.predicate)}}}]"
        arrow = f"-{edge}-" if link.predicate in SYMMETRIC else f"<-{edge}-" if link.forward else f"-{edge}->"
        label = "" if link.label is None else f" {{label: {literal(link.label)}}}"
        writer.match(f"{writer.node('here', entity_id='known')}{arrow}(there:Object{label})", "edge")
        return "there"
    if isinstance(link, DuringMotion):
        writer.motion_interval(link.motion)
        writer.carried = (*writer.carried, "since", "until")
    else:
        writer.next_clip(link.clip, forward=link.forward)
        writer.carried = ("shot",)
    return "known"
