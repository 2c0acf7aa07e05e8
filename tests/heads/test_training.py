import dataclasses
import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from apex_core.errors import TrainingError
from apex_core.heads import (
    CONDITIONS,
    OWN_CONDITIONS,
    EpochFacts,
    TrainedHeads,
    TrainingData,
    evaluate,
    predict,
    train,
    with_condition,
)
from apex_core.heads.losses import CombinedLoss, target_losses
from apex_core.heads.rows import batches
from apex_core.settings import TrainSettings

from .conftest import Make

QUICK = TrainSettings(epochs=3, batch_size=64, device="cpu")


def _same(a: TrainedHeads, b: TrainedHeads) -> bool:
    ours, theirs = a.model.state_dict(), b.model.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_equal_seeds_give_equal_weights_and_others_do_not(make_data: Make) -> None:
    data = make_data()
    first = train(data, QUICK)
    torch.rand(3)
    assert _same(first, train(data, QUICK))
    assert not _same(first, train(data, QUICK.model_copy(update={"seed": 1})))


def test_the_global_random_state_is_left_alone(make_data: Make) -> None:
    before = torch.random.get_rng_state()
    train(make_data(), QUICK)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_planted_function_is_learned(make_data: Make) -> None:
    data = make_data(400, aesthetics=0.6)
    settings = TrainSettings(epochs=30, batch_size=64, learning_rate=5e-3, device="cpu")
    trained = train(data, settings)
    metrics = evaluate(trained.model, data)
    for target in ("score_streams", "score_likes", "coherence", "naturalness"):
        assert (metrics[target]["spearman"] or 0) > 0.85


def test_segments_are_averaged_by_song(make_data: Make) -> None:
    data = make_data(60, segments=3)
    trained = train(data, QUICK.model_copy(update={"mode": "segment"}))
    songs = len(np.unique(data.groups[data.rows("test")]))
    assert evaluate(trained.model, data)["score_streams"]["n"] == songs
    averaged = predict(trained.model, data.vectors, data.groups)
    by_hand = predict(trained.model, data.vectors).reshape(60, 3, 7).mean(axis=1)
    np.testing.assert_allclose(averaged, by_hand, rtol=1e-6)


def test_the_best_epoch_s_weights_are_kept(make_data: Make) -> None:
    """With a rate this large the validation loss jumps about, so the last epoch is not the best."""
    data = make_data(80)
    settings = TrainSettings(epochs=60, patience=4, batch_size=32, learning_rate=0.05, loss="equal", device="cpu")
    seen: list[EpochFacts] = []
    trained = train(data, settings, seen.append)
    assert trained.history == tuple(seen)
    losses = [facts.val_loss for facts in seen]
    assert len(seen) < settings.epochs
    assert trained.best_epoch == int(np.argmin(losses)) + 1
    assert len(seen) == trained.best_epoch + settings.patience
    held_out = data.rows("val")
    predicted = torch.tensor(predict(trained.model, data.vectors[held_out]))
    loss = CombinedLoss("equal", trained.config.targets)(
        *target_losses(predicted, torch.tensor(data.targets[held_out]))
    )
    assert loss.item() == pytest.approx(min(losses), rel=1e-5)


def test_every_condition_trains(make_data: Make) -> None:
    data = make_data(40)
    for condition in CONDITIONS + OWN_CONDITIONS:
        settings = with_condition(QUICK, condition).model_copy(update={"epochs": 1})
        trained = train(data, settings)
        assert trained.config.condition == condition
        assert predict(trained.model, data.vectors).shape == (40, len(trained.config.targets))
        assert (trained.history[0].sigmas is not None) == (settings.loss in ("uncertainty", "standardised"))


def test_the_log_sigmas_are_learned(make_data: Make) -> None:
    published = QUICK.model_copy(update={"loss": "uncertainty"})
    sigmas = train(make_data(), published).history[-1].sigmas
    assert sigmas is not None
    assert sigmas["score_streams"] > 1  # its loss is in the hundreds, so its weight must fall
    assert sigmas["coherence"] < 1


def test_the_rate_follows_a_cosine_over_all_epochs(make_data: Make) -> None:
    rates = [facts.learning_rate for facts in train(make_data(40), QUICK).history]
    assert rates == pytest.approx([QUICK.learning_rate * part for part in (1, 0.75, 0.25)])


@given(rows=st.integers(2, 300), size=st.integers(2, 64), seed=st.integers(0, 99))
def test_batches_hold_every_row_once_and_never_one_row(rows: int, size: int, seed: int) -> None:
    parts = batches(rows, size, torch.Generator().manual_seed(seed))
    assert sorted(torch.cat(parts).tolist()) == list(range(rows))
    assert all(2 <= len(part) <= size + 1 for part in parts)


def test_a_last_batch_of_one_row_trains(make_data: Make) -> None:
    data = make_data(60)
    split = np.ones(60, dtype=np.int8)
    split[:33] = 0
    trained = train(dataclasses.replace(data, split=split), QUICK.model_copy(update={"batch_size": 32}))
    assert len(trained.history) == 3


def _only(data: TrainingData, codes: dict[int, int]) -> TrainingData:
    split = np.array([codes.get(int(code), int(code)) for code in data.split], dtype=np.int8)
    return dataclasses.replace(data, split=split)


@pytest.mark.parametrize(("codes", "split"), [({0: 2}, "train"), ({1: 2}, "val")])
def test_nothing_to_learn_or_select_on_is_an_error(make_data: Make, codes: dict[int, int], split: str) -> None:
    with pytest.raises(TrainingError, match=f"0 labelled rows in the {split} split"):
        train(_only(make_data(30), codes), QUICK)


def test_rows_without_any_label_do_not_count(make_data: Make) -> None:
    data = make_data(30)
    with pytest.raises(TrainingError, match="0 labelled rows in the train split"):
        train(dataclasses.replace(data, targets=np.full((30, 7), np.nan)), QUICK)


def test_unlabelled_rows_change_nothing(make_data: Make) -> None:
    """A batch of them would still move BatchNorm's averages, so they are left out."""
    data = make_data(40)
    more = TrainingData(
        np.concatenate([data.vectors, np.full((9, data.hidden), 50.0)]),
        np.arange(49),
        np.concatenate([data.targets, np.full((9, 7), np.nan)]),
        np.concatenate([data.split, np.zeros(9)]).astype(np.int8),
        data.encoder_id,
    )
    assert _same(train(data, QUICK), train(more, QUICK))


def test_a_target_without_any_label_is_warned_about(make_data: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "apex_core.heads"):
        trained = train(make_data(40, aesthetics=0.0), QUICK)
    assert "no row of the train split has a label for coherence" in caplog.text
    assert set(trained.history[0].val_losses) == {"score_streams", "score_likes"}


def test_a_loss_that_is_not_finite_is_an_error(make_data: Make) -> None:
    data = make_data(40)
    huge = dataclasses.replace(data, vectors=np.full_like(data.vectors, 3e38))
    with pytest.raises(TrainingError, match="loss became nan in epoch 1"):
        train(huge, QUICK)


def test_read_only_arrays_are_fine(make_data: Make) -> None:
    data = make_data(40)
    data.vectors.flags.writeable = False
    data.targets.flags.writeable = False
    predict(train(data, QUICK).model, data.vectors)
