"""The examples of docs/plugins.md, installed and run as they stand there; and plugins that cannot be used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from graph_schema.models import STSG
from tests.support.model_server import MODEL, model_server, prompt_of

ROOT = Path(__file__).resolve().parents[2]
TEXT = "shelf 12"


@dataclass(frozen=True)
class Site:
    """A folder where packages are installed."""

    folder: Path

    def install(self, name: str, module: str, entry_points: str) -> None:
        """Put a module and its metadata there, as an installer does."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{name}.py").write_text(module, encoding="utf-8")
        metadata = self.folder / f"{name}-1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")

    def run(self, video: Path, out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`stepgraph run`, with its data beside `out`."""
        command = [sys.executable, "-m", "api", "run", str(video), "--out", str(out), "--no-train", *arguments]
        path = os.pathsep.join([str(self.folder), str(ROOT)])
        known = {**os.environ, "PYTHONPATH": path, "STEPGRAPH_DATA": str(out.parent / "data"), **environment}
        return subprocess.run(command, cwd=out.parent, env=known, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Two seconds of a wall with a QR code."""
    code = cv2.resize(cv2.QRCodeEncoder.create().encode(TEXT), (120, 120), interpolation=cv2.INTER_NEAREST)
    picture = np.full((240, 320, 3), 255, dtype=np.uint8)
    picture[60:180, 40:160] = code[..., None]
    path = tmp_path / "wall.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(20):
        writer.write(picture)
    writer.release()
    return path


def example(name: str) -> tuple[str, str]:
    """The module of an example, and its entry points as an installer writes them."""
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    module = re.search(rf"```python\n# {name}\.py\n(.*?)```", text, re.DOTALL)
    (project,) = [
        found["project"]
        for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
        if f'"{name}:' in block and (found := tomllib.loads(block))
    ]
    assert module and project["name"] and project["version"]
    ((group, entries),) = project["entry-points"].items()
    return module[1], f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())


def graph_in(out: Path) -> STSG:
    (path,) = (out / "graphs").glob("*.json")
    return STSG.model_validate_json(path.read_bytes())


def test_the_example_of_a_parser_reads_codes(site: Site, video: Path, tmp_path: Path) -> None:
    site.install("qr_codes", *example("qr_codes"))
    done = site.run(video, tmp_path / "out", "--parser", "qr-codes", "--set", 'parser.options={"note": "mine"}')
    assert done.returncode == 0, done.stderr
    graph = graph_in(tmp_path / "out")
    assert graph.producer == "qr-codes"
    assert graph.configuration["parser"]["configuration"] == {"note": "mine"}
    (code,) = graph.objects
    assert (code.label, [(a.kind, a.name) for a in code.attributes]) == ("QR code", [("text", TEXT)])
    # the code's quiet zone is not part of it: 120 px hold its modules and a border
    left, top, right, bottom = code.boxes[0].box_xyxy or (0, 0, 0, 0)
    assert 40 / 320 <= left < 60 / 320 and 60 / 240 <= top < 80 / 240 and 140 / 320 < right <= 160 / 320 and 160 / 240 < bottom <= 180 / 240


def test_the_example_of_a_model_asks_one_to_read_and_another_to_verify(site: Site, video: Path, tmp_path: Path) -> None:
    site.install("second_opinion", *example("second_opinion"))
    with model_server() as reader, model_server() as verifier:
        environment = {"READER_URL": reader.url, "READER_MODEL": MODEL, "VERIFIER_URL": verifier.url, "VERIFIER_MODEL": MODEL}
        arguments = ("--parser", "prompted", "--backend", "plugin", "--model", "second-opinion")
        done = site.run(video, tmp_path / "out", *arguments, **environment)
        assert done.returncode == 0, done.stderr
        asked = [[prompt_of(body).endswith("yes or no.") for body in server.requests if body] for server in (reader, verifier)]
    assert graph_in(tmp_path / "out").producer == f"{MODEL}+{MODEL}"
    assert set(asked[0]) == {False} and set(asked[1]) == {True}
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["model"]["calls"] == len(asked[0]) + len(asked[1])


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("import absent_package", "plugin 'mine' \\(broken:make\\) cannot be used: ModuleNotFoundError: No module named 'absent_package'"),
        ("def make(options): raise ValueError('no weights')", "plugin 'mine' .* cannot be used: ValueError: no weights"),
        ("def make(options): return object()", "made a object, which has no name, version, configuration, parse"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused_before_work_starts(
    site: Site, video: Path, tmp_path: Path, module: str, message: str
) -> None:
    site.install("broken", module, "[stepgraph.parsers]\nmine = broken:make\n")
    done = site.run(video, tmp_path / "out", "--parser", "mine")
    assert done.returncode == 2
    assert re.search(message, done.stderr)
    assert not (tmp_path / "out" / "graphs").exists()


def test_a_name_that_no_package_has_is_refused_with_those_there_are(site: Site, video: Path, tmp_path: Path) -> None:
    site.install("qr_codes", *example("qr_codes"))
    done = site.run(video, tmp_path / "out", "--parser", "hog")
    assert done.returncode == 2
    assert "no parser 'hog'; this version has: opencv, detector, prompted; no plugin 'hog'" in done.stderr
    assert "installed: qr-codes" in done.stderr
