"""``kill -9`` of the metadata stage at random moments, then a rerun: the catalog of an undisturbed one."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apex_core.sandbox import SandboxServer, World
from tests.bench.records import write_suno
from tests.pipeline.conftest import start_mortal
from tests.pipeline.ingest_mortal import settings_of
from tests.pipeline.nights import prints

pytestmark = pytest.mark.slow

TIMES = 20
FILES = 70  # more than one unit of work
RECORDS = 60


@dataclass
class Mortal:
    """The process whose stages can be killed, every time in a home of its own."""

    process: subprocess.Popen[str]
    server: SandboxServer
    folder: Path

    def job(self, home: str, run_id: str, killed_after: float | None = None) -> dict[str, Any]:
        places = {"home": str(self.folder / home), "dumps": str(self.folder / "dumps"), "address": self.server.address}
        return {**places, "token": self.server.token, "run_id": run_id, "killed_after": killed_after}

    def run(self, home: str, run_id: str, killed_after: float | None = None) -> int:
        """The stage's exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(self.job(home, run_id, killed_after)) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def mortal(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    folder = tmp_path_factory.mktemp("mortal")
    (folder / "dumps").mkdir()
    for number in range(FILES):
        write_suno(
            folder / "dumps" / f"{number:03d}.jsonl", RECORDS, seed=number % 60, dirty=0.2, changed=number / FILES
        )
    with (
        SandboxServer(world, faults=False) as server,
        start_mortal("ingest_mortal") as process,
    ):
        yield Mortal(process, server, folder)


def test_a_killed_ingest_run_again_leaves_what_an_undisturbed_one_leaves(mortal: Mortal) -> None:
    began = time.monotonic()
    assert mortal.run("undisturbed", "n1") == 0
    took = time.monotonic() - began
    wanted = prints(settings_of(mortal.job("undisturbed", "")))
    moments, killed = random.Random(8), 0
    for number in range(TIMES):
        home, moment = f"killed-{number}", moments.uniform(0, took)
        killed += mortal.run(home, "n1", moment) == signal.SIGKILL
        assert mortal.run(home, "n2") == 0
        assert prints(settings_of(mortal.job(home, ""))) == wanted, f"killed after {moment:.3f} s of {took:.3f} s"
    assert killed > TIMES // 2, "too few were killed before their end"
