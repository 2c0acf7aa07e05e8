"""Counts from outside on a stored run's CDF."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_core.engagement import COUNTS, load_run, place
from apex_core.errors import CatalogError
from apex_core.settings import ScoreSettings
from apex_core.storage import Store
from tests.engagement.conftest import Cohorts, Song
from tests.engagement.test_oracle import definitions, few, songs


def placed(cohorts: Cohorts, store: Path, definition: ScoreSettings, counts: list[Song]) -> list[dict[str, object]]:
    """Score what there is and place counts beside it."""
    run = cohorts.score(**definition.model_dump())
    load_run(cohorts.con, Store.open(store), run.score_run_id)
    rows = [{name: getattr(song, name) for name in COUNTS.names} for song in counts]
    return place(cohorts.con, definition, pa.Table.from_pylist(rows, schema=COUNTS)).to_pylist()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("midrank", [0.0, 0.25, 0.375, 0.5, 0.75, 0.875, 1.0]),
        ("cume_dist", [0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0]),
        ("percent_rank", [0.0, 0.25, 1 / 3, 0.5, 0.75, 1.0, 1.0]),
    ],
)
def test_between_known_counts_stands_the_share_with_fewer(
    cohorts: Cohorts, tmp_path: Path, method: str, expected: list[float]
) -> None:
    cohorts.observe([("suno", f"t{n}", plays, None) for n, plays in enumerate((10, 20, 30, 40))])
    definition = ScoreSettings.model_validate({"percentile": method, "gamma": 1.0})
    counts = [Song("suno", plays, None) for plays in (1, 11, 20, 25, 35, 40, 10**9)]
    assert [row["streams_percentile"] for row in placed(cohorts, tmp_path, definition, counts)] == expected


@pytest.mark.parametrize(("zeros", "expected"), [("zero", 0.0), ("midrank", 12.5), ("exclude", None)])
def test_a_count_of_0_is_what_the_definition_makes_of_it(
    cohorts: Cohorts, tmp_path: Path, zeros: str, expected: float | None
) -> None:
    cohorts.observe([("suno", f"t{n}", n, None) for n in range(4)])
    definition = ScoreSettings.model_validate({"zeros": zeros, "gamma": 1.0})
    assert placed(cohorts, tmp_path, definition, [Song("suno", 0, 3)])[0]["score_streams"] == expected


def test_a_measure_nobody_has_gives_no_score(cohorts: Cohorts, tmp_path: Path) -> None:
    cohorts.observe([("suno", "a", 5, None)])
    row = placed(cohorts, tmp_path, ScoreSettings(), [Song("suno", 5, 5)])[0]
    assert (row["score_streams"], row["score_likes"]) == (pytest.approx(100 * 0.5**0.5), None)


def test_an_unknown_cohort_is_refused_by_those_there_are(cohorts: Cohorts, tmp_path: Path) -> None:
    cohorts.observe_songs([Song("suno", 5, 5, 3.0, "v3"), Song("udio", 5, 5, 100.0, None)])
    definition = ScoreSettings.model_validate({"cohort": ("age_band", "model_family")})
    with pytest.raises(CatalogError, match=r"suno/7-30d/v3") as caught:
        placed(cohorts, tmp_path, definition, [Song("suno", 1, 1, 9.0, "v3")])
    assert caught.value.fix == "it has suno/<7d/v3, udio/90-365d/unknown"


def test_a_negative_count_is_refused(cohorts: Cohorts, tmp_path: Path) -> None:
    cohorts.observe([("suno", "a", 5, None)])
    with pytest.raises(CatalogError, match="below 0"):
        placed(cohorts, tmp_path, ScoreSettings(), [Song("suno", -1, None)])


@few
@given(songs, definitions, st.lists(st.integers(0, 2**41), max_size=12))
def test_placing_is_monotone_and_agrees_with_the_run(
    shared: Cohorts,
    tmp_path_factory: pytest.TempPathFactory,
    everyone: list[Song],
    definition: ScoreSettings,
    others: list[int],
) -> None:
    """Known counts have the run's scores; so in order of counts, anything between lies between them."""
    shared.clear()
    shared.observe_songs([*everyone, Song("suno", 1, 1, 100.0, "v3")])
    known = [song.plays for song in everyone if song.plays is not None]
    counts = sorted({0, 1, *others, *known, *(plays + 1 for plays in known)})
    asked = [Song("suno", plays, None, 100.0, "v3") for plays in counts]
    rows = placed(shared, tmp_path_factory.getbasetemp(), definition, asked)
    scores = [score for row in rows if isinstance(score := row["score_streams"], float)]
    assert scores == sorted(scores)
    assert not scores or (scores[0] >= 0 and scores[-1] <= 100)
    stored = dict(
        shared.con.execute(
            "SELECT DISTINCT plays, score_streams FROM run_scores WHERE cohort = $1 AND plays IS NOT NULL",
            [rows[0]["cohort"]],
        ).fetchall()
    )
    assert stored
    by_count = {row["plays"]: row["score_streams"] for row in rows}
    assert {plays: by_count[plays] for plays in stored} == stored
