"""Measure heads on a split, target by target."""

import numpy as np
from numpy.typing import NDArray

from apex_core.errors import TrainingError
from apex_core.heads.model import ApexHeads
from apex_core.heads.prediction import average_by_song, predict
from apex_core.heads.training_data import Split, TrainingData

Metrics = dict[str, dict[str, float | None]]
"""By target: n, mse, mae, pearson, spearman; None where a figure is undefined."""

Values = NDArray[np.float64]


def evaluate(model: ApexHeads, data: TrainingData, split: Split = "test") -> Metrics:
    """Compare predictions with the labels of ``split``, over the rows that have the target's label.

    In segment mode predictions are averaged over a song's segments first (FACTS §3). mse and mae are None
    without rows; the correlations also when either side is constant.
    """
    rows = data.rows(split)
    predicted = predict(model, data.vectors[rows])
    wanted = data.targets[rows][:, : len(model.config.targets)]
    if model.config.mode == "segment":
        wanted = _song_labels(wanted, data.groups[rows])
        predicted = average_by_song(predicted, data.groups[rows])
    columns = zip(model.config.targets, predicted.T, wanted.T, strict=True)
    return {target: measure(a.astype(np.float64), b.astype(np.float64)) for target, a, b in columns}


def measure(predicted: Values, wanted: Values) -> dict[str, float | None]:
    """The figures of one target; rows whose ``wanted`` is NaN are left out."""
    known = ~np.isnan(wanted)
    a, b = predicted[known], wanted[known]
    return {
        "n": len(a),
        "mse": float(np.square(a - b).mean()) if len(a) else None,
        "mae": float(np.abs(a - b).mean()) if len(a) else None,
        "pearson": pearson(a, b),
        "spearman": pearson(ranks(a), ranks(b)),
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


def _song_labels(targets: NDArray[np.float32], groups: NDArray[np.generic]) -> NDArray[np.float32]:
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    if not np.array_equal(targets[first][place], targets, equal_nan=True):
        raise TrainingError("Segments of one song carry different labels.")
    return targets[np.sort(first)]
