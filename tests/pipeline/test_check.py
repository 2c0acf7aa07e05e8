"""Results of checks: kept once, for a while, and compared with what was published."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apex_core.catalog import connect, fingerprint
from apex_core.errors import CheckFailed, NotFound
from apex_core.pipeline.check import look, look_closely, results_of, run_moment
from apex_core.pipeline.run import Run, begin
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import Settings

AS_OF = datetime(2026, 1, 10, tzinfo=UTC)
TRACKS = """
    INSERT INTO track BY NAME SELECT 'suno' AS platform, 't' || i AS track_id, 'active' AS status, 'complete' AS state,
        TIMESTAMPTZ '2026-01-01 00:00Z' AS first_observed_at, TIMESTAMPTZ '2026-01-10 00:00Z' AS last_observed_at
    FROM range(200) AS r(i)
"""
COUNTS = """
    INSERT INTO engagement SELECT platform, track_id, ?, (hash(track_id, ?) % 100000)::BIGINT, 5, ? FROM track
"""
DUPLICATE = "INSERT INTO track FROM track WHERE track_id = 't7'"


def night(settings: Settings, day: int) -> Run:
    return begin(settings, "nightly", AS_OF + timedelta(days=day), f"night-{day}", alone=True)


def write(run: Run, statement: str, values: list[object] | None = None) -> None:
    with run.catalog("test") as connection:
        connection.execute(statement, values)


def dealt(run: Run, seed: int) -> None:
    """Every track has some other count, dealt out at random."""
    write(run, COUNTS, [run.as_of, seed, run.as_of])


@pytest.fixture
def first(settings: Settings) -> Run:
    run = night(settings, 0)
    write(run, TRACKS)
    return run


def test_results_are_kept_once_and_before_the_run_stops(first: Run) -> None:
    run_moment(first, "ingest")
    write(first, DUPLICATE)
    for _ in range(2):  # a run that was killed and goes on under its id
        with pytest.raises(CheckFailed):
            run_moment(first, "ingest")
    kept = results_of(first.settings, first.run_id)
    assert len({row["check_name"] for row in kept}) == len(kept)
    assert kept[0]["check_name"] == "keys_are_unique"
    assert (kept[0]["verdict"], kept[0]["violations"], kept[0]["first"]) == ("blocked", 1, ["track suno/t7: 2 rows"])
    assert {row["verdict"] for row in kept[1:]} == {"passed"}


def test_old_results_go(first: Run) -> None:
    run_moment(first, "ingest")
    keep = int(first.settings.checks.keep_days)
    run_moment(night(first.settings, keep), "ingest")
    assert results_of(first.settings, first.run_id)
    run_moment(night(first.settings, keep + 1), "ingest")
    assert not results_of(first.settings, first.run_id)


def test_results_are_bookkeeping(first: Run) -> None:
    run_snapshot(first)
    with first.catalog("test") as connection:
        before = fingerprint(connection)
    again = night(first.settings, 1)
    run_moment(again, "ingest")
    assert run_snapshot(again).counts["published"] == 0
    with again.catalog("test") as connection:
        assert fingerprint(connection) == before


def test_drift_is_held_against_what_was_published_however_many_runs_ago(first: Run) -> None:
    """Nights that were blocked score anew; the published run's rows stay until another one is published."""
    dealt(first, 0)
    run_score(first)
    run_snapshot(first)
    for day in (1, 2, 3):
        run = night(first.settings, day)
        dealt(run, 1)  # from the second night on nothing has moved since the night before
        dealt(replace(run, as_of=run.as_of + timedelta(seconds=1)), 1 if day < 3 else 2)
        run_score(run)
        with pytest.raises(CheckFailed, match="score_drift_is_not_gross: 1"):
            run_moment(run, "score")
    calm = night(first.settings, 4)
    dealt(calm, 0)  # the counts that were published are back
    run_score(calm)
    run_moment(calm, "score")


def test_the_live_catalog_can_be_looked_at_without_a_trace(first: Run) -> None:
    write(first, DUPLICATE)
    seen = look(first.settings)
    assert [one.check.name for one in seen.found if one.violations] == ["keys_are_unique"]
    assert look_closely(first.settings, "keys_are_unique").offenders == (("track", "suno/t7", "2 rows"),)
    assert results_of(first.settings, first.run_id) == []
    with pytest.raises(NotFound, match="no check 'keys'"):
        look_closely(first.settings, "keys")


def test_without_a_catalog_there_is_nothing_to_look_at(settings: Settings) -> None:
    with pytest.raises(NotFound, match="no catalog"):
        look(settings)
    assert not settings.catalog_path.exists()
    with connect(settings, "test"):
        pass
    with pytest.raises(NotFound, match="No run"):
        look(settings)
