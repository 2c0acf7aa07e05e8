"""What a night costs beside its stages: ``overhead``, on the sandbox's songs and against a running Prefect server.

Overhead is everything that is not the work of one of the nine stages: starting Python, importing, Prefect, opening the
catalog to keep figures, the checks and the report. It is the seconds of the whole process (``apex nightly``, from its
start to its end) without those that stages say they took; of stages that work at the same time only the longest
counts, of the extraction only what its task runs took. It is held against 10 s + 15 ms a task run.

``overhead`` and ``overhead_share`` are of a first night on ``APEX_BENCH_SONGS`` (2,000) songs of 30 s with the demo's
encoder (``tiny-random``), which makes extraction cheap, and so a share large. ``overhead_share_mert`` is reckoned: the
same night with MERT's seconds for a segment, measured here on random weights, in the place of that encoder's.
``noop_…``: the median of ``APEX_BENCH_TURNS`` (3) nights that find nothing new, as a process and by a worker.

Songs are rendered beforehand, and kept between runs where ``APEX_BENCH_FOLDER`` names a folder for them.
"""

import contextlib
import os
import statistics
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from apex_core.catalog import connect, fingerprint
from apex_core.settings import Settings
from tests.bench import encoder
from tests.bench.measurement import Measurement
from tests.bench.nightly_world import Api, apex, prefect, sandbox, worker, world

STAGES = ("ingest", "revisit", "reconcile", "audio", "score", "extract", "label", "train", "publish", "predict")
_SECONDS = 30.0
_FIXED_S, _TASK_RUN_S, _NOOP_S = 10.0, 0.015, 15.0
# As the demo, but for what follows from its size: 2,000 songs fill the published batch.
_SETTINGS = {
    "APEX_ENCODER__SOURCE": "tiny-random",
    "APEX_AUDIO__ALLOWED_HOSTS": '["audio.sandbox.test"]',
    "APEX_HTTP__BACKOFF_S": "0.2",
    "APEX_SOURCES__SUNO__REQUESTS_PER_SECOND": "200",
    "APEX_SOURCES__UDIO__REQUESTS_PER_SECOND": "200",
    "APEX_PROMOTION__MIN_GAIN": "-2",  # there is to be a champion, so that the night predicts
    "APEX_PROMOTION__MIN_GAIN_OVER_RIDGE": "-2",
    "APEX_PROMOTION__MAX_LOSS_OF_TARGET": "2",
}


@dataclass(frozen=True, slots=True)
class Night:
    """Seconds of a whole process, and of its parts; how many task runs Prefect has of it, and in its largest flow run.

    ``taken_s``: of a run by a worker, until the worker took it, which is not among ``wall_s``.
    """

    wall_s: float
    own_s: float
    checks_s: float
    task_runs: int
    most_task_runs: int
    before_s: float
    stages: Mapping[str, float]
    taken_s: float = 0.0

    @property
    def overhead_s(self) -> float:
        return self.wall_s - self.own_s

    @property
    def bound_s(self) -> float:
        return _FIXED_S + _TASK_RUN_S * self.task_runs


class Nights:
    """Nights on one home."""

    def __init__(self, environment: Mapping[str, str], clock: datetime, api: Api) -> None:
        self.environment, self._clock, self._api = environment, clock, api
        self._settings = Settings(home=Path(environment["APEX_HOME"]))

    def process(self) -> Night:
        """A night as ``apex nightly``."""
        began = datetime.now(UTC)
        wall_s = apex("nightly", "--as-of", self._clock.isoformat(), environment=self.environment)
        return self._night(began, wall_s)

    def by_worker(self) -> Night:
        """A night as the deployment; its process is the worker's from when the worker took the run."""
        began = datetime.now(UTC)
        run = self._api.run("nightly/nightly", {"as_of": self._clock.isoformat()})
        states = self._api.ask(f"flow_run_states/?flow_run_id={run['id']}")
        taken = min(_moment(state["timestamp"]) for state in states if state["type"] == "PENDING")
        ended = _moment(run["end_time"])
        return self._night(taken, (ended - taken).total_seconds(), (taken - began).total_seconds())

    def _night(self, began: datetime, wall_s: float, taken_s: float = 0.0) -> Night:
        runs = self._api.flow_runs(began)
        tasks = {run["id"]: self._api.task_runs(run["id"]) for run in runs}
        stages = self._stages()
        extract = next(run["id"] for run in runs if run["flow"] == "extract")
        own = {**_longest(stages), "extract": sum(task["total_run_time"] for task in tasks[extract])}
        return Night(
            wall_s,
            sum(own[stage] for stage in (*STAGES, "snapshot") if stage in own),
            sum(seconds for stage, seconds in stages.items() if stage.partition(" ")[0] in ("check", "report")),
            sum(map(len, tasks.values())),
            max(map(len, tasks.values())),
            (_moment(runs[0]["start_time"]) - began).total_seconds(),
            stages,
            taken_s,
        )

    def _stages(self) -> dict[str, float]:
        """Seconds that each stage of the newest night says it took."""
        with connect(self._settings, "bench") as connection:
            rows = connection.execute(
                "SELECT stage, value FROM run_stat JOIN run USING (run_id) WHERE measure = 'seconds' AND token = "
                "(SELECT max(token) FROM run WHERE flow = 'nightly' AND state = 'completed')"
            ).fetchall()
        return dict(rows)

    def fingerprint(self) -> str:
        with connect(self._settings, "bench") as connection:
            return fingerprint(connection)

    def encoding_s(self) -> float:
        """Seconds that the encoder was at work."""
        with connect(self._settings, "bench") as connection:
            return (connection.execute("SELECT sum(encode_s) FROM embedding_shard").fetchone() or (0.0,))[0]


