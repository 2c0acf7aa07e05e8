"""A score run is named by its inputs: the same again is nothing new, and the newest ones stay at hand."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apex_core.catalog import sql
from apex_core.engagement import load_run, retire_runs
from apex_core.engagement.retirement import PARTS
from apex_core.errors import ArtifactError, NotFound
from apex_core.storage import Store, read_manifest
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


def test_swapped_counts_change_every_part_of_the_digest(two: Cohorts) -> None:
    two.score()
    before = two.con.execute(sql("score/inputs_digest")).fetchall()[0]
    two.con.execute("UPDATE score_input SET likes = CASE likes WHEN 5 THEN 4 ELSE 5 END")
    after = two.con.execute(sql("score/inputs_digest")).fetchall()[0]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, False]


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


def test_when_nothing_can_be_scored_any_more_no_score_is_left(two: Cohorts, local: Store) -> None:
    first = two.score().score_run_id
    before = two.current()
    two.con.execute("UPDATE track SET state = 'error'")
    second = two.score()
    assert (second.tracks, second.is_new, two.current()) == (0, True, {})
    assert not two.score().is_new
    assert loaded(two, local, second.score_run_id) == [[], [], []]
    two.con.execute("UPDATE track SET state = 'complete'")
    assert two.score().score_run_id == first == current(two)
    assert two.current() == before


def test_two_definitions_at_one_moment_have_an_order(two: Cohorts) -> None:
    for definition in (A, B, A, C, B):
        two.day = 5
        assert two.score(**definition).score_run_id == current(two)


def test_a_backfill_of_an_earlier_moment_is_current_too(two: Cohorts) -> None:
    two.score(**A)
    two.day -= 3
    assert two.score(**B).score_run_id == current(two)


def everything(cohorts: Cohorts, prefix: str = "") -> list[list[tuple[object, ...]]]:
    """Rows, CDF and cohorts of the catalog, or of a run that was loaded under a prefix, in a fixed order."""
    tables = [f"{prefix}_{part}" if prefix else table for part, table in PARTS.items()]
    return [cohorts.con.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables]


def loaded(cohorts: Cohorts, store: Store, score_run_id: str) -> list[list[tuple[object, ...]]]:
    load_run(cohorts.con, store, score_run_id, "one")
    return everything(cohorts, "one")


def test_two_runs_stay_and_older_ones_lie_in_the_store(two: Cohorts, local: Store) -> None:
    first = two.score(**A).score_run_id
    before = everything(two)
    runs = [first, *(two.score(**definition).score_run_id for definition in (B, C))]
    assert retire_runs(two.con, local) == 1
    for table in PARTS.values():
        here = two.con.execute(f"SELECT DISTINCT score_run_id FROM {table}").fetchall()
        assert {row for (row,) in here} == set(runs[1:]), table
    assert read_manifest(local, f"score_runs/{first}", verify=True).files["scores.parquet"].rows == 2
    assert loaded(two, local, first) == before
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


@pytest.mark.parametrize("left", ["half a file", "all but the manifest", "all but the deletion"])
def test_a_retirement_that_was_killed_is_done_the_next_time(two: Cohorts, local: Store, left: str) -> None:
    first = two.score(**A).score_run_id
    before = everything(two)
    for definition in (B, C):
        two.score(**definition)
    if left == "half a file":
        local.put(f"score_runs/{first}/scores.parquet", b"half of it")
    else:
        retire_runs(two.con, local)
        assert first not in kept(two)
        load_run(two.con, local, first, "back")
        for part, table in PARTS.items():  # as if the catalog had not been told
            two.con.execute(f"INSERT INTO {table} FROM back_{part}")
    if left == "all but the manifest":
        local.delete(f"score_runs/{first}/MANIFEST.json")
    assert retire_runs(two.con, local) == 1
    assert first not in kept(two)
    assert loaded(two, local, first) == before


def test_a_run_of_early_days_moves_into_a_folder(two: Cohorts, local: Store) -> None:
    """Then one file held the rows, the CDF stayed in the catalog, and cohorts were not kept."""
    first = two.score(**A).score_run_id
    before = everything(two)
    sink = pa.BufferOutputStream()
    rows = two.con.sql("SELECT * EXCLUDE (age_days, model_family) FROM engagement_score").to_arrow_table()
    pq.write_table(rows, sink)
    local.put(f"score_runs/{first}.parquet", sink.getvalue().to_pybytes())
    two.con.execute("DELETE FROM engagement_score; DELETE FROM score_cohort")
    assert loaded(two, local, first) == before
    for definition in (B, C):
        two.score(**definition)
    assert retire_runs(two.con, local) == 1
    assert not local.exists(f"score_runs/{first}.parquet")
    assert loaded(two, local, first) == before


def test_a_run_whose_rows_are_nowhere_is_said_to_be_so(two: Cohorts, local: Store) -> None:
    first = two.score(**A).score_run_id
    two.con.execute("DELETE FROM engagement_score")
    with pytest.raises(NotFound, match=first):
        load_run(two.con, local, first)
    for definition in (B, C):
        two.score(**definition)
    assert retire_runs(two.con, local) == 1, "and it holds nothing up"


def test_an_altered_file_is_noticed(two: Cohorts, local: Store) -> None:
    first = two.score(**A).score_run_id
    for definition in (B, C):
        two.score(**definition)
    retire_runs(two.con, local)
    local.put(f"score_runs/{first}/cdf.parquet", b"something else", replace=True)
    with pytest.raises(ArtifactError, match="altered"):
        load_run(two.con, local, first)
