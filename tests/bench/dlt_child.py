"""One process of the ingest benchmark: dlt merges a dump into DuckDB by its fastest documented way.

That is Arrow tables (which dlt does not normalise row by row), Parquet load files, and an upsert by primary key.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt  # pyright: ignore[reportMissingImports]
import duckdb

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.bare import BARE


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        os.environ["DLT_DATA_DIR"] = folder
        started = time.perf_counter()
        pipeline: Any = dlt.pipeline(
            "bench",
            destination=dlt.destinations.duckdb(str(Path(folder) / "dlt.duckdb")),
            dataset_name="bench",
            pipelines_dir=folder,
        )
        resource_ = dlt.resource(
            _tables(sys.argv[1]),
            name="track",
            primary_key="id",
            write_disposition={"disposition": "merge", "strategy": "upsert"},
        )
        pipeline.run(resource_, loader_file_format="parquet")
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": [seconds], "peak_mb": peak}))


def _tables(file: str) -> Iterator[Any]:
    # Rows without an id cannot be merged by it: dlt would refuse the file.
    with duckdb.connect() as connection:
        reader: Any = connection.execute(f"{BARE} WHERE id IS NOT NULL", {"file": file}).to_arrow_reader(100_000)
        yield from reader


if __name__ == "__main__":
    main()
