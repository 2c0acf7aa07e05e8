"""Torchaudio's default sinc resampling (FACTS §2), cut into matrix products.

``torchaudio.functional.resample`` multiplies every stretch of ``rate / gcd`` frames, and what lies around it, with one
matrix, most of which is zeros. Here several stretches make a row, and few neighbouring outputs a block, whose matrix
has hardly any; a block's inputs in all rows are one strided view, so that nothing is copied before it is multiplied.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from apex_core.audio.facts import SAMPLE_RATE
from apex_core.errors import Undecodable

_ZERO_CROSSINGS, _ROLLOFF = 6, 0.99  # torchaudio's lowpass_filter_width and rolloff
_BLOCK = 16  # outputs; fewer waste less on zeros, more suit the matrix product
# A rate that shares no large divisor with 24,000 needs filters for each of its outputs: 64 MB at 400 kHz.
_MOST_TAPS = 1 << 24


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring outputs of a row, from ``output`` on: float32[taps, outputs] for the inputs from ``start`` on."""

    start: int
    output: int
    weights: NDArray[np.float32]

    @property
    def taps(self) -> int:
        return self.weights.shape[0]

    @property
    def outputs(self) -> slice:
        return slice(self.output, self.output + self.weights.shape[1])


@dataclass(frozen=True, slots=True)
class Bank:
    """How rows of ``step`` frames become ``outputs`` samples; it sees ``inputs`` frames, ``before`` of them ahead."""

    step: int
    outputs: int
    before: int
    inputs: int
    blocks: tuple[Block, ...]

    def length(self, frames: int) -> int:
        """Samples that ``frames`` frames become."""
        return -(-frames * self.outputs // self.step)


@lru_cache(maxsize=4)
def bank(rate: int) -> Bank:
    """The filters from ``rate`` Hz to 24 kHz, from float64. Raises Undecodable for a rate that needs too many."""
    divisor = math.gcd(rate, SAMPLE_RATE)
    old, new = rate // divisor, SAMPLE_RATE // divisor
    reach = 0.0 if old == new else _ZERO_CROSSINGS * old / (_ROLLOFF * min(old, new))
    before = math.ceil(reach)
    # Rows must be as long as what a block sees: views whose rows overlap would be copied.
    stretches = math.ceil((2 * reach + _BLOCK * old / new + 2) / old)
    outputs = stretches * new
    if outputs * (2 * reach + _BLOCK * old / new) > _MOST_TAPS:
        raise Undecodable(f"sample rate {rate} Hz")
    blocks = tuple(_block(old, new, reach, first, min(first + _BLOCK, outputs)) for first in range(0, outputs, _BLOCK))
    return Bank(stretches * old, outputs, before, max(block.start + block.taps for block in blocks), blocks)


def _block(old: int, new: int, reach: float, first: int, end: int) -> Block:
    outputs = np.arange(first, end)
    lowest, highest = math.ceil(first * old / new - reach), math.floor((end - 1) * old / new + reach)
    frames = np.arange(lowest, highest + 1)
    return Block(lowest + math.ceil(reach), first, _weights(old, new, frames[:, None], outputs).astype(np.float32))


def _weights(old: int, new: int, frames: NDArray[np.int64], outputs: NDArray[np.int64]) -> NDArray[np.floating]:
    if old == new:
        return (frames == outputs).astype(np.float64)
    cutoff = _ROLLOFF * min(old, new)
    # In whole numbers first: differences of large quotients would cost digits.
    crossings = np.clip((frames * new - outputs * old) * (cutoff / (old * new)), -_ZERO_CROSSINGS, _ZERO_CROSSINGS)
    return np.sinc(crossings) * np.cos(crossings * (np.pi / 2 / _ZERO_CROSSINGS)) ** 2 * (cutoff / old)
