"""``apex sql``: a query on the newest snapshot, read-only and hardened; never waits for a running pipeline."""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from apex_core.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from duckdb import Error as DuckDBError

_TABLE_ROWS = 100
_BATCH = 10_000
_READ_ONLY = "the snapshot is a copy for reading; --format csv > FILE takes a result elsewhere"
_LOOK = 'apex sql "SHOW TABLES" lists tables and views, "DESCRIBE scored_catalog" the columns of one'

Row = Sequence[Any]
Format = Literal["table", "csv", "json"]


def sql(
    query: Annotated[str | None, typer.Argument(help="The query; without it, --file or standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="From a file.")] = None,
    format: Annotated[Format, typer.Option(help="table for people; csv or json (an object a line) for programs.")] = (
        "table"
    ),
    limit: Annotated[
        int | None, typer.Option(min=0, help=f"Most rows; 0: all. [default: {_TABLE_ROWS} as a table, else all]")
    ] = None,
) -> None:
    """Query the scored catalog's newest snapshot with SQL (DuckDB)."""
    text = _text(query, file)
    from apex_core.catalog import latest_snapshot, open_snapshot
    from apex_core.settings import get_settings
    from flows.terminal import notice

    most = (_TABLE_ROWS if format == "table" else 0) if limit is None else limit
    snapshot = latest_snapshot(get_settings())
    started = time.perf_counter()
    with open_snapshot(snapshot, sealed=True) as connection:
        shown, cut = _answer(connection, text, format, most)
    seconds = time.perf_counter() - started
    more = f"; only the first {most} are shown, --limit 0 shows all" if cut else ""
    plural = "" if shown == 1 else "s"
    notice(f"{shown:,} row{plural} in {seconds:.2f} s from the snapshot of {snapshot.as_of:%Y-%m-%d %H:%M} UTC{more}")


def _text(query: str | None, file: Path | None) -> str:
    if query is not None and file is not None:
        raise typer.BadParameter("give a query or --file, not both")
    if query is None and file is None and sys.stdin.isatty():
        raise typer.BadParameter('give a query: apex sql "SELECT ...", -f FILE, or one on standard input')
    text = query if query is not None else file.read_text(encoding="utf-8") if file else sys.stdin.read()
    if not text.strip():
        raise typer.BadParameter("the query is empty")
    return text


def _answer(connection: "DuckDBPyConnection", text: str, format: Format, most: int) -> tuple[int, bool]:
    """Print the answer; how many rows were shown, and whether there are more."""
    import duckdb

    from apex_core.catalog import check_query

    try:
        check_query(connection, text)
        connection.execute(text)
        names = [str(column[0]) for column in connection.description or ()]
        rows = _rows(connection) if names else iter(())
        shown = _SHOW[format](names, islice(rows, most or None))
        return shown, next(rows, None) is not None
    except duckdb.Error as error:
        raise _refusal(error) from error


def _rows(connection: "DuckDBPyConnection") -> Iterator[Row]:
    while batch := connection.fetchmany(_BATCH):
        yield from batch


def _refusal(error: "DuckDBError") -> CatalogError:
    """What DuckDB would not do, in one message."""
    import duckdb

    text = str(error).strip()
    first = text.splitlines()[0].partition(": ")[2] or text
    if isinstance(error, duckdb.OutOfMemoryException):
        return CatalogError(f"The query needs more memory than there is: {first}", fix="ask for fewer rows or columns")
    if isinstance(error, duckdb.PermissionException) or "in-memory database in read-only" in first:
        what = "has no way to files, the network or extensions"
    elif "read-only mode" in first:
        what = "is read-only"
    elif "configuration has been locked" in first:
        what = "keeps its configuration"
    else:
        is_ours = isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException)
        return CatalogError(text, fix=_LOOK if is_ours else None)
    return CatalogError(f"Refused, since a snapshot {what}: {first}", fix=_READ_ONLY)


def _show_table(names: list[str], rows: Iterator[Row]) -> int:
    from flows.terminal import print_rows

    shown = list(rows)
    if names:
        print_rows(names, shown)
    return len(shown)


def _show_csv(names: list[str], rows: Iterator[Row]) -> int:
    writer, shown = csv.writer(sys.stdout, lineterminator="\n"), 0
    writer.writerow(names)
    for shown, row in enumerate(rows, start=1):  # noqa: B007  counted
        writer.writerow(row)
    return shown


def _show_json(names: list[str], rows: Iterator[Row]) -> int:
    shown = 0
    for shown, row in enumerate(rows, start=1):  # noqa: B007  counted
        sys.stdout.write(json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False) + "\n")
    return shown


_SHOW: dict[Format, Callable[[list[str], Iterator[Row]], int]] = {
    "table": _show_table,
    "csv": _show_csv,
    "json": _show_json,
}
