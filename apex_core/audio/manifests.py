"""A library's own list of its files: CSV, JSONL or Parquet with platform, track_id, path and, if it likes, sha256."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from apex_core.errors import AudioError

COLUMNS = ("platform", "track_id", "path")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_BATCH_ROWS = 8192

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a manifest, counted from 1; ``path`` is relative to the library; ``sha256``: what it should be."""

    number: int
    platform: str
    track_id: str
    path: str
    sha256: str | None


def read_lines(manifest: Path, shown: str) -> Iterator[Line]:
    """Read ``manifest``, whose kind its name tells, line by line; ``shown`` is its address for messages.

    Raises AudioError naming the line that cannot be read.
    """
    number = 0
    try:
        for number, row in _READERS[Path(shown).suffix](manifest, shown):
            yield _line(shown, number, row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _fault(shown, number + 1, f"cannot be read ({error})", "save it as UTF-8 text") from error


def _csv_rows(manifest: Path, shown: str) -> Iterator[tuple[int, Row]]:
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            yield reader.line_num, cast(Row, row)


def _jsonl_rows(manifest: Path, shown: str) -> Iterator[tuple[int, Row]]:
    with manifest.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                yield number, _json_object(shown, number, text)


def _json_object(shown: str, number: int, text: str) -> Row:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise _fault(shown, number, "not JSON", "one JSON object a line") from error
    return cast(Row, row) if isinstance(row, dict) else {}


def _parquet_rows(manifest: Path, shown: str) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(manifest) as file:
            names = [name for name in (*COLUMNS, "sha256") if name in file.schema_arrow.names]
            number = 0
            for batch in file.iter_batches(_BATCH_ROWS, columns=names):
                for row in cast(list[dict[str, Any]], batch.to_pylist() if names else [{}] * batch.num_rows):
                    number += 1
                    yield number, row
    except pa.ArrowInvalid as error:
        raise AudioError(f"{shown} is not a Parquet file: {error}", fix="write it anew") from error


_READERS: dict[str, Callable[[Path, str], Iterator[tuple[int, Row]]]] = {
    ".csv": _csv_rows,
    ".jsonl": _jsonl_rows,
    ".parquet": _parquet_rows,
}
NAMES = tuple(f"manifest{suffix}" for suffix in _READERS)


def _line(shown: str, number: int, row: Row) -> Line:
    platform, track_id, path = (row.get(column) for column in COLUMNS)
    if not (isinstance(platform, str) and isinstance(track_id, str) and isinstance(path, str) and path):
        raise _fault(shown, number, f"needs text in {', '.join(COLUMNS)}", "correct that line")
    sha256 = row.get("sha256") or None
    if sha256 is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise _fault(shown, number, "sha256 is not 64 hexadecimal digits", "correct that line, or leave it empty")
    return Line(number, platform, track_id, path, sha256 and sha256.lower())


def _fault(shown: str, number: int, what: str, fix: str) -> AudioError:
    return AudioError(f"{shown}, line {number}: {what}.", fix=fix)
