"""Every definition against plain Python that ranks tracks one by one, and every run against its own replay."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apex_core.engagement import load_run, replay, retire_runs
from apex_core.settings import ScoreSettings
from apex_core.storage import Store
from tests.engagement.conftest import Cohorts, Song

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

counter = st.one_of(st.none(), st.just(0), st.integers(0, 4), st.integers(0, 2**40))
songs = st.lists(
    st.builds(
        Song,
        platform=st.sampled_from(["suno", "udio"]),
        plays=counter,
        likes=counter,
        age_days=st.sampled_from([None, 0.0, 6.5, 7.0, 29.0, 30.0, 400.0]),
        model_family=st.sampled_from([None, "v3", "v4/x"]),
    ),
    min_size=1,
    max_size=30,
)
definitions = st.builds(
    ScoreSettings,
    percentile=st.sampled_from(["midrank", "cume_dist", "percent_rank"]),
    zeros=st.sampled_from(["zero", "midrank", "exclude"]),
    gamma=st.floats(0.05, 4),
    cohort=st.sampled_from([("platform",), ("age_band",), ("model_family",), ("platform", "age_band", "model_family")]),
    age_band_days=st.sampled_from([(7.0, 30.0), (1.0,), (7.0, 30.0, 90.0, 365.0)]),
    min_age_days=st.sampled_from([0.0, 7.0]),
)


def cohort_of(song: Song, definition: ScoreSettings) -> tuple[object, ...]:
    parts: list[object] = [song.platform]
    if "age_band" in definition.cohort:
        age = song.age_days
        parts.append(None if age is None else sum(edge <= age for edge in definition.age_band_days))
    return (*parts, *([song.model_family] if "model_family" in definition.cohort else []))


def percentile(count: int, others: list[int], method: str) -> float:
    below, tied = sum(other < count for other in others), sum(other == count for other in others)
    if method == "midrank":
        return (below + tied / 2) / len(others)
    if method == "cume_dist":
        return (below + tied) / len(others)
    return 0.0 if len(others) == 1 else below / (len(others) - 1)


def expected(everyone: list[Song], definition: ScoreSettings, measure: str) -> dict[int, float | None]:
    """Scores by place of the songs with a count, those without one left out."""
    eligible = {
        n: song
        for n, song in enumerate(everyone)
        if (song.plays is not None or song.likes is not None)
        and (not definition.min_age_days or (song.age_days is not None and song.age_days >= definition.min_age_days))
    }
    cohorts: dict[tuple[object, ...], dict[int, int]] = defaultdict(dict)
    for n, song in eligible.items():
        count = getattr(song, measure)
        if count is not None and not (count == 0 and definition.zeros == "exclude"):
            cohorts[cohort_of(song, definition)][n] = count
    found: dict[int, float | None] = dict.fromkeys(eligible)
    for counts in cohorts.values():
        for n, count in counts.items():
            share = percentile(count, list(counts.values()), definition.percentile)
            found[n] = 0.0 if count == 0 and definition.zeros == "zero" else 100 * share**definition.gamma
    return found


@few
@given(songs, definitions)
def test_scores_are_those_of_plain_python(shared: Cohorts, everyone: list[Song], definition: ScoreSettings) -> None:
    shared.clear()
    shared.observe_songs(everyone)
    shared.score(**definition.model_dump())
    scored = shared.current()
    for place, measure in enumerate(("plays", "likes")):
        wanted = expected(everyone, definition, measure)
        assert {int(name): scores[place] for name, scores in scored.items()} == pytest.approx(wanted, abs=1e-9)


@few
@given(songs, definitions)
def test_every_run_replays_to_the_bit_here_and_in_the_store(
    shared: Cohorts, tmp_path_factory: Any, everyone: list[Song], definition: ScoreSettings
) -> None:
    store = Store.open(Path(tmp_path_factory.mktemp("store")))
    shared.clear()
    shared.observe_songs([*everyone, Song("suno", 1, 1, 100.0, "v3")])
    first = shared.score(**definition.model_dump()).score_run_id
    load_run(shared.con, store, first)
    here = replay(shared.con, definition)
    assert [part.differ for part in here] == [0, 0, 0]
    for gamma in (4.5, 5.0):
        shared.score(gamma=gamma)
    assert retire_runs(shared.con, store) == 1
    load_run(shared.con, store, first)
    assert replay(shared.con, definition) == here


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("UPDATE run_scores SET plays = plays + 1 WHERE track_id = '0'", {"scores", "cdf"}),
        ("UPDATE run_scores SET score_likes = score_likes + 1e-13 WHERE track_id = '2'", {"scores"}),
        ("UPDATE run_cdf SET score = score + 1e-13 WHERE count = 2", {"cdf"}),
        ("UPDATE run_cohorts SET missing = missing + 1", {"cohorts"}),
        ("DELETE FROM run_cdf WHERE count = 2", {"cdf"}),
    ],
)
def test_a_replay_sees_what_was_altered(cohorts: Cohorts, tmp_path: Path, change: str, parts: set[str]) -> None:
    cohorts.observe_songs([Song("suno", n, n + 1) for n in range(1, 4)])
    run = cohorts.score()
    load_run(cohorts.con, Store.open(tmp_path), run.score_run_id)
    cohorts.con.execute(change)
    assert {part.part for part in replay(cohorts.con, ScoreSettings()) if part.differ} == parts
