"""How sure a figure is: percentile bootstrap intervals over test songs, drawn by whole groups.

Songs of one creator are not independent, so what is drawn with replacement is the group that the split keeps together,
or the song alone where groups are unknown or too few to say how much they vary. Draws are repeatable, and depend on
nothing but groups and their order: two models measured on the same songs are compared draw by draw.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apex_core.heads.evaluation import Scored
from apex_core.heads.figures import FIGURES, Values, pair_counts

LEVEL = 0.95
LEAST_GROUPS = 10
"""With fewer groups than this songs are drawn instead, and with fewer songs there are no intervals."""

_SEED = 42
_CELLS = 250_000  # of a block of draws by songs: 2 MB an array, which a processor's cache holds
_MOST_PAIRED = 1000  # songs whose pairs are looked at one by one
_MOST_CELLS = 3_000_000  # of all draws by songs: of more than 6,000 songs there are fewer draws, ...
_LEAST_DRAWS = 200  # ... down to these: figures of many songs vary little

Interval = tuple[float, float]
Draws = dict[str, dict[str, Values]]
"""By target and figure: its value in each draw, NaN where it is undefined there."""


def draw_figures(scored: Scored, draws: int) -> Draws:
    """Every figure of every target in each of ``draws`` resamplings; empty with too few groups."""
    found: dict[str, list[dict[str, Values]]] = {target: [] for target in scored.targets}
    columns = [_Column.of(*pair) for pair in zip(scored.predicted.T, scored.wanted.T, strict=True)]
    for weights in _weights(_groups(scored), draws):
        for target, column in zip(scored.targets, columns, strict=True):
            found[target].append(column.figures(weights if column.known.all() else weights[:, column.known]))
    return {
        target: {name: np.concatenate([block[name] for block in blocks]) for name in FIGURES}
        for target, blocks in found.items()
        if blocks
    }


def intervals(draws: Draws) -> dict[str, dict[str, Interval | None]]:
    """The 95 % interval of every figure; None where it is undefined in more than a tenth of the draws."""
    return {t: {name: _interval(values) for name, values in figures.items()} for t, figures in draws.items()}


def gains(ours: Draws, theirs: Draws) -> dict[str, dict[str, Interval | None]]:
    """The interval of the difference ours - theirs, of figures drawn on the same songs."""
    return {
        target: {name: _interval(ours[target][name] - values) for name, values in figures.items()}
        for target, figures in theirs.items()
        if target in ours
    }


def _interval(values: Values) -> Interval | None:
    known = values[~np.isnan(values)]
    if len(known) < 0.9 * len(values) or not len(known):
        return None
    low, high = np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def drawn(scored: Scored) -> tuple[str, int]:
    """What is drawn, ``groups`` or ``songs``, and how many there are."""
    what = _groups(scored)
    return ("songs" if scored.facts is None or what is not scored.facts.group else "groups"), len(np.unique(what))


def _groups(scored: Scored) -> NDArray[np.generic]:
    if scored.facts is None or len(np.unique(scored.facts.group)) < LEAST_GROUPS:
        return np.arange(len(scored.names))
    return scored.facts.group


def _weights(groups: NDArray[np.generic], draws: int) -> Iterator[Values]:
    """Blocks float64[draws, songs]: how often each song is in a draw."""
    count, place = np.unique(groups, return_inverse=True)
    songs, parts = len(place), len(count)
    if parts < LEAST_GROUPS:
        return
    random = np.random.default_rng(_SEED)
    left = min(draws, max(_LEAST_DRAWS, _MOST_CELLS // songs))
    while left > 0:
        block = min(left, max(1, _CELLS // songs))
        yield random.multinomial(parts, np.full(parts, 1 / parts), size=block)[:, place].astype(np.float64)
        left -= block


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Values sorted once, for their ranks in any draw."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, values: Values) -> "_Ranked":
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        return cls(np.argsort(place, kind="stable"), np.cumsum(count) - count, place)

    def ranks(self, weights: Values) -> Values:
        """Average ranks from -1/2 to 1/2 of each song in each draw, [draws, songs]; ties share theirs."""
        if not len(self.order):
            return weights
        each = np.add.reduceat(np.take(weights, self.order, axis=1), self.starts, axis=1)
        upto = np.cumsum(each, axis=1)
        return np.take((upto - each / 2) / upto[:, -1:] - 0.5, self.place, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of songs with different labels, and those in the right order: one by one, or of many songs summed a song.

    A pair counts w_i * w_j in a draw; of many songs to first order around w = 1, which is w_i + w_j - 1.
    """

    right: Values
    all: Values

    @classmethod
    def of(cls, predicted: Values, wanted: Values) -> "_Pairs":
        if len(wanted) > _MOST_PAIRED:
            return cls(*pair_counts(predicted, wanted))
        differ = np.sign(wanted[:, None] - wanted)
        agree = differ * np.sign(predicted[:, None] - predicted)
        return cls(np.where(differ != 0, (agree + 1) / 2, 0.0), np.abs(differ))

    def share(self, weights: Values) -> Values:
        right, every = (self._sum(weights, pairs) for pairs in (self.right, self.all))
        return np.clip(np.where(every > 0, right / every, np.nan), 0, 1)

    def _sum(self, weights: Values, pairs: Values) -> Values:
        if pairs.ndim == 2:
            return np.einsum("ds,ds->d", weights @ pairs, weights)
        return 2 * (weights @ pairs) - pairs.sum()


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """What the figures of one target need, computed once for all draws: over its labelled songs."""

    known: NDArray[np.bool_]
    sums: Values
    pairs: _Pairs
    ranked: tuple[_Ranked, _Ranked]
    constant: bool

    @classmethod
    def of(cls, predicted: Values, wanted: Values) -> "_Column":
        known = ~np.isnan(wanted)
        a, b = predicted[known], wanted[known]
        error = a - b
        # Centred on the whole before squaring, so that little is lost to rounding.
        x, y = a - a.mean() if len(a) else a, b - b.mean() if len(b) else b
        sums = np.stack([np.ones_like(x), np.square(error), np.abs(error), x, y, x * x, y * y, x * y], axis=1)
        constant = not len(a) or bool(np.ptp(a) == 0 or np.ptp(b) == 0)
        return cls(known, sums, _Pairs.of(a, b), (_Ranked.of(a), _Ranked.of(b)), constant)

    def figures(self, weights: Values) -> dict[str, Values]:
        """Weights [draws, songs] -> each figure [draws]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            n, square, absolute, *moments = (weights @ self.sums).T
            return {
                "mse": square / n,
                "mae": absolute / n,
                "pearson": _correlation(n, *moments),
                "spearman": self._spearman(weights, n),
                "pairwise": self.pairs.share(weights),
            }

    def _spearman(self, weights: Values, n: Values) -> Values:
        if self.constant:
            return np.full(len(weights), np.nan)
        mine, theirs = (ranked.ranks(weights) for ranked in self.ranked)
        weighted = weights * mine
        squares, products = (np.einsum("ds,ds->d", weighted, other) for other in (mine, theirs))
        weighted = np.multiply(weights, theirs, out=weighted)
        zero = np.zeros_like(n)
        return _correlation(n, zero, zero, squares, np.einsum("ds,ds->d", weighted, theirs), products)


def _correlation(n: Values, a: Values, b: Values, aa: Values, bb: Values, ab: Values) -> Values:
    """Pearson's, from sums; NaN where either side is constant but for rounding."""
    var_a, var_b = aa / n - np.square(a / n), bb / n - np.square(b / n)
    fine = (var_a > 1e-12 * aa / n) & (var_b > 1e-12 * bb / n)
    return np.where(fine, np.clip((ab / n - a * b / n**2) / np.sqrt(var_a * var_b), -1, 1), np.nan)
