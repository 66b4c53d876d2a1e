"""The arms of a self-training run side by side, as a table."""

from __future__ import annotations

from typing import Any

from api.views.figures import arm_name
from graph_schema.models import ArmRecord, SelfTrainingRecord


def arms_table(record: SelfTrainingRecord) -> list[list[str]]:
    """The arms as rows, the head first."""
    steps = sorted({key for arm in record.arms for key in _by_steps(arm)})
    truth = any(arm.graph_scores for arm in record.arms)
    head = ["", "graphs", "questions", "distinct-2", *(["node F1", "relation F1"] if truth else []), "accuracy", "95 % interval"]
    rows = [[*head, *(f"{n} step{'s' if n != '1' else ''}" for n in steps), "model"]]
    for arm in record.arms:
        rows.append([
            arm_name(arm), str(len(arm.graph_ids) or ""), _questions(arm),
            "" if arm.diversity is None else f"{arm.diversity.distinct_2:.3f}",
            *([_f1(arm, "objects"), _f1(arm, "relations")] if truth else []),
            _percent(arm.accuracy), _interval(arm), *(_percent(_by_steps(arm).get(n, {}).get("accuracy")) for n in steps), arm.model,
        ])  # fmt: skip
    return rows


def arm_remarks(record: SelfTrainingRecord) -> list[str]:
    """What is to be said of single arms: alarms, and videos without a graph."""
    lines = [f"{arm_name(arm)}: {alarm}" for arm in record.arms for alarm in arm.alarms]
    return lines + [f"{arm_name(arm)}: no graph of {video}: {reason}" for arm in record.arms for video, reason in arm.failed_videos.items()]


def _questions(arm: ArmRecord) -> str:
    return "" if arm.diversity is None else str(arm.diversity.questions)


def _by_steps(arm: ArmRecord) -> dict[str, Any]:
    found: Any = (arm.exam or {}).get("by_steps", {})
    return dict(found)


def _interval(arm: ArmRecord) -> str:
    overall: Any = (arm.exam or {}).get("overall")
    return "" if overall is None else f"{100 * overall['low']:.1f} to {100 * overall['high']:.1f}"


def _f1(arm: ArmRecord, unit: str) -> str:
    value = ((arm.graph_scores or {}).get(unit) or {}).get("f1")
    return "" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}%"
