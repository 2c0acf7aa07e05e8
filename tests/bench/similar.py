"""Nearest neighbours of a song over 200,000 × 768 vectors beside numpy's bare product and top ten.

What is timed is all that ``apex similar`` asks of an open snapshot: finding the track, what is known of it, its
neighbours and what is shown of them. The files are those of a snapshot, their vectors put in by its own statements,
64,000 rows at a time rather than from shards. numpy has the vectors in memory, of unit length already. Reading is done
in a process of its own, with as many threads as cores; medians, the first question apart. ``APEX_BENCH_SONGS``
(200,000) sets the size.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apex_core.catalog import open_snapshot, sql
from apex_core.catalog.migrate import create_views, migrate
from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.similar import similar
from tests.bench.measurement import Measurement

_WIDTH, _N, _TIMES, _BATCH = 768, 10, 9, 64_000
_AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_ENCODER = "e" * 12
# Tracks with counts, audio and scores, one of the vectors each.
_TRACKS = """
    CREATE TEMP TABLE song AS SELECT 'song-' || n AS track_id, sha256(n::VARCHAR) AS sha256, n
        FROM range({songs}) AS r(n);
    INSERT INTO track BY NAME SELECT 'suno' AS platform, track_id, 'active' AS status, 'complete' AS state,
        'Song ' || n AS title, TIMESTAMPTZ '2026-10-01' AS created_at, TIMESTAMPTZ '2026-10-01' AS first_observed_at,
        TIMESTAMPTZ '2026-10-01' AS last_observed_at FROM song;
    INSERT INTO engagement SELECT 'suno', track_id, TIMESTAMPTZ '2026-10-01', n % 1000, n % 100,
        TIMESTAMPTZ '2026-10-01' FROM song;
    INSERT INTO audio BY NAME SELECT 'suno' AS platform, track_id, 'available' AS state, sha256, 1 AS attempts,
        TIMESTAMPTZ '2026-10-01' AS checked_at FROM song;
    INSERT INTO encoder VALUES ('{encoder_id}', 'bench', '{{}}', TIMESTAMPTZ '2026-10-01');
    INSERT INTO embedding BY NAME SELECT '{encoder_id}' AS encoder_id, sha256, 'h' AS shard_id, 'embedded' AS state,
        1 AS segments FROM song;
    INSERT INTO score_run BY NAME SELECT 's' AS score_run_id, 1 AS n, '{{}}' AS definition,
        TIMESTAMPTZ '2026-10-01' AS as_of, count(*) AS tracks FROM song;
    INSERT INTO engagement_score BY NAME SELECT 's' AS score_run_id, 'suno' AS platform, track_id, 'suno' AS cohort,
        (n % 100)::DOUBLE AS score_streams FROM song;
"""


def measure() -> Measurement:
    """Ratio of a question to numpy's bare answer; seconds of both, of opening and of the first one."""
    songs = int(os.environ.get("APEX_BENCH_SONGS", "200000"))
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        write_snapshot(Path(folder), songs)
        size = (Path(folder) / "vectors.duckdb").stat().st_size >> 20
        apex, bare = (_child(what, folder, songs) for what in ("apex", "bare"))
    assert apex["nearest"] == bare["nearest"], "the neighbours differ"
    seconds = {
        "apex similar": apex["median"],
        "bare product and top ten": bare["median"],
        "open the snapshot": apex["load"],
        "first question": apex["first"],
        "numpy: load from the same file": bare["load"],
    }
    notes = (
        f"{songs:,} songs × {_WIDTH}, vectors.duckdb of {size} MiB; {os.cpu_count()} cores; "
        f"peak memory {apex['peak_mb']:,.0f} MB (numpy {bare['peak_mb']:,.0f} MB); equal neighbours"
    )
    return Measurement("similar", {"vs_bare_numpy": apex["median"] / bare["median"]}, seconds, notes)


def write_snapshot(folder: Path, songs: int) -> None:
    """The two files of a snapshot of ``songs`` tracks with random vectors."""
    with duckdb.connect(str(folder / "catalog.duckdb")) as connection:
        connection.execute(sql("catalog/set_utc"))
        migrate(connection)
        create_views(connection)
        connection.execute(_TRACKS.format(songs=songs, encoder_id=_ENCODER))
    random = np.random.default_rng(1)
    with duckdb.connect(str(folder / "vectors.duckdb")) as connection:
        connection.execute(sql("catalog/attach_read_only", path=folder / "catalog.duckdb", alias="shown"))
        connection.execute(sql("snapshot/create_vectors"))
        names = connection.execute("SELECT sha256 FROM shown.embedding").fetchnumpy()["sha256"]
        for start in range(0, songs, _BATCH):
            part = names[start : start + _BATCH]
            made = random.standard_normal((len(part), _WIDTH), dtype=np.float32)
            mixed = pa.FixedSizeListArray.from_arrays(pa.array(made.ravel()), _WIDTH)
            connection.register("incoming_vector", pa.table({"sha256": pa.array(part), "mixed": mixed}))
            connection.execute(sql("snapshot/insert_vectors"), {"encoder_id": _ENCODER, "shard_id": "h"})
            connection.unregister("incoming_vector")


def _child(what: str, folder: str, songs: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.similar", what, folder, str(songs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    return json.loads(done.stdout.splitlines()[-1])


def _apex(folder: Path, songs: int) -> dict[str, Any]:
    snapshot = Snapshot("bench", folder, _AS_OF, "", duckdb.__version__)
    started = time.perf_counter()
    with open_snapshot(snapshot, memory_limit="4GB") as connection:
        load = time.perf_counter() - started

        def ask(number: int) -> list[str]:
            return [row["track_id"] for row in similar(connection, f"suno/song-{number}", _N).nearest]

        return {"load": load, **_timed(ask, songs)}


def _bare(folder: Path, songs: int) -> dict[str, Any]:
    started = time.perf_counter()
    with duckdb.connect(str(folder / "vectors.duckdb"), read_only=True) as connection:
        flat = connection.sql("SELECT vector FROM song_vector").to_arrow_table().column(0).combine_chunks().flatten()
        names = connection.execute("SELECT sha256 FROM song_vector").fetchnumpy()["sha256"]
    with duckdb.connect(str(folder / "catalog.duckdb"), read_only=True) as connection:
        tracks = dict(connection.execute("SELECT sha256, track_id FROM audio").fetchall())
    vectors: NDArray[np.float32] = flat.to_numpy().reshape(songs, _WIDTH)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    position = {tracks[name]: n for n, name in enumerate(names)}
    load = time.perf_counter() - started

    def ask(number: int) -> list[str]:
        this = position[f"song-{number}"]
        cosine = vectors @ vectors[this]
        top = np.argpartition(-cosine, _N)[: _N + 1]
        return [tracks[names[n]] for n in top[np.argsort(-cosine[top])] if n != this]

    return {"load": load, **_timed(ask, songs)}


def _timed(ask: Callable[[int], list[str]], songs: int) -> dict[str, Any]:
    """The first question's seconds, the median of the others, whom the last one found, the peak of memory."""
    seconds: list[float] = []
    nearest: list[str] = []
    for turn in range(_TIMES + 1):
        started = time.perf_counter()
        nearest = ask(turn * (songs // (_TIMES + 1)))
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first": seconds[0], "median": statistics.median(seconds[1:]), "nearest": nearest, "peak_mb": peak}


if __name__ == "__main__":
    which, where, count = sys.argv[1:]
    print(json.dumps({"apex": _apex, "bare": _bare}[which](Path(where), int(count))))
