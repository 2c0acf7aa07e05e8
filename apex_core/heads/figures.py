"""The figures of one target: how far predictions are from labels, and how well they are ordered."""

import numpy as np
from numpy.typing import NDArray

Figures = dict[str, float | None]
"""n, mse, mae, pearson, spearman, pairwise; None where a figure is undefined."""

Values = NDArray[np.float64]

FIGURES = ("mse", "mae", "pearson", "spearman", "pairwise")


def measure(predicted: Values, wanted: Values) -> Figures:
    """The figures of one target; rows whose ``wanted`` is NaN are left out.

    mse and mae are None without rows; the correlations also when either side is constant, ``pairwise`` when all
    labels are equal.
    """
    known = ~np.isnan(wanted)
    a, b = predicted[known], wanted[known]
    return {
        "n": len(a),
        "mse": float(np.square(a - b).mean()) if len(a) else None,
        "mae": float(np.abs(a - b).mean()) if len(a) else None,
        "pearson": pearson(a, b),
        "spearman": pearson(ranks(a), ranks(b)),
        "pairwise": pairwise(a, b),
    }


def pearson(a: Values, b: Values) -> float | None:
    """Correlation of two rows of numbers; None for fewer than two or when either is constant."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    a, b = a - a.mean(), b - b.mean()
    # Each is scaled by its largest value first, so that squares of tiny differences do not vanish.
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def ranks(values: Values) -> Values:
    """Ranks from 1; ties share the average of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def pairwise(predicted: Values, wanted: Values) -> float | None:
    """Share of the pairs with different labels whose predictions are in the same order; equal ones count half.

    None when no two labels differ.
    """
    right, pairs = pair_counts(predicted, wanted)
    total = pairs.sum()
    return float(right.sum() / total) if total else None


def pair_counts(predicted: Values, wanted: Values) -> tuple[Values, Values]:
    """For each row, of its pairs with rows of another label: how many are in the right order, and how many there are.

    Predictions that are equal count half. Exact, in O(n log² n).
    """
    _, place, size = np.unique(wanted, return_inverse=True, return_counts=True)
    pairs = (len(wanted) - size[place]).astype(np.float64)
    right, wrong = _same_order(predicted, wanted), _same_order(-predicted, wanted)
    return right + (pairs - right - wrong) / 2, pairs


def _same_order(predicted: Values, wanted: Values) -> Values:
    """For each row, the rows that are smaller than it on both sides, or larger on both."""
    # By label, and of equal labels the larger prediction first: then "smaller, on the left" leaves those pairs out.
    order = np.lexsort((-predicted, wanted))
    n = len(order)
    width = 1 << max(0, (n - 1).bit_length())
    # What fills up to a power of two is larger than everything and stands on the right: once in a pair with each row.
    keys = np.full(width, n)
    keys[:n] = np.unique(predicted[order], return_inverse=True)[1]
    counts = np.full(width, n - width)
    for half in (1 << level for level in range(width.bit_length() - 1)):
        counts += _between_halves(keys.reshape(-1, 2 * half), half).reshape(-1)
    found = np.empty(n)
    found[order] = counts[:n]
    return found


def _between_halves(blocks: NDArray[np.int64], half: int) -> NDArray[np.int64]:
    """Of each block's left half, how many in its right half are larger; of the right half, how many on the left are
    smaller."""
    # Right halves go first among equals, so that only what is truly smaller lies before them.
    order = np.argsort(np.roll(blocks, half, axis=1), axis=1, kind="stable")
    is_left = order >= half
    smaller = np.cumsum(is_left, axis=1)
    larger = half - np.cumsum(~is_left, axis=1)
    found = np.empty_like(blocks)
    np.put_along_axis(found, order, np.where(is_left, larger, smaller), axis=1)
    return np.roll(found, half, axis=1)
