"""Measure heads on a split, target by target."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from apex_core.errors import TrainingError
from apex_core.heads.figures import Figures, Values, measure
from apex_core.heads.model import ApexHeads
from apex_core.heads.prediction import average_by_song, predict
from apex_core.heads.song_facts import SongFacts
from apex_core.heads.training_data import Split, TrainingData

_AT_ONCE = 1 << 16
Metrics = dict[str, Figures]
"""Figures by target."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Predictions beside labels, a row a song: both float64[n, targets], a label that is missing is NaN."""

    targets: tuple[str, ...]
    names: NDArray[np.generic]
    predicted: Values
    wanted: Values
    facts: SongFacts | None = None

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> "Scored":
        facts = None if self.facts is None else self.facts[rows]
        return replace(
            self, names=self.names[rows], predicted=self.predicted[rows], wanted=self.wanted[rows], facts=facts
        )

    def metrics(self) -> Metrics:
        """The figures of each target, over the songs that have its label."""
        columns = zip(self.targets, self.predicted.T, self.wanted.T, strict=True)
        return {target: measure(predicted, wanted) for target, predicted, wanted in columns}


def evaluate(model: ApexHeads, data: TrainingData, split: Split = "test") -> Metrics:
    """Compare predictions with the labels of ``split``, over the rows that have the target's label."""
    return score(model, data, split).metrics()


def score(model: ApexHeads, data: TrainingData, split: Split = "test") -> Scored:
    """Predictions and labels of ``split``.

    In segment mode predictions are averaged over a song's segments first (FACTS §3).
    """
    rows = np.flatnonzero(data.rows(split))
    # Piece by piece: the vectors may be a file larger than memory.
    starts = range(0, max(len(rows), 1), _AT_ONCE)
    predicted = np.concatenate([predict(model, data.vectors[rows[start : start + _AT_ONCE]]) for start in starts])
    if model.config.mode == "segment":
        predicted = average_by_song(predicted, data.groups[rows])
        rows = _first_of_songs(data, rows)
    wanted = data.targets[rows][:, : len(model.config.targets)]
    facts = None if data.facts is None else data.facts[rows]
    return Scored(
        model.config.targets, data.groups[rows], predicted.astype(np.float64), wanted.astype(np.float64), facts
    )


def _first_of_songs(data: TrainingData, rows: NDArray[np.integer]) -> NDArray[np.integer]:
    """The first of ``rows`` of each song, in their order."""
    _, first, place = np.unique(data.groups[rows], return_index=True, return_inverse=True)
    targets = data.targets[rows]
    if not np.array_equal(targets[first][place], targets, equal_nan=True):
        raise TrainingError("Segments of one song carry different labels.")
    return rows[np.sort(first)]
