import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from apex_core.heads import POPULARITY, TARGETS
from apex_core.heads.losses import CombinedLoss, target_losses

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


@pytest.mark.parametrize("loss", ["equal", "weighted", "uncertainty"])
def test_a_wholly_missing_target_contributes_nothing(loss: str) -> None:
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
