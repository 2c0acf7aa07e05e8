"""What holds of scores whatever the counts are."""

import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engagement.conftest import Cohorts

counts = st.lists(st.one_of(st.just(0), st.integers(0, 6), st.integers(0, 2**40)), min_size=1, max_size=25)
definitions = st.fixed_dictionaries(
    {
        "percentile": st.sampled_from(["midrank", "cume_dist", "percent_rank"]),
        "zeros": st.sampled_from(["zero", "midrank", "exclude"]),
        "gamma": st.floats(0.05, 4),
    }
)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(counts, definitions)
def test_scores_lie_between_0_and_100(shared: Cohorts, plays: list[int], definition: dict[str, Any]) -> None:
    assert all(score is None or 0 <= score <= 100 for score in shared.streams(plays, **definition))


@few
@given(counts, definitions)
def test_more_plays_never_score_lower_and_equal_ones_equally(
    shared: Cohorts, plays: list[int], definition: dict[str, Any]
) -> None:
    scored = [(c, s) for c, s in zip(plays, shared.streams(plays, **definition), strict=True) if s is not None]
    for one, score in scored:
        for other, another in scored:
            assert not one > other or score >= another
            assert one != other or score == another


@few
@given(counts, definitions, st.integers())
def test_the_order_of_rows_does_not_matter(
    shared: Cohorts, plays: list[int], definition: dict[str, Any], seed: int
) -> None:
    rows = [("suno", f"t{n}", count, count // 2) for n, count in enumerate(plays)]
    before = shared.scores(rows, **definition)
    shared.clear()
    shared.observe(random.Random(seed).sample(rows, len(rows)))
    assert shared.scores(**definition) == before


@few
@given(counts, definitions)
def test_only_ranks_count(shared: Cohorts, plays: list[int], definition: dict[str, Any]) -> None:
    """A strictly monotone change of all counts but zero changes no score."""
    changed = [0 if count == 0 else 3 * count + 11 for count in plays]
    assert shared.streams(changed, **definition) == shared.streams(plays, **definition)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_a_big_run_without_ties_has_the_moments_of_a_power_of_a_uniform(cohorts: Cohorts, gamma: float) -> None:
    scores = [score for score in cohorts.streams(range(1, 10_001), gamma=gamma) if score is not None]
    mean = math.fsum(scores) / len(scores)
    variance = math.fsum((score - mean) ** 2 for score in scores) / len(scores)
    assert mean == pytest.approx(100 / (gamma + 1), rel=1e-3)
    assert variance == pytest.approx(1e4 * (1 / (2 * gamma + 1) - 1 / (gamma + 1) ** 2), rel=1e-3)
