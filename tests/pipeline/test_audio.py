"""Libraries are looked through every night; the schedule is for URLs alone."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog import connect
from apex_core.pipeline.audio import run_audio
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.run import EVERYTHING, Window, begin
from apex_core.sandbox import AUDIO_HOST, SandboxServer, World
from apex_core.settings import AudioSettings, HttpSettings, Settings
from tests.pipeline.nights import prints, settings_for


@pytest.fixture(scope="module")
def ingested(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with SandboxServer(world, faults=False) as server:
        settings = settings_for(tmp_path_factory.mktemp("ingested"), world, server)
        ingest_platform(begin(settings, "nightly", world.epoch, "ingest"), "udio")
        yield settings


@pytest.fixture
def home(ingested: Settings, tmp_path: Path) -> Settings:
    """Tracks of one platform, no audio yet."""
    shutil.copytree(ingested.home, tmp_path / "home")
    return ingested.model_copy(update={"home": tmp_path / "home"})


def audio(settings: Settings, as_of: datetime, window: Window = EVERYTHING, **changed: Any) -> dict[str, float]:
    """The counts of one audio stage; from libraries alone unless told otherwise."""
    chosen: dict[str, Any] = {"fetch": False, "allowed_hosts": (AUDIO_HOST,)} | changed
    settings = settings.model_copy(update={"audio": AudioSettings(**chosen)})
    return dict(run_audio(begin(settings, "nightly", as_of, as_of.isoformat()), window).counts)


def attempts(settings: Settings) -> set[tuple[str, int]]:
    with connect(settings, "test") as connection:
        return {*connection.execute("SELECT state, attempts FROM audio").fetchall()}


def test_a_library_set_up_later_is_looked_at(home: Settings, world: World) -> None:
    first = audio(home, world.epoch)
    assert first["unavailable"] == first["wanted"] > 0
    soon = world.epoch + timedelta(minutes=5)
    before = prints(home)
    assert audio(home, soon)["wanted"] == 0
    assert prints(home) == before, "a track neither found nor due is not touched"
    counts = audio(home, soon + timedelta(minutes=5), libraries=(str(world.folder),))
    assert counts["wanted"] == counts["available"] + counts["corrupt"]
    assert attempts(home) == {("available", 2), ("corrupt", 2), ("unavailable", 1)}


def test_a_bad_library_file_waits_for_its_next_try_or_its_replacement(
    home: Settings, world: World, tmp_path: Path
) -> None:
    song = next(song for song in world.songs if song.platform == "udio")
    file = tmp_path / "library" / "udio" / f"{song.track_id}.{song.codec}"
    file.parent.mkdir(parents=True)
    file.write_text("not audio")
    library = (str(tmp_path / "library"),)
    assert audio(home, world.epoch, libraries=library)["corrupt"] == 1
    assert audio(home, world.epoch + timedelta(minutes=5), libraries=library)["wanted"] == 0
    shutil.copy(world.path(song), file)
    counts = audio(home, world.epoch + timedelta(minutes=10), libraries=library)
    assert counts["wanted"] == counts["available"] == 1


def test_a_backfill_waits_for_no_schedule(home: Settings, world: World) -> None:
    wanted = audio(home, world.epoch)["wanted"]
    soon = world.epoch + timedelta(minutes=5)
    assert audio(home, soon, Window(platform="udio"))["wanted"] == wanted
    assert attempts(home) == {("unavailable", 2)}


def test_a_night_that_begins_a_little_earlier_still_tries_what_is_due(home: Settings, world: World) -> None:
    wanted = audio(home, world.epoch)["wanted"]
    assert audio(home, world.epoch + timedelta(hours=12))["wanted"] == 0
    assert audio(home, world.epoch + timedelta(hours=23, minutes=59, seconds=50))["wanted"] == wanted


def test_a_fault_that_passes_counts_no_try_and_is_due_at_once(home: Settings, world: World) -> None:
    # A port that nobody listens at.
    down = home.model_copy(
        update={"http": HttpSettings(connect_to={AUDIO_HOST: "127.0.0.1:1"}, allow_private=True, retries=0)}
    )
    first = audio(down, world.epoch, fetch=True)
    transient = (
        "SELECT count(*) FROM audio WHERE reason LIKE 'temporary%' AND attempts = 0 AND next_try_at = checked_at"
    )
    with connect(home, "test") as connection:
        count = connection.execute(transient).fetchall()[0][0]
    assert 0 < count <= first["wanted"]
    again = audio(home, world.epoch + timedelta(minutes=5), fetch=True)
    assert again["wanted"] == count
    assert again["available"] > 0
