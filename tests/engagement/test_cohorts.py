"""Who is compared with whom, and who is left out."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from apex_core.settings import ScoreSettings
from tests.engagement.conftest import DAY0, Cohorts, Song


def names(cohorts: Cohorts) -> dict[str, str]:
    return dict(cohorts.con.execute("SELECT track_id, cohort FROM engagement_score").fetchall())


def test_a_band_holds_its_lower_edge_and_what_has_no_date_is_apart(cohorts: Cohorts) -> None:
    ages = [6.99, 7.0, 29.0, 30.0, 365.0, 9999.0, None, -1.0]
    cohorts.observe_songs([Song("suno", 1, 1, age) for age in ages])
    cohorts.score(cohort="age_band")
    bands = [names(cohorts)[str(n)].split("/")[1] for n in range(len(ages))]
    assert bands == ["<7d", "7-30d", "7-30d", "30-90d", ">=365d", ">=365d", "unknown", "<7d"]


@pytest.mark.parametrize("dimension", ["age_band", "model_family"])
def test_cohorts_are_worlds_of_their_own(cohorts: Cohorts, dimension: str) -> None:
    mine = [Song("suno", n, n, 3.0, "v3") for n in range(1, 5)]
    theirs = [Song("suno", n * 1000, 7, 50.0, "v4/x") for n in range(9)]
    cohorts.observe_songs(mine)
    cohorts.score(cohort=dimension)
    alone = cohorts.current()
    cohorts.clear()
    cohorts.observe_songs([*mine, *theirs])
    cohorts.score(cohort=dimension)
    assert {track: cohorts.current()[track] for track in alone} == alone
    cohorts.score()
    assert {track: cohorts.current()[track] for track in alone} != alone


def test_a_run_keeps_whom_it_compared(cohorts: Cohorts) -> None:
    cohorts.observe_songs(
        [Song("suno", 0, None, 3.0, "v4/x"), Song("suno", 5, 2, 4.0, "v4/x"), Song("udio", 5, 0, None, None)]
    )
    cohorts.score(cohort=("age_band", "model_family"))
    rows = cohorts.con.execute("SELECT * EXCLUDE (score_run_id) FROM score_cohort ORDER BY ALL").fetchall()
    assert rows == [
        ("suno/<7d/v4/x", "likes", "suno", "<7d", "v4/x", 1, 0, 1),
        ("suno/<7d/v4/x", "streams", "suno", "<7d", "v4/x", 2, 1, 0),
        ("udio/unknown/unknown", "likes", "udio", "unknown", "unknown", 1, 1, 0),
        ("udio/unknown/unknown", "streams", "udio", "unknown", "unknown", 1, 0, 0),
    ]
    kept = cohorts.con.execute("SELECT age_days, model_family FROM engagement_score ORDER BY track_id").fetchall()
    assert kept == [(3.0, "v4/x"), (4.0, "v4/x"), (None, None)]


def test_age_is_that_of_the_last_look_not_of_the_last_change(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "a", 1, 1)])
    cohorts.con.execute("UPDATE track SET last_observed_at = $at", {"at": DAY0 + timedelta(days=40)})
    cohorts.score(cohort="age_band")
    assert names(cohorts) == {"a": "suno/30-90d"}


def test_a_look_that_said_nothing_of_a_counter_is_none_at_it(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "a", 1, None)])
    cohorts.con.execute(
        "UPDATE track SET last_observed_at = $late, plays_at = $early, likes_at = 'epoch'",
        {"late": DAY0 + timedelta(days=40), "early": DAY0 + timedelta(days=8)},
    )
    cohorts.score(cohort="age_band")
    assert names(cohorts) == {"a": "suno/7-30d"}


def test_growing_older_within_a_band_makes_no_new_run(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "a", 1, 1)])
    first = cohorts.score(cohort="age_band")
    for days, same in ((6, True), (8, False)):
        cohorts.con.execute("UPDATE track SET last_observed_at = $at", {"at": DAY0 + timedelta(days=days)})
        assert (cohorts.score(cohort="age_band").score_run_id == first.score_run_id) == same


def test_a_minimum_age_is_not_proved_without_a_date(cohorts: Cohorts) -> None:
    cohorts.observe_songs([Song("suno", 1, 1, age) for age in (None, 1.0, 2.0, 3.0)])
    cohorts.score(min_age_days=2.0)
    assert set(cohorts.current()) == {"2", "3"}
    cohorts.score()
    assert set(cohorts.current()) == {"0", "1", "2", "3"}


def test_stale_counters_count_as_missing(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "stale", 1, 1), ("suno", "half", 2, 2)])  # day 1
    cohorts.day = 9
    cohorts.observe([("suno", "fresh", 3, 3)])  # day 10
    cohorts.con.execute(
        "UPDATE track SET last_observed_at = $now, likes_at = last_observed_at WHERE track_id = 'half'",
        {"now": DAY0 + timedelta(days=10)},
    )
    cohorts.score(max_stale_days=5)  # day 11
    rows = cohorts.con.execute("SELECT track_id, plays, likes FROM engagement_score ORDER BY ALL").fetchall()
    assert rows == [("fresh", 3, 3), ("half", 2, None)]


def test_as_of_matters_to_staleness_alone(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", "a", 1, 1)])
    first, later = cohorts.score(), cohorts.score()
    assert first.score_run_id == later.score_run_id
    assert cohorts.score(max_stale_days=30).tracks == 1
    cohorts.day += 30
    assert cohorts.score(max_stale_days=30).tracks == 0


def test_kinds_narrow_what_is_eligible(cohorts: Cohorts) -> None:
    cohorts.observe([("suno", f"t{n}", n, n) for n in range(4)])
    for track, kind in (("t1", "cover"), ("t2", "stem"), ("t3", "gen")):
        cohorts.con.execute("UPDATE track SET kind = $kind WHERE track_id = $track", {"kind": kind, "track": track})
    for kinds, tracks in (((), "t0 t1 t3"), (("cover",), "t1"), (("gen",), "t0 t3"), (("stem", "gen"), "t0 t3")):
        cohorts.score(kinds=kinds)
        assert " ".join(sorted(cohorts.current())) == tracks


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("platform", ("platform",)),
        ("age_band", ("platform", "age_band")),
        (["model_family", "age_band"], ("platform", "age_band", "model_family")),
    ],
)
def test_platform_is_always_a_dimension(given: Any, meant: tuple[str, ...]) -> None:
    assert ScoreSettings(cohort=given).cohort == meant


@pytest.mark.parametrize(
    "wrong", [{"cohort": "creator"}, {"age_band_days": (7, 7)}, {"age_band_days": ()}, {"max_stale_days": 0}]
)
def test_definitions_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScoreSettings(**wrong)
