"""The demo's nightly, stage by stage, and a second run that finds nothing new; whole processes, songs made before."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from apex_core.catalog import connect
from apex_core.sandbox import build_world
from apex_core.settings import SandboxSettings, Settings
from tests.bench.measurement import Measurement


def measure() -> Measurement:
    """Run ``apex demo`` twice on one world; seconds a stage come from the catalog's own ``run_stat``."""
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        home = Path(folder) / "demo"
        started = time.perf_counter()
        world = build_world(SandboxSettings(), home / "world")
        synthesis = time.perf_counter() - started
        first, again = _demo(home), _demo(home)
        stages = _stages(home)
    seconds = {"synthesis": synthesis, "first run": first, "run with nothing new": again}
    for place, run in enumerate(stages):
        seconds |= {f"{'first' if place == 0 else 'again'}: {name}": value for name, value in run.items()}
    ratios = {
        "noop_vs_first": again / first,
        "stages_of_first": sum(stages[0].values()) / first,
    }
    notes = f"{len(world.songs)} songs, {os.cpu_count()} cores; whole processes"
    return Measurement("nightly", ratios, seconds, notes)


def _demo(home: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "flows.cli", "demo", "--home", str(home)], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started


def _stages(home: Path) -> list[dict[str, float]]:
    """Seconds by stage of each run, in the order of the runs."""
    with connect(Settings(home=home), "bench") as connection:
        rows = connection.execute(
            "SELECT run_id, stage, value FROM run_stat JOIN run USING (run_id) WHERE measure = 'seconds' ORDER BY token"
        ).fetchall()
    runs: dict[str, dict[str, float]] = {}
    for run_id, stage, value in rows:
        runs.setdefault(run_id, {})[stage] = value
    return list(runs.values())
