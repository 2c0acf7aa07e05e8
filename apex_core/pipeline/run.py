"""A run: one frozen ``as_of``, one identity; once it is declared dead, it writes nothing more to the catalog."""

import contextlib
import os
import socket
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from apex_core.catalog import Connection, connect, sql, transaction
from apex_core.catalog.lock import hold, share
from apex_core.errors import Fenced
from apex_core.settings import Platform, Settings
from apex_core.storage import Store

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
    """Which tracks a backfill is about: a platform (None: all) and a half-open range of ``created_at``."""

    platform: str | None = None
    start: datetime | None = None
    end: datetime | None = None

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
    """The facts every stage function gets. ``as_of`` stands for "now" wherever a stage needs one."""

    settings: Settings
    run_id: str
    as_of: datetime
    progress: Progress = field(default=no_progress, compare=False)

    @property
    def store(self) -> Store:
        return Store.open(self.settings.store_url)

    @contextlib.contextmanager
    def catalog(self, stage: str) -> Generator[Connection]:
        """One short unit of work in the live catalog.

        Raises Fenced when this run was declared dead since it began.
        """
        with connect(self.settings, f"{self.run_id}: {stage}") as connection:
            states = connection.execute(sql("run/state"), {"run_id": self.run_id}).fetchall()
            state = states[0][0] if states else "unknown"
            if state != "running":
                raise Fenced(
                    f"Run {self.run_id} may not write: it is {state} in the catalog.",
                    fix="start a new run; everything it had committed is kept",
                )
            yield connection


@contextlib.contextmanager
def exclusive(settings: Settings, flow: str) -> Generator[None]:
    """Let one process of this host run ``flow``; raises Locked naming the other one."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with hold(settings.home / f"{flow}.lock", flow, timeout_s=0, what=f"The flow {flow!r}"), at_work(settings):
        yield


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
    path, what = settings.home / f"ingest-{platform}.lock", f"The ingest of {platform}"
    with hold(path, holder, settings.lock_timeout_s, what), at_work(settings):
        yield


def begin(settings: Settings, flow: str, as_of: datetime, run_id: str, *, alone: bool = False) -> Run:
    """Register a run. ``alone`` declares every unfinished earlier run of the flow dead (call inside ``exclusive``)."""
    with connect(settings, f"{run_id}: begin") as connection, transaction(connection):
        if alone:
            connection.execute(sql("run/fence_dead"), {"flow": flow})
        connection.execute(
            sql("run/begin"),
            {
                "run_id": run_id,
                "flow": flow,
                "as_of": as_of,
                "host": f"{socket.gethostname()}:{os.getpid()}",
                "started_at": as_of,
            },
        )
    return Run(settings, run_id, as_of)


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
