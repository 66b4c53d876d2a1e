"""report.html: one self-contained file that shows what a run found, in frames, graphs, questions and losses."""

from api.report.write import write_report

__all__ = ["write_report"]
