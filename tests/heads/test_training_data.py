from typing import Any

import numpy as np
import pytest

from apex_core.errors import TrainingError
from apex_core.heads import TrainingData, target_statistics


def _arrays() -> dict[str, Any]:
    return {
        "vectors": np.ones((4, 3), dtype=np.float32),
        "groups": np.array(["a", "a", "b", "c"]),
        "targets": np.full((4, 7), 3.0, dtype=np.float32),
        "split": np.array([0, 0, 1, 2], dtype=np.int8),
    }


def test_good_arrays_are_taken_and_other_float_types_converted() -> None:
    data = TrainingData(**{**_arrays(), "vectors": np.ones((4, 3), dtype=np.float64)})
    assert data.vectors.dtype == np.float32
    assert data.hidden == 3
    assert data.rows("train").tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.ones(4)}, "rows, hidden"),
        ({"groups": np.array(["a", "b"])}, "groups must have shape"),
        ({"targets": np.ones((4, 6))}, "targets must have shape"),
        ({"split": np.zeros(3)}, "split must have shape"),
        ({"split": np.array([0, 0, 1, 3])}, "Split codes"),
        ({"split": np.array([0, 1, 1, 2])}, "two splits, the first is a"),
        ({"vectors": np.array([[1.0], [np.nan], [1.0], [np.inf]])}, "2 of 4 vectors"),
        ({"targets": np.full((4, 7), 7.0)}, "4 labels of coherence lie outside 1 to 5"),
        ({"targets": np.full((4, 7), np.inf)}, "4 labels of score_streams"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_the_reason(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        TrainingData(**{**_arrays(), **change})


def test_missing_labels_are_fine() -> None:
    TrainingData(**{**_arrays(), "targets": np.full((4, 7), np.nan)})


def test_no_rows_are_fine_until_somebody_trains_on_them() -> None:
    empty = TrainingData(np.empty((0, 3)), np.empty(0), np.empty((0, 7)), np.empty(0))
    assert empty.hidden == 3


def test_statistics_are_of_the_train_rows_that_have_a_label() -> None:
    targets = np.full((5, 7), np.nan)
    targets[:, 0] = [10, 30, np.nan, 90, 90]
    targets[:, 2] = [3, 3, 3, 1, 1]
    split = np.array([0, 0, 0, 1, 2], dtype=np.int8)
    data = TrainingData(np.ones((5, 3), np.float32), np.arange(5), targets.astype(np.float32), split)
    means, deviations = target_statistics(data)
    assert (means[0], deviations[0]) == (20.0, 10.0)
    assert (means[2], deviations[2]) == (3.0, 0.04)  # it never varies: a hundredth of the range
    assert (means[1], deviations[1]) == (50.0, 25.0)  # no label: the middle of the range


def test_layers_are_vectors_too() -> None:
    arrays = _arrays()
    layers = TrainingData(**{**arrays, "vectors": np.ones((4, 4, 3))})
    assert layers.hidden == 3
    with pytest.raises(TrainingError, match="rows, 4, hidden"):
        TrainingData(**{**arrays, "vectors": np.ones((4, 5, 3))})
