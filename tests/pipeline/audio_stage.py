"""The audio stage alone: tracks that lie in the catalog already, songs of a second each, one stage after another."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apex_core.catalog import connect
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.extract import run_extract
from apex_core.pipeline.run import EVERYTHING, Progress, Run, Window, begin, no_progress
from apex_core.settings import AudioSettings, EncoderSettings, HttpSettings, Settings
from tests.audio.scripted import Platform
from tests.audio.songs import tone, write
from tests.pipeline.nights import prints

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
Song = Callable[[int], bytes]
Track = tuple[str, str, str | None]
"""Platform, id, and the address of the audio."""


def made(folder: Path) -> Song:
    """Songs by number, FLAC of about a second, all different."""

    def song(number: int) -> bytes:
        path = folder / f"made-{number}.flac"
        if not path.exists():
            write(path, tone(8000 + number, 8000, 1), 8000)
        return path.read_bytes()

    return song


def know(settings: Settings, *tracks: Track) -> None:
    """Put complete, public tracks into the catalog."""
    with connect(settings, "test") as connection:
        connection.executemany(
            "INSERT INTO track BY NAME SELECT $platform AS platform, $id AS track_id, $url AS audio_url, "
            "'active' AS status, 'complete' AS state, $at AS first_observed_at, $at AS last_observed_at",
            [{"platform": p, "id": i, "url": u, "at": EPOCH} for p, i, u in tracks],
        )


@dataclass
class Home:
    """A catalog and a store, and the stages run on them at moments of the test's choosing."""

    settings: Settings
    platform: Platform
    runs: int = 0

    def know(self, *tracks: Track) -> None:
        know(self.settings, *tracks)

    def begin(self, later: timedelta, progress: Progress = no_progress, **changed: Any) -> Run:
        chosen: dict[str, Any] = {"fetch": False, "allowed_hosts": ("audio.test",)} | changed
        settings = self.settings.model_copy(update={"audio": AudioSettings(**chosen)})
        self.runs += 1
        run = begin(settings, "nightly", EPOCH + later, f"run-{self.runs}")
        return Run(run.settings, run.run_id, run.as_of, progress)

    def audio(self, later: timedelta = timedelta(), window: Window = EVERYTHING, **changed: Any) -> dict[str, int]:
        """The counts of one audio stage but of its library files; from libraries alone unless told otherwise."""
        counts = run_audio(self.begin(later, **changed), window).counts
        return {name: int(count) for name, count in counts.items() if count and name != "library_files"}

    def extract(self, later: timedelta = timedelta(), **changed: Any) -> dict[str, int]:
        counts = run_extract(self.begin(later, **changed)).counts
        return {name: int(counts[name]) for name in ("songs", "failed", "absent")}

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        with connect(self.settings, "test") as connection:
            return connection.execute(f"SELECT {columns} FROM audio ORDER BY platform, track_id").fetchall()

    def prints(self) -> dict[str, str]:
        return prints(self.settings)


def home_at(folder: Path, store_url: str, platform: Platform) -> Home:
    """An empty home. Nobody waits: faults are tried again at once."""
    settings = Settings(
        home=folder,
        store=store_url,
        threads=1,
        http=HttpSettings(connect_to={"audio.test": platform.address}, retries=1, backoff_s=0, timeout_s=5),
        encoder=EncoderSettings(source="tiny-random", device="cpu", decode_workers=0),
    )
    return Home(settings, platform)
