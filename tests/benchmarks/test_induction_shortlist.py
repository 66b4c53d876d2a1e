"""The benchmark of the shortlist at its smallest: what it returns, and that what it counts is what it says."""

from __future__ import annotations

from benchmarks import induction_shortlist
from benchmarks.oracle.worlds import CAST, long_world


def test_the_shortlist_is_compared_with_asking_about_all() -> None:
    measured = induction_shortlist.run(clips=(2, 6), seeds=1)
    rows = {(row["clips"], row["model"], row["candidates"]): row for row in measured["rows"]}
    assert len(rows) == 8
    for (clips, model, _), row in rows.items():
        baseline = rows[clips, model, "all"]
        assert row["calls"] + row["calls_saved"] == baseline["calls"] + baseline["calls_saved"]
        assert row["references_right"] + row["references_lost"] == baseline["references_right"]
    assert rows[6, "without errors", "shortlist"]["calls_saved"] > 0  # 30 kinds of 5 labels: some have more than 3 earlier ones
    assert rows[2, "without errors", "all"]["references_f1"] == 1
    assert [goal["what"] for goal in measured["goals"]] == ["references_lost", "growth_of_calls_per_clip"]


def test_a_longer_world_of_a_seed_begins_as_a_shorter_one() -> None:
    short, longer = long_world(3, 2, 30), long_world(3, 4, 30)
    assert longer.clips[:2] == short.clips
    kinds = {a.object.kind for clip in longer.clips for a in clip.appearances}
    assert len(kinds) == len({a.object.name for clip in longer.clips for a in clip.appearances})
    assert all(2 <= len({a.object for a in clip.appearances}) <= CAST for clip in longer.clips)
