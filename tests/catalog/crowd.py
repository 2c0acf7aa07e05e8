"""Readers in processes of their own, who query in a loop until they are told to stop, and hold every answer against
what must be so in a catalog of one night (see ``publisher``).

``python -m tests.catalog.crowd HOME STORE FOLDER READERS``: forks the readers, so that only one process pays for the
imports; each writes ``FOLDER/<n>.json`` when it has found ``FOLDER/stop``.
"""

import json
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import s3fs  # noqa: F401  before forking  # pyright: ignore[reportUnusedImport]

from apex_core.catalog import latest_snapshot, open_latest, open_snapshot
from apex_core.catalog.reader import latest_stamp
from apex_core.settings import Settings
from apex_core.storage import Store
from tests.catalog.publisher import KEPT, NIGHT, SHARD, STEP, TRACKS, settings_for

Connection = duckdb.DuckDBPyConnection
_COUNTS = "SELECT count(*), count(DISTINCT plays), count(DISTINCT likes), any_value(plays), max(as_of) FROM {views}"
_VECTORS = """
    SELECT count(*), count(*) FILTER (v.sha256 IS NULL OR m.sha256 IS NULL)
    FROM (SELECT sha256 FROM embedding WHERE state = 'embedded') AS m FULL JOIN vectors.song_vector AS v USING (sha256)
"""


def hardened(settings: Settings) -> Iterator[None]:
    """As ``apex sql`` and the reports do."""
    while True:
        for sealed in (True, False):
            snapshot = latest_snapshot(settings)
            with open_snapshot(snapshot, sealed) as connection:
                assert check(connection) == snapshot.as_of
                assert check_vectors(connection)
            yield


def notebook(settings: Settings) -> Iterator[None]:
    """As the README tells people with a notebook."""
    while True:
        with open_latest(settings.store_url) as connection:
            check(connection)
            assert check_vectors(connection)
        yield


def plain(settings: Settings) -> Iterator[None]:
    """Without apex: the path was looked up a while ago, and is then opened with nothing but DuckDB."""
    while True:
        snapshot = latest_snapshot(settings)
        time.sleep(0.2)
        with duckdb.connect(str(snapshot.folder / "catalog.duckdb"), read_only=True) as connection:
            assert check(connection) == snapshot.as_of
        yield


def parquet(settings: Settings) -> Iterator[None]:
    """The Parquet files where they lie."""
    while True:
        with open_latest(settings.store_url, parquet=True) as connection:
            check(connection)
        yield


def faithful(settings: Settings) -> Iterator[None]:
    """Keeps the first snapshot open, long after it was collected."""
    snapshot = latest_snapshot(settings)
    with open_snapshot(snapshot) as connection:
        while True:
            assert check(connection) == snapshot.as_of
            assert check_vectors(connection)
            yield


# Between two looks, on average: twenty readers without a rest take the CPU that the writer and other tests want.
PAUSE_S = 1.0
KINDS: tuple[Callable[[Settings], Iterator[None]], ...] = (hardened, notebook, plain, parquet, faithful)


def check(connection: Connection) -> object:
    """All of one night; its moment."""
    found = connection.execute(_COUNTS.format(views="scored_catalog")).fetchone()
    assert found is not None
    tracks, plays, likes, count, as_of = found
    assert (tracks, plays, likes) == (TRACKS, 1, 1)
    assert count % STEP == 0
    SEEN.add(count // STEP)
    return as_of


def check_vectors(connection: Connection) -> bool:
    (count,) = connection.execute("SELECT any_value(plays) FROM scored_catalog").fetchone() or (0,)
    return connection.execute(_VECTORS).fetchall() == [(SHARD * count // STEP, 0)]


SEEN: set[int] = set()


def read(settings: Settings, folder: Path, number: int) -> None:
    os.nice(15)  # twenty that never pause would leave the writer no time on a small machine
    kind = KINDS[number % len(KINDS)]
    reads, late, fault = 0, 0, ""
    try:
        store, reading = Store.open(settings.store_url), kind(settings)
        while not reads or not (folder / "stop").exists():
            newest = latest_stamp(store)
            try:
                next(reading)
                reads += 1
                time.sleep(random.uniform(0, 2 * PAUSE_S))
            except Exception:
                if not went_by_age(store, str(newest)):
                    raise
                reading, late = kind(settings), late + 1
    except BaseException:
        fault = traceback.format_exc()
    told = {"kind": kind.__name__, "reads": reads, "late": late, "nights": sorted(SEEN), "fault": fault}
    (folder / f"{number}.json").write_text(json.dumps(told))


def went_by_age(store: Store, stamp: str) -> bool:
    """May this snapshot be gone? Nights pass in seconds here, so a reader who waits for the CPU can be days too late.

    It was replaced a night after it was made, and is kept for a day from then.
    """
    made, now = (datetime.strptime(text[:16], "%Y%m%dT%H%M%S%z") for text in (stamp, str(latest_stamp(store))))
    return now - made > NIGHT + KEPT


@contextmanager
def forked(number: int) -> Generator[bool]:
    """True in the child, which ends with the block."""
    child = os.fork()
    yield child == 0
    if child == 0:
        os._exit(0)


def main(home: str, store: str, folder: str, readers: str) -> None:
    settings = settings_for(Path(home), store).model_copy(update={"threads": 1})
    os.environ["APEX_HOME"] = home  # what open_latest finds its cache by
    for number in range(int(readers)):
        with forked(number) as is_child:
            if is_child:
                read(settings, Path(folder), number)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
