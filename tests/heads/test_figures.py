import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from apex_core.heads.figures import measure, pair_counts, pairwise, pearson, ranks

Values = NDArray[np.float64]
SOME = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=40)


def test_ties_share_their_average_rank() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0, 3.0])).tolist() == [4.0, 1.0, 4.0, 2.0, 4.0]


def test_figures_by_hand() -> None:
    found = measure(np.array([1.0, 2.0, 3.0, 9.0]), np.array([2.0, 2.0, 5.0, math.nan]))
    assert found["n"] == 3
    assert found["mse"] == pytest.approx(5 / 3)
    assert found["mae"] == pytest.approx(1.0)
    assert found["pearson"] == pytest.approx(math.sqrt(3) / 2)
    assert found["spearman"] == pytest.approx(math.sqrt(3) / 2)
    assert found["pairwise"] == 1.0  # the two songs of equal labels are no pair


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=30, unique=True), st.integers(0, 99))
def test_ranks_and_pairs_know_only_order(values: list[int], seed: int) -> None:
    x = np.array(values, dtype=np.float64)
    y = np.random.default_rng(seed).permutation(x)
    stretched = np.sign(x) * np.abs(x) ** 3
    for figure, best, worst in (("spearman", 1, -1), ("pairwise", 1, 0)):
        assert measure(x, y)[figure] == pytest.approx(measure(stretched, y)[figure])
        assert measure(x, x)[figure] == pytest.approx(best)
        assert measure(x, -x)[figure] == pytest.approx(worst)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_pearson_is_undefined_or_within_one(values: list[float], scale: float, shift: float) -> None:
    x = np.array(values)
    found = pearson(x, x * scale + shift)
    assert found is None or -1 <= found <= 1


def pairs_one_by_one(predicted: Values, wanted: Values) -> tuple[list[float], list[int]]:
    right, pairs = [0.0] * len(wanted), [0] * len(wanted)
    for i in range(len(wanted)):
        for j in range(len(wanted)):
            if wanted[i] != wanted[j]:
                pairs[i] += 1
                order = (predicted[i] - predicted[j]) * (wanted[i] - wanted[j])
                right[i] += 0.5 if order == 0 else float(order > 0)
    return right, pairs


@given(SOME)
def test_pairs_are_counted_as_one_by_one(songs: list[tuple[int, int]]) -> None:
    predicted, wanted = np.array(songs, dtype=np.float64).reshape(-1, 2).T
    right, pairs = pair_counts(predicted, wanted)
    assert (right.tolist(), pairs.tolist()) == pairs_one_by_one(predicted, wanted)


def test_pairwise_accuracy_by_hand() -> None:
    # Of the pairs (0, 1), (0, 2), (1, 2): right, equally predicted, wrong.
    assert pairwise(np.array([1.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(1.5 / 3)
    assert pairwise(np.zeros(5), np.arange(5.0)) == 0.5


def test_figures_without_meaning_are_none() -> None:
    nothing = measure(np.array([1.0]), np.array([math.nan]))
    undefined = dict.fromkeys(("mse", "mae", "pearson", "spearman", "pairwise"))
    assert nothing == {"n": 0, **undefined}
    constant = measure(np.full(3, 0.1), np.array([1.0, 2.0, 3.0]))
    assert (constant["pearson"], constant["spearman"], constant["pairwise"]) == (None, None, 0.5)
    assert measure(np.array([1.0, 2.0]), np.array([3.0, 3.0]))["pairwise"] is None
    assert measure(np.array([1.0]), np.array([2.0]))["spearman"] is None
