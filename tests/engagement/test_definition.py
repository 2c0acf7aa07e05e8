"""What a score is (FACTS §1), on counts small enough to work out by hand."""

import math
from typing import Any

import pytest

from tests.engagement.conftest import Cohorts

# plays 0 0 5 5 9: two unplayed tracks, a tie, a best one.
PLAYS = [0, 0, 5, 5, 9]


def of(*percentiles: float) -> list[float]:
    return [pytest.approx(100 * math.sqrt(p)) for p in percentiles]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"percentile": "midrank", "zeros": "zero"}, [0, 0, *of(0.6, 0.6, 0.9)]),
        ({"percentile": "midrank", "zeros": "midrank"}, of(0.2, 0.2, 0.6, 0.6, 0.9)),
        ({"percentile": "midrank", "zeros": "exclude"}, [None, None, *of(1 / 3, 1 / 3, 5 / 6)]),
        ({"percentile": "cume_dist", "zeros": "zero"}, [0, 0, *of(0.8, 0.8, 1)]),
        ({"percentile": "cume_dist", "zeros": "midrank"}, of(0.4, 0.4, 0.8, 0.8, 1)),
        ({"percentile": "cume_dist", "zeros": "exclude"}, [None, None, *of(2 / 3, 2 / 3, 1)]),
        ({"percentile": "percent_rank", "zeros": "zero"}, [0, 0, *of(0.5, 0.5, 1)]),
        ({"percentile": "percent_rank", "zeros": "midrank"}, of(0, 0, 0.5, 0.5, 1)),
        ({"percentile": "percent_rank", "zeros": "exclude"}, [None, None, *of(0, 0, 1)]),
        ({"gamma": 1.0}, [0, 0, 60, 60, 90]),
        ({"gamma": 2.0}, [0, 0, *(pytest.approx(x) for x in (36, 36, 81))]),
    ],
)
def test_the_golden_table(cohorts: Cohorts, definition: dict[str, Any], expected: list[float | None]) -> None:
    assert cohorts.streams(PLAYS, **definition) == expected


def test_it_agrees_with_duckdbs_own_ranks(cohorts: Cohorts) -> None:
    plays = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
    cohorts.con.execute("CREATE TEMP TABLE number AS SELECT unnest($1) AS plays", [plays])
    for function in ("cume_dist", "percent_rank"):
        mine = cohorts.streams(plays, percentile=function, gamma=1, zeros="midrank")
        query = f"SELECT plays, 100 * {function}() OVER (ORDER BY plays) FROM number"
        theirs = dict(cohorts.con.execute(query).fetchall())
        assert mine == [pytest.approx(theirs[count]) for count in plays]


def test_case_11_all_tied_share_the_middle(cohorts: Cohorts) -> None:
    assert cohorts.streams([4, 4, 4, 4]) == of(0.5, 0.5, 0.5, 0.5)


def test_case_11_nobody_played_anything(cohorts: Cohorts) -> None:
    assert cohorts.streams([0, 0, 0]) == [0, 0, 0]
    assert cohorts.streams([0, 0, 0], zeros="midrank") == of(0.5, 0.5, 0.5)
    assert cohorts.streams([0, 0, 0], zeros="exclude") == [None, None, None]


@pytest.mark.parametrize(
    ("percentile", "expected"), [("midrank", 100 * math.sqrt(0.5)), ("cume_dist", 100), ("percent_rank", 0)]
)
def test_case_11_a_single_track(cohorts: Cohorts, percentile: str, expected: float) -> None:
    assert cohorts.streams([7], percentile=percentile) == [pytest.approx(expected)]


def test_a_missing_counter_is_neither_zero_nor_counted(cohorts: Cohorts) -> None:
    scores = cohorts.scores(
        [("suno", "a", 1, None), ("suno", "b", 2, 5), ("suno", "c", None, 6), ("suno", "d", None, None)]
    )
    assert scores == {
        "a": (*of(0.25), None),
        "b": (*of(0.75), *of(0.25)),
        "c": (None, *of(0.75)),
    }


def test_likes_may_exceed_plays(cohorts: Cohorts) -> None:
    assert cohorts.scores([("suno", "a", 1, 9), ("suno", "b", 2, 3)])["a"] == (*of(0.25), *of(0.75))


def test_platforms_are_worlds_of_their_own(cohorts: Cohorts) -> None:
    small = [("udio", f"u{n}", n, n) for n in (1, 2)]
    alone = cohorts.scores(small)
    together = cohorts.scores([*small, *(("suno", f"s{n}", n * 1000, n * 1000) for n in range(9))])
    assert {track: together[track] for track in alone} == alone


def test_the_same_id_on_two_platforms_is_two_tracks(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "same", 1, 1), ("suno", "other", 2, 2), ("udio", "same", 5, 5)])
    cohorts.score()
    rows = cohorts.con.execute("SELECT platform, track_id, plays FROM engagement_score ORDER BY ALL").fetchall()
    assert rows == [("suno", "other", 2), ("suno", "same", 1), ("udio", "same", 5)]


def test_counts_are_the_latest_of_each_counter(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "a", 10, 4)])
    cohorts.observe([("suno", "a", None, 3)])
    cohorts.score()
    assert cohorts.con.execute("SELECT plays, likes FROM engagement_score").fetchall() == [(10, 3)]


@pytest.mark.parametrize("track", [{"status": "tombstone"}, {"status": "unavailable"}, {"state": "unfinished"}])
def test_only_eligible_tracks_are_scored(cohorts: Cohorts, track: dict[str, str]) -> None:
    cohorts.observe([("suno", "gone", 100, 100)], **track)
    cohorts.observe([("suno", "a", 1, 1)])
    cohorts.score()
    assert cohorts.current() == {"a": (*of(0.5), *of(0.5))}


def test_tracks_too_young_are_left_out_by_their_age_when_counted(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "observed a day after", 1, 1)])
    cohorts.observe([("suno", "observed two days after", 2, 2)])
    assert set(cohorts.scores(min_age_days=1.5)) == {"observed two days after"}


def test_nothing_to_score_is_no_run(cohorts: Cohorts) -> None:
    outcome = cohorts.score()
    assert (outcome.tracks, outcome.is_new) == (0, False)
    assert cohorts.count("score_run") == 0
