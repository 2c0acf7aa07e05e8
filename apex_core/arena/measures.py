"""AUC, accuracy and F1 of scores, with intervals from resampled groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_AT_ONCE = 4_000_000  # numbers
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % bootstrap interval; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of a method over the ``battles`` it scored; side a preferred is the positive outcome of AUC and F1.

    auc_above: its AUC less the system identity's, over the same resampled battles.
    """

    battles: int
    auc: Estimate
    accuracy: Estimate
    f1: Estimate
    auc_above: Estimate


def measure(
    scores: Sequence[Floats],
    outcome: Floats,
    groups: NDArray[np.int64],
    resamples: int,
    seed: int,
    baseline: int | None = None,
) -> list[Measures]:
    """The figures of each row of scores float64[n], NaN where it has none; ``baseline`` is the row to compare with.

    Whole groups are resampled, all rows with the same draws. outcome: float64[n], 0.5 half a win each.
    """
    draws = _drawn(scores, outcome, groups, resamples, seed)
    base = draws[baseline][:, 0] if baseline is not None else np.full(resamples + 1, np.nan)
    few = len(np.unique(groups)) < 2
    return [
        Measures(
            battles=int((~np.isnan(one)).sum()),
            auc=_estimate(drawn[:, 0], few),
            accuracy=_estimate(drawn[:, 1], few),
            f1=_estimate(drawn[:, 2], few),
            auc_above=_estimate(drawn[:, 0] - base, few),
        )
        for one, drawn in zip(scores, draws, strict=True)
    ]


def _estimate(drawn: Floats, few: bool) -> Estimate:
    """The first draw is the battles as they are; of ``few`` groups, a single one, all others are the same again."""
    if not np.isfinite(drawn[0]):
        return Estimate(None)
    known = drawn[1:][np.isfinite(drawn[1:])]
    if few or not len(known):
        return Estimate(float(drawn[0]))
    low, high = np.quantile(known, _INTERVAL)
    return Estimate(float(drawn[0]), float(low), float(high))


def _drawn(
    scores: Sequence[Floats], outcome: Floats, groups: NDArray[np.int64], resamples: int, seed: int
) -> list[Floats]:
    """For each row of scores AUC, accuracy and F1, float64[1 + resamples, 3]: of all battles, then of each resample."""
    _, place = np.unique(groups, return_inverse=True)
    count, rng = int(place.max()) + 1, np.random.default_rng(seed)
    known = [~np.isnan(one) for one in scores]
    found = [[_figures(np.ones((1, k.sum())), one[k], outcome[k])] for one, k in zip(scores, known, strict=True)]
    step = max(1, _AT_ONCE // len(groups))
    for start in range(0, resamples, step):
        draws = min(step, resamples - start)
        times = rng.multinomial(count, np.full(count, 1 / count), size=draws)[:, place].astype(np.float64)
        for one, k, figures in zip(scores, known, found, strict=True):
            figures.append(_figures(times[:, k], one[k], outcome[k]))
    return [np.concatenate(figures) for figures in found]


def _figures(weights: Floats, scores: Floats, outcome: Floats) -> Floats:
    """AUC, accuracy and F1 for each row of weights float64[draws, n]: float64[draws, 3]."""
    won, lost = weights * outcome, weights * (1 - outcome)
    # A score of 0 is a toss-up.
    says_a = (scores > 0) + (scores == 0) / 2
    true_a, false_a = won @ says_a, lost @ says_a
    all_won, all_lost = won.sum(axis=1), lost.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = (true_a + all_lost - false_a) / (all_won + all_lost)
        f1 = 2 * true_a / (true_a + false_a + all_won)
    return np.column_stack([_auc(won, lost, scores), accuracy, f1])


def _auc(won: Floats, lost: Floats, scores: Floats) -> Floats:
    """How often a battle that side a won is scored above one it lost, equal scores counting half."""
    if not len(scores):
        return np.full(len(won), np.nan)
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf) > 0)
    won, lost = (np.add.reduceat(side[:, order], starts, axis=1) for side in (won, lost))
    below = np.cumsum(lost, axis=1) - lost / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return (won * below).sum(axis=1) / (won.sum(axis=1) * lost.sum(axis=1))
