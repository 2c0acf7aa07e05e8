"""Questions to the newest snapshot and their answers: in every format, up to a limit, within a time.

``apex sql``, its prompt and ``apex cookbook`` ask through here.
"""

import contextlib
import shutil
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apex_core.errors import CatalogError
from flows.commands.formats import WRITERS, Column, Format, Row, write_parquet
from flows.commands.patience import Patience

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from duckdb import Error as DuckDBError

    from apex_core.catalog.reader import Snapshot
    from apex_core.settings import Settings

TABLE_ROWS = 100
_BATCH = 10_000
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
_READ_ONLY = "the snapshot is a copy for reading; --output FILE takes a result elsewhere"
_LOOK = 'apex sql "SHOW TABLES" lists tables and views, "DESCRIBE scored_catalog" the columns of one'

FormatOption = Annotated[
    Format | None,
    typer.Option(
        help="table for people; csv, json (an object a line) or parquet for programs. "
        "[default: by the name of --output, else table]"
    ),
]
LimitOption = Annotated[
    int | None, typer.Option(min=0, help=f"Most rows; 0: all. [default: {TABLE_ROWS} as a table, else all]")
]
TimeoutOption = Annotated[
    float | None, typer.Option(min=0, help="Most seconds a query may take; 0: no end. [default: sql.timeout_s]")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write the answer to this file.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Let --output replace a file.")]


@dataclass(frozen=True, slots=True)
class Wish:
    """How an answer is wanted; None takes the default, a limit or timeout of 0 none at all."""

    format: Format | None = None
    limit: int | None = None
    timeout: float | None = None
    output: Path | None = None
    force: bool = False

    @property
    def form(self) -> Format:
        named = _SUFFIXES.get(self.output.suffix.lower()) if self.output else None
        return self.format or named or "table"

    @property
    def most(self) -> int:
        return (TABLE_ROWS if self.form == "table" else 0) if self.limit is None else self.limit


def answer(text: str, wish: Wish) -> None:
    """Answer the questions in ``text`` from the newest snapshot, with a notice beside each answer.

    Raises CatalogError for what is no question, for a query that DuckDB refuses, and for one that takes too long.
    """
    from apex_core.catalog import latest_snapshot
    from apex_core.settings import get_settings

    settings = get_settings()
    snapshot = latest_snapshot(settings)
    with opened(settings, snapshot) as connection:
        ask(connection, text, patient(settings, wish), f" from the snapshot of {snapshot.as_of:%Y-%m-%d %H:%M} UTC")


def opened(settings: "Settings", snapshot: "Snapshot") -> contextlib.AbstractContextManager["DuckDBPyConnection"]:
    """The snapshot for SQL that need not be trusted, within the settings' memory and threads."""
    from apex_core.catalog import open_snapshot

    return open_snapshot(snapshot, sealed=True, memory_limit=settings.sql.memory_limit, threads=settings.threads)


def patient(settings: "Settings", wish: Wish) -> Wish:
    """The wish with the settings' timeout, where it names none."""
    return wish if wish.timeout is not None else replace(wish, timeout=settings.sql.timeout_s)


def ask(connection: "DuckDBPyConnection", text: str, wish: Wish, whence: str = "") -> None:
    """Answer the questions in ``text``, none of them before all are known to be questions."""
    import duckdb

    from apex_core.catalog import check_query
    from flows.terminal import notice

    try:
        check_query(connection, text)
        questions = [statement.query for statement in connection.extract_statements(text)]
        if len(questions) > 1 and (wish.output or wish.form == "parquet"):
            raise CatalogError(f"{len(questions)} questions have as many answers.", fix="ask one at a time")
        with _destination(wish) as target:
            for question in questions:
                patience = Patience(connection, wish.timeout or 0)
                shown, cut = _answer(patience, question, wish, target)
                notice(_said(shown, cut, wish, patience.spent) + whence)
    except duckdb.Error as error:
        raise refusal(error) from error


def _said(shown: int, cut: bool, wish: Wish, seconds: float) -> str:
    more = f" (only the first {wish.most}; a limit of 0 shows all)" if cut else ""
    where = f" to {wish.output}" if wish.output else ""
    return f"{shown:,} row{'' if shown == 1 else 's'}{more}{where} in {seconds:.2f} s"


@contextlib.contextmanager
def _destination(wish: Wish) -> Generator[Path | None]:
    """Where the answer goes while the block lasts: printed, or a file that is in its place only when it is whole."""
    if wish.form == "parquet" and wish.output is None:
        with _piped() as spool:
            yield spool
    elif wish.output is None:
        yield None
    else:
        from apex_core.storage import whole_file

        with whole_file(wish.output, replace=wish.force) as part:
            if wish.form == "parquet":
                yield part
            else:
                with part.open("w", encoding="utf-8", newline="") as stream, contextlib.redirect_stdout(stream):
                    yield part


@contextlib.contextmanager
def _piped() -> Generator[Path]:
    """A file that is copied to standard output: Parquet ends with where its parts lie, and a pipe cannot say."""
    import tempfile

    if sys.stdout.isatty():
        raise CatalogError("Parquet is not for the terminal.", fix="give it a file: --output songs.parquet")
    with tempfile.TemporaryDirectory(prefix="apex-") as folder:
        yield (spool := Path(folder) / "answer")
        with spool.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _answer(patience: Patience, question: str, wish: Wish, target: Path | None) -> tuple[int, bool]:
    """Write one answer; how many rows were shown, and whether there are more."""
    if wish.form == "parquet" and target is not None:
        return _parquet(patience, question, wish.most, target)
    connection = patience.connection
    patience.step(lambda: connection.execute(question))
    columns: list[Column] = [(str(column[0]), str(column[1])) for column in connection.description or ()]
    rows = _rows(patience) if columns else iter(())
    shown = WRITERS[wish.form](columns, islice(rows, wish.most or None))
    return shown, next(rows, None) is not None


def _rows(patience: Patience) -> Iterator[Row]:
    while batch := patience.step(lambda: patience.connection.fetchmany(_BATCH)):
        yield from batch


def _parquet(patience: Patience, question: str, most: int, target: Path) -> tuple[int, bool]:
    relation = patience.step(lambda: patience.connection.sql(question))
    reader = patience.step(lambda: relation.to_arrow_reader(_BATCH))
    left, cut = most or sys.maxsize, False

    def batches() -> "Iterator[pa.RecordBatch]":
        nonlocal left, cut
        while (batch := patience.step(lambda: next(reader, None))) is not None:
            cut = batch.num_rows > left
            yield batch.slice(0, left)
            left -= min(left, batch.num_rows)
            if cut:
                return

    return write_parquet(reader.schema, batches(), target), cut


def refusal(error: "DuckDBError") -> CatalogError:
    """What DuckDB would not do, in one message."""
    import duckdb

    text = str(error).strip()
    first = text.splitlines()[0].partition(": ")[2] or text
    if isinstance(error, duckdb.OutOfMemoryException):
        return CatalogError(
            f"The query needs more memory than it may take: {first}",
            fix="ask for fewer rows or columns, or raise APEX_SQL__MEMORY_LIMIT",
        )
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
