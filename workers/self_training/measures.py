"""Numbers about a cycle, from its graphs and questions."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

from graph_schema.compare import Comparison, compare_graphs
from graph_schema.compare.files import nothing_found
from graph_schema.models import STSG, ArmRecord, Diversity

MAX_TOP_ANSWER = 0.5
"""From this share of one answer on, questions are called collapsed."""
MIN_DISTINCT = 0.5
"""So much of the first cycle's distinct-2 is left, or they are called collapsed."""


def diversity_of(questions: Sequence[str], answers: Sequence[str]) -> Diversity | None:
    """How varied questions and answers are; None where there are none."""
    if not questions:
        return None
    words = [question.lower().rstrip("?").split() for question in questions]
    top = Counter(answer.casefold() for answer in answers).most_common(1)[0][1]
    return Diversity(
        questions=len(questions),
        distinct_1=_distinct([(word,) for text in words for word in text]),
        distinct_2=_distinct([pair for text in words for pair in itertools.pairwise(text)]),
        answers=len({answer.casefold() for answer in answers}),
        top_answer=top / len(answers),
    )


def find_alarms(diversity: Diversity | None, first: Diversity | None) -> tuple[str, ...]:
    """What says that a model has begun to say the same of everything. Args: first: of the first cycle."""
    if diversity is None:
        return ("no questions came of these graphs",)
    alarms = []
    if diversity.top_answer > MAX_TOP_ANSWER:
        alarms.append(f"one answer is that of {100 * diversity.top_answer:.0f} % of the questions")
    if first is not None and diversity.distinct_2 < MIN_DISTINCT * first.distinct_2:
        alarms.append(f"distinct-2 fell from {first.distinct_2:.3f} in the first cycle to {diversity.distinct_2:.3f}")
    return tuple(alarms)


def count_graphs(graphs: Iterable[STSG]) -> dict[str, int]:
    """Things, nodes, relations, motions, references and events of all graphs."""
    counts: Counter[str] = Counter()
    for graph in graphs:
        counts["things"] += len({node.entity_id for node in graph.objects})
        counts["nodes"] += len(graph.objects)
        counts["relations"] += len(graph.relations)
        counts["motions"] += len(graph.motions)
        counts["references"] += len(graph.references)
        counts["events"] += sum(len(clip.events) for clip in graph.clips)
    return dict(counts)


def score_graphs(graphs: Iterable[STSG], truths: Iterable[STSG]) -> dict[str, dict[str, float | int]] | None:
    """Precision, recall and F1 of graphs against the true ones of their videos, a video without a graph all missed; None without truths."""
    found = {graph.video.sha256: graph for graph in graphs}
    total, any_truth = Comparison(), False
    for truth in truths:
        any_truth = True
        total += compare_graphs(truth, found.get(truth.video.sha256) or nothing_found(truth))
    return total.as_dict() if any_truth else None


def plateau(before: ArmRecord, after: ArmRecord, *, min_accuracy_gain: float, min_yield_gain: float) -> str | None:
    """Why the cycle `after` is the last one, in words; None where it brought more than the least. Source: METHODS 1.2, our rule."""
    accuracy = (after.accuracy or 0.0) - (before.accuracy or 0.0)
    fulfilled = (after.fulfilled or 0.0) - (before.fulfilled or 0.0)
    if accuracy >= min_accuracy_gain or fulfilled >= min_yield_gain:
        return None
    return (
        f"plateau: cycle {after.cycle} brought {100 * accuracy:+.1f} points of accuracy (less than {100 * min_accuracy_gain:g}) and "
        f"{100 * fulfilled:+.1f} points of the questions asked for (less than {100 * min_yield_gain:g})"
    )


def _distinct(items: Sequence[tuple[str, ...]]) -> float:
    return len(set(items)) / len(items) if items else 0.0
