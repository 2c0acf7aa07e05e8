"""Pages into the catalog: read, hold against the contract, merge. All of it is SQL (``sql/statements/ingest``)."""

import contextlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import duckdb

from apex_core.catalog import Connection, sql
from apex_core.errors import ContractViolation, SourceError, UnknownEnvelope
from apex_core.settings import Platform
from apex_core.sources.pages import Form, LandedFile
from apex_core.storage import Store

_LOG = logging.getLogger("apex_core.sources")
# In this order: later ones are built from earlier ones.
_MACROS = (
    "text",
    "count",
    "seconds",
    "time",
    "flag",
    "tags",
    "url",
    "uuid",
    "short_uuid",
    "clip_id",
    "unread",
    "unknown",
    "newest",
    "refusal",
    "refused",
)
_CONTRACT: dict[Platform, tuple[str, ...]] = {
    "suno": ("suno_members", "suno_envelope", "suno_fields", "suno_metadata_fields"),
    "udio": ("udio_members", "udio_envelope", "udio_fields"),
}
_STAGE = ("stage_page", "stage_row", "stage_statement", "stage_track", "stage_observation", "stage_reject")
_LOADS: dict[Form, str] = {"pages": "load_landed", "lines": "load_lines", "body": "load_bodies"}


@dataclass(frozen=True, slots=True)
class BadPage:
    """A body refused as a whole: why, where it came from, how it begins."""

    reason: str
    url: str
    sample: str


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What came in and what became of it; ``records_in`` is the sum of the five that follow it.

    A refused page counts as one record. ``observations`` were appended to engagement. ``nulled`` says by field how
    often something was received that could not be read; ``bad_pages`` are up to 20 refused pages, unknown envelopes
    first.
    """

    records_in: int = 0
    upserted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    skipped: int = 0
    rejected: int = 0
    observations: int = 0
    pages: int = 0
    nulled: tuple[tuple[str, int], ...] = ()
    bad_pages: tuple[BadPage, ...] = ()


def stage_landed(con: Connection, store: Store, platform: Platform, files: Iterable[LandedFile]) -> int:
    """Read files into the temporary table ``stage_page``; return how many pages (lines, bodies) it holds.

    Raises SourceError naming the file that is not text.
    """
    for name in (*(f"macro_{macro}" for macro in _MACROS), *_CONTRACT[platform], "stage_page"):
        con.execute(sql(f"ingest/{name}"))
    ordered = sorted(files, key=_group)
    return sum(_load(con, store, form, moment, list(group)) for (form, moment), group in groupby(ordered, key=_group))


def merge(con: Connection, platform: Platform, as_of: datetime, run_id: str) -> IngestCounts:
    """Hold the staged pages against the contract and merge them: tracks, observations, rejects.

    Call it inside a transaction, after ``stage_landed``; the staging is gone afterwards. Unknown envelopes are among
    the rejects: call ``refuse_unknown`` once the transaction is committed. Raises ContractViolation when the counts do
    not add up.
    """
    source = {"platform": platform}
    for name in (f"{platform}_record", f"{platform}_row", "stage_statement"):
        con.execute(sql(f"ingest/{name}"))
    con.execute(sql("ingest/stage_track"), source)
    con.execute(sql("ingest/stage_observation"), source)
    con.execute(sql("ingest/stage_reject"))
    con.execute(sql("ingest/append_engagement"), {**source, "as_of": as_of})
    for name in ("merge_track", "merge_reject", "resolve_reject"):
        con.execute(sql(f"ingest/{name}"), source)
    counts = _checked(_counted(con), platform, run_id)
    for table in _STAGE:
        con.execute(sql("ingest/drop_stage", table=table))
    return counts


def refuse_unknown(counts: IngestCounts) -> None:
    """Raise UnknownEnvelope, with a sample, when a page had a shape that nobody has seen yet."""
    unknown = [page for page in counts.bad_pages if page.reason == "unknown_envelope"]
    if unknown:
        first = unknown[0]
        raise UnknownEnvelope(
            f"{first.url}: a body of unknown shape begins {first.sample[:200]!r} ({len(unknown)} such pages or more).",
            fix="look at rejects_open; teach the envelope to sql/statements/ingest, then ingest the landing again",
        )


def mark_gone(con: Connection, platform: Platform, track_ids: Sequence[str], as_of: datetime) -> int:
    """Make tombstones of known tracks that the platform answers 404 for; their past stays. Return how many are new."""
    bound = {"platform": platform, "track_ids": list(track_ids), "as_of": as_of}
    return len(con.execute(sql("ingest/mark_gone"), bound).fetchall())


def record_landing(con: Connection, files: Iterable[LandedFile], run_id: str) -> None:
    """Note landed and referenced files in the catalog; known ones are left alone."""
    for file in files:
        bound = {
            "platform": file.source,
            "uri": file.uri,
            "sha256": file.sha256,
            "observed_at": file.observed_at,
            "pages": file.pages,
            "run_id": run_id,
        }
        con.execute(sql("ingest/record_landing"), bound)


def _group(file: LandedFile) -> tuple[Form, str]:
    # Landed pages carry their own times; the files of a dump share one.
    return file.form, "" if file.form == "pages" else file.observed_at.isoformat()


def _load(con: Connection, store: Store, form: Form, moment: str, files: list[LandedFile]) -> int:
    with contextlib.ExitStack() as opened:
        paths = [str(opened.enter_context(store.local(f.uri))) if form == "pages" else f.uri for f in files]
        bound = {"files": paths} if form == "pages" else {"files": paths, "observed_at": moment}
        try:
            row = con.execute(sql(f"ingest/{_LOADS[form]}"), bound).fetchone()
        except (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException) as error:
            raise SourceError(
                f"Cannot read {', '.join(paths[:3])}: {str(error).splitlines()[0]}",
                fix="the file must be UTF-8 text with lines under 16 MB; repair it, or take it out",
            ) from error
    return int(row[0]) if row else 0


def _counted(con: Connection) -> IngestCounts:
    numbers = con.execute(sql("ingest/counts")).fetchone()
    assert numbers is not None
    nulled = tuple((str(name), int(count)) for name, count in con.execute(sql("ingest/nulled")).fetchall())
    bad = tuple(BadPage(*map(str, row)) for row in con.execute(sql("ingest/bad_pages")).fetchall())
    return IngestCounts(*map(int, numbers), nulled=nulled, bad_pages=bad)


def _checked(counts: IngestCounts, platform: Platform, run_id: str) -> IngestCounts:
    out = counts.upserted + counts.unchanged + counts.duplicate + counts.skipped + counts.rejected
    if out != counts.records_in:
        raise ContractViolation(
            f"{platform}, run {run_id}: {counts.records_in} records came in, {out} are accounted for ({counts}).",
            fix="nothing was written; this is a fault in sql/statements/ingest",
        )
    if counts.nulled or counts.bad_pages:
        _LOG.warning(
            "%s: unreadable fields %s; refused pages %s.",
            platform, dict(counts.nulled), [page.reason for page in counts.bad_pages],
        )  # fmt: skip
    return counts
