"""What was staged, into the catalog: held against the contract and merged, by SQL (``sql/statements/ingest``)."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from apex_core.catalog import Connection, sql
from apex_core.catalog.statements import sql_root
from apex_core.errors import ContractViolation, RejectStorm, UnknownEnvelope
from apex_core.settings import Platform, SourcesSettings
from apex_core.sources.pages import LandedFile

_LOG = logging.getLogger("apex_core.sources")
_STAGE = (
    "stage_page", "stage_clean", "stage_row", "stage_never", "stage_forgotten", "stage_repeated", "stage_single",
    "stage_several", "stage_statement", "stage_track", "stage_observation", "stage_reject",
)  # fmt: skip
_STEPS = (
    "stage_sound", "stage_never", "stage_good", "stage_forgotten", "stage_repeated", "stage_single", "stage_several",
    "stage_statement", "stage_track", "stage_observation", "stage_reject", "append_engagement", "touch_track",
    "merge_track", "insert_track",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BadPage:
    """A body refused as a whole: why, where it came from, how it begins."""

    reason: str
    url: str
    sample: str


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many records and pages were refused for a reason, and how one of them begins."""

    reason: str
    records: int
    sample: str


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What came in and what became of it; ``records_in`` is the sum of the five that follow it.

    A refused page counts as one record. ``observations`` were appended to engagement. ``known_files`` were not read
    again; their records are unchanged. ``reasons`` says why
    records were refused. ``nulled`` says by field how
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
    known_files: int = 0
    reasons: tuple[Refusals, ...] = ()
    nulled: tuple[tuple[str, int], ...] = ()
    bad_pages: tuple[BadPage, ...] = ()


def merge(con: Connection, platform: Platform, as_of: datetime, run_id: str) -> IngestCounts:
    """Hold the staged pages and lines against the contract and merge them: tracks, observations, rejects.

    Call it inside a transaction, after ``stage_landed`` or ``stage_dumps``; the staging is gone afterwards. Unknown
    envelopes are among the rejects: call ``refuse_unknown`` once the transaction is committed. Raises
    ContractViolation when the counts do not add up.
    """
    for name in (f"{platform}_record", f"{platform}_row"):
        con.execute(sql(f"ingest/{name}"))
    bound = {"platform": platform, "as_of": as_of}
    for name in _STEPS:
        text = sql(f"ingest/{name}")
        con.execute(text, {key: value for key, value in bound.items() if f"${key}" in text})
    con.execute(sql("reject/merge", incoming="stage_reject"))
    con.execute(sql("ingest/resolve_reject"), {"platform": platform})
    counts = _checked(_counted(con), platform, run_id)
    for table in _STAGE:
        con.execute(sql("ingest/drop_stage", table=table))
    return counts


def refuse_storm(counts: IngestCounts, limits: SourcesSettings, what: str) -> None:
    """Raise RejectStorm when so much was refused that something else must be wrong with ``what``.

    Call it before the transaction is committed: nothing is then written, and what was received stays where it is.
    """
    if counts.rejected <= max(limits.storm_rejects, limits.max_reject_share * counts.records_in):
        return
    reasons = "; ".join(f"{reason.records:,} {reason.reason}, as {reason.sample!r}" for reason in counts.reasons[:3])
    raise RejectStorm(
        f"{what}: {counts.rejected:,} of {counts.records_in:,} records would be rejected: {reasons}. "
        "Nothing of it was written.",
        fix="look whether it is the right file, platform and format; if it is, "
        "raise sources.max_reject_share (APEX_SOURCES__MAX_REJECT_SHARE) for one run",
    )


def refuse_unknown(counts: IngestCounts) -> None:
    """Raise UnknownEnvelope, with a sample, when a page had a shape that nobody has seen yet."""
    unknown = [page for page in counts.bad_pages if page.reason == "unknown_envelope"]
    if unknown:
        first = unknown[0]
        raise UnknownEnvelope(
            f"{first.url}: a body of unknown shape begins {first.sample[:200]!r} ({len(unknown)} such pages or more).",
            fix="look at rejects_open; teach it to sql/statements/ingest, then `apex ingest` these files again, "
            "of a live platform those under landing/ in the store",
        )


