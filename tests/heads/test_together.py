"""Two real processes over gloo train one model: as one process would, with equal weights, and never alone."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from apex_core.heads.together import ALONE, Together
from tests.heads.trainer import trained

pytestmark = pytest.mark.slow


def start(folder: Path, epochs: int, count: int = 2) -> list[subprocess.Popen[str]]:
    """Processes in the environment that torchrun gives them; torchrun itself would end the others when one fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.heads.trainer", str(folder), str(epochs)],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    processes = start(tmp_path, epochs=4)
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    for name in ("plain", "dropout"):
        first, second = (load_file(tmp_path / f"{name}-{rank}.safetensors") for rank in (0, 1))
        assert all(torch.equal(first[key], second[key]) for key in first), name
    losses, weights = trained(ALONE, epochs=4, dropout=False, batch_size=40)
    together = load_file(tmp_path / "plain-0.safetensors")
    assert together["losses"].tolist() == pytest.approx(losses, rel=1e-5)
    for key, tensor in weights.items():
        torch.testing.assert_close(together[key], tensor, rtol=1e-3, atol=2e-5, msg=key)
    # With dropout each draws masks of its own, so that is another training, no worse than rounding makes it.
    assert load_file(tmp_path / "dropout-0.safetensors")["losses"].isfinite().all()


def test_when_one_is_killed_the_other_ends_with_an_error(tmp_path: Path) -> None:
    first, second = start(tmp_path, epochs=100_000)
    assert second.stdout is not None
    assert second.stdout.readline() == "epoch 0\n"
    second.send_signal(signal.SIGKILL)
    try:
        _, errors = first.communicate(timeout=120)
    finally:
        first.kill()
        second.communicate()
    assert first.returncode == 1
    assert "have lost one another" in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [2, 5, 64])
def test_parts_are_every_row_once(count: int, rows: int) -> None:
    index = torch.arange(rows)
    parts = [index[Together(rank, count).part(index)] for rank in range(count)]
    assert torch.equal(torch.cat(parts), index)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
