"""What the heads must beat: the mean, a ridge regression on the embedding, and one that hears no music at all.

All three learn from the train rows, choose their penalty on the validation rows and are measured on the test rows, as
the heads are. A song is one row: segments are averaged first.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apex_core.heads.config import RANGES, TARGETS
from apex_core.heads.figures import Figures, Values, measure
from apex_core.heads.prediction import average_by_song
from apex_core.heads.song_facts import SongFacts
from apex_core.heads.training_data import SPLITS, Split, TrainingData

# By row and squared unit of a feature: from hardly any to one under which nothing but the mean is left.
_PENALTIES = 10.0 ** np.arange(-4, 4.5, 0.5)
_BLOCK = 8192
# Of more train songs every second or third is taken: a few thousand weights gain nothing from a million rows.
_MOST_ROWS = 100_000
_BINS = 10
_DAY = 86_400.0

Predictions = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Songs:
    """A row a song: vectors float32[n, d], targets float64[n, 7] (NaN: missing), split codes, facts where known."""

    names: NDArray[np.generic]
    vectors: NDArray[np.float32]
    targets: Values
    split: NDArray[np.int8]
    facts: SongFacts | None

    def rows(self, split: Split) -> NDArray[np.bool_]:
        return self.split == SPLITS.index(split)


def baselines(data: TrainingData) -> dict[str, dict[str, Figures]]:
    """The figures of every baseline on the test rows, by baseline and target.

    ``mean``: the mean of the train rows. ``ridge``: ridge regression on the embedding. ``duration_age``: ridge on bins
    of duration and age alone, where the data has facts. A target without train labels has no figures (n 0).
    """
    songs = by_song(data)
    test = songs.rows("test")
    return {
        name: {
            target: measure(column, np.where(np.isnan(column), np.nan, songs.targets[test, n]))
            for n, (target, column) in enumerate(zip(TARGETS, predicted.T, strict=True))
        }
        for name, predicted in predictions(songs).items()
    }


def predictions(songs: Songs) -> dict[str, Predictions]:
    """What every baseline predicts for the test songs, float64[test, 7]; NaN for targets without train labels."""
    found = {"mean": _mean(songs), "ridge": _ridge(songs, lambda rows: songs.vectors[rows])}
    if songs.facts is not None:
        hearing_nothing = _bins_of(songs.facts, songs.rows("train"))
        found["duration_age"] = _ridge(songs, lambda rows: hearing_nothing[rows])
    return found


def by_song(data: TrainingData) -> Songs:
    """One row a song, in the order in which songs first appear; layers, where there are several, side by side."""
    _, first = np.unique(data.groups, return_index=True)
    first = np.sort(first)
    vectors = data.vectors.reshape(len(data.vectors), -1)
    return Songs(
        names=data.groups[first],
        vectors=vectors if len(first) == len(vectors) else average_by_song(vectors, data.groups),
        targets=data.targets[first].astype(np.float64),
        split=data.split[first],
        facts=None if data.facts is None else data.facts[first],
    )


def _mean(songs: Songs) -> Predictions:
    known = songs.targets[songs.rows("train")]
    count = (~np.isnan(known)).sum(axis=0)
    means = np.where(count > 0, np.nansum(known, axis=0) / np.maximum(count, 1), np.nan)
    return np.tile(means, (int(songs.rows("test").sum()), 1))


def _ridge(songs: Songs, features: Callable[[NDArray[Any]], NDArray[np.float32]]) -> Predictions:
    val, test = features(songs.rows("val")), features(songs.rows("test"))
    found = np.full((len(test), len(TARGETS)), np.nan)
    fits: dict[bytes, Ridge] = {}  # targets whose labels the same songs have share the costly part
    for n, target in enumerate(TARGETS):
        rows = np.flatnonzero(songs.rows("train") & ~np.isnan(songs.targets[:, n]))
        rows = rows[:: math.ceil(len(rows) / _MOST_ROWS) or 1]
        if not len(rows):
            continue
        known, wanted = features(rows), songs.targets[rows, n]
        ridge = fits.setdefault(rows.tobytes(), fits.get(rows.tobytes()) or Ridge.of(known))
        weights, middle = ridge.solve(known, wanted), wanted.mean()
        chosen = _lowest(ridge.apply(val, weights) + middle, songs.targets[songs.rows("val"), n])
        found[:, n] = np.clip(ridge.apply(test, weights[:, [chosen]])[:, 0] + middle, *RANGES[target])
    return found


def _lowest(predicted: Predictions, wanted: Values) -> int:
    """The penalty (a column) with the smallest squared error; the strongest where no row has a label."""
    known = ~np.isnan(wanted)
    if not known.any():
        return predicted.shape[1] - 1
    return int(np.square(predicted[known] - wanted[known, None]).mean(axis=0).argmin())


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """Standardised features, decomposed once for every penalty and label: mean, scale [d], basis [d, k], power [k].

    scikit-learn's solves every penalty anew, on a float64 copy of all rows.
    """

    mean: Values
    scale: Values
    basis: Values
    power: Values

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> "Ridge":
        """Decompose float32[n, d], by whichever is smaller, rows or features."""
        n, d = features.shape
        mean = features.mean(axis=0, dtype=np.float64)
        if n <= d:
            centred = features - mean
            scale = _scale(np.square(centred).mean(axis=0))
            _, roots, basis = np.linalg.svd(centred / scale, full_matrices=False)
            return cls(mean, scale, basis.T, np.square(roots))
        products = sum(((part := block - mean).T @ part for block in _blocks(features)), np.zeros((d, d)))
        scale = _scale(np.diag(products) / n)
        power, basis = np.linalg.eigh(products / np.outer(scale, scale))
        return cls(mean, scale, basis, np.maximum(power, 0))

    def solve(self, features: NDArray[np.float32], wanted: Values) -> Values:
        """Weights [d, penalties] for the features that were decomposed and labels [n]."""
        centred = wanted - wanted.mean()
        starts = range(0, len(features), _BLOCK)
        cross = sum(
            (
                self._standard(block).T @ centred[start : start + _BLOCK]
                for start, block in zip(starts, _blocks(features), strict=True)
            ),
            np.zeros(len(self.mean)),
        )
        shrunk = (self.basis.T @ cross)[:, None] / (self.power[:, None] + len(features) * _PENALTIES)
        return self.basis @ shrunk

    def apply(self, features: NDArray[np.float32], weights: Values) -> Predictions:
        """float32[n, d] and weights [d, m] -> float64[n, m], around 0."""
        parts = [self._standard(block) @ weights for block in _blocks(features)]
        return np.concatenate([np.empty((0, weights.shape[1])), *parts])

    def _standard(self, features: NDArray[np.float32]) -> Values:
        return (features - self.mean) / self.scale


def _scale(variance: Values) -> Values:
    """Deviations; 1 for a feature that never changes, which then stays 0."""
    return np.sqrt(np.where(variance > 0, variance, 1.0))


def _blocks(features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    return (features[start : start + _BLOCK] for start in range(0, len(features), _BLOCK))


def _bins_of(facts: SongFacts, train: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Duration and age, each as the tenth of the train songs it falls into; what is not known is a bin of its own."""
    age = (np.nanmax(facts.created, initial=0.0) - facts.created) / _DAY
    return np.concatenate([_one_hot(values, train) for values in (facts.duration, age)], axis=1)


def _one_hot(values: Values, train: NDArray[np.bool_]) -> NDArray[np.float32]:
    known = values[train & ~np.isnan(values)]
    edges = np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]) if len(known) else np.empty(0)
    bins = np.where(np.isnan(values), _BINS, np.searchsorted(edges, values))
    return np.eye(_BINS + 1, dtype=np.float32)[bins]
