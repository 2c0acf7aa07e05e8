"""The catalog grows with tracks and what is observed of them, not with nights; what leaves it lies in the store."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from apex_core.catalog import compact, connect
from apex_core.pipeline.forget_store import PLACES
from apex_core.pipeline.forget_work import Work
from apex_core.pipeline.models import roll_back
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.run import begin
from apex_core.registry import resolve_alias
from tests.bench.growth import FIRST, Simulation

TRACKS = 500
# Rows that may differ after so many nights: what is observed, and a few small ones a night or a version.
A_NIGHT = {"score_run": 1, "run": 1, "publication": 1, "check_result": 40, "run_stat": 40}
A_VERSION = {"model_version": 1, "model_alias": 1}
OF_TRACKS = {"track", "audio", "embedding", "embedding_shard", "encoder", "prediction", "engagement_score"}


@pytest.mark.slow
def test_only_observations_and_a_few_rows_a_night_are_added(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, TRACKS, version_every=1)
    for _ in range(5):
        simulation.night()
    before, size = simulation.rows(), simulation.bytes()
    for _ in range(5):
        simulation.night()
    rows = simulation.rows()
    assert {name: rows[name] for name in OF_TRACKS} == {name: before[name] for name in OF_TRACKS}
    assert (rows["prediction"], rows["engagement_score"]) == (2 * TRACKS, 2 * TRACKS)
    distinct = simulation_distinct(simulation)
    assert rows["score_cdf"] <= 2 * distinct, "of the current and the previous run"
    for name, most in {**A_NIGHT, **A_VERSION}.items():
        assert rows[name] - before[name] <= 5 * most, name
    others = set(rows) - OF_TRACKS - set(A_NIGHT) - set(A_VERSION) - {"engagement", "score_cdf", "score_cohort"}
    assert {name: rows[name] for name in others} == {name: before.get(name, 0) for name in others}
    assert simulation.bytes() <= size * 1.3


def simulation_distinct(simulation: Simulation) -> int:
    """At most so many distinct counts has a run: of each cohort and measure."""
    with connect(simulation.settings, "test") as connection:
        query = "SELECT count(*) FROM score_cdf GROUP BY score_run_id ORDER BY 1 DESC"
        return int((connection.execute(query).fetchone() or (0,))[0])


@pytest.mark.slow
def test_older_predictions_are_in_the_store_and_come_back_with_their_version(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, 300, version_every=1)
    told: dict[str, list[tuple[object, ...]]] = {}
    for _ in range(3):
        simulation.night()
        champion = resolve_alias(simulation.store, "champion")
        assert champion is not None
        told[champion.version] = predictions(simulation, champion.version)
    first, second, third = told
    assert all(len(rows) == 300 for rows in told.values())
    assert predictions(simulation, first) == []
    with simulation.store.local(f"predictions/{first}.parquet") as path:
        assert pl.read_parquet(path).sort("sha256").rows() == told[first]
        assert duckdb.read_parquet(str(path)).count("sha256").fetchall() == [(300,)]
    for _ in range(2):
        roll_back(simulation.settings, None, "test", "test", simulation_time(simulation))
    run = begin(simulation.settings, "test", simulation_time(simulation), "rolled-back")
    run_predict(run)
    assert predictions(simulation, first) == told[first]
    assert predictions(simulation, second) == told[second]
    assert predictions(simulation, third) == []
    assert simulation.store.exists(f"predictions/{third}.parquet")


def predictions(simulation: Simulation, version: str) -> list[tuple[object, ...]]:
    with connect(simulation.settings, "test") as connection:
        query = "FROM prediction WHERE version = $version ORDER BY sha256"
        return connection.execute(query, {"version": version}).fetchall()


def simulation_time(simulation: Simulation) -> datetime:
    return FIRST + timedelta(days=simulation.nights + 1)


def test_a_file_that_is_mostly_free_is_written_anew(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, 2_000)
    assert not compact(simulation.settings, "test")
    with connect(simulation.settings, "test") as connection:
        connection.execute("CREATE TABLE passing AS SELECT uuid()::VARCHAR AS word FROM range(200_000)")
    with connect(simulation.settings, "test") as connection:
        connection.execute("CREATE TABLE staying AS SELECT uuid()::VARCHAR AS word FROM range(20_000)")
    full, rows = simulation.bytes(), simulation.rows()
    with connect(simulation.settings, "test") as connection:
        connection.execute("DROP TABLE passing")
    assert simulation.bytes() > 0.9 * full, "DuckDB gives back what is free at the end alone"
    assert compact(simulation.settings, "test")
    assert simulation.bytes() < full / 2
    assert simulation.rows() == {name: count for name, count in rows.items() if name != "passing"}
    assert not compact(simulation.settings, "test")


@pytest.mark.slow
def test_forgetting_reaches_predictions_in_the_store(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, 300, version_every=1)
    for _ in range(3):
        simulation.night()
    (key,) = simulation.store.list("predictions")
    songs = pl.read_parquet(simulation.store.read(key))["sha256"].to_list()
    work = Work("", "suno", "track", ("t",), ("t",), (), songs=(songs[0],))
    place = next(place for place in PLACES if place.name == "predictions")
    run = begin(simulation.settings, "forget", simulation_time(simulation), "forget")
    assert place.find(simulation.store, work) == {key: 1}
    place.clear(run, work, key)
    assert place.find(simulation.store, work) == {}
    assert pl.read_parquet(simulation.store.read(key))["sha256"].to_list() == songs[1:]
