"""A score run is named by its inputs: the same again is nothing new, and the newest ones stay at hand."""

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from apex_core.engagement import retire_runs
from apex_core.storage import Store
from tests.engagement.conftest import Cohorts

A, B, C = {"gamma": 0.5}, {"gamma": 1.0}, {"gamma": 2.0}


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def two(cohorts: Cohorts) -> Cohorts:
    cohorts.observe([("suno", "a", 1, 5), ("suno", "b", 2, 4)])
    return cohorts


def kept(cohorts: Cohorts) -> set[str]:
    return {row for (row,) in cohorts.con.execute("SELECT DISTINCT score_run_id FROM engagement_score").fetchall()}


def current(cohorts: Cohorts) -> str:
    return str(cohorts.con.execute("SELECT score_run_id FROM current_score_run").fetchall()[0][0])


def test_the_same_inputs_make_no_second_run(two: Cohorts) -> None:
    first, second = two.score(), two.score()
    assert (first.is_new, second.is_new) == (True, False)
    assert first.score_run_id == second.score_run_id
    assert (two.count("score_run"), two.count("engagement_score")) == (1, 2)


def test_a_count_that_was_seen_again_makes_no_second_run(two: Cohorts) -> None:
    first = two.score()
    two.observe([("suno", "a", 1, 5)])
    assert two.score().score_run_id == first.score_run_id


@pytest.mark.parametrize("change", [("suno", "a", 3, 5), ("suno", "a", 1, 6), ("suno", "c", 0, 0), ("udio", "a", 1, 5)])
def test_any_other_count_makes_another_run(two: Cohorts, change: tuple[str, str, int, int]) -> None:
    first = two.score()
    two.observe([change])
    second = two.score()
    assert second.is_new
    assert second.score_run_id != first.score_run_id
    assert current(two) == second.score_run_id


def test_another_definition_makes_another_run(two: Cohorts) -> None:
    assert len({two.score(**definition).score_run_id for definition in (A, B, C)}) == 3


def test_the_definition_is_kept_with_the_run(two: Cohorts) -> None:
    two.score(gamma=0.7, percentile="cume_dist")
    query = "SELECT definition ->> '$.percentile', (definition -> '$.gamma')::DOUBLE FROM score_run"
    assert two.con.execute(query).fetchall() == [("cume_dist", 0.7)]


def test_going_back_makes_the_first_run_current_again(two: Cohorts) -> None:
    first = two.score(**A)
    before = two.current()
    two.score(**B)
    again = two.score(**A)
    assert (again.score_run_id, again.is_new) == (first.score_run_id, False)
    assert current(two) == first.score_run_id
    assert two.current() == before
    assert two.count("score_run") == 2


def test_two_definitions_at_one_moment_have_an_order(two: Cohorts) -> None:
    for definition in (A, B, A, C, B):
        two.day = 5
        assert two.score(**definition).score_run_id == current(two)


def test_a_backfill_of_an_earlier_moment_is_current_too(two: Cohorts) -> None:
    two.score(**A)
    two.day -= 3
    assert two.score(**B).score_run_id == current(two)


def test_two_runs_stay_and_older_ones_lie_in_the_store(two: Cohorts, local: Store) -> None:
    runs = [two.score(**definition).score_run_id for definition in (A, B, C)]
    rows = two.con.execute("FROM engagement_score WHERE score_run_id = $1 ORDER BY track_id", runs[:1]).fetchall()
    assert retire_runs(two.con, local) == 1
    assert kept(two) == set(runs[1:])
    assert local.list("score_runs") == [f"score_runs/{runs[0]}.parquet"]
    table = pq.read_table(io.BytesIO(local.read(f"score_runs/{runs[0]}.parquet")))
    assert [tuple(row.values()) for row in table.to_pylist()] == rows
    assert two.count("score_run") == 3, "what a run was made of stays known"
    assert retire_runs(two.con, local) == 0


def test_a_retired_run_that_is_current_again_has_its_scores(two: Cohorts, local: Store) -> None:
    first = two.score(**A).score_run_id
    before = two.current()
    for definition in (B, C):
        two.score(**definition)
    retire_runs(two.con, local)
    assert first not in kept(two)
    two.score(**A)
    retire_runs(two.con, local)
    assert current(two) == first
    assert two.current() == before != {}
    assert len(kept(two)) == 2


def test_a_run_that_was_killed_between_store_and_catalog_is_retired_the_next_time(two: Cohorts, local: Store) -> None:
    first = two.score(**A).score_run_id
    for definition in (B, C):
        two.score(**definition)
    local.put(f"score_runs/{first}.parquet", b"half of it")
    assert retire_runs(two.con, local) == 1
    assert pq.read_table(io.BytesIO(local.read(f"score_runs/{first}.parquet"))).num_rows == 2
