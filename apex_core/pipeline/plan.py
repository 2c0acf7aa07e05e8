"""What a backfill would do and about how long that takes, read off the live catalog; nothing is done for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apex_core.catalog import Connection, peek, sql
from apex_core.mert import describe_encoder
from apex_core.pipeline.run import Window
from apex_core.settings import Settings
from apex_core.sources import find_dumps

# Speeds are those of the newest parts of stages: a machine that was replaced is forgotten after some nights.
_NEWEST = 20
_IN_PARTS = {"audio": "tracks", "extract": "seconds of audio", "ingest files": "bytes"}
# What follows the months, in this order, over the whole catalog; None: always, else only when that stage is chosen.
_AFTERWARDS = {
    "label": "label",
    "score": None,
    "check score": None,
    "predict": "predict",
    "snapshot": None,
    "report": None,
}


@dataclass(frozen=True, slots=True)
class Partition:
    """One month of ``created_at`` and what its tracks still lack.

    ``to_encode``: tracks, those included whose audio is yet to be found, when that stage is asked for; so it is the
    most there can be. ``audio_hours``: of them.
    """

    label: str
    start: datetime
    end: datetime
    tracks: int
    audio_missing: int
    to_encode: int
    audio_hours: float

    def window(self, platform: str | None) -> Window:
        return Window(platform, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a stage was in ``parts`` earlier parts of runs: ``amount`` in ``seconds``.

    The amount is in tracks (audio), seconds of audio (extract) or bytes (ingest files); None for a stage that always
    works on the whole catalog, which takes as long as it took.
    """

    stage: str
    amount: float | None
    seconds: float
    parts: int

    def time(self, amount: float) -> float:
        """Seconds for ``amount``, or for the whole catalog."""
        return self.seconds / self.parts if self.amount is None else amount * self.seconds / self.amount

    def __str__(self) -> str:
        newest = f"the newest {self.parts}" if self.parts > 1 else "the only one so far"
        if self.amount is None:
            return f"{clock(self.seconds / self.parts)} ({newest})"
        return f"{self.amount / self.seconds:,.4g} {_IN_PARTS[self.stage]} a second ({newest})"


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """The partitions of a window, oldest first, and what is known of the speed of stages here.

    ``files``: address and bytes of what is to be ingested before; the tracks they bring are in no partition yet.
    """

    window: Window
    stages: tuple[str, ...]
    partitions: tuple[Partition, ...]
    paces: dict[str, Pace] = field(default_factory=dict[str, Pace])
    files: tuple[tuple[str, int], ...] = ()

    @property
    def tracks(self) -> int:
        return sum(partition.tracks for partition in self.partitions)

    @property
    def audio_missing(self) -> int:
        return sum(partition.audio_missing for partition in self.partitions)

    @property
    def to_encode(self) -> int:
        return sum(partition.to_encode for partition in self.partitions)

    @property
    def audio_hours(self) -> float:
        return sum(partition.audio_hours for partition in self.partitions)

    @property
    def steps(self) -> list[tuple[str, float | None]]:
        """What will be done beside the months, with the seconds it takes; None where nobody has measured it."""
        afterwards = [stage for stage, asked in _AFTERWARDS.items() if asked is None or asked in self.stages]
        before = ["ingest files"] if "ingest" in self.stages else []
        read = float(sum(size for _, size in self.files))
        return [(stage, self._time(stage, read)) for stage in (*before, *afterwards)]

    @property
    def seconds(self) -> float | None:
        """About how long all of it takes; None when a stage with something to do was never measured here."""
        return added([*map(self.time, self.partitions), *(seconds for _, seconds in self.steps)])

    @property
    def unmeasured(self) -> list[str]:
        """The stages with something to do whose speed nobody knows."""
        todo = {"audio": self.audio_missing, "extract": self.audio_hours}
        parts = [stage for stage, amount in todo.items() if stage in self.stages and amount and stage not in self.paces]
        return [*parts, *(stage for stage, seconds in self.steps if seconds is None)]

    def time(self, partition: Partition) -> float | None:
        """Seconds that a month takes."""
        todo = {"audio": partition.audio_missing, "extract": partition.audio_hours * 3_600}
        return added([self._time(stage, amount) for stage, amount in todo.items() if stage in self.stages])

    def _time(self, stage: str, amount: float) -> float | None:
        if amount == 0 and stage in _IN_PARTS:
            return 0.0
        pace = self.paces.get(stage)
        return None if pace is None else pace.time(amount)


def added(seconds: Sequence[float | None]) -> float | None:
    """The sum, or None when one of them is unknown."""
    known = [second for second in seconds if second is not None]
    return sum(known) if len(known) == len(seconds) else None


def clock(seconds: float | None) -> str:
    """A length of time as people say it."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60:02} min"


def plan_backfill(settings: Settings, window: Window, stages: Sequence[str], files: Sequence[str] = ()) -> BackfillPlan:
    """Count, by month, the eligible tracks of ``window`` and what they lack for ``stages``.

    Reads the live catalog and writes nothing. Raises MigrationError when an earlier version wrote it, SourceError for a
    place in ``files`` with nothing to read.
    """
    found = tuple((file.uri, file.bytes) for place in files for file in find_dumps(place))
    plan = BackfillPlan(window, tuple(stages), (), {}, found)
    if not settings.catalog_path.exists():
        return plan
    encoder_id = describe_encoder(settings.encoder, settings.cache)[0] if "extract" in stages else ""
    with peek(settings, "plan a backfill") as connection:
        return BackfillPlan(
            window,
            plan.stages,
            _partitions(connection, window, stages, encoder_id),
            _paces(connection, encoder_id),
            found,
        )


def _partitions(
    connection: Connection, window: Window, stages: Sequence[str], encoder_id: str
) -> tuple[Partition, ...]:
    asked = {stage: stage in stages for stage in ("audio", "extract")}
    bound = {"encoder_id": encoder_id, **asked, **window.bound}
    return tuple(Partition(*row) for row in connection.execute(sql("report/backfill_plan"), bound).fetchall())


def _paces(connection: Connection, encoder_id: str) -> dict[str, Pace]:
    bound = {"encoder_id": encoder_id, "newest": _NEWEST}
    paces = [Pace(*row) for row in connection.execute(sql("report/backfill_pace"), bound).fetchall()]
    return {pace.stage: pace for pace in paces}
