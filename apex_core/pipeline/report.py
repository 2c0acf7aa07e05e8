"""What a snapshot shows, as plain rows: for the command line, artifacts and the demo's closing page."""

from typing import Any

from duckdb import CatalogException

from apex_core.catalog import Connection, connect, latest_snapshot, open_snapshot, sql
from apex_core.errors import Locked
from apex_core.settings import Settings

Row = dict[str, Any]


def overview(settings: Settings) -> dict[str, list[Row]]:
    """The sections of the overview, each a list of rows by column name, from the newest snapshot.

    Raises NotFound when there is no snapshot yet.
    """
    sections = ("coverage", "totals", "rejects", "models", "metrics")
    with open_snapshot(latest_snapshot(settings)) as connection:
        found = {name: rows(connection, sql(f"report/{name}")) for name in sections}
        return found | {name: _if_kept(connection, name) for name in ("checks", "extraction", "labels")}


def _if_kept(connection: Connection, name: str) -> list[Row]:
    """A section that snapshots of earlier versions lack: no rows of those."""
    try:
        return rows(connection, sql(f"report/{name}"))
    except CatalogException:
        return []


def rows(connection: Connection, statement: str, bound: Row | None = None) -> list[Row]:
    """Run a query; a dictionary a row."""
    result = connection.execute(statement, bound or {})
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def last_runs(settings: Settings) -> tuple[list[Row], str | None]:
    """The last run of each flow, or, while somebody is at the live catalog, none and who that is.

    A snapshot cannot tell: it is taken in the middle of a run. Nobody is waited for.
    """
    if not settings.catalog_path.exists():
        return [], None
    try:
        with connect(settings.model_copy(update={"lock_timeout_s": 0.0}), "apex status") as connection:
            return rows(connection, sql("report/runs")), None
    except Locked as error:
        return [], error.message


def scored_tracks(settings: Settings) -> list[tuple[str, str, str, float, float]]:
    """Platform, track, split and both scores of every scored track of the newest snapshot."""
    with open_snapshot(latest_snapshot(settings)) as connection:
        return connection.execute(sql("report/scored_tracks")).fetchall()
