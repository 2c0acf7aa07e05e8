"""Live listings end to end: what is kept of one that breaks off, what moves the watermark, and who may list at all."""

from datetime import timedelta
from pathlib import Path

import pytest

from apex_core.errors import Locked, SourceDisabled, SourceError, Unauthorized, UnknownEnvelope
from apex_core.pipeline.live import ingest_platform
from apex_core.pipeline.revisit import reconcile_profiles, revisit_platform
from apex_core.pipeline.run import platform_lock
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import PLATFORMS, Platform, Settings
from tests.catalog.other_process import other_process
from tests.pipeline.live.runs import changed, ingest, rows, run, state
from tests.pipeline.nights import prints, settings_for

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def undisturbed(tmp_path: Path, world: World, server: SandboxServer, platform: Platform) -> tuple[Settings, float]:
    """A catalog that one listing without trouble made, and how many pages that took."""
    settings = changed(settings_for(tmp_path / "undisturbed", world, server), page_size=4)
    return settings, ingest(settings, world.epoch, platform).counts["pages"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_case_18_a_listing_cut_by_a_401_goes_on_where_it_stopped(
    settings: Settings, world: World, server: SandboxServer, tmp_path: Path, platform: Platform
) -> None:
    calm, pages = undisturbed(tmp_path, world, server, platform)
    server.plant(platform, "unauthorized", at=3)
    with pytest.raises(Unauthorized, match="the token was refused"):
        ingest(settings, world.epoch, platform)
    left = state(settings, platform)
    assert left["watermark"] is None
    assert left["resume_cursor"]
    assert left["started_at"] == world.epoch
    assert 0 < len(rows(settings, "FROM track")) < len(rows(calm, "FROM track"))

    server.plant(platform, "unauthorized")  # still no good token
    with pytest.raises(Unauthorized):
        ingest(settings, world.epoch + HOUR, platform)
    assert state(settings, platform) == left

    report = ingest(settings, world.epoch + 2 * HOUR, platform)
    assert report.counts["pages"] == pages - 2
    done = state(settings, platform)
    assert done["watermark"] == done["full_listed_at"] == world.epoch, "the fetch began with the first run"
    assert done["resume_cursor"] is done["started_at"] is None
    assert prints(settings) == prints(calm)


def test_a_watermark_is_the_start_of_the_fetch_and_ends_the_next_listing(
    settings: Settings, world: World, server: SandboxServer
) -> None:
    first = ingest(settings, world.epoch)
    assert state(settings)["watermark"] == world.epoch
    recent = changed(settings, lookback_days=3.0)
    server.set_clock(world.epoch + DAY)
    (released,) = server.release(1)
    second = ingest(recent, world.epoch + DAY)
    assert second.counts["pages"] < first.counts["pages"]
    assert state(settings)["watermark"] == world.epoch + DAY
    assert state(settings)["full_listed_at"] == world.epoch
    assert rows(settings, f"FROM track WHERE track_id = '{released.track_id}'")


def test_every_so_often_a_listing_goes_to_the_end(settings: Settings, world: World) -> None:
    whole = ingest(settings, world.epoch).counts["pages"]
    recent = changed(settings, lookback_days=1.0, full_listing_days=10.0)
    assert ingest(recent, world.epoch + 9 * DAY).counts["pages"] < whole
    assert state(settings)["full_listed_at"] == world.epoch
    assert ingest(recent, world.epoch + 10 * DAY).counts["pages"] == whole
    assert state(settings)["full_listed_at"] == world.epoch + 10 * DAY


def test_an_interrupted_short_listing_stays_short(settings: Settings, world: World, server: SandboxServer) -> None:
    ingest(settings, world.epoch)
    recent = changed(settings, lookback_days=10.0, page_size=1)
    server.plant("suno", "unauthorized", at=2)
    with pytest.raises(Unauthorized):
        ingest(recent, world.epoch + DAY)
    left = state(settings)
    assert left["since"] == world.epoch - 10 * DAY
    assert left["watermark"] == world.epoch
    ingest(recent, world.epoch + 2 * DAY)
    assert state(settings)["watermark"] == world.epoch + DAY
    assert state(settings)["full_listed_at"] == world.epoch


def test_a_watermark_never_goes_back(settings: Settings, world: World) -> None:
    ingest(settings, world.epoch)
    ingest(settings, world.epoch - DAY)
    assert state(settings)["watermark"] == world.epoch


def test_a_listing_that_does_not_say_that_it_ends_moves_nothing(
    settings: Settings, world: World, server: SandboxServer
) -> None:
    server.plant("suno", "unknown", at=3)
    with pytest.raises(UnknownEnvelope, match="surprise"):
        ingest(settings, world.epoch)
    assert state(settings)["watermark"] is None
    assert state(settings)["resume_cursor"] is None
    assert rows(settings, "SELECT payload FROM reject WHERE reason = 'unknown_envelope'") == [('{"surprise": []}',)]
    assert rows(settings, "FROM track"), "what came before is kept"


def test_a_place_that_is_refused_is_forgotten(settings: Settings, world: World, server: SandboxServer) -> None:
    server.plant("suno", "missing", at=3)
    with pytest.raises(SourceError, match="404"):
        ingest(settings, world.epoch)
    assert state(settings)["resume_cursor"] is None


def test_a_cursor_of_another_listing_is_not_used(settings: Settings, world: World, server: SandboxServer) -> None:
    server.plant("suno", "unauthorized", at=3)
    with pytest.raises(Unauthorized):
        ingest(settings, world.epoch)
    report = ingest(changed(settings, feed="feed_v2"), world.epoch + HOUR)
    assert report.counts["records_in"] == world.planted["suno"]["rows"]
    assert state(settings)["watermark"] == world.epoch + HOUR


def test_neither_revisits_nor_profiles_move_a_watermark(settings: Settings, world: World) -> None:
    ingest(settings, world.epoch)
    handle = next(song.creator.name for song in world.songs if song.platform == "suno")
    later = changed(settings, profiles=(handle,))
    assert revisit_platform(run(later, world.epoch + 30 * DAY), "suno").counts["due"] > 0
    assert reconcile_profiles(run(later, world.epoch + 31 * DAY)).counts["records_in"] > 0
    assert state(settings)["watermark"] == world.epoch


def test_nothing_is_asked_while_the_connector_is_off(settings: Settings, world: World) -> None:
    off = changed(settings, enabled=False)
    for stage in (ingest_platform, revisit_platform, reconcile_profiles):
        with pytest.raises(SourceDisabled, match="APEX_SOURCES__SUNO__ENABLED=true"):
            stage(run(off, world.epoch), "suno")
    assert not (settings.home / "suno.turns").exists()


HOLDER = """
import sys
from apex_core.settings import Settings
from apex_core.pipeline.run import platform_lock
with platform_lock(Settings(home=sys.argv[1]), "suno", "a dump"):
    print("in"); sys.stdin.readline()
"""


def test_a_platform_is_ingested_by_one_process_at_a_time(settings: Settings, world: World) -> None:
    hasty = settings.model_copy(update={"lock_timeout_s": 0.1})
    hasty.home.mkdir(parents=True)
    with other_process("-c", HOLDER, hasty.home) as other:
        assert other.says() == "in"
        for stage in (ingest_platform, revisit_platform, reconcile_profiles):
            with pytest.raises(Locked, match=rf"ingest of suno is held by pid {other.pid} .*a dump"):
                stage(run(hasty, world.epoch), "suno")
        assert ingest(hasty, world.epoch, "udio").counts["upserted"] > 0, "the other platform is free"
        other.process.kill()
        other.ends()
        assert ingest(hasty, world.epoch + HOUR).counts["upserted"] > 0
    with platform_lock(hasty, "suno", "test"), platform_lock(hasty, "udio", "test"):
        pass
