"""The page's figures against other ways of getting them."""

from datetime import timedelta

import numpy as np
import pytest

from apex_core.catalog import open_snapshot
from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.page.data import DAYS, PageData, read
from apex_core.pipeline.page.summary import tiles
from tests.pipeline.page.conftest import COUNTS, SECOND


@pytest.fixture(scope="module")
def both(full: Snapshot) -> tuple[PageData, list[tuple[object, ...]]]:
    """The figures, and the scored catalog that they are of."""
    with open_snapshot(full) as connection:
        rows = connection.execute(
            "SELECT platform, track_id, plays, likes, score_streams, predicted_streams, split FROM scored_catalog"
        ).fetchall()
    return read(full), rows


@pytest.fixture(scope="module")
def data(both: tuple[PageData, list[tuple[object, ...]]]) -> PageData:
    return both[0]


def test_totals_are_the_catalogs(both: tuple[PageData, list[tuple[object, ...]]]) -> None:
    data, rows = both
    assert data.totals.tracks == len(rows) == 16
    assert data.totals.scored == sum(row[4] is not None for row in rows) == 15
    assert data.totals.champion == "v1"


def test_changes_are_since_the_previous_score_run(data: PageData) -> None:
    shown = {tile.name: tile for tile in tiles(data)}
    assert data.changes.tracks == 1
    assert shown["tracks"].note == "+1 since 2026-11-01"
    assert shown["scored"].note == "±0 since 2026-11-01"  # one came, one went
    assert shown["open rejects"].value == 2
    assert shown["open rejects"].note == "+1 new since 2026-11-01, 1 resolved"
    assert shown["songs predicted"].note == "15 in the newest run"


def test_counts_add_up_and_zeros_stand_apart(data: PageData) -> None:
    suno = {one.bin: one.tracks for one in data.counts if (one.platform, one.measure) == ("suno", "streams")}
    # suno-0 has been heard since, suno-1 is gone, a new one was heard 7 times.
    plays = [1, 1, 900, 5, 45, 300, 300, 9_000, 120_000, 7]
    expected: dict[int, int] = {}
    for count in plays:
        place = int(np.floor(np.log10(count) * 4))
        expected[place] = expected.get(place, 0) + 1
    assert suno == expected
    udio = {one.bin: one.tracks for one in data.counts if (one.platform, one.measure) == ("udio", "streams")}
    assert udio[-1] == 1
    assert sum(udio.values()) == len(COUNTS["udio"])


def test_rank_correlation_is_the_textbooks(data: PageData) -> None:
    plays, likes = np.array(COUNTS["udio"], dtype=float).T
    expected = float(np.corrcoef(plays.argsort().argsort(), likes.argsort().argsort())[0, 1])  # without ties
    [udio] = [one for one in data.agreement_rank if one.platform == "udio"]
    assert udio.spearman == pytest.approx(expected)
    assert udio.tracks == 5


def test_rank_correlation_shares_the_ranks_of_ties(data: PageData) -> None:
    plays = np.array([1, 1, 900, 5, 45, 300, 300, 9_000, 120_000, 7], dtype=float)
    likes = np.array([0, 0, 60, 1, 9, 20, 35, 800, 4_000, 1], dtype=float)

    def mean_ranks(values: np.ndarray) -> list[float]:
        return [float((values < v).sum() + ((values == v).sum() + 1) / 2) for v in values]

    [suno] = [one for one in data.agreement_rank if one.platform == "suno"]
    assert suno.spearman == pytest.approx(np.corrcoef(mean_ranks(plays), mean_ranks(likes))[0, 1])


def test_gains_are_those_of_the_public_view(full: Snapshot, data: PageData) -> None:
    with open_snapshot(full) as connection:
        rows = connection.execute(
            """
            SELECT platform, day, sum(plays_gained)::BIGINT, sum(likes_gained)::BIGINT
            FROM engagement_daily WHERE plays_gained IS NOT NULL AND day > $since GROUP BY ALL ORDER BY ALL
            """,
            {"since": (SECOND - timedelta(days=DAYS)).date()},
        ).fetchall()
    assert [(one.platform, one.day, one.plays, one.likes) for one in data.gained] == rows
    assert rows[0][2:] == (900 - 5 + 45 - 40 + 1, 60 - 5)


def test_the_biggest_riser_is_the_one_whose_score_rose_most(data: PageData) -> None:
    top = data.rises[0]
    assert (top.track_id, top.was_count, top.count) == ("suno-3", 5, 900)
    assert top.move == pytest.approx(top.score - top.was_score)
    assert [one.move for one in data.rises] == sorted((one.move for one in data.rises), reverse=True)
    assert "suno-0" not in {one.track_id for one in data.rises}  # 0 to 1 play: no news
    assert all(one.move < 0 for one in data.falls)


def test_cohorts_say_who_stayed_came_and_went(data: PageData) -> None:
    suno = next(one for one in data.cohorts if (one.cohort, one.measure) == ("suno", "streams"))
    assert (suno.stayed, suno.come, suno.gone) == (9, 1, 1)
    udio = next(one for one in data.cohorts if (one.cohort, one.measure) == ("udio", "streams"))
    assert (udio.moved, udio.mean_move) == (0, 0.0)


def test_residuals_are_score_minus_prediction(both: tuple[PageData, list[tuple[object, ...]]]) -> None:
    data, rows = both
    residuals = {row[1]: row[4] - row[5] for row in rows if row[4] is not None and row[5] is not None}  # type: ignore[operator]
    assert data.above[0].track_id == max(residuals, key=lambda track: residuals[track])
    assert data.below[0].track_id == min(residuals, key=lambda track: residuals[track])
    assert data.below[0].residual == pytest.approx(min(residuals.values()))


def test_calibration_is_of_test_tracks_only(both: tuple[PageData, list[tuple[object, ...]]]) -> None:
    data, rows = both
    tested = [row for row in rows if row[6] == "test" and row[4] is not None]
    streams = [one for one in data.calibration if one.measure == "streams"]
    assert sum(one.tracks for one in streams) == len(tested)
    mean = sum(one.score * one.tracks for one in streams) / len(tested)
    assert mean == pytest.approx(np.mean([row[4] for row in tested]))  # type: ignore[arg-type]
    assert [one.predicted for one in streams] == sorted(one.predicted for one in streams)
