"""How well a perfect reader of the audio could rank the songs."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

ScoreRow = tuple[str, str, float | None, float | None]

_TARGETS = ("score_streams", "score_likes")


def ceiling(truth: Mapping[tuple[str, str], Mapping[str, float]], rows: Sequence[ScoreRow]) -> dict[str, float]:
    """Spearman correlation of the noise-free appeal with scores, by target.

    ``rows`` are (platform, track_id, score_streams, score_likes). Rows without a truth or without a score are left
    out; with fewer than two left, or no variation, the correlation is NaN. Ties share their average rank.
    """
    return {
        target: spearman(
            [truth[row[0], row[1]][target] for row in known],
            [row[column] for row in known],  # type: ignore[misc]
        )
        for column, target in enumerate(_TARGETS, start=2)
        for known in [[row for row in rows if (row[0], row[1]) in truth and row[column] is not None]]
    }


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation with average ranks for ties."""
    if len(one) < 2 or len(set(one)) < 2 or len(set(other)) < 2:
        return float("nan")
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Sequence[float]) -> npt.NDArray[np.float64]:
    _, place, ties = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    return (np.cumsum(ties) - (ties - 1) / 2)[place]
