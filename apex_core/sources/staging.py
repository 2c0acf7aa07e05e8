"""Files into the staging tables: pages as received, lines of dumps, tables. All of it is SQL."""

import contextlib
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import duckdb

from apex_core.catalog import Connection, sql
from apex_core.errors import SourceError
from apex_core.settings import Platform
from apex_core.sources.files import beginning
from apex_core.sources.pages import Form, LandedFile
from apex_core.sources.tables import csv_header, field_names
from apex_core.storage import Store

# In this order: later ones are built from earlier ones.
_MACROS = (
    "text", "count", "seconds", "time", "flag", "tags", "url", "uuid", "short_uuid", "clip_id", "unread", "unknown",
    "newest", "refusal", "refused", "names", "plain", "tight", "words", "instant", "silent", "commas", "content",
    "said_at", "stated_at",
)  # fmt: skip
_CONTRACT: dict[Platform, tuple[str, ...]] = {
    "suno": (
        "suno_members", "suno_envelope", "suno_fields", "suno_metadata_fields", "suno_lineage", "suno_root",
    ),
    "udio": ("udio_members", "udio_envelope", "udio_fields"),
}  # fmt: skip
_SAMPLE_LINES = 200
_GLOB = re.compile(r"[*?\[]")  # DuckDB takes file names for patterns
_READERS: dict[Form, str] = {"lines": "read_lines", "array": "read_array", "csv": "read_csv", "parquet": "read_parquet"}
_UNREADABLE = (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException)


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump or export, where its bytes lie on this disk just now, and when they were last changed there."""

    file: LandedFile
    path: Path
    changed_ns: int = 0


def prepare(con: Connection, platform: Platform) -> None:
    """Create the contract's macros and the empty tables ``stage_page`` and ``stage_clean``."""
    for name in (*(f"macro_{macro}" for macro in _MACROS), *_CONTRACT[platform], "stage_page", "stage_clean"):
        con.execute(sql(f"ingest/{name}"))


def stage_landed(con: Connection, store: Store, platform: Platform, files: Iterable[LandedFile]) -> None:
    """Read landed files into the temporary table ``stage_page``; raises SourceError naming one that cannot be read."""
    prepare(con, platform)
    with contextlib.ExitStack() as opened:
        paths = [str(opened.enter_context(store.local(file.uri))) for file in files]
        if paths:
            with _reading(paths):
                con.execute(sql("ingest/load_landed"), {"files": paths})


def stage_dumps(con: Connection, platform: Platform, dumps: Iterable[Dump]) -> None:
    """Read dumps and exports into ``stage_clean`` and, what is odd about them, ``stage_page``.

    Nothing but temporary tables is written: it needs no transaction.
    Raises SourceError naming a file that is not what its name says.
    """
    prepare(con, platform)
    for (form, _), group in groupby(sorted(dumps, key=_kind), key=_kind):
        for batch in _batches(form, list(group)):
            with _reading([dump.file.uri for dump in batch]):
                _stage(con, platform, form, batch)
    con.execute(sql("ingest/load_lines"))


def _kind(dump: Dump) -> tuple[Form, str]:
    return dump.file.form, dump.file.observed_at.isoformat()


def _batches(form: Form, dumps: list[Dump]) -> Iterator[list[Dump]]:
    # Tables have columns of their own; all other files of one moment are read at once.
    return ([dump] for dump in dumps) if form in ("csv", "parquet") else iter([dumps])


def _stage(con: Connection, platform: Platform, form: Form, dumps: Sequence[Dump]) -> None:
    paths, moment = [_GLOB.sub(r"[\g<0>]", str(dump.path)) for dump in dumps], dumps[0].file.observed_at
    if form == "pages":
        con.execute(sql("ingest/load_landed"), {"files": paths})
        return
    if form == "body":
        con.execute(sql("ingest/load_bodies"), {"files": paths, "observed_at": moment})
        return
    con.execute(sql("ingest/set_dump"), {"files": paths, "moment": moment.isoformat()})
    if form == "parquet":
        columns = [str(row[0]) for row in con.execute(sql("ingest/columns_parquet"), {"file": paths[0]}).fetchall()]
        quoted = ", ".join(f'"{name}"' for name in field_names(platform, columns))
        con.execute(sql("ingest/read_parquet", columns=quoted))
    else:
        if form == "csv":
            _say_columns(con, platform, dumps[0].path)
        con.execute(sql(f"ingest/{_READERS[form]}"))
    con.execute(sql(f"ingest/{platform}_known_keys"), {"sample": _sample(con, form, dumps[0].path)})
    con.execute(sql(f"ingest/{platform}_clean"))
    if form in ("lines", "csv"):
        con.execute(sql("ingest/load_unread"))
        for table in ("dump_error", "dump_scan"):
            con.execute(sql("ingest/drop_stage", table=table))


def _say_columns(con: Connection, platform: Platform, path: Path) -> None:
    delimiter, columns = csv_header(beginning(path))
    types = dict.fromkeys(field_names(platform, columns), "VARCHAR")
    con.execute(sql("ingest/set_csv"), {"delimiter": delimiter, "columns": types})


def _sample(con: Connection, form: Form, path: Path) -> list[str]:
    if form == "lines":  # without DuckDB, which reads whole buffers
        return list(islice(beginning(path).splitlines(), _SAMPLE_LINES))
    return [row[0] for row in con.execute(sql("ingest/sample_lines"), {"lines": _SAMPLE_LINES}).fetchall()]


@contextlib.contextmanager
def _reading(paths: Sequence[str]) -> Generator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise SourceError(
            f"Cannot read {', '.join(paths[:3])}: {str(error).splitlines()[0]}",
            fix="the file must be what its name says, in UTF-8, with lines under 16 MB; repair it, or take it out",
        ) from error
