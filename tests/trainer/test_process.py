"""`python -m trainer CONFIG.json`, as a training job starts it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph_schema.identifiers import file_sha256
from graph_schema.metrics import read_metrics
from tests.support.trainer_examples import write_set
from tests.support.training_processes import exit_code, run_command_and_signal, start
from trainer.__main__ import main
from trainer.config import TrainingConfig
from trainer.run import TrainingResult, train

ROOT = Path(__file__).parents[2]
STEPS = 7


@pytest.fixture
def settings(tmp_path: Path) -> TrainingConfig:
    qra = write_set(tmp_path)
    return TrainingConfig(qra=qra, root=tmp_path, out=tmp_path / "out", batch_size=2, max_steps=1)


@pytest.fixture
def handlers() -> Iterator[None]:
    """`main` takes the signals over; give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingConfig, TrainingResult]:
    """A run that nobody ended."""
    root = tmp_path_factory.mktemp("whole")
    config = TrainingConfig(qra=write_set(root), root=root, out=root / "out", batch_size=2, max_steps=STEPS, save_every_steps=3)
    return config, train(config)


@pytest.mark.parametrize(
    ("number", "code", "status", "steps_left"),  # the last checkpoint is of step 5, which was asked for; of 3, as every third is saved
    [
        (signal.SIGTERM, 3, "stopped", [6, 7]),
        (signal.SIGKILL, -signal.SIGKILL, "running", [4, 5, 6, 7]),
    ],
)
def test_an_ended_process_leaves_a_run_that_goes_on_to_the_same_end(
    whole: tuple[TrainingConfig, TrainingResult], tmp_path: Path, number: signal.Signals, code: int, status: str, steps_left: list[int]
) -> None:
    settings = whole[0].model_copy(update={"out": tmp_path / "out"})
    (tmp_path / "config.json").write_text(settings.model_dump_json())
    assert exit_code(start(run_command_and_signal, tmp_path / "config.json", number, 5)) == code
    assert json.loads(settings.folder.record.read_text())["status"] == status
    assert [row["step"] for row in read_metrics(settings.folder.metrics)] == [1, 2, 3, 4, 5]
    steps: list[int] = []
    done = train(settings, on_step=lambda row: steps.append(int(row["step"])))
    assert steps == steps_left
    assert [row["step"] for row in read_metrics(done.metrics)] == list(range(1, STEPS + 1))
    weights = [(r.checkpoint / "model.safetensors").read_bytes() for r in (done, whole[1])]
    assert weights[0] == weights[1]


@pytest.mark.usefixtures("handlers")
def test_a_run_that_is_killed_ten_times_ends_with_the_losses_of_one_that_nobody_ended(tmp_path: Path) -> None:
    """One to four steps after the last checkpoint, drawn anew each time; every third step is saved, so that kills lose work."""
    undisturbed = TrainingConfig(qra=write_set(tmp_path), out=tmp_path / "whole", batch_size=2, max_steps=34, save_every_steps=3)
    whole, settings = train(undisturbed), undisturbed.model_copy(update={"out": tmp_path / "out"})
    (tmp_path / "config.json").write_text(settings.model_dump_json())
    draw, lost = random.Random(0), 0
    for _ in range(10):
        saved = max([0, *(int(path.name.removeprefix("checkpoint-")) for path in settings.folder.states.glob("checkpoint-*"))])
        lost += len(read_metrics(settings.folder.metrics)) - saved
        after = saved + draw.randint(1, 4)
        assert exit_code(start(run_command_and_signal, tmp_path / "config.json", signal.SIGKILL, after)) == -signal.SIGKILL
    assert exit_code(start(run_command_and_signal, tmp_path / "config.json", signal.SIGKILL, 35)) == 0
    found, expected = (
        [(row["step"], row["loss"], row["gradient_norm"]) for row in read_metrics(path)]
        for path in (settings.folder.metrics, whole.metrics)
    )
    assert found == expected and len(found) == 34 and lost >= 10
    assert file_sha256(settings.folder.release / "model.safetensors") == file_sha256(whole.checkpoint / "model.safetensors")


class TestExitCodes:
    def test_0_when_done(self, settings: TrainingConfig, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(settings.model_dump_json())
        assert main([str(tmp_path / "config.json")]) == 0
        assert (settings.out / "checkpoint" / "model.safetensors").is_file()

    def test_0_when_done_before_without_torch(self, settings: TrainingConfig, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(settings.model_dump_json())
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
            ("{", "cannot be read"),
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
        assert "usage: python -m trainer CONFIG" in said
        assert "No such file" in said


@pytest.mark.parametrize("module", ["trainer", "trainer.fit", "trainer.tiny"])
def test_without_torch_an_import_says_what_to_install(module: str) -> None:
    code = f"import sys; sys.modules['torch'] = None\nimport {module}"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith('training needs torch, which is not installed here: pip install "stepgraph[train]"')
