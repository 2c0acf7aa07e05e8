"""The multi-task heads: a shared trunk and a branch for each target, on frozen vectors (FACTS §3)."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from apex_core.errors import ArtifactError
from apex_core.heads.config import RANGES, HeadsConfig

TRUNKS = {2: (512, 256), 3: (512, 384, 256)}
BRANCH = (128, 64)
TRUNK_DROPOUT = 0.3
BRANCH_DROPOUT = 0.1


class Block(nn.Module):
    """Linear, BatchNorm, GELU, Dropout. ``block`` is part of the published parameter names."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.GELU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class Branch(nn.Module):
    """One target's head: float[n, inputs] -> float[n], inside the target's published range."""

    def __init__(self, inputs: int, low: float, high: float) -> None:
        super().__init__()
        wide, narrow = BRANCH
        self.branch = nn.Sequential(
            Block(inputs, wide, BRANCH_DROPOUT), Block(wide, narrow, BRANCH_DROPOUT), nn.Linear(narrow, 1)
        )
        self.low, self.span = low, high - low

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.branch(x)).squeeze(1) * self.span + self.low


class ApexHeads(nn.Module):
    """Trunk and branches of FACTS §3, with the published parameter names and, at hidden 768, counts."""

    def __init__(self, config: HeadsConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.hidden, *TRUNKS[config.shared])
        self.shared = nn.Sequential(*(Block(a, b, TRUNK_DROPOUT) for a, b in pairwise(sizes)))
        for target in config.targets:
            self.add_module(f"branch_{target}", Branch(sizes[-1], *RANGES[target]))

    def forward(self, x: Tensor) -> Tensor:
        """float[n, hidden] -> float[n, targets], columns in the order of ``config.targets``."""
        trunk = self.shared(x)
        return torch.stack([self.get_submodule(f"branch_{target}")(trunk) for target in self.config.targets], dim=1)


def build_model(config: HeadsConfig, weights: Mapping[str, Tensor]) -> ApexHeads:
    """Heads with the given state dict, in evaluation mode.

    Raises ArtifactError when names or shapes are not exactly those of ``config``.
    """
    # On the meta device first: initial weights would be drawn from the global generator to be thrown away.
    with torch.device("meta"):
        model = ApexHeads(config)
    model = model.to_empty(device="cpu")
    try:
        model.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise ArtifactError(
            f"The weights do not fit {config.condition} with hidden {config.hidden}: {error}"
        ) from error
    return model.eval()
