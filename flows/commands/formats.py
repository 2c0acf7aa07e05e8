"""An answer's rows as a table, as CSV, as JSON lines or as Parquet."""

import csv
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from apex_core.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

Row = Sequence[Any]
Format = Literal["table", "csv", "json", "parquet"]
Column = tuple[str, str]  # name, type


def write_table(columns: list[Column], rows: Iterator[Row]) -> int:
    """Print the rows for people; how many there were."""
    from flows.terminal import print_rows

    shown = list(rows)
    if columns:
        print_rows([name for name, _ in columns], shown)
    return len(shown)


def write_csv(columns: list[Column], rows: Iterator[Row]) -> int:
    """Print the rows as CSV under a head; null is empty, a list or a struct is JSON. How many there were."""
    writer, shown = csv.writer(sys.stdout, lineterminator="\n"), 0
    writer.writerow([name for name, _ in columns])
    for shown, row in enumerate(rows, start=1):  # noqa: B007  counted
        writer.writerow([_csv_value(value) for value in row])
    return shown


def write_json(columns: list[Column], rows: Iterator[Row]) -> int:
    """Print an object a line; how many there were."""
    shown, names, kinds = 0, _told_apart([name for name, _ in columns]), [kind for _, kind in columns]
    for shown, row in enumerate(rows, start=1):  # noqa: B007  counted
        values = map(_embedded, row, kinds)
        sys.stdout.write(_json(dict(zip(names, values, strict=True))) + "\n")
    return shown


def _told_apart(names: list[str]) -> list[str]:
    """The names, a repeated one with a number that none has: an object would keep only the last of its values."""
    taken, given = set(names), list[str]()
    for name in names:
        fresh = name
        if name in given:
            fresh = next(other for n in count(1) if (other := f"{name}_{n}") not in taken)
            taken.add(fresh)
        given.append(fresh)
    return given


def write_parquet(schema: "pa.Schema", batches: Iterable["pa.RecordBatch"], path: "Path") -> int:
    """Write batches with the types of the query into ``path``, one at a time; how many rows there were.

    Raises CatalogError for a type that Parquet has no word for.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    shown = 0
    try:
        writer = ParquetWriter(path, schema, compression="zstd")
    except pa.ArrowNotImplementedError as error:
        raise CatalogError(
            f"Parquet cannot hold a column of this answer: {error}", fix="cast it in the query: column::VARCHAR"
        ) from error
    with writer:
        for batch in batches:
            writer.write_batch(batch)
            shown += batch.num_rows
    return shown


WRITERS: dict[Format, Callable[[list[Column], Iterator[Row]], int]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
}


def _csv_value(value: Any) -> Any:  # noqa: ANN401  any value of SQL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | dict):
        return _json(_plain(value))
    return str(plain) if isinstance(plain := _plain(value), str) else value


def _embedded(value: Any, kind: str) -> Any:  # noqa: ANN401  any value of SQL
    """JSON inside JSON is no text to be read twice."""
    return _plain(json.loads(value) if kind == "JSON" and value is not None else value)


def _plain(value: Any) -> Any:  # noqa: ANN401  any value of SQL
    """What JSON has a word for. It has none for NaN and infinity (null), and decimals are the doubles next to them."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date | time):  # a datetime is a date; with its zone where it has one
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return str(value)


def _json(value: Any) -> str:  # noqa: ANN401  any value of SQL
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
