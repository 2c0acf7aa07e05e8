"""What a snapshot shows, as plain rows: for the command line, artifacts and the demo's closing page."""

from typing import Any

from apex_core.catalog import Connection, latest_snapshot, open_snapshot, sql
from apex_core.settings import Settings

Row = dict[str, Any]


def overview(settings: Settings) -> dict[str, list[Row]]:
    """The sections of the overview, each a list of rows by column name, from the newest snapshot.

    Raises NotFound when there is no snapshot yet.
    """
    sections = ("coverage", "totals", "rejects", "models", "metrics")
    with open_snapshot(latest_snapshot(settings)) as connection:
        return {name: rows(connection, sql(f"report/{name}")) for name in sections}


def rows(connection: Connection, statement: str, bound: Row | None = None) -> list[Row]:
    """Run a query; a dictionary a row."""
    result = connection.execute(statement, bound or {})
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def scored_tracks(settings: Settings) -> list[tuple[str, str, str, float, float]]:
    """Platform, track, split and both scores of every scored track of the newest snapshot."""
    with open_snapshot(latest_snapshot(settings)) as connection:
        return connection.execute(sql("report/scored_tracks")).fetchall()
