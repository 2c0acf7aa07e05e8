"""Two real processes over gloo: the first runs the stage, the other follows its word and ends with it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from apex_core.storage import Store
from tests.pipeline.frozen_sets import freeze


@pytest.mark.slow
def test_the_others_train_what_the_first_announces_and_are_dismissed(tmp_path: Path) -> None:
    name = freeze(Store.open(tmp_path / "store"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
              "APEX_HOME": str(tmp_path), "APEX_STORE": str(tmp_path / "store"),
              "APEX_TRAIN__EPOCHS": "99"}  # fmt: skip  # of no consequence: the announced settings count
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.together_child", name],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    assert [out for out, _ in said] == ["trained 3 epochs with seed 5\n", "followed 1\n"]