def measure() -> Measurement:
    """Overhead by its bound, its share of a night, and nights with nothing new by 15 s."""
    songs, turns = int(os.environ.get("APEX_BENCH_SONGS", "2000")), int(os.environ.get("APEX_BENCH_TURNS", "3"))
    with _nights(songs) as nights:
        first = nights.process()
        before, encoding_s = nights.fingerprint(), nights.encoding_s()
        noops = [nights.process() for _ in range(turns)]
        with worker(nights.environment):
            by_worker = [nights.by_worker() for _ in range(turns)]
        if nights.fingerprint() != before:
            raise RuntimeError("The nights that were to find nothing new changed the catalog.")
    segment_s = _mert_segment_s()
    mert_s = first.wall_s - encoding_s + songs * segment_s
    noop, taken = _median(noops), _median(by_worker)
    ratios = {
        "overhead": first.overhead_s / first.bound_s,
        "overhead_share": first.overhead_s / first.wall_s,
        "overhead_share_mert": first.overhead_s / mert_s,
        "noop_overhead": noop.overhead_s / noop.bound_s,
        "noop_vs_15s": noop.wall_s / _NOOP_S,
        "noop_by_worker_vs_15s": taken.wall_s / _NOOP_S,
    }
    seconds = {
        **_parts("first", first),
        **_parts("noop", noop),
        **_parts("noop by a worker", taken),
        "noop by a worker: until it takes the run": taken.taken_s,
        "a segment with MERT's architecture": segment_s,
        "first night with MERT, reckoned": mert_s,
        **{f"first: {name}": value for name, value in first.stages.items()},
        **{f"noop: {name}": value for name, value in noop.stages.items()},
    }
    notes = (
        f"{songs:,} songs of {_SECONDS:g} s, {os.cpu_count()} cores, encoder tiny-random; task runs: first night "
        f"{first.task_runs}, {first.most_task_runs} in one flow run; noop {noop.task_runs}; the tiny encoder worked "
        f"{encoding_s:.0f} s; noops {', '.join(f'{night.wall_s:.1f}' for night in noops)} s, by a worker "
        f"{', '.join(f'{night.wall_s:.1f}' for night in by_worker)} s"
    )
    return Measurement("nightly", ratios, seconds, notes)


@contextlib.contextmanager
def _nights(songs: int) -> Generator[Nights]:
    """An empty home beside a sandbox and a Prefect server that are up."""
    kept = os.environ.get("APEX_BENCH_FOLDER")
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        place = Path(kept or folder) / "world"
        made = world(place, songs, _SECONDS)
        with sandbox(place, songs, _SECONDS) as (variables, clock), prefect(Path(folder) / "prefect") as server:
            labels = ", ".join(f'"{path}"' for path in made.labels)
            given = {
                **_SETTINGS,
                **variables,
                "APEX_HOME": str(Path(folder) / "home"),
                "APEX_AESTHETICS__FILES": f"[{labels}]",
                "PREFECT_API_URL": server.api_url,
                "PREFECT_HOME": str(server.home),
            }
            theirs = {name: value for name, value in os.environ.items() if not name.startswith(("APEX_", "PREFECT_"))}
            yield Nights(theirs | given, clock, Api(server.api_url))


def _longest(stages: Mapping[str, float]) -> dict[str, float]:
    """Seconds by stage; of those that work for several platforms at the same time, the longest."""
    found: dict[str, float] = {}
    for name, seconds in stages.items():
        stage = name.partition(" ")[0]
        found[stage] = max(found.get(stage, 0.0), seconds)
    return found


def _median(nights: list[Night]) -> Night:
    return sorted(nights, key=lambda night: night.wall_s)[len(nights) // 2]


def _parts(name: str, night: Night) -> dict[str, float]:
    """Where a night's seconds went; ``before``, ``checks`` and ``rest`` are the overhead."""
    rest = night.overhead_s - night.before_s - night.checks_s
    return {
        f"{name}: whole": night.wall_s,
        f"{name}: stages' own work": night.own_s,
        f"{name}: overhead": night.overhead_s,
        f"{name}: overhead may be": night.bound_s,
        f"{name}: of that before the flow starts": night.before_s,
        f"{name}: of that checks and report": night.checks_s,
        f"{name}: of that the rest": rest,
    }


def _mert_segment_s() -> float:
    """Seconds for a segment of 30 s with MERT's architecture at random weights, as it is loaded on a CPU."""
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        np.save(Path(folder) / "segments.npy", encoder.music(4))
        with encoder.child("apex", folder) as side:
            return statistics.median([side(f"encode 1 {n}")["seconds"] for n in range(4)][1:])


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(text)
