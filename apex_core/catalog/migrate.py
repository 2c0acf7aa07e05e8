"""Schema migrations from ``sql/migrations`` and the public views from ``sql/views``."""

import hashlib
from functools import cache
from pathlib import Path

import duckdb

from apex_core.catalog.statements import sql, sql_root
from apex_core.errors import MigrationError


@cache
def _folder(name: str) -> tuple[tuple[str, str], ...]:
    """Name and text of every file of a folder under sql/, in order."""
    return tuple((path.stem, path.read_text("utf-8")) for path in sorted(Path(sql_root() / name).glob("*.sql")))


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring the schema up to date; a no-op costs one small query.

    Raises MigrationError when an applied migration was changed or is unknown to this code.
    """
    connection.execute(sql("catalog/create_schema_version"))
    for name, text in _due(connection):
        _apply(connection, name, text, _hash(text))


def upgrade_to(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The last migration that ``migrate`` is about to apply; None when there is none, and for a new catalog."""
    connection.execute(sql("catalog/create_schema_version"))
    due = [name for name, _ in _due(connection) if name != "views"]
    is_new = not connection.execute(sql("catalog/read_schema_version")).fetchall()
    return None if is_new or not due else due[-1]


def require_current(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise MigrationError when ``migrate`` would change anything, or could not."""
    if due := [name for name, _ in _due(connection)]:
        raise MigrationError(
            f"The catalog is of an earlier version of apex: {', '.join(due)} would have to be applied to read it.",
            fix="apex check brings it up to date, as the next nightly does; then try again",
        )


def _due(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Name and text of what is to be applied, in order."""
    applied = dict(connection.execute(sql("catalog/read_schema_version")).fetchall())
    known = dict(_folder("migrations"))
    for name, digest in applied.items():
        if name != "views" and (name not in known or _hash(known[name]) != digest):
            raise MigrationError(
                f"The catalog has migration {name!r}, which this version of apex does not have in that form.",
                fix="upgrade apex, or go back to the catalog from before (deploy/operations.md, Upgrade)",
            )
    due = [(name, text) for name, text in known.items() if name not in applied]
    views = "\n".join(text for _, text in _folder("views"))
    return due if applied.get("views") == _hash(views) else [*due, ("views", views)]


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """(Re)create the public views over whatever tables the connection's database has."""
    for _, text in _folder("views"):
        connection.execute(text)


def _apply(connection: duckdb.DuckDBPyConnection, name: str, text: str, digest: str) -> None:
    connection.begin()
    try:
        connection.execute(text)
        connection.execute(sql("catalog/delete_schema_version"), {"name": name})
        connection.execute(sql("catalog/insert_schema_version"), {"name": name, "sha256": digest})
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
