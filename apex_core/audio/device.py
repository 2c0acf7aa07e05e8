"""Resampling where the encoder is: the very filters that the CPU uses, on a GPU."""

from functools import lru_cache

import torch

from apex_core.arithmetic import full_float32
from apex_core.audio.facts import SEGMENT_SAMPLES
from apex_core.audio.filters import bank
from apex_core.audio.windows import NativeSong, segment_count


def windows_on(song: NativeSong, device: torch.device | str) -> torch.Tensor:
    """Resample a song to 24 kHz on ``device`` and cut it into float32[k, 720000] there, the last window zero-padded.

    Equals what a feed that is not native gives, but for the rounding of float32.
    Raises Undecodable for a rate that needs too large filters.
    """
    filters = bank(song.sample_rate)
    samples = filters.length(song.wave.size)
    count = segment_count(samples)
    rows = -(-count * SEGMENT_SAMPLES // filters.outputs)
    frames = torch.zeros((rows - 1) * filters.step + filters.inputs, device=device)
    frames[filters.before : filters.before + song.wave.size] = torch.from_numpy(song.wave).to(device)
    output = torch.empty((rows, filters.outputs), device=device)
    with torch.inference_mode(), full_float32():
        for block, weights in zip(filters.blocks, _weights_on(song.sample_rate, str(device)), strict=True):
            seen = frames.as_strided((rows, block.taps), (filters.step, 1), block.start)
            output[:, block.outputs] = seen @ weights
    output.view(-1)[samples:] = 0
    return output.view(-1)[: count * SEGMENT_SAMPLES].view(count, SEGMENT_SAMPLES)


@lru_cache(maxsize=4)
def _weights_on(rate: int, device: str) -> list[torch.Tensor]:
    return [torch.from_numpy(block.weights).to(device) for block in bank(rate).blocks]
