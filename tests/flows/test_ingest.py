"""The ingest flow: a listing that breaks off is gone on with by the next run, and known tracks are seen again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog import connect
from apex_core.errors import ApexError
from apex_core.pipeline.run import platform_lock
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings
from flows.ingest import ingest
from flows.local_server import LocalServer
from flows.session import Done
from tests.flows.conftest import environment, variables

DAY = timedelta(days=1)


@pytest.fixture
def platform(world: World) -> Iterator[SandboxServer]:
    """A platform of the test's own, without faults but those that are asked for."""
    with SandboxServer(world, faults=False) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, world: World, platform: SandboxServer) -> Iterator[Settings]:
    handle = next(song.creator.name for song in world.songs if song.platform == "suno")
    more = {
        "APEX_SOURCES__SUNO__PAGE_SIZE": "4",
        "APEX_SOURCES__SUNO__PROFILES": f'["{handle}"]',
    }
    with environment(variables(tmp_path / "home", world, platform) | more) as read:
        yield read


def state(settings: Settings) -> Any:
    columns = "watermark, started_at, resume_cursor IS NOT NULL"
    with connect(settings, "test") as connection:
        return connection.execute(f"SELECT {columns} FROM ingest_state WHERE source = 'suno'").fetchone()


def by_stage(done: list[Done]) -> dict[str, Done]:
    return {one.report.stage: one for one in done}


def test_a_run_cut_by_a_401_is_gone_on_with_by_the_next(
    settings: Settings, world: World, platform: SandboxServer, prefect_server: LocalServer
) -> None:
    platform.plant("suno", "unauthorized", at=3)
    with pytest.raises(ApexError, match="suno was not ingested") as raised:
        ingest(as_of=world.epoch)
    assert "APEX_SOURCES__SUNO__TOKEN" in (raised.value.fix or "")
    assert state(settings) == (None, world.epoch, True)

    platform.set_clock(world.epoch + DAY)
    done = by_stage(ingest(as_of=world.epoch + DAY))
    assert list(done) == ["ingest suno", "ingest udio", "revisit suno", "revisit udio", "reconcile suno"]
    assert done["ingest suno"].report.counts["pages"] == -(-world.planted["suno"]["rows"] // 4) - 2
    assert done["revisit suno"].report.counts["due"] > 0, "the two pages of the day before"
    assert done["reconcile suno"].report.counts["profiles"] == 1
    assert state(settings) == (world.epoch, None, False)


def test_a_platform_that_somebody_else_ingests_is_its_own_trouble(
    settings: Settings, world: World, prefect_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.ingest import list_platform

    monkeypatch.setattr(list_platform, "retries", 0)  # it would wait for five minutes
    with (
        environment({"APEX_LOCK_TIMEOUT_S": "1"}),
        platform_lock(settings, "suno", "a dump"),
        pytest.raises(ApexError, match=r"suno was not ingested: The ingest of suno is held by 'a dump'") as raised,
    ):
        ingest(as_of=world.epoch)
    assert "udio" not in raised.value.message
    with connect(settings, "test") as connection:
        assert connection.execute("SELECT DISTINCT platform FROM track").fetchall() == [("udio",)]
