"""A whole score run beside the bare statement: latest counts, distinct-count CDF, scores joined back, into a table.

Both read the same catalog file from ``engagement`` and write a row a track into it, through the same engine settings,
each in a process of its own, in turns; medians of five. The whole run goes through the one door and adds eligibility,
the digest that names it, cohorts and the stored CDF. ``APEX_BENCH_TRACKS`` (1,000,000) and ``APEX_BENCH_LARGE``
(10,000,000; 0 leaves it out) set the sizes; the large one is run once, with the default memory limit.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.measurement import Measurement

_TIMES = 5


def measure() -> Measurement:
    """Ratios to the bare statement, and of the large run to its size; peaks of memory in MB among the notes."""
    tracks = int(os.environ.get("APEX_BENCH_TRACKS", "1000000"))
    large = int(os.environ.get("APEX_BENCH_LARGE", "10000000"))
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        made = Path(folder) / "catalog.duckdb"
        _child("make", made, tracks)
        rounds = [{what: _timed(what, made) for what in ("bare", "apex")} for _ in range(_TIMES)]
        seconds = {what: statistics.median(each[what][0] for each in rounds) for what in ("bare", "apex")}
        peak = max(each["apex"][1] for each in rounds)
        ratios = {"vs_bare_cdf": seconds["apex"] / seconds["bare"]}
        size = made.stat().st_size >> 20
        notes = f"{tracks:,} tracks, {size} MiB, peak {peak:,.0f} MB; {os.cpu_count()} cores, same threads"
        if large:
            _child("make", made, large)
            seconds["large: apex"], peak = _timed("apex", made)
            ratios["large_seconds_by_size"] = seconds["large: apex"] / seconds["apex"] / (large / tracks)
            notes += f"\n{large:,} tracks, {made.stat().st_size >> 20} MiB: peak {peak:,.0f} MB"
    return Measurement("scores", ratios, seconds, notes)


def _timed(what: str, made: Path) -> tuple[float, float]:
    """Seconds and peak MB on a fresh copy, written to the disk before the clock starts."""
    copy = made.parent / "home" / "catalog.duckdb"
    copy.parent.mkdir(exist_ok=True)
    shutil.copyfile(made, copy)
    with copy.open("rb+") as file:
        os.fsync(file.fileno())
    return _child(what, copy)


def _child(what: str, path: Path, tracks: int = 0) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.scores_child", what, str(path), str(tracks)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    return found["seconds"], found["peak_mb"]
