"""A process that imports labels and can be killed at any of its statements, before and after its commit.

Started as ``python -m tests.pipeline.label_mortal``; reads one JSON job a line (home, files, run_id, last), forks a
child for each and answers with its status and how many moments it lived through. Forking saves the imports.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apex_core.pipeline.label as stage
from apex_core.catalog import transaction
from apex_core.pipeline.run import begin
from apex_core.settings import AestheticsSettings, Settings
from tests.sql.catalog_rows import AT

_SQL = stage.sql


class Fate:
    """Counts moments, and ends the process at the chosen one."""

    def __init__(self, last: int) -> None:
        self.count, self.last = 0, last

    def tick(self) -> None:
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def sql(self, name: str, **more: Any) -> str:
        self.tick()
        return _SQL(name, **more)

    @contextmanager
    def transaction(self, connection: Any) -> Generator[None]:
        with transaction(connection):
            yield
            self.tick()
        self.tick()


def settings_of(home: str, files: str) -> Settings:
    aesthetics = AestheticsSettings(files=(f"{files}/songeval*.json",), others={"experts": (f"{files}/experts.json",)})
    return Settings(home=Path(home), threads=1, aesthetics=aesthetics)


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                fate = Fate(job["last"])
                stage.sql, stage.transaction = fate.sql, fate.transaction
                stage.run_label(begin(settings_of(job["home"], job["files"]), "test", AT, job["run_id"]))
                os.write(writes, str(fate.count).encode())
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writes)
        _, status = os.waitpid(child, 0)
        count = int(os.read(reads, 9) or 0)
        os.close(reads)
        sys.stdout.write(json.dumps({"status": status, "moments": count}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
