"""A plan as Cypher: what the English says, in the subset that both engines run.

It names things by caption, word and time, never by the path's ids: executed, it tells whether the question has one answer. Each row
is one thing's answer, so that two things of one caption are two answers.
"""

from __future__ import annotations

from graph_schema.vocabulary import BRIDGE_SECONDS, SYMMETRIC
from workers.questions.plan import (
    ANY_TIME,
    AskColour,
    AskFirst,
    AskMotion,
    AskNext,
    AskShot,
    AskThing,
    AskTime,
    ByCaption,
    DuringMotion,
    NextAppearance,
    Plan,
    Related,
    Scope,
)

_TENTHS = "toString(round({0} * 10) / 10.0)"


class _Writer:
    """The clauses so far, and how the time of what comes next is known there."""

    def __init__(self, plan: Plan, graph_id: str) -> None:
        self.graph = literal(graph_id)
        self.clauses: list[str] = []
        self.scope = plan.scope
        self.carried: tuple[str, ...] = ()
        """Variables that say the time, after a DuringMotion or NextAppearance."""

    def node(self, variable: str, scope: Scope | None = None, **properties: str) -> str:
        scope = self.scope if scope is None else scope
        shot = {"clip_index": "shot"} if "shot" in self.carried else {} if scope.shot is None else {"clip_index": str(scope.shot)}
        inside = ", ".join(f"{key}: {value}" for key, value in {"graph_id": self.graph, **properties, **shot}.items())
        return f"({variable}:Object {{{inside}}})"

    def match(self, pattern: str, timed: str, *more: str, scope: Scope | None = None) -> None:
        """Match a pattern in the time; `timed`: the variable that has start_seconds and end_seconds."""
        conditions = list(more)
        scope = self.scope if scope is None else scope
        if "since" in self.carried:
            conditions.append(f"{timed}.start_seconds < until AND {timed}.end_seconds > since")
        elif scope.window is not None:
            conditions.append(f"{timed}.start_seconds < {scope.window[1]!r} AND {timed}.end_seconds > {scope.window[0]!r}")
        self.clauses.append(f"MATCH {pattern}" + (f"\nWHERE {' AND '.join(conditions)}" if conditions else ""))

    def go_on(self, entity: str) -> None:
        self.clauses.append(f"WITH DISTINCT {', '.join((f'{entity} AS known' if entity != 'known' else entity, *self.carried))}")

    def answer(self, entity: str, expression: str) -> None:
        self.clauses += [f"WITH DISTINCT {entity} AS entity, {expression} AS answer", "RETURN answer"]

    def one_stretch(self, motion: str) -> None:
        """From `known` to the time `since` … `until` in which it moves so; nothing where it does so more than once."""
        self.match(f"{self.node('here', entity_id='known')}-[move:MOVES {{motion: {literal(motion)}}}]->(:Object)", "move")
        self.clauses += [
            f"WITH {', '.join(('known', *self.carried))}, min(move.start_seconds) AS since, max(move.end_seconds) AS until, "
            "sum(move.end_seconds - move.start_seconds) AS moving",
            f"WHERE until - since < moving + {BRIDGE_SECONDS!r}",
        ]

    def next_shot(self, link: NextAppearance | AskShot) -> None:
        """From `known` to the `shot` (clip index) in which it is seen next, or last before."""
        side, which = (">", "min") if link.forward else ("<", "max")
        self.clauses += [
            f"MATCH {self.node('again', ANY_TIME, entity_id='known')}\nWHERE again.clip_index {side} {link.shot}",
            f"WITH known, {which}(again.clip_index) AS shot",
        ]


