"""A page of one table and its figures, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.views.plots import Plot
from graph_schema.files import write_atomically


def write_figures(path: Path, *, title: str, lead: Sequence[str], table: Sequence[Sequence[str]], plots: Sequence[Plot]) -> None:
    """Write the page. Args: lead: paragraphs above the table. table: its head first. Raises: OutOfSpace."""
    environment = Environment(loader=PackageLoader("api", "report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    css = (resources.files("api.report") / "report.css").read_text(encoding="utf-8")
    page = environment.get_template("figures.html.jinja").render(title=title, lead=lead, table=table, plots=plots, css=css)
    write_atomically(path, page.encode())
