"""Stage 1: metadata. Pages are landed as received, then merged; a file at a time is one unit of catalog work."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from apex_core.catalog import sql, transaction
from apex_core.errors import PlatformDown, RateLimited, SourceError, Unauthorized
from apex_core.pipeline.run import Run, StageReport
from apex_core.settings import PLATFORMS, Platform
from apex_core.sources import (
    IngestCounts,
    LandedFile,
    Listing,
    land,
    list_pages,
    merge,
    platform_of,
    record_landing,
    reference,
    refuse_unknown,
    stage_landed,
)

_log = logging.getLogger("apex_core.pipeline")

_FILES_A_UNIT = 64
_PASSING = (PlatformDown, RateLimited, Unauthorized)
_NUMBERS = ("records_in", "upserted", "unchanged", "duplicate", "skipped", "rejected", "observations", "pages")


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
        total = _added(total, _merge(run, platform, [file]))
        run.progress(f"ingest {platform}", total.records_in, 0)
    if listing.complete and cursor is None:
        _set(run, "state/complete", {"source": platform, "watermark": run.as_of, "before": before})
    elif listing.complete:  # the pages before the cursor were seen by an earlier run: the next listing starts afresh
        _set(run, "state/interrupted", {"source": platform, "cursor": None})
    refuse_unknown(total)
    report = _report(platform, total)
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


def ingest_files(
    run: Run, paths: Sequence[Path], observed_at: datetime | None = None, platform: Platform | None = None
) -> StageReport:
    """Merge dumps and exports, each by reference; a folder means every readable file below it.

    ``platform`` is told from a file's content when it is not given. Raises SourceError for a path with nothing to
    read, UnknownEnvelope, after everything else was committed, for a body of a shape nobody has seen.
    """
    total = IngestCounts()
    for chosen, files in _by_platform(paths, observed_at, platform).items():
        for start in range(0, len(files), _FILES_A_UNIT):
            total = _added(total, _merge(run, chosen, files[start : start + _FILES_A_UNIT]))
            run.progress(f"ingest {chosen}", start + len(files[start : start + _FILES_A_UNIT]), len(files))
    refuse_unknown(total)
    return _report("files", total)


def _by_platform(
    paths: Sequence[Path], observed_at: datetime | None, platform: Platform | None
) -> dict[Platform, list[LandedFile]]:
    found: dict[Platform, list[LandedFile]] = {name: [] for name in PLATFORMS}
    for file in (file for path in paths for file in reference(PLATFORMS[0], path, observed_at)):
        chosen = platform or platform_of(Path(file.uri))
        found[chosen].append(replace(file, source=chosen))
    undated = [file.observed_at for files in found.values() for file in files if not file.dated]
    if undated:
        _log.warning(
            "Nobody said when the counts of %d files were taken; their modification times are used (%s to %s). "
            "Say it with --observed-at.",
            len(undated), f"{min(undated):%Y-%m-%d %H:%M}", f"{max(undated):%Y-%m-%d %H:%M}",
        )  # fmt: skip
    return {name: files for name, files in found.items() if files}


def _merge(run: Run, platform: Platform, files: Iterable[LandedFile]) -> IngestCounts:
    files = list(files)
    with run.catalog(f"ingest {platform}") as connection, transaction(connection):
        stage_landed(connection, run.store, platform, files)
        counts = merge(connection, platform, run.as_of, run.run_id)
        record_landing(connection, files, run.run_id)
    return counts


def _added(total: IngestCounts, more: IngestCounts) -> IngestCounts:
    """Both together: numbers add up, lists follow one another."""
    sums = {name: getattr(total, name) + getattr(more, name) for name in _NUMBERS}
    return IngestCounts(**sums, nulled=total.nulled + more.nulled, bad_pages=total.bad_pages + more.bad_pages)


def _report(source: str, counts: IngestCounts) -> StageReport:
    note = ", ".join(sorted({page.reason for page in counts.bad_pages}))
    numbers = {name: float(getattr(counts, name)) for name in _NUMBERS}
    return StageReport(f"ingest {source}", numbers, f"refused pages: {note}" if note else "")


def _state(run: Run, platform: Platform) -> tuple[datetime | None, str | None]:
    with run.catalog(f"ingest {platform}") as connection, transaction(connection):
        connection.execute(sql("state/insert"), {"source": platform})
        row = connection.execute(sql("state/read"), {"source": platform}).fetchall()[0]
    return row[0], row[1]


def _set(run: Run, statement: str, values: dict[str, object]) -> None:
    with run.catalog("ingest") as connection:
        connection.execute(sql(statement), values)
