"""A mean squared error for each target, and the ways to make one number of them: three published, one of ours."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from apex_core.heads.config import POPULARITY, HeadsConfig, Loss
from apex_core.settings import TrainSettings

WEIGHTED = {"popularity": 5.0, "aesthetics": 1.0}


def target_losses(predicted: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error of each target over the rows that have it.

    ``predicted`` and ``wanted`` are float[n, t], NaN in ``wanted`` where a label is missing. Returns the
    losses float[t] and a mask bool[t] of the targets that any row has; the others lose 0, without gradient.
    """
    known = ~wanted.isnan()
    count = known.sum(dim=0)
    # A missing label is replaced before the subtraction: NaN times a zero gradient would still be NaN.
    error = torch.where(known, predicted - torch.where(known, wanted, 0.0), 0.0)
    return error.square().sum(dim=0) / count.clamp(min=1), count > 0


class CombinedLoss(nn.Module):
    """One number of the target losses: their sum, a weighted sum, or weighed by learned uncertainty.

    ``uncertainty`` learns s for each target: L/(2 s²) + log s, log s initialised to 0 (FACTS §3).
    ``standardised`` does the same with L over the variance of the target's training labels, so that s starts where
    nothing has been learned and every target weighs the same. A target absent from a batch contributes nothing, its
    log s included.
    """

    weights: Tensor

    def __init__(self, loss: Loss, targets: tuple[str, ...], deviations: tuple[float, ...] | None = None) -> None:
        super().__init__()
        self.loss = loss
        heavy = WEIGHTED if loss == "weighted" else {"popularity": 1.0, "aesthetics": 1.0}
        weights = [heavy["popularity" if target in POPULARITY else "aesthetics"] for target in targets]
        if deviations is not None and loss == "standardised":
            weights = [deviation**-2 for deviation in deviations]
        self.register_buffer("weights", torch.tensor(weights))
        learned = loss in ("uncertainty", "standardised")
        self.log_sigma = nn.Parameter(torch.zeros(len(targets))) if learned else None

    @classmethod
    def of(cls, config: HeadsConfig) -> "CombinedLoss":
        """The loss that heads of ``config`` are trained with."""
        return cls(config.loss, config.targets, config.target_deviations)

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """Combine losses float[t], of which ``present`` bool[t] count, into a scalar."""
        if self.log_sigma is None:
            return (losses * self.weights * present).sum()
        return ((losses * self.weights * torch.exp(-2 * self.log_sigma) / 2 + self.log_sigma) * present).sum()

    def selection(self, losses: Tensor, present: Tensor) -> Tensor:
        """What an epoch is chosen by, the lowest: as published the total loss, under ``standardised`` the sum of the
        standardised losses, which no s can lower by moving alone."""
        return (losses * self.weights * present).sum() if self.loss == "standardised" else self(losses, present)

    def sigmas(self) -> list[float] | None:
        """The learned s of each target; None for the losses that learn none."""
        return None if self.log_sigma is None else self.log_sigma.detach().exp().tolist()


def parameter_groups(
    weights: Iterable[Tensor], sigmas: Iterable[Tensor], settings: TrainSettings
) -> list[dict[str, Any]]:
    """The optimiser's groups of the heads' parameters and the log s. As published all is one, the log s decayed like
    weights; under ``standardised`` they have a rate of their own and no decay, for at the weights' rate they would
    hardly move."""
    as_weights = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.loss != "standardised":
        return [{"params": [*weights, *sigmas], **as_weights}]
    own = {"lr": settings.log_sigma_learning_rate, "weight_decay": 0.0}
    return [{"params": [*weights], **as_weights}, {"params": [*sigmas], **own}]
