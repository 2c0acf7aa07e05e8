"""A run: one frozen ``as_of``, one identity; once it is declared dead, nothing it writes counts any more.

Fencing: the catalog holds every run's token and state, and whoever declares a run dead says so in there. So whatever
makes work count, a unit of catalog work or the record in the store that commits, is done while the catalog is held,
right after it was asked whether the run is alive. What is written before (shards, pages, files of a version) is named
by its content or by the run, and nobody trusts it yet.
"""

import contextlib
import os
import socket
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from apex_core.catalog import Connection, connect, sql, transaction
from apex_core.catalog.lock import hold, holder_of, share
from apex_core.errors import Fenced
from apex_core.settings import Platform, Settings
from apex_core.storage import Store

CRASHED = "crashed"
LEFT = "left_undone"
FAILURES_TOLD = 100
_STORE_LOCK = "store.lock"


class Progress(Protocol):
    """Called with what is being done, how many are done, of how many, and what else there is to say of it."""

    def __call__(self, what: str, done: int, total: int, detail: str = "", /) -> None: ...


def no_progress(what: str, done: int, total: int, detail: str = "") -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which tracks a backfill is about: a platform (None: all) and a half-open range of ``created_at``.

    ``tracks`` (``platform/track_id``) and ``songs`` (sha256) narrow the stages audio and extract down to these.
    """

    platform: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    tracks: tuple[str, ...] | None = None
    songs: tuple[str, ...] | None = None

    @property
    def bound(self) -> dict[str, object]:
        """The window as named SQL parameters."""
        return {"platform": self.platform, "start": self.start, "end": self.end}


EVERYTHING = Window()


@dataclass(frozen=True, slots=True)
class Failure:
    """What a stage could not do: which one (the id that ``apex retry`` takes), and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a stage did: counts by name, and one line for people.

    ``failed``: what it could not do and another try may, the first of it; the count ``LEFT`` says how many there are.
    """

    stage: str
    counts: Mapping[str, float]
    note: str = ""
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """The facts every stage function gets. ``as_of`` stands for "now" wherever a stage needs one.

    ``token`` is that of ``begin``: a run of the same id that was begun again has a higher one. 0: joined by its id.
    """

    settings: Settings
    run_id: str
    as_of: datetime
    progress: Progress = field(default=no_progress, compare=False)
    token: int = 0

    @property
    def store(self) -> Store:
        return Store.open(self.settings.store_url)

    @contextlib.contextmanager
    def catalog(self, stage: str) -> Generator[Connection]:
        """One short unit of work in the live catalog.

        Raises Fenced when this run was declared dead since it began.
        """
        with connect(self.settings, f"{self.run_id}: {stage}") as connection:
            self._refuse_dead(connection)
            yield connection

    @contextlib.contextmanager
    def committing(self, stage: str) -> Generator[None]:
        """Make what commits in the store, a small create-only record, while nobody can declare this run dead.

        Raises Fenced when somebody has. Inside, the catalog is held and must not be opened.
        """
        with self.catalog(stage):
            yield

    def _refuse_dead(self, connection: Connection) -> None:
        found = connection.execute(sql("run/state"), {"run_id": self.run_id}).fetchall()
        state, token = found[0] if found else ("unknown", 0)
        if state == "running" and self.token not in (0, token):
            state = "begun anew by another process"
        if state != "running":
            raise Fenced(
                f"Run {self.run_id} may not write: it is {state} in the catalog.",
                fix="start a new run; everything it had committed is kept",
            )


@contextlib.contextmanager
def exclusive(settings: Settings, flow: str, run_id: str = "") -> Generator[None]:
    """Let one process of this host run ``flow``, as the run ``run_id``; raises Locked naming the other one.

    A process whose run was declared dead keeps nobody waiting, though it may be there still: it is fenced.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with living(settings, f"{flow}.lock", run_id or flow, 0, f"The flow {flow!r}"), at_work(settings):
        yield


