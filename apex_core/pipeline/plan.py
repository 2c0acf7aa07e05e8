"""What a backfill would do, read from the live catalog before anything is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apex_core.catalog import connect, sql
from apex_core.mert import describe_encoder
from apex_core.pipeline.run import Window
from apex_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Partition:
    """One month of ``created_at`` and what its tracks still lack.

    ``audio_hours``: of the songs to encode, as far as their length is known.
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
class BackfillPlan:
    """The partitions of a window, oldest first."""

    window: Window
    stages: tuple[str, ...]
    partitions: tuple[Partition, ...]

    @property
    def tracks(self) -> int:
        return sum(partition.tracks for partition in self.partitions)

    @property
    def audio_hours(self) -> float:
        return sum(partition.audio_hours for partition in self.partitions)


def plan_backfill(settings: Settings, window: Window, stages: Sequence[str]) -> BackfillPlan:
    """Count, by month, the eligible tracks of ``window`` and what they lack. Changes nothing."""
    encoder_id, _ = describe_encoder(settings.encoder, settings.cache)
    with connect(settings, "plan a backfill") as connection:
        rows = connection.execute(sql("report/backfill_plan"), {"encoder_id": encoder_id, **window.bound}).fetchall()
    return BackfillPlan(window, tuple(stages), tuple(Partition(*row) for row in rows))