def mark_gone(con: Connection, platform: Platform, track_ids: Sequence[str], as_of: datetime) -> int:
    """Make tombstones of known tracks that the platform answers 404 for; their past stays. Return how many are new."""
    return _mark(con, platform, track_ids, as_of, "tombstone")


def mark_withheld(con: Connection, platform: Platform, track_ids: Sequence[str], as_of: datetime) -> int:
    """Make known tracks unavailable that the platform answers 403 for; their past stays. Return how many."""
    return _mark(con, platform, track_ids, as_of, "unavailable")


def _mark(con: Connection, platform: Platform, track_ids: Sequence[str], as_of: datetime, status: str) -> int:
    con.execute(sql("ingest/macro_said_at"))
    bound = {"platform": platform, "track_ids": list(track_ids), "as_of": as_of, "status": status}
    return len(con.execute(sql("ingest/mark_status"), bound).fetchall())


def record_landing(
    con: Connection, files: Sequence[LandedFile], run_id: str, counts: IngestCounts | None = None
) -> None:
    """Note landed and referenced files in the catalog; what was noted before of the same ones is replaced.

    ``counts``: what came of the one file, which then need not be read again by this contract.
    """
    for file in files:
        key = {"platform": file.source, "uri": file.uri, "sha256": file.sha256, "observed_at": file.observed_at}
        con.execute(sql("ingest/forget_landing"), key)
        facts = {"pages": file.pages, "run_id": run_id, "bytes": file.bytes, "contract": _contract(file)}
        alone = counts if len(files) == 1 else None
        came = {"records": alone and alone.records_in, "rejected": alone and alone.rejected}
        con.execute(sql("ingest/record_landing"), {**key, **facts, **came})


def known_records(con: Connection, file: LandedFile, sha256: Callable[[], str]) -> IngestCounts | None:
    """What a file held when this contract read it, taken at the same moment; None when it did not.

    ``sha256`` is only asked for when a file of its size is known.
    """
    key = {"platform": file.source, "bytes": file.bytes, "observed_at": file.observed_at}
    rows = con.execute(sql("ingest/known_files"), {**key, "contract": _contract(file)}).fetchall()
    known = {str(row[0]): (int(row[1]), int(row[2])) for row in rows}
    found = known.get(sha256()) if known else None
    if found is None:
        return None
    records, rejected = found
    return IngestCounts(records_in=records, unchanged=records - rejected, rejected=rejected, known_files=1)


def _contract(file: LandedFile) -> str:
    return f"{contract_version()} {file.form}"


@cache
def contract_version() -> str:
    """Names the contract: the hash of its statements and of the code that feeds them (16 hex digits)."""
    digest = hashlib.sha256()
    for path in sorted((sql_root() / "statements" / "ingest").glob("*.sql")):
        digest.update(path.read_bytes())
    for module in ("tables.py", "files.py", "staging.py"):
        digest.update(Path(__file__).with_name(module).read_bytes())
    return digest.hexdigest()[:16]


def _counted(con: Connection) -> IngestCounts:
    numbers = con.execute(sql("ingest/counts")).fetchone()
    assert numbers is not None
    nulled = tuple((str(name), int(count)) for name, count in con.execute(sql("ingest/nulled")).fetchall())
    bad = tuple(BadPage(*map(str, row)) for row in con.execute(sql("ingest/bad_pages")).fetchall())
    reasons = tuple(Refusals(*row) for row in con.execute(sql("ingest/reject_reasons")).fetchall())
    return IngestCounts(*map(int, numbers), reasons=reasons, nulled=nulled, bad_pages=bad)


def _checked(counts: IngestCounts, platform: Platform, run_id: str) -> IngestCounts:
    out = counts.upserted + counts.unchanged + counts.duplicate + counts.skipped + counts.rejected
    if out != counts.records_in:
        raise ContractViolation(
            f"{platform}, run {run_id}: {counts.records_in} records came in, {out} are accounted for ({counts}).",
            fix="nothing was written; this is a fault in sql/statements/ingest",
        )
    if counts.nulled or counts.bad_pages:
        fields = ", ".join(f"{name} {count:,}" for name, count in counts.nulled)
        pages = ", ".join(sorted({page.reason for page in counts.bad_pages}))
        parts = [f"unreadable fields: {fields}" if fields else "", f"refused pages: {pages}" if pages else ""]
        _LOG.warning("%s: %s.", platform, "; ".join(filter(None, parts)))
    return counts