def program(plan: Plan, graph_id: str) -> str:
    """Write the program of a plan: it returns one column, `answer`."""
    writer = _Writer(plan, graph_id)
    found = "start"
    if isinstance(plan.start, ByCaption):
        pattern = writer.node("start", label=literal(plan.start.label))
        for i, (kind, name) in enumerate(plan.start.attributes):
            pattern += f"{', (start)' if i else ''}-[:HAS_ATTRIBUTE]->(:Attribute {{kind: {literal(kind)}, name: {literal(name)}}})"
        writer.match(pattern, "start")
    else:
        mover = writer.node("start", ANY_TIME)
        own_time = Scope(window=plan.start.window)
        writer.match(f"{mover}-[move:MOVES {{motion: {literal(plan.start.motion)}}}]->(:Object)", "move", scope=own_time)
    for link in plan.links:
        writer.go_on("known" if found == "known" else f"{found}.entity_id")
        if isinstance(link, Related):
            edge = f"[edge:RELATES {{predicate: {literal(link.predicate)}}}]"
            arrow = f"-{edge}-" if link.predicate in SYMMETRIC else f"<-{edge}-" if link.forward else f"-{edge}->"
            label = "" if link.label is None else f" {{label: {literal(link.label)}}}"
            writer.match(f"{writer.node('here', entity_id='known')}{arrow}(there:Object{label})", "edge")
            found = "there"
        elif isinstance(link, DuringMotion):
            writer.one_stretch(link.motion)
            writer.carried = (*writer.carried, "since", "until")
            found = "known"
        else:
            writer.next_shot(link)
            writer.carried = ("shot",)
            found = "known"
    _ask(writer, plan, found)
    return "\n".join(writer.clauses)


def _ask(writer: _Writer, plan: Plan, found: str) -> None:
    ask = plan.ask
    if isinstance(ask, AskThing):
        writer.answer(f"{found}.entity_id", f"{found}.name")
        return
    if isinstance(ask, AskColour):
        writer.clauses.append(f"MATCH ({found})-[:HAS_ATTRIBUTE]->(colour:Attribute {{kind: 'colour'}})")
        writer.answer(f"{found}.entity_id", "colour.name")
        return
    if found != "known":
        writer.go_on(f"{found}.entity_id")
    if isinstance(ask, AskMotion):
        scope = writer.scope if ask.window is None else Scope(shot=plan.scope.shot, window=ask.window)
        writer.match(f"{writer.node('here', entity_id='known')}-[move:MOVES]->(:Object)", "move", scope=scope)
        writer.answer("known", "move.motion")
    elif isinstance(ask, AskFirst):
        time = "start_seconds" if ask.forward else "end_seconds"
        writer.match(f"{writer.node('here', entity_id='known')}-[move:MOVES]->(:Object)", "move")
        first = f"{'min' if ask.forward else 'max'}(move.{time}) AS at"
        writer.clauses.append(f"WITH {', '.join(('known', *writer.carried))}, {first}")
        writer.match(f"{writer.node('here', entity_id='known')}-[move:MOVES {{{time}: at}}]->(:Object)", "move")
        writer.answer("known", "move.motion")
    elif isinstance(ask, AskTime):
        writer.one_stretch(ask.motion)
        said = f"'between ' + {_TENTHS.format('since')} + ' s and ' + {_TENTHS.format('until')} + ' s'"
        writer.answer("known", said)
    elif isinstance(ask, AskNext):
        motion = plan.links[-1].motion if isinstance(plan.links[-1], DuringMotion) else ""
        near = ("beside.start_seconds", "until") if ask.forward else ("beside.end_seconds", "since")
        close = f"{near[0]} > {near[1]} - {BRIDGE_SECONDS!r} AND {near[0]} < {near[1]} + {BRIDGE_SECONDS!r}"
        writer.carried = tuple(v for v in writer.carried if v == "shot")
        pattern = f"{writer.node('here', entity_id='known')}-[beside:MOVES]->(:Object)"
        writer.clauses.append(f"MATCH {pattern}\nWHERE beside.motion <> {literal(motion)} AND {close}")
        writer.answer("known", "beside.motion")
    else:
        writer.next_shot(ask)
        writer.answer("known", "'shot ' + toString(shot + 1)")


def literal(text: str) -> str:
    """A Cypher string with what must be escaped, escaped."""
    for character, escape in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, escape)
    return f"'{text}'"
