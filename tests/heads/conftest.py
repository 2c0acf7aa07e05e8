from collections.abc import Callable

import numpy as np
import pytest

from apex_core.heads import TARGETS, TrainingData

Make = Callable[..., TrainingData]


@pytest.fixture
def make_data() -> Make:
    """Rows whose targets are a linear function of the vectors, split 70/15/15 by song."""

    def make(
        songs: int = 200, *, hidden: int = 16, segments: int = 1, aesthetics: float = 1.0, seed: int = 0
    ) -> TrainingData:
        random = np.random.default_rng(seed)
        n = songs * segments
        vectors = random.normal(size=(n, hidden)).astype(np.float32)
        song = np.repeat(np.arange(songs), segments)
        direction = random.normal(size=hidden) / np.sqrt(hidden)
        appeal = np.array([vectors[song == s].mean(axis=0) @ direction for s in range(songs)])[song]
        targets = np.empty((n, len(TARGETS)), dtype=np.float32)
        targets[:, :2] = np.clip(50 + 18 * appeal * np.sqrt(segments), 0, 100)[:, None]
        targets[:, 2:] = np.clip(3 + 0.8 * appeal * np.sqrt(segments), 1, 5)[:, None]
        targets[song >= songs * aesthetics, 2:] = np.nan
        split = random.choice(3, size=songs, p=[0.7, 0.15, 0.15]).astype(np.int8)
        split[:3] = (0, 1, 2)
        return TrainingData(vectors, song, targets, split[song], "test-encoder")

    return make
