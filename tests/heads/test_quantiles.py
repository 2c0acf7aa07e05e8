"""Where a score stands among a model's own predictions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_core import heads
from apex_core.errors import ArtifactError
from apex_core.heads.quantiles import percentiles, quantiles, quantiles_of

RISING = st.lists(st.floats(0, 100).map(lambda x: round(x, 4)), min_size=101, max_size=101).map(sorted)


def model_and_data(mode: str, songs: int = 300) -> tuple[heads.ApexHeads, heads.TrainingData]:
    """Random heads that tell songs apart, and rows they might have been trained on, two a song in segment mode."""
    random, rows = np.random.default_rng(3), songs * (2 if mode == "segment" else 1)
    config = heads.HeadsConfig(hidden=8, mode=mode, task="popularity")  # pyright: ignore[reportArgumentType]
    model = heads.ApexHeads(config).eval()
    groups = np.arange(rows) // (2 if mode == "segment" else 1)
    targets = np.full((rows, len(heads.TARGETS)), np.nan, np.float32)
    vectors = random.standard_normal((rows, 8)).astype(np.float32)
    return model, heads.TrainingData(vectors, groups, targets, (groups % 3).astype(np.int8))


@pytest.mark.parametrize("mode", ["song", "segment"])
def test_a_score_of_the_training_set_stands_where_it_ranks(mode: str) -> None:
    model, data = model_and_data(mode)
    known = quantiles(model, data)
    found = heads.predict(model, data.vectors, data.groups if mode == "segment" else None)[:, 0]
    assert len(found) == 300
    below = (found[:, None] > found[None, :]).sum(axis=1) / (len(found) - 1) * 100
    np.testing.assert_allclose(percentiles(found, known["score_streams"]), below, atol=1.0)
    assert quantiles(model, data) == known
    assert quantiles_of({"quantiles": known}, model.config.targets) == known


@given(known=RISING, scores=st.lists(st.floats(-10, 110), min_size=2, max_size=20))
def test_a_percentile_lies_between_0_and_100_and_rises_with_the_score(known: list[float], scores: list[float]) -> None:
    found = percentiles(np.sort(np.array([*scores, *known])), known)
    assert ((found >= 0) & (found <= 100)).all()
    assert (np.diff(found) >= 0).all()


def test_percentiles_by_hand() -> None:
    known = [0.0] * 21 + [float(n) for n in range(1, 81)]
    scores = np.array([-1.0, 0.0, 0.5, 1.0, 1.25, 80.0, 99.0])
    assert percentiles(scores, known).tolist() == [0, 10, 20.5, 21, 21.25, 100, 100]
    assert percentiles(np.array([2.7, 2.6, 2.8]), [2.7] * 101).tolist() == [50, 0, 100]


@pytest.mark.parametrize("held", [[], {"score_likes": [0.0] * 101}, {"score_streams": [1.0, 0.0] + [2.0] * 99}])
def test_quantiles_that_are_none_are_refused(held: Any) -> None:
    with pytest.raises(ArtifactError, match="rising quantiles of score_streams"):
        quantiles_of({"quantiles": held}, ("score_streams",))


def test_a_model_from_elsewhere_has_none() -> None:
    assert quantiles_of({}, heads.TARGETS) is None
