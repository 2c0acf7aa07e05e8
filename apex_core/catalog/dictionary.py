"""The column dictionary as Markdown, from the comments in the database: ``python -m apex_core.catalog.dictionary``."""

import sys
from itertools import groupby

import duckdb

from apex_core.catalog.migrate import migrate
from apex_core.catalog.statements import sql

_HEAD = """# The public views

Generated from the comments in the database by `python -m apex_core.catalog.dictionary > sql/views/README.md`; the same,
in a snapshot: `apex sql "FROM column_dictionary WHERE view_name = 'scored_catalog'"`.

Times are UTC. A null means that something is not known or not there yet, never zero.
"""


def dictionary() -> str:
    """One section a public view, one line a column, of a catalog as this version makes it."""
    with duckdb.connect() as connection:
        connection.execute(sql("catalog/set_utc"))
        migrate(connection)
        columns = connection.execute(sql("catalog/dictionary")).fetchall()
    sections = [_section(view, list(rows)) for view, rows in groupby(columns, key=lambda row: row[0])]
    return "\n".join([_HEAD, *sections])


def _section(view: str, columns: list[tuple[str, ...]]) -> str:
    lines = [f"| `{name}` | {_cell(kind)} | {_cell(meaning)} |" for _, _, name, kind, meaning in columns]
    return "\n".join([f"## {view}", "", columns[0][1], "", "| column | type | meaning |", "|---|---|---|", *lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")


if __name__ == "__main__":
    sys.stdout.write(dictionary())
