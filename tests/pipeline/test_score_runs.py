"""Older score runs in the store: forgetting reaches them, and a replay then says what it lacks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apex_core.catalog import connect
from apex_core.errors import CatalogError
from apex_core.pipeline.forget_store import PLACES
from apex_core.pipeline.forget_work import Work
from apex_core.pipeline.run import Run, begin
from apex_core.pipeline.score import run_score
from apex_core.pipeline.score_runs import find_run, list_runs, reading, replay_run
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.settings import ScoreSettings, Settings
from apex_core.storage import read_manifest

DAY0 = datetime(2026, 11, 1, tzinfo=UTC)
_TRACKS = """
    INSERT INTO track BY NAME
    SELECT 'suno' AS platform, 't' || i AS track_id, 'active' AS status, 'complete' AS state,
        $at AS first_observed_at, $at AS last_observed_at
    FROM range(5) AS r (i)
"""
_COUNTS = "INSERT INTO engagement SELECT 'suno', 't' || i, $at, i, i, $at FROM range(5) AS r (i)"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Three score runs, the first of them retired."""
    settings = Settings(home=tmp_path / "home")
    with connect(settings, "test") as connection:
        connection.execute(_TRACKS, {"at": DAY0})
        connection.execute(_COUNTS, {"at": DAY0})
    for day, gamma in enumerate((0.5, 1.0, 2.0)):
        chosen = settings.model_copy(update={"score": ScoreSettings(gamma=gamma)})
        run_score(begin(chosen, "test", DAY0 + timedelta(days=day), f"r{day}"))
    return begin(settings, "test", DAY0 + timedelta(days=5), "r5")


def test_forgetting_reaches_retired_runs_whole_and_half_written(run: Run) -> None:
    place = next(place for place in PLACES if place.name == "score_runs")
    work = Work("", "suno", "track", ("t3",), ("t3",), ())
    found = place.find(run.store, work)
    assert list(found.values()) == [1]
    (name,) = found
    run.store.put(f"score_runs/{name}/scores.0123.parquet", b"left by one that was killed")
    run.store.put("score_runs/killed/scores.parquet", b"half of it")
    assert set(place.find(run.store, work)) == {name, "killed"}
    for each in (name, "killed"):
        place.clear(run, work, each)
        place.clear(run, work, each)
    assert place.find(run.store, work) == {}
    manifest = read_manifest(run.store, f"score_runs/{name}", verify=True)
    assert manifest.facts["forgotten_rows"] == 1
    assert {key.split("/")[-1] for key in run.store.list("score_runs")} == {"MANIFEST.json", *manifest.files}
    assert not any(b"t3" in run.store.read(key) for key in run.store.list("score_runs"))


def test_a_replay_after_forgetting_says_so(run: Run) -> None:
    run_snapshot(run)
    place = next(place for place in PLACES if place.name == "score_runs")
    work = Work("", "suno", "track", ("t3",), ("t3",), ())
    (name,) = place.find(run.store, work)
    with reading(run.settings) as (connection, store):
        known = find_run(list_runs(connection, store), name)
        assert [part.differ for part in replay_run(connection, store, known)] == [0, 0, 0]
        place.clear(run, work, name)
        with pytest.raises(CatalogError, match=r"Of the 5 tracks .* 1 were forgotten"):
            replay_run(connection, store, known)
