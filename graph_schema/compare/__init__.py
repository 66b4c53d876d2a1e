"""Two graphs of one video: scores against a true graph in `match` (folders of files in `files`), what a better model changed in `diff`."""

from graph_schema.compare.match import compare_graphs
from graph_schema.compare.scores import UNITS, Comparison, Difference, Tally

__all__ = ["UNITS", "Comparison", "Difference", "Tally", "compare_graphs"]
