"""One process of the ingest benchmark: ``bare`` or ``apex``, a memory limit, and files one after the other."""

import json
import logging
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.run import begin, end
from apex_core.settings import Settings
from tests.bench.bare import BARE

_DAY = datetime(2026, 11, 1, tzinfo=UTC)


def main() -> None:
    what, limit, *files = sys.argv[1:]
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        if what == "bare":
            seconds = [_bare(Path(folder), limit, file) for file in files]
        else:
            seconds = [_apex(Path(folder), limit, files, number) for number in range(len(files))]
    print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _bare(folder: Path, limit: str, file: str) -> float:
    started = time.perf_counter()
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": limit, "threads": os.cpu_count() or 1}
    with duckdb.connect(str(folder / "bare.duckdb"), config=config) as connection:
        connection.execute(f"CREATE TABLE track AS {BARE}", {"file": file})
    return time.perf_counter() - started


def _apex(folder: Path, limit: str, files: list[str], number: int) -> float:
    """The whole of it: register a run, ingest a file, close the run."""
    settings = Settings(home=folder / "home", memory_limit=limit)
    # A file seen before was taken when it was seen before.
    observed_at = _DAY + timedelta(days=files.index(files[number]))
    started = time.perf_counter()
    run = begin(settings, "ingest", observed_at, f"bench-{number}")
    ingest_files(run, [files[number]], observed_at)
    end(run, "completed", observed_at)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
