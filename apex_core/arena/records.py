"""Foreign tables as records: JSON, JSON lines, CSV, TSV or Parquet, told apart by name and content."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl

from apex_core.errors import SourceError

Record = dict[str, Any] | str
"""A record by column, or the reason why there is none in its place."""

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read_records(path: Path) -> list[Record]:
    """Every record of a file, in order; a line that cannot be read keeps its place, with its reason.

    Raises SourceError for a file that is none of the formats, or holds nothing.
    """
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", fix="name a JSON, JSON lines, CSV or Parquet file")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        found = _parquet(path)
    elif suffix in _SEPARATORS:
        found = _csv(path, _SEPARATORS[suffix])
    else:
        found = list(_json(path))
    if not found:
        raise SourceError(f"{path} holds no record.", fix="name a file with at least one")
    return found


def _parquet(path: Path) -> list[Record]:
    try:
        lazy = pl.scan_parquet(path)
        # The hub's parts carry each recording as bytes and name; only the name is a fact of the battle.
        heard = [name for name, kind in lazy.collect_schema().items() if isinstance(kind, pl.Struct)]
        kept = [name for name in heard if _has_path(lazy, name)]
        names = [pl.col(name).struct.field("path").alias(name) for name in kept]
        return [*lazy.with_columns(names).drop([name for name in heard if name not in kept]).collect().to_dicts()]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(f"{path} is not Parquet: {_first_line(error)}", fix="fetch or write it again") from error


def _has_path(lazy: pl.LazyFrame, name: str) -> bool:
    kind = lazy.collect_schema()[name]
    return isinstance(kind, pl.Struct) and any(field.name == "path" for field in kind.fields)


def _csv(path: Path, separator: str) -> list[Record]:
    try:
        # As text: what looks like a number may be a name, and what must be one is checked where it is used.
        return [*pl.read_csv(path, separator=separator, infer_schema=False).to_dicts()]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(f"{path} cannot be read as a table: {_first_line(error)}", fix="write it again") from error


def _json(path: Path) -> Iterator[Record]:
    try:
        text = path.read_text("utf-8-sig").strip()
    except (UnicodeDecodeError, OSError) as error:
        raise SourceError(f"{path} is no text: {error}.", fix="name a JSON, JSON lines, CSV or Parquet file") from error
    try:
        whole = json.loads(text) if text else []
    except ValueError as error:
        if not text.startswith("{"):
            raise SourceError(
                f"{path} is neither JSON nor JSON lines: {error}.", fix="tables are known by .csv, .tsv or .parquet"
            ) from error
        # Not splitlines: a prompt may hold a line separator of Unicode's, which JSON does not escape.
        yield from (_line(line) for line in text.split("\n") if line.strip())
        return
    yield from (_object(item) for item in (cast(list[object], whole) if isinstance(whole, list) else [whole]))


def _line(line: str) -> Record:
    try:
        return _object(json.loads(line))
    except ValueError:
        return "not_json"


def _object(item: object) -> Record:
    return cast(dict[str, Any], item) if isinstance(item, dict) else "not_an_object"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
