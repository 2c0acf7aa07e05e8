"""Pieces of any length come out as torchaudio's resampling of the whole, to the last bit the same every time."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchaudio.functional import resample

from apex_core.audio.filters import bank
from apex_core.audio.resampling import resampled
from apex_core.errors import Undecodable

from .songs import Samples

RATES = st.sampled_from([8000, 11025, 12000, 16000, 22050, 24000, 32000, 37800, 44100, 48000, 88200, 96000, 192000])


def noise(frames: int) -> Samples:
    return np.random.default_rng(frames).uniform(-1, 1, frames).astype(np.float32)


def in_pieces(wave: Samples, lengths: list[int]) -> Callable[[Samples], int]:
    """Reads a wave with at most so many frames at a time."""
    most = itertools.cycle(lengths)
    position = 0

    def read(room: Samples) -> int:
        nonlocal position
        taken = wave[position : position + min(next(most), room.size)]
        room[: taken.size] = taken
        position += taken.size
        return taken.size

    return read


def whole(wave: Samples, rate: int, lengths: list[int]) -> Samples:
    return np.concatenate([piece.copy() for piece in resampled(rate, in_pieces(wave, lengths))])


@settings(max_examples=60, deadline=None)
@given(RATES, st.integers(1, 90_000), st.lists(st.integers(1, 60_000), min_size=1, max_size=4))
def test_pieces_make_the_whole(rate: int, frames: int, lengths: list[int]) -> None:
    wave = noise(frames)
    heard = whole(wave, rate, [max(length, frames // 50) for length in lengths])
    wanted = resample(torch.from_numpy(wave).double(), rate, 24_000).numpy()
    assert heard.dtype == np.float32
    assert heard.shape == wanted.shape
    np.testing.assert_allclose(heard, wanted, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(heard, whole(wave, rate, [frames]))


@pytest.mark.parametrize("rate", [8000, 24000, 44100, 192000])
@pytest.mark.parametrize("frames", [1, 2, 3, 11])
def test_songs_shorter_than_the_filter(rate: int, frames: int) -> None:
    wave = noise(frames)
    wanted = resample(torch.from_numpy(wave).double(), rate, 24_000).numpy()
    np.testing.assert_allclose(whole(wave, rate, [frames]), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [7919, 24_001, 44_101, 191_999])
def test_rates_that_share_nothing_with_24_khz(rate: int) -> None:
    """torchaudio's own filters would take gigabytes: its sum, written out for a few samples."""
    wave = noise(rate // 2)
    heard = whole(wave, rate, [1000])
    assert heard.size == math.ceil(wave.size * 24_000 / rate)
    for sample in (0, 1, heard.size // 3, heard.size - 1):
        assert heard[sample] == pytest.approx(sinc_sum(wave, rate, sample), abs=1e-6)


def sinc_sum(wave: Samples, rate: int, sample: int) -> float:
    cutoff = 0.99 * min(rate, 24_000)
    crossings = (np.arange(wave.size) / rate - sample / 24_000) * cutoff
    window = np.where(np.abs(crossings) < 6, np.cos(crossings * np.pi / 12) ** 2, 0)
    weights: NDArray[np.float64] = np.sinc(crossings) * window * cutoff / rate
    return float(weights @ wave.astype(np.float64))


def test_filters_that_would_take_gigabytes_are_refused() -> None:
    with pytest.raises(Undecodable, match="sample rate 999983 Hz"):
        bank(999_983)
