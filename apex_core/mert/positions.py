"""HuBERT's convolution over time that tells frames their places: 128 taps, in groups of channels.

As long as that, it is a fifth of the work in the frequency domain: windows of frames and taps are transformed,
multiplied and transformed back, of which a window keeps what none of its ends has wrapped into. One group at a time,
since the transformed taps of all of them would be twice the taps.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

_SHORTEST_WINDOW = 256


class Positions(NamedTuple):
    """Weights [channels, channels / groups, taps] and bias; ``padding`` frames of silence come before the first."""

    weight: Tensor
    bias: Tensor
    padding: int
    groups: int


def spread(state: Tensor, by: Positions) -> Tensor:
    """[b, frames, channels] convolved over time, as many frames, in the weight's type."""
    across = state.transpose(1, 2)
    # A GPU's own convolutions need no help, and transforms are not for the shorter types.
    fast = by.weight.device.type == "cpu" and by.weight.dtype == torch.float32
    return (_transformed(across, by) if fast else _direct(across, by)).transpose(1, 2)


def _direct(across: Tensor, by: Positions) -> Tensor:
    made = F.conv1d(across, by.weight, by.bias, padding=by.padding, groups=by.groups)
    return made[..., : across.shape[-1]]  # a kernel of even length gives one frame too many


def _transformed(across: Tensor, by: Positions) -> Tensor:
    frames, taps = across.shape[-1], by.weight.shape[-1]
    window = max(_SHORTEST_WINDOW, 1 << taps.bit_length())
    hop = window - taps + 1
    after = -(-frames // hop) * hop + taps - 1 - by.padding - frames
    windows = F.pad(across, (by.padding, after)).unfold(-1, window, hop)
    parts: list[Tensor] = []
    for channels, weight in zip(windows.chunk(by.groups, dim=1), by.weight.chunk(by.groups), strict=True):
        filters = torch.fft.rfft(weight, n=window).conj()  # the conjugate, since nothing is flipped in time
        made = torch.einsum("binf,oif->bonf", torch.fft.rfft(channels), filters)
        parts.append(torch.fft.irfft(made, n=window)[..., :hop].flatten(2)[..., :frames])
    return torch.cat(parts, dim=1).add_(by.bias[:, None])
