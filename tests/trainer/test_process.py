"""`python -m trainer CONFIG.json`, as a training job starts it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph_schema.metrics import read_metrics
from tests.support.trainer_examples import write_set
from trainer.__main__ import main
from trainer.runs import TrainingConfig, train

ROOT = Path(__file__).parents[2]
STEPS = 40


@pytest.fixture
def settings(tmp_path: Path) -> TrainingConfig:
    qra = write_set(tmp_path, repeat=2)
    return TrainingConfig(qra=qra, root=tmp_path, out=tmp_path / "out", batch_size=4, max_steps=STEPS, save_every_steps=3)


@pytest.fixture
def handlers() -> Iterator[None]:
    """`main` takes the signals over; give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupted(settings: TrainingConfig, how: signal.Signals, *, after: int) -> int:
    """Start a training process, signal it once it has done `after` steps, and return its exit code."""
    path = settings.out.parent / "config.json"
    path.write_text(settings.model_dump_json())
    process = subprocess.Popen([sys.executable, "-m", "trainer", str(path)], cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    try:
        deadline = time.monotonic() + 240
        while len(read_metrics(settings.out / "metrics.jsonl")) < after:
            assert process.poll() is None, f"ended by itself with {process.returncode}"
            assert time.monotonic() < deadline, "no step within four minutes"
            time.sleep(0.02)
        process.send_signal(how)
        return process.wait(60)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("how", "code", "status"), [(signal.SIGTERM, 3, "stopped"), (signal.SIGKILL, -signal.SIGKILL, "running")])
def test_an_ended_process_leaves_a_run_that_goes_on_to_the_same_end(
    settings: TrainingConfig, how: signal.Signals, code: int, status: str
) -> None:
    assert interrupted(settings, how, after=5) == code
    run = json.loads((settings.out / "run.json").read_text())
    assert run["status"] == status
    assert len(read_metrics(settings.out / "metrics.jsonl")) < STEPS
    steps: list[int] = []
    done = train(settings, on_step=lambda row: steps.append(row["step"]))
    assert steps[0] > 3  # not from the start
    assert [row["step"] for row in read_metrics(done.metrics)] == list(range(1, STEPS + 1))
    whole = train(settings.model_copy(update={"out": settings.out.with_name("whole")}))
    ends = [hashlib.sha256((r.checkpoint / "model.safetensors").read_bytes()).hexdigest() for r in (done, whole)]
    assert ends[0] == ends[1]


@pytest.mark.usefixtures("handlers")
class TestExitCodes:
    def test_0_when_done(self, settings: TrainingConfig, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(settings.model_copy(update={"max_steps": 1}).model_dump_json())
        assert main([str(tmp_path / "config.json")]) == 0
        assert (settings.out / "checkpoint" / "model.safetensors").is_file()

    def test_0_when_done_before_without_torch(self, settings: TrainingConfig, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(settings.model_copy(update={"max_steps": 1}).model_dump_json())
        assert main([str(tmp_path / "config.json")]) == 0
        again = "import sys; from trainer.__main__ import main; sys.exit(main(sys.argv[1:]) or 'torch' in sys.modules)"
        command = [sys.executable, "-c", again, str(tmp_path / "config.json")]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"qra": "none.jsonl", "root": ".", "out": "OUT"}', "none.jsonl cannot be read"),
            ('{"qra": "a", "root": ".", "out": "OUT", "epochs": 0}', "epochs: Input should be greater than or equal to 1"),
            ('{"qra": "a", "root": ".", "out": "OUT", "epoch": 2}', "epoch: Extra inputs are not permitted"),
            ("{", "Invalid JSON"),
        ],
    )
    def test_2_for_what_cannot_be_used(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
        (tmp_path / "config.json").write_text(text.replace("OUT", str(tmp_path / "out")))
        assert main([str(tmp_path / "config.json")]) == 2
        assert message in capsys.readouterr().err

    def test_2_without_a_configuration(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        assert main([str(tmp_path / "none.json")]) == 2
        said = capsys.readouterr().err
        assert "usage: python -m trainer CONFIG.json" in said
        assert "No such file" in said


@pytest.mark.parametrize("module", ["trainer", "trainer.training", "trainer.tiny"])
def test_without_torch_an_import_says_what_to_install(module: str) -> None:
    code = f"import sys; sys.modules['torch'] = None\nimport {module}"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith('training needs torch, which is not installed here: pip install "stepgraph[train]"')
