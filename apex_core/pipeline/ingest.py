"""Stage 1: metadata from files. A large file, or a few small ones, are one unit of catalog work."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from apex_core.catalog import Connection, transaction
from apex_core.errors import SourceError
from apex_core.pipeline.references import note_references
from apex_core.pipeline.run import Run, StageReport, platform_lock
from apex_core.pipeline.scratch import working_folder
from apex_core.settings import PLATFORMS, Platform
from apex_core.sources import (
    Dump,
    IngestCounts,
    LandedFile,
    find_dumps,
    known_records,
    look_at,
    merge,
    record_landing,
    refuse_storm,
    refuse_unknown,
    sha256_of,
    stage_dumps,
    stage_landed,
    whole_sha256,
)
from apex_core.storage import ForeignFile, local_file

_FILES_A_UNIT = 64
_LARGE_BYTES = 16 << 20
_CLOCK_SLACK = timedelta(days=1)
_NUMBERS = ("records_in", "upserted", "unchanged", "duplicate", "skipped", "rejected", "observations", "pages")


def ingest_files(
    run: Run, places: Sequence[str | Path], observed_at: datetime | None = None, platform: Platform | None = None
) -> StageReport:
    """Merge dumps and exports, each by reference; a folder or ``s3://`` prefix means every readable file below it.

    ``observed_at`` is when their counts were taken, unless their names tell; ``platform`` is told from a file's content
    when it is not given. Raises SourceError for a place with nothing to read or a file without a date, UnknownEnvelope,
    after everything else was committed, for a body of a shape nobody has seen.
    """
    found = [file for place in places for file in find_dumps(str(place)) if file.bytes]
    total, done = IngestCounts(), 0
    for unit in _units(found):
        with contextlib.ExitStack() as opened:
            dumps = [_opened(run, opened, file, observed_at, platform) for file in unit]
            for name in PLATFORMS:
                total = added(total, _merge_dumps(run, name, [dump for dump in dumps if dump.file.source == name]))
        done += len(unit)
        run.progress("ingest files", done, len(found))
    refuse_unknown(total)
    return report_of("files", total)


def refuse_unreadable(places: Sequence[str], observed_at: datetime | None, platform: Platform | None) -> None:
    """Raise what ``ingest_files`` would raise for places with nothing to read, or local files that nobody dates.

    Looks at no more files than fit into one unit, and fetches none.
    """
    for place in places:
        for file in find_dumps(place)[:_FILES_A_UNIT]:
            if file.bytes and "://" not in file.uri:
                look_at(file, Path(file.uri), observed_at, platform)


def _units(files: Sequence[ForeignFile]) -> Iterator[list[ForeignFile]]:
    small: list[ForeignFile] = []
    for file in files:
        if file.bytes > _LARGE_BYTES:
            yield [file]
            continue
        small.append(file)
        if len(small) == _FILES_A_UNIT:
            yield small
            small = []
    if small:
        yield small


def _opened(
    run: Run, opened: contextlib.ExitStack, file: ForeignFile, observed_at: datetime | None, platform: Platform | None
) -> Dump:
    scratch = opened.enter_context(working_folder(run.settings, "dumps"))
    path = opened.enter_context(local_file(file.uri, scratch))
    dump = Dump(look_at(file, path, observed_at, platform), path, path.stat().st_mtime_ns)
    if dump.file.observed_at > run.as_of + _CLOCK_SLACK:
        raise SourceError(
            f"The counts in {file.uri} are said to be of {dump.file.observed_at:%Y-%m-%d}, which is yet to come: they "
            "would win over all that is seen until then.",
            fix="correct --observed-at, or the date in the file's name",
        )
    return dump


def _merge_dumps(run: Run, platform: Platform, dumps: Sequence[Dump]) -> IngestCounts:
    """Merge dumps of one platform as one unit of work; one that this contract has read before adds nothing."""
    if not dumps:
        return IngestCounts()
    with platform_lock(run.settings, platform, run.run_id), run.catalog(f"ingest {platform}") as connection:
        known = [known_records(connection, dump.file, partial(sha256_of, dump.path)) for dump in dumps]
        fresh = [dump for dump, counts in zip(dumps, known, strict=True) if counts is None]
        total = _merge_fresh(run, connection, platform, fresh) if fresh else IngestCounts()
    for counts in known:
        total = added(total, counts or IngestCounts())
    return total


def _merge_fresh(run: Run, connection: Connection, platform: Platform, dumps: Sequence[Dump]) -> IngestCounts:
    # Hashed while the catalog is written, which leaves a core idle: reading takes them all.
    stage_dumps(connection, platform, dumps)
    with ThreadPoolExecutor(1) as hashing, transaction(connection):
        hashes = [hashing.submit(whole_sha256, dump.path) for dump in dumps]
        counts = merge(connection, platform, run.as_of, run.run_id)
        refuse_storm(counts, run.settings.sources, dumps[0].file.uri if len(dumps) == 1 else f"{len(dumps)} files")
        files = [replace(dump.file, sha256=found.result()) for dump, found in zip(dumps, hashes, strict=True)]
        _check_still(dumps)
        note_references(run.store, platform, files)
        record_landing(connection, files, run.run_id, counts)
    return counts


def _check_still(dumps: Sequence[Dump]) -> None:
    for dump in dumps:
        facts = dump.path.stat()
        if (facts.st_size, facts.st_mtime_ns) != (dump.file.bytes, dump.changed_ns):
            raise SourceError(f"{dump.file.uri} changed while it was read.", fix="run again when it is complete")


def merge_files(run: Run, platform: Platform, files: Iterable[LandedFile]) -> IngestCounts:
    """Merge landed files as one unit of work: all of them, and the note that they were, or nothing."""
    files = list(files)
    with run.catalog(f"ingest {platform}") as connection, transaction(connection):
        stage_landed(connection, run.store, platform, files)
        counts = merge(connection, platform, run.as_of, run.run_id)
        refuse_storm(counts, run.settings.sources, ", ".join(file.uri for file in files))
        record_landing(connection, files, run.run_id)
    return counts


def added(total: IngestCounts, more: IngestCounts) -> IngestCounts:
    """Both together: numbers add up, lists follow one another."""
    sums = {name: getattr(total, name) + getattr(more, name) for name in (*_NUMBERS, "known_files")}
    lists = {name: getattr(total, name) + getattr(more, name) for name in ("reasons", "nulled", "bad_pages")}
    return IngestCounts(**sums, **lists)


def report_of(source: str, counts: IngestCounts) -> StageReport:
    """What was counted, as a stage's report; refused pages are its note."""
    reasons = ", ".join(sorted({page.reason for page in counts.bad_pages}))
    notes = [f"refused pages: {reasons}"] if reasons else []
    if counts.known_files:
        notes.append(f"{counts.known_files} files were known by their hash and not read again")
    return StageReport(f"ingest {source}", {name: float(getattr(counts, name)) for name in _NUMBERS}, "; ".join(notes))
