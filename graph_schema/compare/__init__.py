"""Graphs against the true graphs of the same videos: what is compared stands in `match`, folders of files in `files`."""

from graph_schema.compare.match import compare_graphs
from graph_schema.compare.scores import UNITS, Comparison, Difference, Tally

__all__ = ["UNITS", "Comparison", "Difference", "Tally", "compare_graphs"]
