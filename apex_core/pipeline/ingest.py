"""Stage 1: metadata from files. A few landed files at a time are one unit of catalog work."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from apex_core.catalog import transaction
from apex_core.pipeline.run import Run, StageReport
from apex_core.settings import PLATFORMS, Platform
from apex_core.sources import (
    IngestCounts,
    LandedFile,
    merge,
    platform_of,
    record_landing,
    reference,
    refuse_unknown,
    stage_landed,
)

_log = logging.getLogger("apex_core.pipeline")

_FILES_A_UNIT = 64
_NUMBERS = ("records_in", "upserted", "unchanged", "duplicate", "skipped", "rejected", "observations", "pages")


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
            total = added(total, merge_files(run, chosen, files[start : start + _FILES_A_UNIT]))
            run.progress(f"ingest {chosen}", start + len(files[start : start + _FILES_A_UNIT]), len(files))
    refuse_unknown(total)
    return report_of("files", total)


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


def merge_files(run: Run, platform: Platform, files: Iterable[LandedFile]) -> IngestCounts:
    """Merge landed files as one unit of work: all of them, and the note that they were, or nothing."""
    files = list(files)
    with run.catalog(f"ingest {platform}") as connection, transaction(connection):
        stage_landed(connection, run.store, platform, files)
        counts = merge(connection, platform, run.as_of, run.run_id)
        record_landing(connection, files, run.run_id)
    return counts


def added(total: IngestCounts, more: IngestCounts) -> IngestCounts:
    """Both together: numbers add up, lists follow one another."""
    sums = {name: getattr(total, name) + getattr(more, name) for name in _NUMBERS}
    return IngestCounts(**sums, nulled=total.nulled + more.nulled, bad_pages=total.bad_pages + more.bad_pages)


def report_of(source: str, counts: IngestCounts) -> StageReport:
    """What was counted, as a stage's report; refused pages are its note."""
    note = ", ".join(sorted({page.reason for page in counts.bad_pages}))
    numbers = {name: float(getattr(counts, name)) for name in _NUMBERS}
    return StageReport(f"ingest {source}", numbers, f"refused pages: {note}" if note else "")
