"""Songs whose vectors hold all there is to know: the default must find it, and find nothing where nothing is."""

import dataclasses
import secrets

import numpy as np
import pytest
from numpy.typing import NDArray

from apex_core.heads import TrainingData, predict, train
from apex_core.heads.figures import Values
from apex_core.settings import TrainSettings

from .sandbox_songs import Labelled, labelled, planted, spearman

SONGS = 10_000


@pytest.fixture(scope="module")
def songs() -> Labelled:
    return labelled(SONGS)


@pytest.fixture(scope="module")
def seed() -> int:
    """Drawn anew each time: what is asked must not hang on one map."""
    return secrets.randbelow(2**32)


@pytest.fixture(scope="module")
def data(songs: Labelled, seed: int) -> TrainingData:
    return songs.data(planted(songs.songs, seed), fold=seed % 10)


def _reached(data: TrainingData, settings: TrainSettings, wanted: NDArray[np.float32]) -> Values:
    """Spearman of the popularity predictions on the test rows with ``wanted`` float32[n, 7]."""
    test = data.rows("test")
    predicted = predict(train(data, settings).model, data.vectors[test]).astype(np.float64)
    return np.array([spearman(predicted[:, n], wanted[test, n].astype(np.float64)) for n in (0, 1)])


@pytest.mark.slow
def test_the_default_comes_near_what_a_perfect_reader_could_reach(
    songs: Labelled, data: TrainingData, seed: int
) -> None:
    share = _reached(data, TrainSettings(device="cpu"), songs.targets) / songs.ceiling(data.rows("test"))
    assert (share >= 0.95).all(), f"{share.round(3)} of the ceiling under seed {seed}"


@pytest.mark.slow
def test_shuffled_labels_teach_nothing(data: TrainingData, seed: int) -> None:
    """Within four standard errors of 0 on test rows whose labels are shuffled too, as are all.

    Not on the true ones: whatever was learnt is a smooth function of a dozen attributes, and two of those agree by
    chance far more than a thousand unrelated pairs do.
    """
    order = np.random.default_rng(seed).permutation(SONGS)
    shuffled = dataclasses.replace(data, targets=data.targets[order])
    reached = _reached(shuffled, TrainSettings(device="cpu", epochs=3), shuffled.targets)
    assert (np.abs(reached) < 4 / np.sqrt(data.rows("test").sum())).all(), f"{reached.round(3)} under seed {seed}"
