"""The champion scores a whole catalog, beside a plain loop over the same files: read the vectors, then float32.

What is timed is the whole stage: which songs are wanting, every shard read, hashed and scored in float64, all of it in
the catalog in one transaction. The loop reads one column of the files, sixteen at a time, hashes nothing and writes
nowhere. Shards are of the real format, songs x (four layers and their mix) x 768 random numbers, 15 kB a song.
Each in a process of its own, in turns, medians of three; the files were just written, so the disk's cache has what it
holds of them. ``APEX_BENCH_SONGS`` (200,000) sets the size; a tenth of it is run as well, for what time and memory grow
with.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.measurement import Measurement

_TIMES = 3
_MINUTE = 60


def measure() -> Measurement:
    """Ratio to the plain loop, and of the whole to its tenth by size; songs a minute and memory among the notes."""
    songs = int(os.environ.get("APEX_BENCH_SONGS", "200000"))
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        made = Path(folder)
        _child("make", made, songs)
        rounds = [{what: _child(what, made, songs) for what in ("bare", "apex")} for _ in range(_TIMES)]
        again = _child("again", made, songs)
        tenth = _child("apex", made, songs // 10)
    seconds = {what: statistics.median(each[what]["seconds"] for each in rounds) for what in ("bare", "apex")}
    work = {what: statistics.median(each[what]["cpu"] for each in rounds) for what in ("bare", "apex")}
    peaks = {what: max(each[what]["grown_mb"] for each in rounds) for what in ("bare", "apex")}
    ratios = {
        "vs_bare_loop": seconds["apex"] / seconds["bare"],
        "vs_bare_loop_of_processor": work["apex"] / work["bare"],
        "seconds_by_size": seconds["apex"] / tenth["seconds"] / 10,
    }
    pace = {what: f"{songs / seconds[what] * _MINUTE:,.0f}" for what in seconds}
    each = {what: f"{work[what] / songs * 1e6:.0f}" for what in work}
    notes = (
        f"{songs:,} songs: {pace['apex']} a minute (the loop {pace['bare']}), {each['apex']} s of processor a million "
        f"(the loop {each['bare']}); memory grows by {peaks['apex']:,.0f} MB, with a tenth of the songs by "
        f"{tenth['grown_mb']:,.0f} MB (the loop {peaks['bare']:,.0f} MB); {os.cpu_count()} cores"
    )
    told = {**seconds, "apex: a tenth": tenth["seconds"], "apex: nothing new": again["seconds"]}
    return Measurement("predict", ratios, told, notes)


def _child(what: str, folder: Path, songs: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.predict_child", what, str(folder), str(songs)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])
