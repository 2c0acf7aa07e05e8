import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from apex_core.heads import POPULARITY, TARGETS, ApexHeads, HeadsConfig
from apex_core.heads.config import Loss
from apex_core.heads.losses import CombinedLoss, parameter_groups, target_losses
from apex_core.settings import TrainSettings

NAN = math.nan


def test_a_target_s_loss_is_the_mean_over_the_rows_that_have_it() -> None:
    predicted = torch.tensor([[1.0, 5.0], [2.0, 5.0], [7.0, 5.0]])
    wanted = torch.tensor([[3.0, 4.0], [NAN, NAN], [7.0, 3.0]])
    losses, present = target_losses(predicted, wanted)
    assert losses.tolist() == [2.0, 2.5]
    assert present.tolist() == [True, True]


@given(extra=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_rows_without_a_target_change_neither_its_loss_nor_its_gradient(extra: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = torch.tensor(random.normal(size=(6 + extra, 2)), requires_grad=True)
    wanted = torch.tensor(random.normal(size=(6 + extra, 2)))
    wanted[6:, 0] = NAN
    few, _ = target_losses(rows[:6], wanted[:6])
    all_of_them, _ = target_losses(rows, wanted)
    assert torch.equal(few[0], all_of_them[0]) or torch.isclose(few[0], all_of_them[0], rtol=1e-12)
    (gradient_few,) = torch.autograd.grad(few[0], rows, retain_graph=True)
    (gradient_all,) = torch.autograd.grad(all_of_them[0], rows)
    assert torch.allclose(gradient_few, gradient_all, rtol=1e-12)
    assert gradient_all[6:].eq(0).all()


@pytest.mark.parametrize("loss", ["equal", "weighted", "uncertainty", "standardised"])
def test_a_wholly_missing_target_contributes_nothing(loss: Loss) -> None:
    criterion = CombinedLoss(loss, POPULARITY)
    if criterion.log_sigma is not None:
        criterion.log_sigma.data.fill_(0.7)
    predicted = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    wanted = torch.tensor([[2.0, NAN], [5.0, NAN]])
    total = criterion(*target_losses(predicted, wanted))
    alone = CombinedLoss(loss, ("score_streams",))
    if alone.log_sigma is not None:
        alone.log_sigma.data.fill_(0.7)
    assert torch.isclose(total, alone(*target_losses(predicted[:, :1], wanted[:, :1])))
    total.backward()
    assert predicted.grad is not None
    assert predicted.grad[:, 1].eq(0).all()
    if criterion.log_sigma is not None:
        assert criterion.log_sigma.grad is not None
        assert criterion.log_sigma.grad[1] == 0
        assert criterion.log_sigma.grad[0] != 0


def test_the_combinations_are_the_published_ones() -> None:
    losses, present = torch.arange(1.0, 8.0), torch.ones(7, dtype=torch.bool)
    assert CombinedLoss("equal", TARGETS)(losses, present).item() == 28
    assert CombinedLoss("weighted", TARGETS)(losses, present).item() == 5 * (1 + 2) + 25
    uncertain = CombinedLoss("uncertainty", TARGETS)
    assert uncertain(losses, present).item() == 14
    assert uncertain.log_sigma is not None
    uncertain.log_sigma.data.fill_(math.log(2))
    assert math.isclose(uncertain(losses, present).item(), 28 / 8 + 7 * math.log(2), rel_tol=1e-6)
    sigmas = uncertain.sigmas()
    assert sigmas is not None
    assert math.isclose(sigmas[0], 2, rel_tol=1e-6)


def _gradients(criterion: CombinedLoss, predicted: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, ...]:
    total = criterion(*target_losses(predicted, wanted))
    learned = [] if criterion.log_sigma is None else [criterion.log_sigma]
    return torch.autograd.grad(total, [predicted, *learned])


@given(loss=st.sampled_from(["equal", "weighted", "uncertainty", "standardised"]), seed=st.integers(0, 2**31))
def test_masked_labels_give_the_gradients_of_rows_that_are_left_out(loss: Loss, seed: int) -> None:
    """Row by row and target by target, whatever the combination: what a label is missing for was never there."""
    random = np.random.default_rng(seed)
    predicted = torch.tensor(random.normal(size=(12, 2)), requires_grad=True)
    wanted = torch.tensor(random.normal(size=(12, 2)))
    kept = [sorted(random.choice(12, size=random.integers(1, 12), replace=False)) for _ in range(2)]
    masked = torch.full_like(wanted, NAN)
    for target, rows in enumerate(kept):
        masked[rows, target] = wanted[rows, target]
    criterion = CombinedLoss(loss, POPULARITY, (0.5, 20.0)).double()
    whole, *sigma = _gradients(criterion, predicted, masked)
    for target, rows in enumerate(kept):
        alone = CombinedLoss(loss, (POPULARITY[target],), ((0.5, 20.0)[target],)).double()
        part = predicted.detach()[rows, target : target + 1].requires_grad_()
        left, *its_sigma = _gradients(alone, part, wanted[rows, target : target + 1])
        assert torch.allclose(whole[rows, target], left[:, 0], rtol=1e-10)
        assert all(torch.allclose(a[target], b[0], rtol=1e-10) for a, b in zip(sigma, its_sigma, strict=True))
        assert whole[masked[:, target].isnan(), target].eq(0).all()


def test_standardised_is_uncertainty_in_units_of_the_labels_deviation() -> None:
    random = torch.Generator().manual_seed(3)
    predicted, wanted = torch.randn(2, 9, 2, generator=random, dtype=torch.float64)
    means, deviations = torch.tensor([50.0, 3.0]), torch.tensor([24.0, 0.6])
    ours = CombinedLoss("standardised", POPULARITY, (24.0, 0.6))
    theirs = CombinedLoss("uncertainty", POPULARITY)
    for criterion in (ours, theirs):
        assert criterion.log_sigma is not None
        criterion.log_sigma.data = torch.tensor([0.3, -0.2])
    in_points = target_losses(predicted * deviations + means, wanted * deviations + means)
    assert torch.isclose(ours(*in_points), theirs(*target_losses(predicted, wanted)), rtol=1e-5)


def test_no_sigma_decides_which_epoch_is_best_unless_published() -> None:
    losses, present = torch.tensor([8.0, 2.0]), torch.tensor([True, True])
    ours = CombinedLoss("standardised", POPULARITY, (4.0, 2.0))
    published = CombinedLoss("uncertainty", POPULARITY)
    for criterion, moves in ((ours, False), (published, True)):
        before = criterion.selection(losses, present).item()
        assert criterion.log_sigma is not None
        criterion.log_sigma.data.fill_(1.0)
        assert (criterion.selection(losses, present).item() != before) == moves
    assert ours.selection(losses, present).item() == 8 / 16 + 2 / 4


def test_log_sigmas_have_a_rate_of_their_own_and_no_decay_unless_published() -> None:
    settings = TrainSettings(weight_decay=0.1, log_sigma_learning_rate=0.03)
    model, criterion = ApexHeads(HeadsConfig(hidden=4)), CombinedLoss("standardised", TARGETS, (1.0,) * 7)
    weights, sigmas = parameter_groups(model.parameters(), criterion.parameters(), settings)
    assert (weights["lr"], weights["weight_decay"]) == (settings.learning_rate, 0.1)
    assert (sigmas["lr"], sigmas["weight_decay"]) == (0.03, 0.0)
    assert sigmas["params"] == [criterion.log_sigma]
    (one,) = parameter_groups(
        model.parameters(), CombinedLoss("uncertainty", TARGETS).parameters(), TrainSettings(loss="uncertainty")
    )
    assert (one["lr"], one["weight_decay"], len(one["params"])) == (1e-4, 1e-4, len([*model.parameters()]) + 1)
