"""Known tracks are looked at again, the older the rarer; profiles are held against their own sums."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apex_core.catalog import connect, sql
from apex_core.errors import Unauthorized
from apex_core.pipeline.revisit import reconcile_profiles, revisit_platform
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import PLATFORMS, ConnectorSettings, Platform, Settings
from tests.pipeline.live.runs import changed, ingest, rows, run

DAY = timedelta(days=1)
USUAL = ConnectorSettings()


def plan(settings: Settings, as_of: datetime, most: int = 1_000) -> list[str]:
    """The tracks of Suno that are due with the default settings."""
    bound = {
        "platform": "suno",
        "as_of": as_of,
        "min_days": USUAL.revisit_min_days,
        "max_days": USUAL.revisit_max_days,
        "age_factor": USUAL.revisit_age_factor,
        "most": most,
    }
    with connect(settings, "test") as connection:
        return [row[0] for row in connection.execute(sql("live/revisit_plan"), bound).fetchall()]


def known(settings: Settings, now: datetime, **tracks: tuple[float | None, float, str]) -> None:
    """Tracks by name: their age, the days since they were seen, their status."""
    with connect(settings, "test") as connection:
        for name, (age, seen, status) in tracks.items():
            born = None if age is None else now - timedelta(days=age)
            connection.execute(
                "INSERT INTO track (platform, track_id, status, created_at, first_observed_at, last_observed_at) "
                "VALUES ('suno', $1, $2, $3, $4, $4)",
                [name, status, born, now - timedelta(days=seen)],
            )


def test_the_time_between_two_looks_grows_with_age(settings: Settings, world: World) -> None:
    known(
        settings,
        world.epoch,
        day_old_seen_yesterday=(1.5, 1.0, "active"),
        day_old_seen_just_now=(1.5, 0.5, "active"),
        month_old_seen_yesterday=(30, 1.0, "active"),
        month_old_seen_four_days_ago=(30, 4.0, "active"),
        year_old_seen_a_month_ago=(365, 30.0, "active"),
        year_old_seen_forty_days_ago=(365, 40.0, "unavailable"),
        ancient_seen_two_months_ago=(9_000, 61.0, "active"),
        ancient_seen_a_month_ago=(9_000, 31.0, "active"),
        gone=(30, 400.0, "tombstone"),
        of_unknown_age=(None, 2.0, "active"),
    )
    due = [
        "of_unknown_age",
        "month_old_seen_four_days_ago",
        "day_old_seen_yesterday",
        "year_old_seen_forty_days_ago",
        "ancient_seen_two_months_ago",
    ]
    assert plan(settings, world.epoch) == due
    assert plan(settings, world.epoch, most=2) == due[:2]


def test_what_this_run_has_seen_is_not_looked_at_again(settings: Settings, world: World) -> None:
    ingest(settings, world.epoch)
    eager = changed(settings, revisit_min_days=1e-9, revisit_age_factor=0.0)
    assert revisit_platform(run(eager, world.epoch), "suno").counts["due"] == 0


def status(settings: Settings, track_id: str, platform: Platform) -> Any:
    where = f"platform = '{platform}' AND track_id = '{track_id}'"
    return rows(settings, f"SELECT status FROM track WHERE {where}")[0][0]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_revisit_brings_counts_and_finds_out_who_is_gone(
    settings: Settings, world: World, server: SandboxServer, platform: Platform
) -> None:
    ingest(settings, world.epoch, platform)
    tracks = len(rows(settings, "FROM track"))
    later = world.epoch + 30 * DAY
    server.set_clock(later)
    report = revisit_platform(run(settings, later), platform)
    assert report.stage == f"revisit {platform}"
    assert report.counts["due"] == tracks
    assert report.counts["observations"] > 0
    assert report.counts["gone"] == 1
    vanished = next(song for song in world.vanishing if song.platform == platform)
    assert status(settings, vanished.track_id, platform) == "tombstone"
    assert rows(settings, f"FROM engagement WHERE track_id = '{vanished.track_id}'"), "its past is kept"
    again = revisit_platform(run(settings, later + timedelta(hours=1)), platform)
    assert again.counts["due"] == 0


def test_what_is_private_is_unavailable_and_not_asked_for_every_night(
    settings: Settings, world: World, server: SandboxServer
) -> None:
    ingest(settings, world.epoch)
    private = next(song for song in world.plan.oddities if song.fate == "private")
    later = world.epoch + 30 * DAY
    server.set_clock(later)
    assert revisit_platform(run(settings, later), "suno").counts["withheld"] == 1
    assert status(settings, private.track_id, "suno") == "unavailable"
    for hours in (1, 2):
        assert revisit_platform(run(settings, later + timedelta(hours=hours)), "suno").counts["due"] == 0


def test_what_was_asked_before_a_refusal_is_kept_and_the_rest_comes_next(
    settings: Settings, world: World, server: SandboxServer
) -> None:
    ingest(settings, world.epoch)
    tracks = len(rows(settings, "FROM track"))
    later = world.epoch + 30 * DAY
    server.set_clock(later)
    server.plant("suno", "unauthorized", at=2)
    with pytest.raises(Unauthorized):
        revisit_platform(run(settings, later), "suno")
    left = revisit_platform(run(settings, later + timedelta(hours=1)), "suno").counts["due"]
    assert 0 < left < tracks


def test_few_at_a_time_when_so_set(settings: Settings, world: World, server: SandboxServer) -> None:
    ingest(settings, world.epoch)
    later = world.epoch + 30 * DAY
    server.set_clock(later)
    assert revisit_platform(run(changed(settings, revisits_per_run=3), later), "suno").counts["due"] == 3
    assert revisit_platform(run(changed(settings, revisits_per_run=0), later), "suno").counts["due"] == 0


def test_a_profile_adds_up_to_what_it_states(settings: Settings, world: World) -> None:
    handle = next(song.creator.name for song in world.songs if song.platform == "suno")
    report = reconcile_profiles(run(changed(settings, profiles=(handle,)), world.epoch))
    assert report.stage == "reconcile suno"
    assert report.counts["profiles"] == 1
    assert report.counts["profiles_off"] == 0
    for name in ("clips", "plays", "likes"):
        assert report.counts[f"{name}_found"] == report.counts[f"{name}_stated"] > 0
    assert report.note == ""
    assert report.counts["upserted"] == report.counts["clips_found"]


def test_a_profile_that_is_gone_is_a_note(settings: Settings, world: World) -> None:
    handle = next(song.creator.name for song in world.songs if song.platform == "suno")
    report = reconcile_profiles(run(changed(settings, profiles=("nobody", handle)), world.epoch))
    assert "profile nobody" in report.note
    assert report.counts["upserted"] > 0
