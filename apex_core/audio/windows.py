"""Thirty-second windows (FACTS §2)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apex_core.audio.facts import SEGMENT_SAMPLES
from apex_core.errors import Undecodable

Windows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NativeSong:
    """A song that is yet to be resampled: float32[n], mono, at ``sample_rate``."""

    wave: NDArray[np.float32]
    sample_rate: int


def segment_count(samples: int) -> int:
    """How many windows ``samples`` samples at 24 kHz fill; even a tail of one sample is a window of its own.

    Raises Undecodable when there are none.
    """
    if samples == 0:
        raise Undecodable("no samples")
    return -(-samples // SEGMENT_SAMPLES)


def segments(wave: NDArray[np.float32]) -> Windows:
    """Cut a song, float32[n] at 24 kHz, into float32[k, 720000] without overlap, the last window zero-padded.

    Raises Undecodable when the song is empty; silence is a song.
    """
    count = segment_count(wave.size)
    windows = np.zeros(count * SEGMENT_SAMPLES, dtype=np.float32)
    windows[: wave.size] = wave
    return windows.reshape(count, SEGMENT_SAMPLES)
