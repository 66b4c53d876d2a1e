"""Reasoning paths into questions, rationales and answers. Records in, records out: no driver, no disk, no model."""

from workers.questions.build import QUESTIONS_VERSION, build_questions, keep_unique
from workers.questions.selection import draw_steps, select, shortfalls

__all__ = ["QUESTIONS_VERSION", "build_questions", "draw_steps", "keep_unique", "select", "shortfalls"]
