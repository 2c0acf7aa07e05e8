"""The heads as they are trained: the branches' layers stacked, every parameter a piece of one vector.

Seven branches of small products cost more in calls than in arithmetic. Their first layers read the same trunk, so they
are one wide product; the others are batches of products. One vector of parameters and one of gradients make the
exchange between processes a call, and give threads one place that all of them write to. Names and shapes outside of
here are the published ones.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from apex_core.heads.config import RANGES
from apex_core.heads.layers import Layer, Masks, Norm, Whole, write_weight
from apex_core.heads.model import ApexHeads, Block


@dataclass(frozen=True, slots=True)
class _Pair:
    """A tensor of ours, and the published ones that it is made of, in order."""

    ours: Tensor
    published: list[Tensor]

    def load(self) -> None:
        self.ours.copy_(torch.stack(self.published).reshape(self.ours.shape))

    def store(self) -> None:
        parts = self.ours.reshape(len(self.published), *self.published[0].shape)
        for published, part in zip(self.published, parts, strict=True):
            published.copy_(part)


class StackedHeads(nn.Module):
    """The heads of ``model``, one member, on a device; ``store`` brings what they have become back into it.

    ``parameters()`` is one vector, ``flat``; its gradient is always there, and each ``backward`` writes it anew.
    ``beside`` others they have the others' parameters and averages, and a gradient and places to work in of their own.
    """

    def __init__(
        self, model: ApexHeads, device: torch.device | str = "cpu", beside: "StackedHeads | None" = None
    ) -> None:
        super().__init__()
        self.model = (model,)  # in a tuple: its parameters are none of ours
        self.batches = 0
        shared = torch.zeros(sum(p.numel() for p in model.parameters()), device=device)
        self.flat = nn.Parameter(shared if beside is None else beside.flat.detach())
        self.flat.grad = torch.zeros_like(self.flat)
        self._averages: list[Tensor] = []
        self._theirs = None if beside is None else tuple(beside._averages)
        self._pairs: list[_Pair] = []
        self._pieces: list[Tensor] = []
        self._taken = 0
        self._vectors = self._hidden = self._shares = torch.empty(0)  # of the last forward
        self._build(model)
        if beside is None:
            self.load()

    def _build(self, model: ApexHeads) -> None:
        branches = [cast(Any, model.get_submodule(f"branch_{target}")).branch for target in model.config.targets]
        count = len(branches)
        mix = [model.mix.weight, model.mix.bias] if model.config.layer_mix == "learned" else []
        self._mix = [self._piece([one], one.shape) for one in mix]
        self._trunk = [self._layer([cast(Block, block)], 1) for block in model.shared]
        # As one wide product: all branches read the trunk.
        self._trunk.append(self._layer([branch[0] for branch in branches], 1))
        self._second = self._layer([branch[1] for branch in branches], count)
        last = [cast(nn.Linear, branch[2]) for branch in branches]
        self._last = self._piece([one.weight for one in last], (count, -1, 1))
        self._last_bias = self._piece([one.bias for one in last], (count, 1, 1))
        ranges = torch.tensor([RANGES[target] for target in model.config.targets], device=self.flat.device)
        self._low = ranges[:, 0]
        self._span = ranges[:, 1] - ranges[:, 0]

    def _layer(self, blocks: list[Block], apart: int) -> Layer:
        linears = [cast(nn.Linear, block.block[0]) for block in blocks]
        norms = [cast(nn.BatchNorm1d, block.block[1]) for block in blocks]
        shape = (apart, 1, -1) if apart > 1 else (1, -1)
        weight = self._piece(
            [one.weight for one in linears],
            (apart, -1, linears[0].in_features) if apart > 1 else (-1, linears[0].in_features),
        )
        norm = Norm(
            bias=self._piece([one.bias for one in linears], shape),
            scale=self._piece([one.weight for one in norms], shape),
            shift=self._piece([one.bias for one in norms], shape),
            mean=self._average([cast(Tensor, one.running_mean) for one in norms], shape),
            variance=self._average([cast(Tensor, one.running_var) for one in norms], shape),
        )
        return Layer(weight, norm, cast(nn.Dropout, blocks[0].block[3]).p)

    def _piece(self, published: list[Tensor], shape: tuple[int, ...]) -> Tensor:
        """A piece of the one vector, and as its gradient the same piece of the vector's."""
        start, self._taken = self._taken, self._taken + sum(one.numel() for one in published)
        piece = self.flat.detach()[start : self._taken].view(shape)
        piece.grad = cast(Tensor, self.flat.grad)[start : self._taken].view(shape)
        self._pairs.append(_Pair(piece, published))
        self._pieces.append(piece)
        return piece

    def _average(self, published: list[Tensor], shape: tuple[int, ...]) -> Tensor:
        if self._theirs is None:
            ours = torch.cat([one.flatten() for one in published]).view(shape).to(self.flat.device)
        else:
            ours = self._theirs[len(self._averages)]
        self._averages.append(ours)
        self._pairs.append(_Pair(ours, published))
        return ours

    @torch.no_grad()
    def load(self) -> None:
        """Take the published model's values."""
        for pair in self._pairs:
            pair.load()

    @torch.no_grad()
    def store(self) -> None:
        """Give the published model ours."""
        for pair in self._pairs:
            pair.store()
        for module in self.model[0].modules():
            if isinstance(module, nn.BatchNorm1d):
                cast(Tensor, module.num_batches_tracked).fill_(self.batches)

    @property
    def but_weights(self) -> list[Tensor]:
        """The parameters that are no weight of ``layers``."""
        weights = {id(layer.weight) for layer in self.layers}
        return [piece for piece in self._pieces if id(piece) not in weights]

    @property
    def layers(self) -> list[Layer]:
        """The trunk's, then the branches'."""
        return [*self._trunk, self._second]

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Predict float[n, targets] as the published model does in evaluation."""
        x = self._mixed(x)
        for layer in self._trunk:
            x = layer.predict(x)
        return self._scores(self._second.predict(self._by_branch(x)))[0]

    @torch.no_grad()
    def forward(self, x: Tensor, masks: Masks | None = None, whole: Whole | None = None) -> Tensor:
        """Predict float[n, targets] as the published model does in training; ``masks`` draws the dropout.

        ``whole`` is the batch that ``x`` is a part of, where several processes train together.
        """
        whole = whole or Whole.alone(len(x))
        self.batches += 1
        self._vectors = x
        y = self._mixed(x)
        for layer in self._trunk:
            y = layer.forward(y, masks, whole)
        self._hidden = self._second.forward(self._by_branch(y), masks, whole)
        scores, self._shares = self._scores(self._hidden)
        return scores

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> None:
        """Write the gradient of ``flat`` from that of the last ``forward``'s predictions, float[n, targets]."""
        self.backward_but_weights(gradient)
        for layer in self.layers:
            write_weight([layer], slice(None))

    @torch.no_grad()
    def backward_but_weights(self, gradient: Tensor) -> None:
        """As ``backward``, but for the weights of ``layers``."""
        slope = (gradient * self._span).t().unsqueeze(2) * (self._shares * (1 - self._shares))
        torch.matmul(self._hidden.mT, slope, out=self._last.grad)
        torch.sum(slope, dim=1, keepdim=True, out=self._last_bias.grad)
        torch.mul(slope, self._last.mT, out=self._second.gradient)
        self._second.backward(self._second.gradient, self._by_branch(self._trunk[-1].gradient))
        for layer, below in zip(reversed(self._trunk[1:]), reversed(self._trunk[:-1]), strict=True):
            layer.backward(layer.gradient, below.gradient)
        first = self._trunk[0]
        if not self._mix:
            first.backward(first.gradient, None)
            return
        mixed = torch.empty_like(self._vectors[:, 0])
        first.backward(first.gradient, mixed)
        weight, bias = self._mix
        cast(Tensor, weight.grad).view(-1).copy_((self._vectors * mixed.unsqueeze(1)).sum(dim=(0, 2)))
        cast(Tensor, bias.grad).copy_(mixed.sum())

    def _mixed(self, x: Tensor) -> Tensor:
        if not self._mix:
            return x
        weight, bias = self._mix
        return torch.matmul(weight.view(1, -1), x).squeeze(1) + bias

    def _by_branch(self, x: Tensor) -> Tensor:
        branches = len(self._low)
        return x.view(len(x), branches, x.shape[1] // branches).transpose(0, 1)

    def _scores(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [n, targets], and how far each is up its range, [targets, n, 1]."""
        shares = torch.sigmoid(torch.baddbmm(self._last_bias, x, self._last))
        return torch.addcmul(self._low, shares.squeeze(2).t(), self._span), shares
