"""What runs of this host have in hand: songs being encoded, tracks whose audio is being looked for.

Why it is shaped like this: a backfill and a nightly run beside one another, neither waits for the other, and both
would find the same work undone. So a run leaves alone what another one, that is at work, has planned. It is a file of
keys for each plan, beside a lock that its process holds: whoever dies lets go of it, however it dies, and nobody has to
clean up before the work is planned again. All who plan open the catalog, hence are on its host, and look at these files
only while they are inside; that is what keeps two from planning the same at once.
"""

import contextlib
import logging
import secrets
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from apex_core.catalog import Connection, sql
from apex_core.catalog.lock import hold, holder_of
from apex_core.pipeline.run import Run
from apex_core.settings import Settings

_log = logging.getLogger("apex_core.pipeline")

_TAKEN = "in_hand"


@dataclass(frozen=True, slots=True)
class InHand:
    """The plans of one run, under ``name``; others see them as long as the block of ``in_hand`` lasts."""

    run_id: str
    folder: Path
    name: str

    def path(self, what: str) -> Path:
        """Where the plan of ``what`` is to be written, a Parquet file with its keys; only inside the catalog's door."""
        return self.folder / f"{what}@{self.name}.parquet"

    def others(self, connection: Connection, what: str) -> list[Path]:
        """The plans of runs that are at work, and may write; those of dead ones are removed on the way."""
        alive = {row[0] for row in connection.execute(sql("run/at_work")).fetchall()}
        found: list[Path] = []
        for path in sorted(self.folder.glob(f"{what}@*.parquet")):
            holder = holder_of(_lock(self.folder, path.stem.rpartition("@")[2]))
            if path == self.path(what):
                continue
            if holder is None:
                path.unlink(missing_ok=True)
            elif holder in alive:
                _log.info("What %s has in hand is left to it.", holder)
                found.append(path)
        return found

    @contextlib.contextmanager
    def left_to_others(self, connection: Connection, what: str, keys: Sequence[str]) -> Generator[None]:
        """Let statements read the ``keys`` of what others have in hand from the view ``in_hand``."""
        paths = [str(path) for path in self.others(connection, what)]
        nothing = pa.table({key: pa.array([], pa.string()) for key in keys})
        # A data set is read as it is asked for: the plan of a million songs is no matter of memory.
        taken: Any = ds.dataset(paths, format="parquet") if paths else nothing
        connection.register(_TAKEN, taken)
        try:
            yield
        finally:
            connection.unregister(_TAKEN)


@contextlib.contextmanager
def in_hand(run: Run) -> Generator[InHand]:
    """What is planned inside the block is left to this run by all others, until the block or this process ends."""
    own = InHand(run.run_id, _folder(run.settings), secrets.token_hex(8))
    lock = _lock(own.folder, own.name)
    with hold(lock, run.run_id, timeout_s=0, what="A plan"):
        try:
            yield own
        finally:
            for path in (*own.folder.glob(f"*@{own.name}.parquet"), lock):
                path.unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    folder = settings.home / "in_hand"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lock(folder: Path, name: str) -> Path:
    return folder / f"{name}.lock"
