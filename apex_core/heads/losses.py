"""A mean squared error for each target, and the three published ways to make one number of them."""

import torch
from torch import Tensor, nn

from apex_core.heads.config import POPULARITY, Loss

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

    ``uncertainty`` learns s for each target: L/(2 s²) + log s, log s initialised to 0 (FACTS §3). A target
    absent from a batch contributes nothing, its log s included.
    """

    weights: Tensor

    def __init__(self, loss: Loss, targets: tuple[str, ...]) -> None:
        super().__init__()
        heavy = WEIGHTED if loss == "weighted" else {"popularity": 1.0, "aesthetics": 1.0}
        weights = [heavy["popularity" if target in POPULARITY else "aesthetics"] for target in targets]
        self.register_buffer("weights", torch.tensor(weights))
        self.log_sigma = nn.Parameter(torch.zeros(len(targets))) if loss == "uncertainty" else None

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """Combine losses float[t], of which ``present`` bool[t] count, into a scalar."""
        if self.log_sigma is None:
            return (losses * self.weights * present).sum()
        return ((losses * torch.exp(-2 * self.log_sigma) / 2 + self.log_sigma) * present).sum()

    def sigmas(self) -> list[float] | None:
        """The learned s of each target; None for the losses that learn none."""
        return None if self.log_sigma is None else self.log_sigma.detach().exp().tolist()
