"""BatchNorm, GELU and dropout as one differentiable step, written out so that each is only as dear as its arithmetic.

On a CPU most of a plain training step is not matrix products: torch draws dropout masks number by number in one thread
and reads a batch several times to normalise it. Here masks come from one call for random bits, and the sums of
BatchNorm are plain reductions. The mathematics is that of ``nn.BatchNorm1d``, ``nn.GELU`` and ``nn.Dropout``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-5
MOMENTUM = 0.1
_LEVELS = 1 << 16
_WORD = 4  # levels in a 64-bit word


@dataclass(frozen=True, slots=True)
class Whole:
    """The batch that a process has a part of: its rows in all, and how to add a tensor up over all parts."""

    rows: int
    total: Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Norm:
    """What BatchNorm has in one layer, each [..., 1, features]: scale, shift, and the averages it keeps.

    ``bias`` is that of the linear layer before: subtracting a batch's mean cancels it, so in training it is left out,
    its gradient is exactly 0, and only the averages, which serve evaluation, know of it.
    """

    scale: Tensor
    shift: Tensor
    bias: Tensor
    mean: Tensor
    variance: Tensor


class Masks:
    """Draws dropout masks: 0, or 1 over the share that is kept, from 16 random bits an element.

    So a rate is met to within 1/65,536: 0.3 is 0.300003. Which elements go depends on the seed alone.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._source = torch.Generator(device).manual_seed(seed)
        self._device = device

    def draw(self, rate: float, *shape: int) -> Tensor | None:
        """A mask float32[shape]; None where nothing is dropped."""
        dropped = round(rate * _LEVELS)
        if not dropped:
            return None
        count = torch.Size(shape).numel()
        words = torch.empty(-(-count // _WORD), dtype=torch.int64, device=self._device)
        words.random_(-(1 << 63), None, generator=self._source)
        bits = words.view(torch.int16)[:count].view(shape)
        mask = torch.empty(shape, device=self._device)
        torch.ge(bits, dropped - _LEVELS // 2, out=mask)
        return mask.mul_(_LEVELS / (_LEVELS - dropped))


def normed(x: Tensor, norm: Norm, mask: Tensor | None, whole: Whole | None = None) -> Tensor:
    """A layer's output in training, from the products x [..., rows, features] without their bias.

    Moves the norm's averages. The statistics are those of the ``whole`` batch, which by default are these rows.
    """
    return _Normed.apply(x, norm.scale, norm.shift, norm, mask, whole or Whole(x.shape[-2], _itself))  # pyright: ignore[reportReturnType]


def averaged(x: Tensor, norm: Norm) -> Tensor:
    """A layer's output in evaluation, by the averages kept, from the products without their bias."""
    factor = norm.scale * torch.rsqrt(norm.variance + EPSILON)
    return torch.nn.functional.gelu(torch.addcmul(norm.shift + (norm.bias - norm.mean) * factor, x, factor))


def _itself(tensor: Tensor) -> Tensor:
    return tensor


class _Normed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's own
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        norm: Norm,
        mask: Tensor | None,
        whole: Whole,
    ) -> Tensor:
        mean = whole.total(x.sum(dim=-2, keepdim=True)) / whole.rows
        normal = x - mean
        variance = whole.total((normal * normal).sum(dim=-2, keepdim=True)) / whole.rows
        inverse = torch.rsqrt(variance + EPSILON)
        normal *= inverse
        before = torch.addcmul(shift, normal, scale)
        norm.mean.lerp_(mean + norm.bias, MOMENTUM)
        norm.variance.lerp_(variance * (whole.rows / (whole.rows - 1)), MOMENTUM)
        ctx.save_for_backward(normal, before, scale * inverse)
        ctx.mask, ctx.whole = mask, whole
        after = torch.nn.functional.gelu(before)
        return after if mask is None else after.mul_(mask)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:  # noqa: ANN401  torch's own
        (gradient,) = grad_outputs
        normal, before, factor = ctx.saved_tensors
        if ctx.mask is not None:
            gradient = gradient * ctx.mask
        gradient = torch.ops.aten.gelu_backward(gradient, before)
        shift = gradient.sum(dim=-2, keepdim=True)
        scale = (gradient * normal).sum(dim=-2, keepdim=True)
        both = ctx.whole.total(torch.stack([shift, scale])) * (-factor / ctx.whole.rows)
        inputs = torch.addcmul(both[0], normal, both[1]).addcmul_(gradient, factor)
        return inputs, scale, shift, None, None, None
