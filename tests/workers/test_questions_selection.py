"""How many steps are drawn, and which questions make a set."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import pytest

from graph_schema.errors import BadInput
from graph_schema.models import QRA, QRAChecks, RationaleStep, VideoRef
from graph_schema.options import STEP_MIX, checked_step_mix
from workers.questions import draw_steps, select, shortfalls


def questions(*, steps: int, count: int, graph: str = "g", answer: str | None = None, node: str | None = None) -> list[QRA]:
    """So many questions of so many steps; each with its own answer and answer node, unless they are given."""
    number = itertools.count()
    return [
        QRA(
            id=f"{graph}-{steps}-{answer}-{node}-{n}",
            set_id="set",
            graph_id=graph,
            video=VideoRef(id="v", uri="u", sha256="s"),
            question=f"{n}?",
            answer=answer or f"answer {steps} {n}",
            answer_type="object",
            steps=steps,
            rationale=tuple(
                RationaleStep(
                    step=s + 1,
                    question="?",
                    answer="a",
                    edge_id="e",
                    node_ids=("known", node or f"{steps}.{n}"),
                    keyframe_ids=(),
                    time_seconds=0,
                )
                for s in range(steps)
            ),
            program="RETURN 1 AS answer",
            seed=0,
            checks=QRAChecks(unique=True, leaks_answer=False),
        )
        for n in itertools.islice(number, count)
    ]


def test_steps_are_drawn_in_their_shares_and_more_draws_leave_the_first_as_they_were() -> None:
    drawn = draw_steps(4000, (25, 45, 30), seed=3)
    shares = Counter(drawn)
    assert [abs(shares[n] / 4000 - share) < 0.03 for n, share in ((1, 0.25), (2, 0.45), (3, 0.3))] == [True] * 3
    assert draw_steps(10, (25, 45, 30), seed=3) == drawn[:10]
    assert draw_steps(10, (25, 45, 30), seed=3, first=10) == drawn[10:20]
    assert set(draw_steps(50, (0, 1), seed=0)) == {2}


def test_a_set_has_the_shares_asked_for() -> None:
    plenty = [q for steps in (1, 2, 3) for q in questions(steps=steps, count=30)]
    chosen = select(plenty, 20, (25, 45, 30))
    assert Counter(q.steps for q in chosen) == {1: 5, 2: 9, 3: 6}
    assert shortfalls(chosen, 20, (25, 45, 30)) == {}


def test_where_one_number_of_steps_is_short_the_others_fill_up_and_it_is_reported() -> None:
    few = [*questions(steps=1, count=30), *questions(steps=3, count=2)]
    chosen = select(few, 20, (25, 45, 30))
    assert Counter(q.steps for q in chosen) == {1: 18, 3: 2}
    assert shortfalls(chosen, 20, (25, 45, 30)) == {"2": 9, "3": 4}


def test_at_most_three_questions_open_from_one_node() -> None:
    assert len(select(questions(steps=1, count=9, node="n"), 9, (1,))) == 3


def test_every_graph_and_every_answer_has_its_turn() -> None:
    same = questions(steps=1, count=5, answer="stands still")
    other = questions(steps=1, count=1, answer="moves left")
    elsewhere = questions(steps=1, count=2, graph="h")
    chosen = select([*same, *other, *elsewhere], 4, (1,))
    assert sorted(q.answer for q in chosen) == ["answer 1 0", "answer 1 1", "moves left", "stands still"]


def test_a_step_mix_is_three_shares() -> None:
    assert checked_step_mix([0, 0, 5]) == (0.0, 0.0, 5.0)
    assert checked_step_mix(STEP_MIX) == STEP_MIX == (25, 45, 30)


@pytest.mark.parametrize("shares", [[1, 2], [1, 2, 3, 4], [], [0, 0, 0], [1, -2, 3], [math.nan, 1, 1], [math.inf, 1, 1], [1e308] * 3])
def test_what_is_no_step_mix_is_refused(shares: Sequence[float]) -> None:
    with pytest.raises(BadInput) as refused:
        checked_step_mix(shares)
    assert str(refused.value) == f"step_mix is {shares}; give three shares of 0 or more for 1, 2 and 3 steps, not all 0, as in 25,45,30"
    with pytest.raises(BadInput, match="--step-mix is 'x'; give three shares"):
        checked_step_mix(shares, "--step-mix is 'x'")
