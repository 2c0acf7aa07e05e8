"""Stage 1: metadata from a platform's live connector. Pages are landed as received, then merged, a file at a time.

A listing is newest first and ends at a page that is older than the watermark by the lookback; every so often it goes
to the end. Counts of older tracks are seen anew by revisits, and a profile's by listing it in full. Only a complete
listing of everything, all of whose pages could be read, moves the watermark, to the moment at which it began.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from apex_core.catalog import sql
from apex_core.errors import PlatformDown, RateLimited, SourceError, Unauthorized
from apex_core.pipeline.adoption import adopt_landed
from apex_core.pipeline.ingest import added, merge_files, report_of
from apex_core.pipeline.landed import land_pages
from apex_core.pipeline.run import Failure, Run, StageReport, platform_lock
from apex_core.settings import Platform
from apex_core.sources import (
    Access,
    IngestCounts,
    Listing,
    list_pages,
    refuse_unknown,
    whole_listing,
)

_log = logging.getLogger("apex_core.pipeline")

# After these a listing goes on where it broke off; any other place has been refused.
_PASSING = (PlatformDown, RateLimited, Unauthorized)


@dataclass(frozen=True, slots=True)
class _Fetch:
    """A listing that is under way. ``cursor``: where an earlier run broke off; ``before``: the watermark it found."""

    kind: str
    started_at: datetime
    since: datetime | None
    cursor: str | None
    before: datetime | None


def ingest_platform(run: Run, platform: Platform) -> StageReport:
    """List a platform's songs through its live connector and merge them.

    A complete listing moves the watermark to the moment at which it began, be it in an earlier run; an interrupted
    one keeps a resume cursor and raises. Raises SourceDisabled or Unauthorized when the connector may not be used,
    Locked while somebody else ingests the platform, SourceError for what the platform did, UnknownEnvelope, after
    everything else was committed, for a body of a shape nobody has seen.
    """
    access = Access.of(run.settings, platform)
    access.token()
    with platform_lock(run.settings, platform, run.run_id):
        adopted = adopt_landed(run, platform)
        fetch = _fetch(run, access)
        listing = list_pages(access, run.as_of, cursor=fetch.cursor, since=fetch.since)
        listed = _merged(run, platform, fetch, listing)
        complete = listing.complete and not listed.bad_pages
        if complete:
            _complete(run, platform, fetch)
        else:
            _interrupted(run, platform, fetch, None)  # nobody said where it goes on: the next one starts afresh
    total = added(adopted.counts, listed)
    refuse_unknown(total)
    report = report_of(platform, total)
    note = ". ".join(filter(None, [adopted.note, report.note]))
    report = replace(report, counts={**report.counts, "adopted": float(adopted.files)}, note=note)
    if complete:
        return report
    why = "pages of the listing could not be read" if listing.complete else "the listing did not say that it ended"
    _log.warning("%s: %s; the watermark stays.", platform, why)
    left = (Failure(platform, f"{why}; the watermark stays"),)
    return replace(report, note=f"listing incomplete, the watermark stays. {report.note}".strip(), failed=left)


def _fetch(run: Run, access: Access) -> _Fetch:
    """What is to be listed: what an earlier run left undone, else what is new, else, when it is time, everything."""
    connector, kind = access.connector, whole_listing(access)
    with run.catalog(f"ingest {access.platform}") as connection:
        row = connection.execute(sql("state/read"), {"source": access.platform}).fetchall()[0]
    watermark, resume, started_at, since, full_listed_at, _ = row
    left, _, cursor = (resume or "").partition(" ")
    if cursor and left == kind:
        return _Fetch(kind, started_at or run.as_of, since, cursor, watermark)
    every = timedelta(days=connector.full_listing_days)
    if watermark is None or full_listed_at is None or run.as_of - full_listed_at >= every:
        return _Fetch(kind, run.as_of, None, None, watermark)
    return _Fetch(kind, run.as_of, watermark - timedelta(days=connector.lookback_days), None, watermark)


def _merged(run: Run, platform: Platform, fetch: _Fetch, listing: Listing) -> IngestCounts:
    """Land and merge a listing file by file. After each, and when it breaks off, the place to go on from is kept.

    A place that the platform refuses is forgotten, or every later run would fail at it; so is one after a page that
    could not be read, or the run that goes on from there would complete a listing with a hole.
    """
    total = IngestCounts()
    try:
        for file in land_pages(run, platform, listing):
            total = added(total, merge_files(run, platform, [file]))
            run.progress(f"ingest {platform}", total.records_in, 0)
            if not listing.complete:
                _interrupted(run, platform, fetch, None if total.bad_pages else listing.cursor)
        run.progress(f"ingest {platform}", total.records_in, total.records_in)
    except SourceError as error:
        goes_on = isinstance(error, _PASSING) and not total.bad_pages
        _interrupted(run, platform, fetch, listing.cursor if goes_on else None)
        raise
    return total


def _interrupted(run: Run, platform: Platform, fetch: _Fetch, cursor: str | None) -> None:
    place = f"{fetch.kind} {cursor}" if cursor else None
    facts = {"source": platform, "started_at": fetch.started_at, "since": fetch.since, "cursor": place}
    _set(run, platform, "state/interrupted", facts)


def _complete(run: Run, platform: Platform, fetch: _Fetch) -> None:
    facts = {"source": platform, "started_at": fetch.started_at, "since": fetch.since, "before": fetch.before}
    _set(run, platform, "state/complete", facts)


def _set(run: Run, platform: Platform, statement: str, values: Mapping[str, object]) -> None:
    with run.catalog(f"ingest {platform}") as connection:
        connection.execute(sql(statement), values)
