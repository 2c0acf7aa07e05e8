import math

import numpy as np
import pytest
import torch

from apex_core.errors import ArtifactError, EncoderError, TrainingError
from apex_core.heads import POPULARITY, ApexHeads, HeadsConfig, TrainingData, evaluate, predict
from apex_core.heads.prediction import average_by_song

from .conftest import Make


def test_only_the_rows_and_targets_asked_for_are_measured(make_data: Make) -> None:
    data = make_data(50, aesthetics=0.5)
    model = ApexHeads(HeadsConfig(hidden=16))
    for split in ("train", "val", "test"):
        found = evaluate(model, data, split)
        assert found["score_likes"]["n"] == data.rows(split).sum()
        assert found["clarity"]["n"] == (data.rows(split) & (data.groups < 25)).sum()
    assert set(evaluate(ApexHeads(HeadsConfig(hidden=16, task="popularity")), data)) == set(POPULARITY)


def test_song_mode_measures_every_row_even_where_songs_share_a_name(make_data: Make) -> None:
    data = make_data(30)
    same = TrainingData(data.vectors, data.split.copy(), data.targets, data.split)
    found = evaluate(ApexHeads(HeadsConfig(hidden=16)), same)
    assert found["score_streams"]["n"] == data.rows("test").sum()


def test_segments_of_a_song_must_agree_on_its_labels(make_data: Make) -> None:
    data = make_data(30)
    torn = TrainingData(data.vectors, data.split.copy(), data.targets, data.split)
    with pytest.raises(TrainingError, match="different labels"):
        evaluate(ApexHeads(HeadsConfig(hidden=16, mode="segment")), torn)


def test_songs_come_back_in_the_order_they_first_appear() -> None:
    values = np.array([[1.0], [10.0], [3.0], [20.0]], dtype=np.float32)
    assert average_by_song(values, np.array(["z", "a", "z", "a"])).tolist() == [[2.0], [15.0]]


def test_batches_do_not_change_a_prediction() -> None:
    model = ApexHeads(HeadsConfig(hidden=8))
    vectors = np.random.default_rng(0).normal(size=(10, 8)).astype(np.float32)
    whole = predict(model, vectors)
    np.testing.assert_allclose(predict(model, vectors, batch_rows=3), whole, atol=1e-4)
    assert whole.dtype == np.float32
    assert model.training, "predicting leaves the model as it was"


def test_no_vectors_give_no_predictions() -> None:
    model = ApexHeads(HeadsConfig(hidden=8))
    assert predict(model, np.empty((0, 8), dtype=np.float32)).shape == (0, 7)
    assert predict(model, np.empty((0, 8), dtype=np.float32), np.empty(0)).shape == (0, 7)


def test_vectors_of_another_encoder_or_not_finite_are_refused() -> None:
    model = ApexHeads(HeadsConfig(hidden=8, encoder_id="mert-x"))
    with pytest.raises(ArtifactError, match=r"8 dimensions(.|\n)*mert-x"):
        predict(model, np.ones((2, 9), dtype=np.float32))
    with pytest.raises(EncoderError, match="first is row 1"):
        predict(model, np.array([[1.0] * 8, [math.nan] * 8], dtype=np.float32))


def test_prediction_draws_no_random_numbers() -> None:
    model = ApexHeads(HeadsConfig(hidden=8)).train()
    state = torch.random.get_rng_state()
    predict(model, np.ones((3, 8), dtype=np.float32))
    assert torch.equal(torch.random.get_rng_state(), state)
