"""What the page shows, read from a snapshot: everything is aggregated in SQL, so memory does not grow with tracks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from apex_core.catalog import Connection, open_snapshot, sql
from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.page import rows

DAYS = 28
TOP = 10
LEAST_COUNT = 10
MODELS = 30
COHORTS = 12
REASONS = 30

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PageData:
    """All of the page's figures. Lists are empty where there is nothing to show."""

    stamp: str
    as_of: datetime
    duckdb: str
    platforms: list[str]
    totals: rows.Totals
    runs: list[rows.ScoreRun]
    changes: rows.Changes
    night: list[rows.Stat]
    checks: list[rows.Check]
    coverage: list[rows.Covered]
    counts: list[rows.Bin]
    scores: list[rows.Bin]
    quantiles: list[rows.Quantiles]
    agreement: list[rows.Cell]
    agreement_rank: list[rows.Agreement]
    moves: list[rows.Bin]
    cohorts: list[rows.CohortMoves]
    gained: list[rows.Gained]
    rises: list[rows.Mover]
    falls: list[rows.Mover]
    above: list[rows.Residual]
    below: list[rows.Residual]
    rejects: list[rows.Rejects]
    rejects_daily: list[rows.Daily]
    models: list[rows.Model]
    metrics: list[rows.Metric]
    targets: list[rows.Target]
    best: list[rows.Residual]
    worst: list[rows.Residual]
    calibration: list[rows.Decile]
    encoder: rows.Encoder | None

    @property
    def previous(self) -> rows.ScoreRun | None:
        """The score run before the current one."""
        return self.runs[1] if len(self.runs) > 1 else None


def read(snapshot: Snapshot) -> PageData:
    """Read the figures of a snapshot."""
    with open_snapshot(snapshot) as connection:
        for step in ("create_scored", "create_measured", "create_predicted"):
            connection.execute(sql(f"page/{step}"))
        return _read(connection, snapshot)


def _read(connection: Connection, snapshot: Snapshot) -> PageData:
    def listed(name: str, row: type[Row], **bound: object) -> list[Row]:
        found: list[tuple[Any, ...]] = connection.execute(sql(name), bound or None).fetchall()
        return [row(*values) for values in found]

    runs = listed("page/runs", rows.ScoreRun)
    before = runs[1].as_of if len(runs) > 1 else None
    weeks = snapshot.as_of - timedelta(days=DAYS)
    night = listed("page/night", rows.Stat)
    return PageData(
        stamp=snapshot.stamp,
        as_of=snapshot.as_of,
        duckdb=snapshot.duckdb,
        platforms=[name for (name,) in connection.execute(sql("page/platforms")).fetchall()],
        totals=listed("page/totals", rows.Totals)[0],
        runs=runs,
        changes=listed("page/changes", rows.Changes, since=before)[0],
        night=night,
        checks=_checks(connection, night),
        coverage=listed("report/coverage", rows.Covered),
        counts=listed("page/counts", rows.Bin),
        scores=listed("page/scores", rows.Bin),
        quantiles=listed("page/quantiles", rows.Quantiles),
        agreement=listed("page/agreement", rows.Cell),
        agreement_rank=listed("page/agreement_rank", rows.Agreement),
        moves=listed("page/moves", rows.Bin),
        cohorts=listed("page/cohorts", rows.CohortMoves, most=COHORTS) if before else [],
        gained=listed("page/gained", rows.Gained, since=weeks),
        rises=listed("page/movers", rows.Mover, sign=1, most=TOP, least=LEAST_COUNT),
        falls=listed("page/movers", rows.Mover, sign=-1, most=TOP, least=LEAST_COUNT),
        above=listed("page/residuals", rows.Residual, sign=1, most=TOP),
        below=listed("page/residuals", rows.Residual, sign=-1, most=TOP),
        rejects=listed("page/rejects", rows.Rejects, since=before, most=REASONS),
        rejects_daily=listed("page/rejects_daily", rows.Daily, since=weeks),
        models=listed("page/models", rows.Model, most=MODELS),
        metrics=listed("page/metrics", rows.Metric),
        targets=listed("page/champion", rows.Target),
        best=listed("page/ends", rows.Residual, sign=1, most=TOP),
        worst=listed("page/ends", rows.Residual, sign=-1, most=TOP),
        calibration=listed("page/calibration", rows.Decile),
        encoder=next(iter(listed("page/encoder", rows.Encoder)), None),
    )


def _checks(connection: Connection, night: list[rows.Stat]) -> list[rows.Check]:
    """What the newest run's checks found; nothing where the snapshot does not say."""
    has_checks = connection.execute(sql("page/has_checks")).fetchall()[0][0]
    if not night or not has_checks:
        return []
    found = connection.execute(sql("page/checks"), {"run_id": night[0].run_id}).fetchall()
    return [rows.Check(*values) for values in found]
