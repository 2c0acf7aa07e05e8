"""Stored score runs as readers see them: those of the newest snapshot, with what the store has of the older ones."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from apex_core.catalog import Connection, latest_snapshot, open_snapshot, sql
from apex_core.engagement import COUNTS, Replayed, load_run, place, replay
from apex_core.errors import CatalogError, NotFound
from apex_core.pipeline.report import Row
from apex_core.settings import ScoreSettings, Settings
from apex_core.storage import Store, read_manifest
from apex_core.storage.manifest import NAME


@dataclass(frozen=True, slots=True)
class ScoreRun:
    """A score run: its definition as stored, and whether its rows lie in the snapshot or in the store."""

    score_run_id: str
    as_of: datetime
    tracks: int
    cohorts: int
    here: bool
    definition: dict[str, Any]

    @property
    def settings(self) -> ScoreSettings:
        """The definition. Runs of earlier versions lack what did not exist then: its defaults changed nothing."""
        return ScoreSettings.model_validate(self.definition)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs compared: totals, rows by cohort and measure, the furthest movers, settings before and after."""

    before: ScoreRun
    after: ScoreRun
    totals: Row
    cohorts: list[Row]
    movers: list[Row]
    definition: dict[str, tuple[object, object]]


@contextmanager
def reading(settings: Settings) -> Generator[tuple[Connection, Store]]:
    """The newest snapshot and the store. Raises NotFound before the first snapshot."""
    store = Store.open(settings.store_url)
    with open_snapshot(latest_snapshot(settings)) as connection:
        yield connection, store


def list_runs(connection: Connection, store: Store) -> list[ScoreRun]:
    """Every score run, newest first."""
    known: list[tuple[str, datetime, int, int, bool, str]] = connection.execute(sql("score/runs")).fetchall()
    found = [ScoreRun(*row[:5], json.loads(row[5])) for row in known]
    return [run if run.here else _with_cohorts(store, run) for run in found]


def find_run(runs: Sequence[ScoreRun], name: str | None, place: int = 0) -> ScoreRun:
    """The run of this id, or of the only id that begins so; without a name the newest but ``place``.

    Raises NotFound.
    """
    if name is None:
        if len(runs) <= place:
            raise NotFound(f"There are {len(runs)} score runs.", fix="apex nightly makes one when counts changed")
        return runs[place]
    matching = [run for run in runs if run.score_run_id.startswith(name)]
    if len(matching) != 1:
        what = "no score run" if not matching else f"{len(matching)} score runs"
        raise NotFound(f"There is {what} whose id begins with {name!r}.", fix="apex scores list shows them")
    return matching[0]


def describe_run(connection: Connection, store: Store, run: ScoreRun) -> tuple[list[Row], list[Row]]:
    """A run's cohorts, and quantiles of its CDFs."""
    load_run(connection, store, run.score_run_id)
    return _rows(connection, "score/cohort_rows"), _rows(connection, "score/quantiles")


def replay_run(connection: Connection, store: Store, run: ScoreRun) -> list[Replayed]:
    """Work a stored run out again; every ``differ`` is 0 when it comes out as it was, to the bit.

    Raises CatalogError when tracks of it were forgotten since: what is left is not what it was made from.
    """
    load_run(connection, store, run.score_run_id)
    found = replay(connection, run.settings)
    kept = connection.execute(sql("score/count_rows", table="run_scores")).fetchall()[0][0]
    if kept < run.tracks:
        raise CatalogError(
            f"Of the {run.tracks:,} tracks of score run {run.score_run_id} {run.tracks - kept:,} were forgotten since: "
            "it cannot be worked out again.",
            fix="the next night's run is without them, and whole",
        )
    return found


def compare_runs(connection: Connection, store: Store, before: ScoreRun, after: ScoreRun, most: int) -> Difference:
    """What changed from one run to another; ``most``: how many movers at most."""
    for prefix, run in (("before", before), ("after", after)):
        load_run(connection, store, run.score_run_id, prefix)
    return Difference(
        before,
        after,
        _rows(connection, "score/diff_totals")[0],
        _rows(connection, "score/diff_cohorts"),
        _rows(connection, "score/diff_movers", {"most": most}),
        _changed(before.settings, after.settings),
    )


def place_counts(connection: Connection, store: Store, run: ScoreRun, counts: Sequence[Row]) -> list[Row]:
    """Where counts from outside stand among those of a run; a count has the columns of ``COUNTS``."""
    load_run(connection, store, run.score_run_id)
    rows = [{name: row.get(name) for name in COUNTS.names} for row in counts]
    try:
        table = pa.Table.from_pylist(rows, schema=COUNTS)
    except (OverflowError, pa.ArrowInvalid) as error:
        raise CatalogError("A count of 2^63 or more has no place.", fix="give those the platform shows") from error
    return place(connection, run.settings, table).to_pylist()


def _rows(connection: Connection, statement: str, bound: dict[str, object] | None = None) -> list[Row]:
    return connection.sql(sql(statement), params=bound or {}).to_arrow_table().to_pylist()


def _with_cohorts(store: Store, run: ScoreRun) -> ScoreRun:
    prefix = f"score_runs/{run.score_run_id}"
    if run.cohorts or not store.exists(f"{prefix}/{NAME}"):
        return run
    cohorts = read_manifest(store, prefix).files["cohorts.parquet"].rows or 0
    return ScoreRun(run.score_run_id, run.as_of, run.tracks, cohorts // 2, run.here, run.definition)


def _changed(before: ScoreSettings, after: ScoreSettings) -> dict[str, tuple[object, object]]:
    one, other = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}
