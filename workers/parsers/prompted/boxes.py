"""Boxes as a model gives them: what is said of them in a prompt, and what they are as fractions of the picture."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.geometry import clip_box

_COUNTED = {
    "pixels": "pixels of the picture",
    "thousandths": "thousandths of the picture's width and height",
    "fractions": "fractions of the picture's width and height",
}


def box_words(counted: str) -> dict[str, object]:
    """The fields `box_request` and `box_example` of the prompts that ask for objects; empty where no boxes are wanted."""
    if counted == "none":
        return {"box_request": "", "box_example": ""}
    request = f'\n"box": where it is, as [x1, y1, x2, y2] in {_COUNTED[counted]};'
    return {"box_request": request, "box_example": ', "box": [x1, y1, x2, y2]'}


def box_fractions(box: Sequence[float] | None, counted: str, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """A model's box as fractions of the picture of `size` (width, height) pixels; None where it is none, or of nothing inside."""
    if box is None or counted == "none":
        return None
    width, height = {"pixels": size, "thousandths": (1000, 1000), "fractions": (1, 1)}[counted]
    (x1, x2), (y1, y2) = sorted((box[0] / width, box[2] / width)), sorted((box[1] / height, box[3] / height))
    return clip_box((x1, y1, x2, y2), 1, 1)
