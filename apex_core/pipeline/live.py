"""Stage 1: metadata from a platform's live connector. Pages are landed as received, then merged, a file at a time."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from apex_core.catalog import sql, transaction
from apex_core.errors import PlatformDown, RateLimited, SourceError, Unauthorized
from apex_core.pipeline.ingest import added, merge_files, report_of
from apex_core.pipeline.run import Run, StageReport
from apex_core.settings import Platform
from apex_core.sources import IngestCounts, LandedFile, Listing, land, list_pages, refuse_unknown

_log = logging.getLogger("apex_core.pipeline")

_PASSING = (PlatformDown, RateLimited, Unauthorized)


def ingest_platform(run: Run, platform: Platform) -> StageReport:
    """List a platform's songs through its live connector and merge them.

    A complete listing moves the watermark to the run's start; an interrupted one keeps a resume cursor and raises.
    Raises SourceDisabled or Unauthorized when the connector may not be used, SourceError for what the platform did,
    UnknownEnvelope, after everything else was committed, for a body of a shape nobody has seen.
    """
    connector = getattr(run.settings.sources, platform)
    before, cursor = _state(run, platform)
    listing = list_pages(platform, connector, run.settings.http, run.as_of, cursor)
    total = IngestCounts()
    for file in _landed(run, platform, listing):
        total = added(total, merge_files(run, platform, [file]))
        run.progress(f"ingest {platform}", total.records_in, 0)
    if listing.complete and cursor is None:
        _set(run, "state/complete", {"source": platform, "watermark": run.as_of, "before": before})
    elif listing.complete:  # the pages before the cursor were seen by an earlier run: the next listing starts afresh
        _set(run, "state/interrupted", {"source": platform, "cursor": None})
    refuse_unknown(total)
    report = report_of(platform, total)
    if listing.complete:
        return report
    _log.warning("%s: the listing ended without saying that it was complete; the watermark stays.", platform)
    return replace(report, note=f"listing incomplete, the watermark stays. {report.note}".strip())


def _landed(run: Run, platform: Platform, listing: Listing) -> Iterator[LandedFile]:
    """The landed files of a listing; when it breaks off, the place to go on from is kept.

    A place that the platform refuses is forgotten, or every later run would fail at it.
    """
    try:
        yield from land(run.store, platform, run.run_id, run.as_of, listing)
    except SourceError as error:
        cursor = listing.cursor if isinstance(error, _PASSING) else None
        _set(run, "state/interrupted", {"source": platform, "cursor": cursor})
        raise


def _state(run: Run, platform: Platform) -> tuple[datetime | None, str | None]:
    with run.catalog(f"ingest {platform}") as connection, transaction(connection):
        connection.execute(sql("state/insert"), {"source": platform})
        row = connection.execute(sql("state/read"), {"source": platform}).fetchall()[0]
    return row[0], row[1]


def _set(run: Run, statement: str, values: dict[str, object]) -> None:
    with run.catalog("ingest") as connection:
        connection.execute(sql(statement), values)
