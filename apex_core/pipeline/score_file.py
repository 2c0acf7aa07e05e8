"""Scores as records, and a file of them: JSON lines, CSV or Parquet, whole under its name or not there."""

import csv
import json
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from apex_core.errors import SettingsError
from apex_core.pipeline.predictor import Scores
from apex_core.pipeline.song_lines import Record
from apex_core.storage import whole_file

FORMATS = (".jsonl", ".csv", ".parquet")
_ROWS_AT_ONCE = 1024


class ScoreFile(Protocol):
    """Takes records, one after the other."""

    def add(self, record: Record) -> None: ...


def own_keys(targets: Iterable[str], *, placed: bool) -> tuple[str, ...]:
    """The keys of an answer besides ``path``; ``placed``: with the percentiles that models with quantiles give."""
    scores = (name for target in targets for name in ((target, f"{target}_percentile") if placed else (target,)))
    return ("model", *scores, "error")


def record(version: str, scores: Scores, given: Record | None = None) -> Record:
    """An answer: what was ``given`` (its ``path`` as it was), the model, and the scores or the error."""
    named = {"path": str(scores.path)} if given is None else given
    if scores.values is None:
        return {**named, "model": version, "error": scores.error}
    placed = scores.percentiles or {}
    numbers = {t: {t: v, **({f"{t}_percentile": placed[t]} if placed else {})} for t, v in scores.values.items()}
    return {**named, "model": version, **{key: n for both in numbers.values() for key, n in both.items()}}


def as_line(record: Record) -> str:
    """A record as a line of JSON; a name that is no text is spelt in escapes."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return (text if _is_text(text) else json.dumps(record, allow_nan=False)) + "\n"


def check_format(path: Path) -> None:
    """Raise SettingsError for a file whose name says no format that scores can be written in."""
    if path.suffix.lower() not in FORMATS:
        raise SettingsError(f"{path}: scores are written as {', '.join(FORMATS)}.", fix="name a file that ends so")


@contextmanager
def score_file(path: Path, targets: Sequence[str], *, placed: bool, extra: bool, replace: bool) -> Generator[ScoreFile]:
    """Write records into ``path`` while the block lasts; its ending says how.

    A table has the columns path, those of ``own_keys`` and, with ``extra``, the other keys of records as JSON in
    ``input``. Raises as ``check_format`` and ``whole_file`` do.
    """
    check_format(path)
    names = ["path", *own_keys(targets, placed=placed), *(["input"] if extra else [])]
    with whole_file(path, replace=replace) as part:
        if path.suffix.lower() == ".parquet":
            with _ParquetScores(part, names) as file:
                yield file
        else:
            # A name that is no text has no place in a table of texts as it is.
            with part.open("w", encoding="utf-8", errors="replace", newline="") as file:
                yield _JsonLines(file) if path.suffix.lower() == ".jsonl" else _CsvScores(file, names)


class _JsonLines:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def add(self, record: Record) -> None:
        self._file.write(as_line(record))


class _CsvScores:
    def __init__(self, file: TextIO, names: Sequence[str]) -> None:
        self._names = names
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(names)

    def add(self, record: Record) -> None:
        row = _row(record, self._names)
        self._writer.writerow([row[name] for name in self._names])


class _ParquetScores:
    def __init__(self, path: Path, names: Sequence[str]) -> None:
        texts = {"path", "model", "error", "input"}
        self._schema = pa.schema([(name, pa.string() if name in texts else pa.float64()) for name in names])
        self._writer = cast(Any, pq).ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Record] = []

    def __enter__(self) -> "_ParquetScores":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, record: Record) -> None:
        row = _row(record, self._schema.names)
        self._rows.append({name: _text(value) if isinstance(value, str) else value for name, value in row.items()})
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()


def _row(record: Record, names: Sequence[str]) -> Record:
    """A record in columns; what has none is JSON in ``input``, and a path that is no text is none."""
    row = {name: record.get(name) for name in names}
    row["path"] = row["path"] if isinstance(row["path"], str) else None
    if "input" in row:
        others = {key: value for key, value in record.items() if key not in names or key == "input"}
        row["input"] = as_line(others).rstrip("\n") if others else None
    return row


def _text(value: str) -> str:
    return value if _is_text(value) else value.encode("utf-8", "replace").decode()


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
