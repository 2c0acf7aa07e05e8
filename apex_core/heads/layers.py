"""A layer of the stacked heads in training: linear, BatchNorm, GELU and dropout, forward and backward, written out.

On a CPU most of a plain training step is not matrix products: torch draws dropout masks number by number in one thread,
and asks the system for memory again and again. Here masks come from one call for random bits, and a layer works in
places of its own, so that nothing is asked for and what is read next is still in the cache. The mathematics is that of
``nn.Linear``, ``nn.BatchNorm1d``, ``nn.GELU`` and ``nn.Dropout``.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

EPSILON = 1e-5
MOMENTUM = 0.1
_LEVELS = 1 << 16
_WORD = 4  # levels in a 64-bit word


@dataclass(frozen=True, slots=True)
class Whole:
    """The batch that a process or thread has a part of, where others compute the other parts at the same time.

    ``sizes`` are the rows of all parts, in order. ``gather`` takes a tensor of this part and, called once more,
    gives those of all parts, one after another along a new first dimension: what one has to do in between costs
    nothing while others are awaited. ``keeps``: whether BatchNorm's averages are this part's to move.
    """

    sizes: tuple[int, ...]
    gather: Callable[[Tensor], Callable[[], Tensor]]
    keeps: bool = True

    @classmethod
    def alone(cls, rows: int) -> "Whole":
        """A batch in one part."""
        return cls((rows,), _alone)

    @property
    def rows(self) -> int:
        return sum(self.sizes)

    def moments(self, means: Tensor, squares: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of all rows, by each part's mean and sum of squares about it, [parts, ...]."""
        shares = _shares(self.sizes, means.device).view(-1, *[1] * (means.dim() - 1))
        mean = (means * shares).sum(dim=0)
        return mean, (squares / self.rows + shares * (means - mean).square()).sum(dim=0)


