"""Nights that checks stop, or do not: what is left undone, what an operator reads, and how the next night goes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from apex_core.catalog import connect, latest_snapshot
from apex_core.errors import ApexError, CheckFailed
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import Settings, get_settings
from flows.backfill import backfill
from flows.local_server import LocalServer
from flows.nightly import nightly
from tests.flows.conftest import environment, variables
from tests.flows.pages import page

LATE = "score_drift_is_not_gross"


@pytest.fixture
def quiet(tmp_path: Path, world: World, sandbox: SandboxServer, prefect_server: LocalServer) -> Iterator[Settings]:
    """One night has run, without audio; from then on no platform is listed, and cohorts of any size may drift."""
    named = variables(tmp_path / "home", world, sandbox)
    named |= {"APEX_AUDIO__FETCH": "false", "APEX_CHECKS__DRIFT_MIN_TRACKS": "2"}
    with environment(named):
        nightly(as_of=world.epoch)
    named |= {f"APEX_SOURCES__{platform}__ENABLED": "false" for platform in ("SUNO", "UDIO")}
    with environment(named) as settings:
        yield settings


def change(*statements: str) -> None:
    """Somebody, or a fault, gets at the catalog."""
    with connect(get_settings(), "test") as connection:
        for statement in statements:
            connection.execute(statement)


def results(as_of: datetime) -> dict[tuple[str, str], tuple[str, str | None]]:
    """By moment and check: verdict, and why it was accepted."""
    with connect(get_settings(), "test") as connection:
        rows = connection.execute(
            "SELECT moment, check_name, verdict, because FROM check_result WHERE as_of = ?", [as_of]
        ).fetchall()
    kept = {(moment, name): (verdict, because) for moment, name, verdict, because in rows}
    assert len(kept) == len(rows)
    return kept


def stages(as_of: datetime) -> set[str]:
    with connect(get_settings(), "test") as connection:
        rows = connection.execute(
            "SELECT DISTINCT stage FROM run_stat JOIN run USING (run_id) WHERE as_of = ?", [as_of]
        ).fetchall()
    return {row[0] for row in rows}


def reversed_counts(as_of: datetime) -> str:
    """Every track is seen with what another one had: the most played ones are now the least."""
    return f"""
        INSERT INTO engagement
        SELECT platform, track_id, TIMESTAMPTZ '{as_of.isoformat()}', 1000000 - plays * 10, 100000 - likes * 10,
            TIMESTAMPTZ '{as_of.isoformat()}'
        FROM engagement_latest WHERE plays < 100000 AND likes < 10000
    """


@pytest.mark.slow
def test_a_blocked_night_publishes_nothing_and_says_why(
    quiet: Settings, world: World, prefect_server: LocalServer
) -> None:
    assert {verdict for verdict, _ in results(world.epoch).values()} == {"passed"}
    assert "checks passed" in page(prefect_server, "checks").splitlines()[0]
    before = latest_snapshot(quiet)
    change("INSERT INTO track FROM track ORDER BY track_id LIMIT 1")
    for day in (1, 2):  # the fault is still there the night after
        night = world.epoch + timedelta(days=day)
        with pytest.raises(CheckFailed, match="after ingest, so nothing of it is published: keys_are_unique: 1"):
            nightly(as_of=night)
        assert latest_snapshot(quiet) == before
        assert not stages(night) & {"score", "train", "publish", "snapshot"}
        assert results(night)["ingest", "keys_are_unique"] == ("blocked", None)
        written = page(prefect_server, "checks")
        assert "blocked" in written.splitlines()[0]
        row = next(line for line in written.splitlines() if "| keys_are_unique |" in line)
        assert "track suno/" in row or "track udio/" in row
        assert "apex restore" in row
        assert "CheckFailed" in page(prefect_server, "nightly")
    with connect(quiet, "test") as connection:
        assert connection.execute("SELECT DISTINCT state FROM run WHERE token > 1").fetchall() == [("failed",)]
    change("CREATE TEMP TABLE once AS SELECT DISTINCT ON (platform, track_id) * FROM track; DELETE FROM track; "
           "INSERT INTO track FROM once")  # fmt: skip
    nightly(as_of=world.epoch + timedelta(days=3))
    assert "passed" in page(prefect_server, "checks").splitlines()[0]


@pytest.mark.slow
def test_gross_drift_blocks_until_it_is_accepted(quiet: Settings, world: World, prefect_server: LocalServer) -> None:
    nights = [world.epoch + timedelta(days=day) for day in range(6)]
    before = latest_snapshot(quiet)
    change(reversed_counts(nights[1]))
    # The second night scores as the first did, and is held against the published one all the same.
    for night in nights[1:3]:
        with pytest.raises(CheckFailed, match=f"after scoring.*{LATE}"):
            nightly(as_of=night)
    with pytest.raises(CheckFailed, match=LATE):
        backfill(world.epoch.date(), nights[5].date(), stages=["label"], dry_run=False)
    assert latest_snapshot(quiet) == before
    assert "--accept" in page(prefect_server, "checks")
    nightly(as_of=nights[3], accept=[LATE], because="the platform turned its counters round")
    assert results(nights[3])["score", LATE] == ("accepted", "the platform turned its counters round")
    assert "the platform turned its counters round" in page(prefect_server, "checks")
    assert "## Warnings" in page(prefect_server, "nightly")
    assert latest_snapshot(quiet) != before
    nightly(as_of=nights[4])
    assert results(nights[4])["score", LATE] == ("passed", None)


@pytest.mark.slow
def test_a_warning_is_told_and_stops_nothing(quiet: Settings, world: World, prefect_server: LocalServer) -> None:
    night = world.epoch + timedelta(days=1)
    change("UPDATE track SET last_observed_at = TIMESTAMPTZ '2100-01-01 00:00Z'")
    done = {one.report.stage: one.report for one in nightly(as_of=night)}
    assert "snapshot" in done
    assert done["check ingest"].counts["warnings"] == 1
    assert results(night)["ingest", "nothing_from_the_future"] == ("warned", None)
    assert "with warnings" in page(prefect_server, "checks").splitlines()[0]
    told = page(prefect_server, "nightly")
    assert "completed" in told.splitlines()[0]
    assert "nothing_from_the_future" in told.partition("## Warnings")[2].partition("## Stages")[0]


@pytest.mark.parametrize(
    ("accept", "because", "said"),
    [(["keys_are_unique"], "why not", "no check that can be accepted"), ([LATE], " ", "without a reason")],
)
def test_only_what_may_be_true_is_accepted_and_with_a_reason(
    accept: list[str], because: str, said: str, settings: Settings, prefect_server: LocalServer
) -> None:
    with pytest.raises(ApexError, match=said):
        nightly(accept=accept, because=because)
    assert not settings.catalog_path.exists()
