"""On CI a skipped test is a failure: a run of pytest with our conftest, on a small file of tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest

def test_needs_what_is_not_there():
    pytest.skip("no such service")

@pytest.mark.skip(reason="not today")
def test_marked():
    pass

@pytest.fixture
def service():
    pytest.skip("no such fixture")

def test_in_its_fixture(service):
    pass

@pytest.mark.gpu
def test_gpu():
    pytest.skip("no GPU")

def test_real_videos(real_videos):
    pass

@pytest.mark.xfail
def test_known_fault():
    raise AssertionError
"""


def pytest_says(folder: Path, *, ci: str) -> str:
    """Run pytest on these tests and on a module that skips itself; return its output."""
    (folder / "test_small.py").write_text(TESTS, encoding="utf-8")
    (folder / "test_module.py").write_text("import pytest\npytest.importorskip('no_such_package')\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    environment = {**os.environ, "CI": ci, "STEPGRAPH_TEST_DATA": str(folder / "nowhere")}
    done = subprocess.run(
        [*command, "--continue-on-collection-errors", folder], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == bool(ci), done.stdout + done.stderr
    return done.stdout


def test_a_skip_fails_on_ci_but_for_gpu_and_the_real_videos(tmp_path: Path) -> None:
    output = pytest_says(tmp_path, ci="true")
    assert "1 failed, 2 skipped, 1 xfailed, 3 errors in" in output  # an error is a failure before or after the test itself
    for reason in ("no such service", "not today", "no such fixture", "could not import 'no_such_package'"):
        assert f"on CI nothing may be skipped but gpu: Skipped: {reason}" in output


def test_without_ci_a_skip_is_a_skip(tmp_path: Path) -> None:
    assert "6 skipped, 1 xfailed in" in pytest_says(tmp_path, ci="")
