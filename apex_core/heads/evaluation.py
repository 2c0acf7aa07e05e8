"""Measure heads on a split, target by target."""

import numpy as np
from numpy.typing import NDArray

from apex_core.errors import TrainingError
from apex_core.heads.figures import Figures, measure
from apex_core.heads.model import ApexHeads
from apex_core.heads.prediction import average_by_song, predict
from apex_core.heads.training_data import Split, TrainingData

Metrics = dict[str, Figures]
"""Figures by target."""


def evaluate(model: ApexHeads, data: TrainingData, split: Split = "test") -> Metrics:
    """Compare predictions with the labels of ``split``, over the rows that have the target's label.

    In segment mode predictions are averaged over a song's segments first (FACTS §3).
    """
    rows = data.rows(split)
    predicted = predict(model, data.vectors[rows])
    wanted = data.targets[rows][:, : len(model.config.targets)]
    if model.config.mode == "segment":
        wanted = _song_labels(wanted, data.groups[rows])
        predicted = average_by_song(predicted, data.groups[rows])
    columns = zip(model.config.targets, predicted.T, wanted.T, strict=True)
    return {target: measure(a.astype(np.float64), b.astype(np.float64)) for target, a, b in columns}


def _song_labels(targets: NDArray[np.float32], groups: NDArray[np.generic]) -> NDArray[np.float32]:
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    if not np.array_equal(targets[first][place], targets, equal_nan=True):
        raise TrainingError("Segments of one song carry different labels.")
    return targets[np.sort(first)]
