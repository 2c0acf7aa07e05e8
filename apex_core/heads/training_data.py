"""The rows that heads learn from: checked once, then trusted."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from apex_core.errors import TrainingError
from apex_core.heads.config import RANGES, TARGETS
from apex_core.heads.song_facts import SongFacts

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
"""A split's code in ``TrainingData.split`` is its place here: 0, 1, 2."""

_SLACK = 1e-3
_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Rows with their vectors, labels and split. A row is a song (song mode) or a segment (segment mode).

    vectors: float32[n, hidden], for a learned layer mix float32[n, 4, hidden], finite. groups: [n], the song a row
    belongs to (in segment mode, its rows are averaged at evaluation). targets: float32[n, 7] in the order of TARGETS,
    NaN where a label is missing. split: int8[n], codes of SPLITS. facts: of each row, where they are
    known. Raises TrainingError when the arrays do not fit together or a song lies in two splits.
    """

    vectors: NDArray[np.float32]
    groups: NDArray[Any]
    targets: NDArray[np.float32]
    split: NDArray[np.int8]
    encoder_id: str = ""
    facts: SongFacts | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "vectors", np.ascontiguousarray(self.vectors, dtype=np.float32))
        object.__setattr__(self, "groups", np.asarray(self.groups))
        object.__setattr__(self, "targets", np.ascontiguousarray(self.targets, dtype=np.float32))
        object.__setattr__(self, "split", np.asarray(self.split, dtype=np.int8))
        _check_shapes(self)
        _check_values(self)
        _check_split(self)

    @property
    def hidden(self) -> int:
        return int(self.vectors.shape[-1])

    def rows(self, split: Split) -> NDArray[np.bool_]:
        """Which rows are in ``split``, bool[n]."""
        return self.split == SPLITS.index(split)


def target_statistics(data: TrainingData) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means and deviations, in points, of the seven targets' labels over the train rows that have one.

    Without labels they are the middle and a quarter of the target's range; a deviation is at least a hundredth of it,
    so that a label which never varies is not blown up.
    """
    means, deviations = zip(*(_moments(data, target) for target in TARGETS), strict=True)
    return means, deviations


def _moments(data: TrainingData, target: str) -> tuple[float, float]:
    low, high = RANGES[target]
    labels = data.targets[data.rows("train"), TARGETS.index(target)].astype(np.float64)
    labels = labels[~np.isnan(labels)]
    if not len(labels):
        return (low + high) / 2, (high - low) / 4
    return float(labels.mean()), max(float(labels.std()), (high - low) / 100)


def _check_shapes(data: TrainingData) -> None:
    n = len(data.vectors)
    if data.vectors.ndim not in (2, 3) or data.hidden < 1 or data.vectors.shape[1:-1] not in ((), (4,)):
        raise TrainingError(f"Vectors must be [rows, hidden] or [rows, 4, hidden], not {data.vectors.shape}.")
    wanted = {"groups": (n,), "targets": (n, len(TARGETS)), "split": (n,)}
    for name, shape in wanted.items():
        found = getattr(data, name).shape
        if found != shape:
            raise TrainingError(f"{name} must have shape {shape} beside {n} vectors, not {found}.")
    if data.facts is not None and len(data.facts) != n:
        raise TrainingError(f"There are facts of {len(data.facts)} rows beside {n} vectors.")


def _check_values(data: TrainingData) -> None:
    # Piece by piece: they may be a file larger than memory.
    pieces = (data.vectors[start : start + _AT_ONCE] for start in range(0, len(data.vectors), _AT_ONCE))
    if not all(np.isfinite(piece).all() for piece in pieces):
        bad = int((~np.isfinite(data.vectors.reshape(len(data.vectors), -1)).all(axis=1)).sum())
        raise TrainingError(f"{bad} of {len(data.vectors)} vectors are not finite.", fix="extract those songs again")
    for column, target in enumerate(TARGETS):
        low, high = RANGES[target]
        values = data.targets[:, column]
        bad = int(((values < low - _SLACK) | (values > high + _SLACK)).sum())
        if bad:
            raise TrainingError(f"{bad} labels of {target} lie outside {low:g} to {high:g}.")


def _check_split(data: TrainingData) -> None:
    if not np.isin(data.split, range(len(SPLITS))).all():
        raise TrainingError(f"Split codes must be 0, 1 or 2 ({', '.join(SPLITS)}).")
    groups, place = np.unique(data.groups, return_inverse=True)
    low = np.full(len(groups), len(SPLITS), dtype=np.int8)
    high = np.zeros(len(groups), dtype=np.int8)
    np.minimum.at(low, place, data.split)
    np.maximum.at(high, place, data.split)
    torn = groups[low < high]
    if len(torn):
        raise TrainingError(f"{len(torn)} songs lie in two splits, the first is {torn[0]!s}.")
