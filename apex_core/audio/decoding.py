"""From a file to what the encoder hears: mono at 24 kHz (FACTS §2)."""

import contextlib
import hashlib
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torchaudio.functional import resample

from apex_core.audio.facts import SAMPLE_RATE, AudioRef
from apex_core.audio.mono import as_song_fault, open_mono, open_regular
from apex_core.audio.whereabouts import reach
from apex_core.errors import Unavailable, Undecodable
from apex_core.settings import AudioSettings
from apex_core.storage import Store

# A rate that shares no large divisor with 24,000 needs a filter bank that grows with their product.
_LARGEST_BANK = 1 << 24


def decode(path: Path, settings: AudioSettings, *, sha256: str | None = None) -> NDArray[np.float32]:
    """Read a song as float32[n] at 24 kHz: the mean of its channels, resampled with torchaudio's defaults.

    With ``sha256`` the very bytes that are decoded must have this hash.
    Raises Unavailable, Undecodable or TooLarge with a short reason.
    """
    with as_song_fault(), open_regular(path, settings) as file:
        if sha256 is not None and hashlib.file_digest(cast(Any, file), "sha256").hexdigest() != sha256:
            raise Unavailable("file has changed since it was verified")
        with open_mono(file, settings) as song:
            _check_rate(song.sample_rate)
            wave = np.concatenate(list(song.blocks))
        return _resample(wave, song.sample_rate)


def load(store: Store, ref: AudioRef, settings: AudioSettings) -> NDArray[np.float32]:
    """Decode what ``ref`` points to; whatever goes wrong is raised as this song's AudioError."""
    with contextlib.ExitStack() as stack:
        return decode(reach(stack, store, ref.origin, ref.uri), settings, sha256=ref.sha256)


def _check_rate(rate: int) -> None:
    divisor = math.gcd(rate, SAMPLE_RATE)
    if (rate // divisor) * (SAMPLE_RATE // divisor) > _LARGEST_BANK:
        raise Undecodable(f"sample rate {rate} Hz")


def _resample(wave: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    resampled = cast(NDArray[np.float32], resample(torch.from_numpy(wave), rate, SAMPLE_RATE).numpy())
    if not np.isfinite(resampled).all():
        raise Undecodable("samples that are not finite")
    return resampled