@lru_cache(maxsize=8)  # a step asks once a layer, and but the last batch of an epoch is like all others
def _shares(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(sizes, dtype=torch.float32, device=device) / sum(sizes)


def _alone(tensor: Tensor) -> Callable[[], Tensor]:
    return lambda: tensor.unsqueeze(0)


def bounds(rows: int, parts: int) -> list[int]:
    """Where the parts of a batch begin, and where the last one ends; a part may be empty."""
    return [rows * part // parts for part in range(parts + 1)]


def sizes(rows: int, parts: int) -> tuple[int, ...]:
    """How many rows each part has."""
    return tuple(last - first for first, last in itertools.pairwise(bounds(rows, parts)))


def apart(seed: int, part: int) -> int:
    """A seed for one part of the batch; the seed itself draws the order of the rows."""
    return int(np.random.SeedSequence([seed & 0xFFFFFFFF, part]).generate_state(1)[0])


class Masks:
    """Draws dropout masks from 16 random bits an element; which elements go depends on the seed alone.

    So a rate is met to within 1/65,536: 0.3 is 0.300003.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.source = torch.Generator(device).manual_seed(seed)
        self._words: dict[int, Tensor] = {}

    def draw(self, rate: float, out: Tensor) -> None:
        """Fill ``out`` with 0 at about ``rate`` of its elements, else with the inverse of the share that is kept."""
        dropped = round(rate * _LEVELS)
        count = -(-out.numel() // _WORD)
        if count not in self._words:
            self._words[count] = torch.empty(count, dtype=torch.int64, device=out.device)
        words = self._words[count].random_(-(1 << 63), None, generator=self.source)
        bits = words.view(torch.int16)[: out.numel()].view(out.shape)
        torch.ge(bits, dropped - _LEVELS // 2, out=out)
        out *= _LEVELS / (_LEVELS - dropped)


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


@dataclass(slots=True)
class _Places:
    """Where a layer works, each [..., rows, features]; between forward and backward they hold what that needs.

    ``gradient`` is for that of the output.
    """

    normal: Tensor
    before: Tensor
    after: Tensor
    mask: Tensor
    gradient: Tensor
    inputs: Tensor
    factor: Tensor
    whole: Whole


@dataclass(slots=True)
class Layer:
    """A layer of the trunk, or the same of all branches. weight: [out, in], or [branches, out, in].

    Every parameter has a gradient that ``backward`` writes into.
    """

    weight: Tensor
    norm: Norm
    dropout: float
    _places: dict[tuple[int, ...], _Places] = field(default_factory=dict[tuple[int, ...], "_Places"])
    _now: _Places | None = None

    @property
    def output(self) -> Tensor:
        """What ``forward`` gave last."""
        assert self._now is not None
        return self._now.after

    @property
    def gradient(self) -> Tensor:
        """Where the gradient of ``output`` is to be written for ``backward``."""
        assert self._now is not None
        return self._now.gradient

    def predict(self, x: Tensor) -> Tensor:
        """The output in evaluation, by the averages kept."""
        norm = self.norm
        factor = norm.scale * torch.rsqrt(norm.variance + EPSILON)
        shift = norm.shift + (norm.bias - norm.mean) * factor
        return torch.nn.functional.gelu(torch.addcmul(shift, torch.matmul(x, self.weight.mT), factor))

    def forward(self, x: Tensor, masks: Masks | None, whole: Whole) -> Tensor:
        """The output in training, [..., rows, features]; moves the averages. The next call overwrites it."""
        places = self._now = self._at(x, whole)
        normal, before, norm = places.normal, places.before, self.norm
        torch.matmul(x, self.weight.mT, out=normal)
        own = normal.sum(dim=-2, keepdim=True) / max(normal.shape[-2], 1)
        normal -= own
        squares = torch.mul(normal, normal, out=before).sum(dim=-2, keepdim=True)
        all_moments = whole.gather(torch.stack([own, squares]))
        if masks is None or not self.dropout:
            places.mask.fill_(1)
        else:
            masks.draw(self.dropout, places.mask)
        mean, variance = whole.moments(*all_moments().unbind(1))
        inverse = torch.rsqrt(variance + EPSILON)
        torch.addcmul((own - mean) * inverse, normal, inverse, out=normal)
        torch.addcmul(norm.shift, normal, norm.scale, out=before)
        if whole.keeps:
            norm.mean.lerp_(mean + norm.bias, MOMENTUM)
            norm.variance.lerp_(variance * (whole.rows / (whole.rows - 1)), MOMENTUM)
        places.factor = norm.scale * inverse
        torch.ops.aten.gelu.out(before, out=places.after)
        return places.after.mul_(places.mask)

    def backward(self, gradient: Tensor, inputs: Tensor | None) -> None:
        """Write the parameters' gradients from that of the output, which is overwritten; but for that of ``weight``,
        which no other layer waits for: ``write_weight`` does that.

        ``inputs`` is where the gradient of what ``forward`` was given goes.
        """
        places = self._now
        assert places is not None
        gradient *= places.mask
        torch.ops.aten.gelu_backward.grad_input(gradient, places.before, grad_input=gradient)
        shift = torch.sum(gradient, dim=-2, keepdim=True, out=self.norm.shift.grad)
        torch.mul(gradient, places.normal, out=places.before)
        scale = torch.sum(places.before, dim=-2, keepdim=True, out=self.norm.scale.grad)
        sums = places.whole.gather(torch.stack([shift, scale]))
        products = torch.mul(gradient, places.factor, out=places.before)
        both = sums().sum(dim=0) * (-places.factor / places.whole.rows)
        products.addcmul_(places.normal, both[1]).add_(both[0])
        if inputs is not None:
            torch.matmul(products, self.weight, out=inputs)

    def _at(self, x: Tensor, whole: Whole) -> _Places:
        shape = (*x.shape[:-1], self.weight.shape[-2])
        if shape not in self._places:
            normal, before, after, mask, gradient = (torch.empty(shape, device=x.device) for _ in range(5))
            self._places[shape] = _Places(normal, before, after, mask, gradient, x, x, whole)
        places = self._places[shape]
        places.inputs, places.whole = x, whole
        return places


def write_weight(layers: Sequence[Layer], piece: slice) -> None:
    """Write a piece, along its first dimension, of the gradient of the first layer's weight.

    ``layers`` are the same layer in all parts of a batch, each of which has gone through ``backward``.
    """
    whole = layers[0].weight.grad
    assert whole is not None
    gradient, stacked = whole[piece], whole.dim() > 2
    for number, layer in enumerate(layers):
        places = layer._now  # pyright: ignore[reportPrivateUsage]  of its own module
        assert places is not None
        left, right = (
            (places.before[piece], places.inputs[piece]) if stacked else (places.before[:, piece], places.inputs)
        )
        if number:
            (gradient.baddbmm_ if stacked else gradient.addmm_)(left.mT, right)
        else:
            torch.matmul(left.mT, right, out=gradient)
