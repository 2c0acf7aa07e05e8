"""What is known of the songs beside their vectors: for baselines, groups and intervals, never for the heads."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class SongFacts:
    """Facts of each row of a TrainingData; a fact that is not known is "" or NaN.

    group: what must stay on one side of the split (songs of one creator are not independent). created: seconds since
    1970. duration: seconds.
    """

    platform: NDArray[np.str_]
    model_family: NDArray[np.str_]
    group: NDArray[np.str_]
    created: NDArray[np.float64]
    duration: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.group)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> "SongFacts":
        return SongFacts(*(getattr(self, field.name)[rows] for field in fields(self)))
