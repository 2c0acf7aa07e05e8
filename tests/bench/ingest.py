"""The whole ingest of a Suno dump beside DuckDB's bare ``read_json`` into a flat table, and dlt's merge of the file.

Every figure is taken in a process of its own, imports not counted, one after the other in turns; medians of three.
``APEX_BENCH_RECORDS`` (200,000) and ``APEX_BENCH_LARGE`` (2,000,000; 0 leaves it out) set the sizes. dlt is only
timed where it is installed, in this interpreter or the one that ``APEX_BENCH_DLT_PYTHON`` names
(``pip install "dlt[duckdb]"``).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measurement import Measurement
from tests.bench.records import write_suno

_DLT = Path(__file__).with_name("dlt_child.py")
_TIMES = 3
_LARGE_LIMIT = "1GB"


def measure() -> Measurement:
    """Ratios to the bare statement; peaks of memory in MB among the notes."""
    records = int(os.environ.get("APEX_BENCH_RECORDS", "200000"))
    large = int(os.environ.get("APEX_BENCH_LARGE", "2000000"))
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        first, changed = Path(folder) / "first.jsonl", Path(folder) / "changed.jsonl"
        write_suno(first, records)
        write_suno(changed, records, changed=2 / 3)
        rounds = [dict(_round(first, changed)) for _ in range(_TIMES)]
        seconds = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        ratios = _ratios(seconds)
        notes = (
            f"{records:,} records, {first.stat().st_size >> 20} MiB, 1 % dirty; {os.cpu_count()} cores, same threads"
        )
        first.unlink()
        changed.unlink()
        if large:
            notes += _large(Path(folder) / "large.jsonl", large, seconds, ratios)
    return Measurement("ingest", ratios, seconds, notes)


def _round(first: Path, changed: Path) -> Iterator[tuple[str, float]]:
    yield "bare read_json", _child("bare", first)[0]
    (whole, again, other), _ = _child_all("apex", first, first, changed)
    yield from (("apex", whole), ("apex, the same file again", again), ("apex, two thirds changed", other))
    python = _dlt_python()
    if python:
        yield "dlt", _run([python, str(_DLT), str(first)])[0][0]


def _ratios(seconds: dict[str, float]) -> dict[str, float]:
    bare = seconds["bare read_json"]
    ratios = {
        "vs_bare_read_json": seconds["apex"] / bare,
        "changed_vs_bare": seconds["apex, two thirds changed"] / bare,
        "again_vs_bare": seconds["apex, the same file again"] / bare,
    }
    return ratios | ({"vs_dlt": seconds["apex"] / seconds["dlt"]} if "dlt" in seconds else {})


def _large(path: Path, records: int, seconds: dict[str, float], ratios: dict[str, float]) -> str:
    write_suno(path, records)
    bare, bare_mb = _child("bare", path)
    apex, apex_mb = _child("apex", path)
    seconds |= {"large: bare read_json": bare, "large: apex": apex}
    ratios["large_vs_bare_read_json"] = apex / bare
    return (
        f"\n{records:,} records, {path.stat().st_size >> 20} MiB, memory_limit {_LARGE_LIMIT}: "
        f"peak {apex_mb:,.0f} MB (bare {bare_mb:,.0f} MB)"
    )


def _child(what: str, *files: Path) -> tuple[float, float]:
    times, peak = _child_all(what, *files)
    return times[0], peak


def _child_all(what: str, *files: Path) -> tuple[list[float], float]:
    return _run([sys.executable, "-m", "tests.bench.ingest_child", what, _LARGE_LIMIT, *map(str, files)])


def _run(command: list[str]) -> tuple[list[float], float]:
    root = Path(__file__).parents[2]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    found = json.loads(done.stdout.splitlines()[-1])
    return found["seconds"], found["peak_mb"]


def _dlt_python() -> str:
    python = os.environ.get("APEX_BENCH_DLT_PYTHON", sys.executable)
    has_it = subprocess.run([python, "-c", "import dlt, duckdb"], check=False, capture_output=True).returncode == 0
    return python if has_it else ""