@contextlib.contextmanager
def living(settings: Settings, name: str, holder: str, timeout_s: float, what: str) -> Generator[None]:
    """Hold a lock of this host's, as ``hold``; but not against a process whose run was declared dead.

    ``holder``: the id of a run, which a colon and more may follow.
    """
    path = settings.home / name
    _step_over_the_dead(settings, path)
    with hold(path, holder, timeout_s, what):
        yield


def _step_over_the_dead(settings: Settings, path: Path) -> None:
    """Remove a lock file whose holder's run was declared dead; what that process then holds is no file's lock."""
    if holder_of(path) is None:
        return
    with connect(settings, f"{path.name}: is its holder alive?") as connection:  # one at a time; and looks again
        holder = holder_of(path) or ""
        found = connection.execute(sql("run/state"), {"run_id": holder.partition(": ")[0]}).fetchall()
        if any(state == CRASHED for state, _ in found):
            path.unlink()


@contextlib.contextmanager
def at_work(settings: Settings) -> Generator[None]:
    """Whoever reads and writes the store as a run does so in here; waits while something is being forgotten."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with share(settings.home / _STORE_LOCK):
        yield


@contextlib.contextmanager
def undisturbed(settings: Settings, holder: str = "apex forget") -> Generator[None]:
    """Have the store to oneself: raises Locked while a run is at work, and lets new ones wait."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with hold(settings.home / _STORE_LOCK, holder, timeout_s=0, what="The store"):
        yield


@contextlib.contextmanager
def platform_lock(settings: Settings, platform: Platform, holder: str) -> Generator[None]:
    """Let one process of this host ingest a platform, by whichever flow or command; ``holder`` says who we are.

    Waits for ``settings.lock_timeout_s``, then raises Locked naming the other one. It does not nest.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    name, what = f"ingest-{platform}.lock", f"The ingest of {platform}"
    with living(settings, name, holder, settings.lock_timeout_s, what), at_work(settings):
        yield


def begin(
    settings: Settings, flow: str, as_of: datetime, run_id: str, *, alone: bool = False, flow_run: str | None = None
) -> Run:
    """Register a run. ``alone`` declares every unfinished earlier run of the flow dead (call inside ``exclusive``).

    ``flow_run``: what the orchestrator calls it, for ``declare_crashed``.
    """
    facts = {"run_id": run_id, "flow": flow, "as_of": as_of, "started_at": as_of, "flow_run": flow_run}
    with connect(settings, f"{run_id}: begin") as connection, transaction(connection):
        if alone:
            connection.execute(sql("run/fence_dead"), {"flow": flow})
        connection.execute(sql("run/begin"), {**facts, "host": f"{socket.gethostname()}:{os.getpid()}"})
        _, token = connection.execute(sql("run/state"), {"run_id": run_id}).fetchall()[0]
    return Run(settings, run_id, as_of, token=token)


def declare_crashed(settings: Settings, flow_run: str, at: datetime) -> list[str]:
    """Declare the unfinished run of an orchestrator's flow run dead: it is fenced from now on. Its id, if any."""
    with connect(settings, f"{flow_run}: crashed") as connection:
        rows = connection.execute(sql("run/declare_crashed"), {"flow_run": flow_run, "ended_at": at}).fetchall()
    return [run_id for (run_id,) in rows]


def end(run: Run, state: str, ended_at: datetime) -> None:
    """Close the run's row: ``completed``, ``partial`` or ``failed``."""
    with run.catalog("end") as connection:
        connection.execute(sql("run/end"), {"run_id": run.run_id, "state": state, "ended_at": ended_at})


def record(run: Run, report: StageReport, seconds: float) -> None:
    """Keep a stage's counts and duration in ``run_stat``."""
    with run.catalog(report.stage) as connection, transaction(connection):
        key: dict[str, object] = {"run_id": run.run_id, "stage": report.stage}
        connection.execute(sql("run/delete_stats"), key)
        for measure, value in {**report.counts, "seconds": seconds}.items():
            connection.execute(sql("run/insert_stat"), {**key, "measure": measure, "value": float(value)})
