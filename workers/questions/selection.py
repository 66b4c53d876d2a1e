"""How many steps the drawn paths shall have, and which questions make a set."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence

from graph_schema.models import QRA

MAX_PER_SEED_NODE = 3
"""Questions of a set whose answer is at one node, from which their paths opened. Source: METHODS 1.1, guards the paper does not state."""


def draw_steps(draws: int, step_mix: Sequence[float], seed: int, first: int = 0) -> list[int]:
    """Return how many steps each draw from `first` on shall have, with the shares `step_mix` of 1, 2, 3, … steps.

    Draw i depends on seed and i alone.
    """
    sizes = range(1, len(step_mix) + 1)
    return [random.Random(f"stepgraph steps {seed} {i}").choices(sizes, weights=step_mix)[0] for i in range(first, first + draws)]


def select(candidates: Sequence[QRA], samples: int, step_mix: Sequence[float]) -> list[QRA]:
    """Return at most `samples` questions whose numbers of steps come near to the shares, every graph taking its turn, in a fixed order.

    Where there are too few of a number of steps, the others fill up: a set falls short of `samples` only where all candidates are used.
    """
    waiting = _capped(_in_turns(candidates))
    wanted = _apportion(samples, step_mix)
    chosen: list[QRA] = []
    for steps, count in wanted.items():
        chosen += [q for q in waiting if q.steps == steps][:count]
    taken = {q.id for q in chosen}
    chosen += [q for q in waiting if q.id not in taken][: samples - len(chosen)]
    order = {q.id: i for i, q in enumerate(waiting)}
    return sorted(chosen, key=lambda q: order[q.id])


def shortfalls(chosen: Sequence[QRA], samples: int, step_mix: Sequence[float]) -> dict[str, int]:
    """How many questions of each number of steps (as text: it is a JSON key) a set lacks of its share; only those that lack some."""
    lacking = {str(steps): count - sum(q.steps == steps for q in chosen) for steps, count in _apportion(samples, step_mix).items()}
    return {steps: count for steps, count in lacking.items() if count > 0}


def _in_turns(candidates: Sequence[QRA]) -> list[QRA]:
    """Each graph's first question of each answer, then each graph's second, …; in turns of one a graph."""
    graphs: dict[str, list[tuple[int, QRA]]] = {}
    times: Counter[tuple[str, str]] = Counter()
    for q in candidates:
        graphs.setdefault(q.graph_id, []).append((times[q.graph_id, q.answer], q))
        times[q.graph_id, q.answer] += 1
    for questions in graphs.values():
        questions.sort(key=lambda rank_and_question: rank_and_question[0])
    rounds = itertools.zip_longest(*graphs.values())
    return [q for turn in rounds for _, q in filter(None, turn)]


def _capped(questions: Sequence[QRA]) -> list[QRA]:
    counts: dict[str, int] = {}
    kept = []
    for q in questions:
        seed_node = q.rationale[-1].node_ids[-1]
        counts[seed_node] = counts.get(seed_node, 0) + 1
        if counts[seed_node] <= MAX_PER_SEED_NODE:
            kept.append(q)
    return kept


def _apportion(samples: int, step_mix: Sequence[float]) -> dict[int, int]:
    """Whole numbers with these shares that add up to `samples`, by largest remainder."""
    exact = {i + 1: samples * share / sum(step_mix) for i, share in enumerate(step_mix)}
    whole = {steps: int(count) for steps, count in exact.items()}
    by_remainder = sorted(exact, key=lambda steps: (whole[steps] - exact[steps], steps))
    for steps in by_remainder[: samples - sum(whole.values())]:
        whole[steps] += 1
    return whole
