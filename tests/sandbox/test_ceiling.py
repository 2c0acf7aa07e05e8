"""Rank correlation with average ranks, over the rows that can be judged."""

import math

from hypothesis import given
from hypothesis import strategies as st

from apex_core.sandbox.ceiling import ceiling, spearman


def test_ties_share_their_average_rank() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
    assert math.isclose(spearman([0, 1, 1, 2], [1, 2, 3, 4]), 0.9486832980505138)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=30).filter(lambda xs: len(set(xs)) > 1))
def test_a_monotone_change_does_not_matter(values: list[int]) -> None:
    assert math.isclose(spearman(values, [math.exp(value / 25) for value in values]), 1.0)
    assert math.isclose(spearman(values, [-3.0 * value for value in values]), -1.0)


def test_rows_without_truth_or_score_are_left_out() -> None:
    truth = {("suno", str(n)): {"score_streams": float(n), "score_likes": -float(n)} for n in range(4)}
    rows = [("suno", str(n), 10.0 * n, None if n == 3 else 1.0 * n) for n in range(4)]
    found = ceiling(truth, [*rows, ("udio", "0", 99.0, 99.0)])
    assert math.isclose(found["score_streams"], 1.0)
    assert math.isclose(found["score_likes"], -1.0)


def test_nothing_to_rank_is_not_a_number() -> None:
    assert math.isnan(ceiling({}, [])["score_streams"])
    assert math.isnan(spearman([1, 2, 3], [5, 5, 5]))
