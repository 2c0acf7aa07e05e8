"""The multi-task heads: a shared trunk and a branch for each target, on frozen vectors (FACTS §3)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from apex_core.errors import ArtifactError
from apex_core.heads.config import RANGES, HeadsConfig

TRUNKS = {2: (512, 256), 3: (512, 384, 256)}
BRANCH = (128, 64)
LAYERS = 4
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


class LayerMix(nn.Module):
    """A learned combination of the four layer means, begun as their plain mean: float[n, 4, h] -> float[n, h]."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, LAYERS, 1), 1 / LAYERS))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight).sum(dim=1) + self.bias


class ApexHeads(nn.Module):
    """Trunk and branches of FACTS §3, with the published parameter names and, at hidden 768, counts.

    With a learned layer mix ``mix`` comes before them; with several members all of this is there once for each,
    below ``member_0``, ``member_1`` ..., and the mean of theirs is predicted.
    """

    def __init__(self, config: HeadsConfig) -> None:
        super().__init__()
        self.config = config
        if config.members > 1:
            for name in self._members():
                self.add_module(name, ApexHeads(replace(config, members=1)))
            return
        if config.layer_mix == "learned":
            self.mix = LayerMix()
        sizes = (config.hidden, *TRUNKS[config.shared])
        self.shared = nn.Sequential(*(Block(a, b, TRUNK_DROPOUT) for a, b in pairwise(sizes)))
        for target in config.targets:
            self.add_module(f"branch_{target}", Branch(sizes[-1], *RANGES[target]))
        if config.target_means is not None:
            self._start_at(config.target_means)

    def _members(self) -> tuple[str, ...]:
        return tuple(f"member_{number}" for number in range(self.config.members))

    def _start_at(self, means: Sequence[float]) -> None:
        """Let every branch begin near the mean of its labels, not in the middle of its range."""
        for target, mean in zip(self.config.targets, means, strict=True):
            low, high = RANGES[target]
            share = min(max((mean - low) / (high - low), 0.01), 0.99)
            last = self.get_submodule(f"branch_{target}.branch.2")
            assert isinstance(last, nn.Linear)
            nn.init.constant_(last.bias, math.log(share / (1 - share)))

    def forward(self, x: Tensor) -> Tensor:
        """float[n, hidden], or float[n, 4, hidden] of a learned mix -> float[n, targets], as ``config.targets``."""
        if self.config.members > 1:
            return torch.stack([self.get_submodule(name)(x) for name in self._members()]).mean(dim=0)
        trunk = self.shared(self.mix(x) if self.config.layer_mix == "learned" else x)
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


def join(members: Sequence[ApexHeads]) -> ApexHeads:
    """One model of heads that were trained apart, in evaluation mode; one alone is returned as it is."""
    if len(members) == 1:
        return members[0]
    config = replace(members[0].config, members=len(members))
    named = (
        (f"member_{number}.{name}", tensor)
        for number, member in enumerate(members)
        for name, tensor in member.state_dict().items()
    )
    return build_model(config, dict(named))
