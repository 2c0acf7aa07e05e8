"""HuBERT's convolutions over a wave, without the intermediate that is larger than the model.

The first convolution of a 30 s segment would write 512 × 144,000 numbers, only for a norm over time to read them
twice. The norm's mean and variance follow from the first two moments of the input's windows: for a filter w,
mean = w·E[x] and variance = w·Cov[x]·w, ten numbers and ten by ten. With them the norm is a scale and a bias of the
filters, and so is the segment's own normalisation. What is left has no more memory than its kernels, and runs from wave
to features in tiles of time that stay in the cache, each convolution one matrix product.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor
from transformers import HubertModel

from apex_core.mert.products import product

VARIANCE_FLOOR = 1e-7
"""What Wav2Vec2FeatureExtractor adds to the variance of a segment."""

_TILE_BYTES = {"cpu": 8 << 20, "cuda": 1 << 30}
"""The first convolution's output of one tile: a share of the cache, or enough rows to fill a GPU."""

_WINDOWS_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class _Convolution:
    """Weights [outputs, kernel * inputs]: a window of [time, channels] rows, read in one go, is a row of inputs."""

    weight: Tensor
    bias: Tensor | None
    kernel: int
    stride: int


class FrontEnd:
    """Waves to features, one segment at a time.

    The first convolution works in float32 whatever ``dtype`` is: the few bits of the others would be heard as noise in
    samples. Weights are shared with ``model`` where device and type are its own. ``tile`` is in frames.
    """

    def __init__(
        self, model: HubertModel, device: torch.device, dtype: torch.dtype, *, tile: int | None = None
    ) -> None:
        first, *others = cast(Any, model.feature_extractor.conv_layers)
        # float64, since the folded filters of a quiet segment come from differences of nearly equal numbers.
        self._filters = first.conv.weight[:, 0].to(device, torch.float64)
        self._gain = first.layer_norm.weight.to(device, torch.float64)
        self._shift = first.layer_norm.bias.to(device, torch.float64)
        self._floor = float(first.layer_norm.eps)
        self._hops = [(int(layer.conv.kernel_size[0]), int(layer.conv.stride[0])) for layer in (first, *others)]
        self._others = [_convolution(layer.conv, device, dtype) for layer in others]
        self._dtype = dtype
        self._tile = tile or max(1, _TILE_BYTES.get(device.type, 1 << 30) // self._bytes_a_frame())

    def _bytes_a_frame(self) -> int:
        strides = 1
        for _, stride in self._hops[1:]:
            strides *= stride
        return 4 * len(self._filters) * strides

    def frames(self, samples: int) -> int:
        """How many frames a wave of so many samples has."""
        for kernel, stride in self._hops:
            samples = (samples - kernel) // stride + 1
        return samples

    def __call__(self, wave: Tensor, *, normalise: bool) -> Tensor:
        """float32[n] to features [frames, channels]; ``normalise`` gives the wave zero mean and unit variance."""
        centred, first = self._fold(wave, normalise=normalise)
        return torch.cat([self._through(centred[start:stop], first) for start, stop in self._spans(len(wave))])

    def _fold(self, wave: Tensor, *, normalise: bool) -> tuple[Tensor, _Convolution]:
        """The wave about zero, and the first convolution with the norms of wave and channels in it.

        A constant added to the wave, or to a channel by a bias of its convolution, is what the channel's norm takes
        away again. Taking the wave's mean away first keeps what is left of it exact.
        """
        variance, mean = torch.var_mean(wave.double(), correction=0)
        centred = wave - mean.float()
        kernel, stride = self._hops[0]
        centre, covariance = _window_moments(centred, kernel, stride)
        gain = (variance + VARIANCE_FLOOR).rsqrt() if normalise else torch.ones_like(variance)
        spread = ((self._filters @ covariance) * self._filters).sum(dim=1).clamp_min(0)
        scale = self._gain * gain * (gain.square() * spread + self._floor).rsqrt()
        weight = scale[:, None] * self._filters
        bias = self._shift - weight @ centre
        return centred, _Convolution(weight.float(), bias.float(), kernel, stride)

    def _spans(self, samples: int) -> Iterator[tuple[int, int]]:
        """The samples of each tile. Tiles are of nearly equal length; neighbours share what their windows share."""
        frames = self.frames(samples)
        tiles = -(-frames // self._tile)
        for start, stop in pairwise(frames * tile // tiles for tile in range(tiles + 1)):
            for kernel, stride in reversed(self._hops):
                start, stop = start * stride, (stop - 1) * stride + kernel
            yield start, stop

    def _through(self, samples: Tensor, first: _Convolution) -> Tensor:
        rows = _convolve(samples[:, None], first).to(self._dtype)
        for convolution in self._others:
            rows = _convolve(rows, convolution)
        return rows


def _convolution(conv: torch.nn.Conv1d, device: torch.device, dtype: torch.dtype) -> _Convolution:
    outputs, inputs, kernel = conv.weight.shape
    packed = conv.weight.transpose(1, 2).reshape(outputs, kernel * inputs)
    # The model reads the same memory in its own order, so that these weights are there once.
    conv.weight.data = packed.view(outputs, kernel, inputs).transpose(1, 2)
    bias = None if conv.bias is None else conv.bias.to(device, dtype)
    return _Convolution(packed.to(device, dtype), bias, kernel, int(conv.stride[0]))


def _convolve(rows: Tensor, by: _Convolution) -> Tensor:
    """[time, channels] through a convolution and GELU."""
    return product(_windows(rows, by.kernel, by.stride), by.weight, by.bias, gelu=True)


def _windows(rows: Tensor, kernel: int, stride: int) -> Tensor:
    """Windows of contiguous rows [time, channels] as a view [windows, kernel * channels]."""
    time, channels = rows.shape
    return rows.as_strided(((time - kernel) // stride + 1, kernel * channels), (stride * channels, 1))


def _window_moments(wave: Tensor, kernel: int, stride: int) -> tuple[Tensor, Tensor]:
    """Mean [kernel] and covariance [kernel, kernel] over all windows, in float64."""
    windows = _windows(wave[:, None], kernel, stride)
    total = torch.zeros(kernel, dtype=torch.float64, device=wave.device)
    products = torch.zeros(kernel, kernel, dtype=torch.float64, device=wave.device)
    for some in windows.split(_WINDOWS_AT_ONCE):
        exact = some.double()
        total += exact.sum(dim=0)
        products += exact.T @ exact
    mean = total / len(windows)
    return mean, products / len(windows) - torch.outer(mean, mean)
