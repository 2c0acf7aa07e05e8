"""Resampling where the encoder is gives what resampling where a song is decoded gives."""

import numpy as np
import pytest
import torch

from apex_core.audio import SEGMENT_SAMPLES, NativeSong, segments, windows_on

from .test_resampling import noise, whole


@pytest.mark.parametrize(
    ("rate", "frames"),
    [(24_000, SEGMENT_SAMPLES), (24_000, SEGMENT_SAMPLES + 1), (44_100, 44_100 * 61), (48_000, 1), (11_025, 7)],
)
def test_windows_are_those_of_the_cpu(rate: int, frames: int) -> None:
    song = NativeSong(noise(frames), rate)
    windows = windows_on(song, "cpu")
    wanted = segments(whole(song.wave, rate, [frames]))
    assert windows.shape == wanted.shape
    np.testing.assert_allclose(windows.numpy(), wanted, rtol=0, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_windows_on_a_gpu_are_those_of_the_cpu() -> None:
    song = NativeSong(noise(44_100 * 61), 44_100)
    torch.set_float32_matmul_precision("medium")  # as somebody else in the process may have
    try:
        found = windows_on(song, "cuda").cpu().numpy()
    finally:
        torch.set_float32_matmul_precision("highest")
    np.testing.assert_allclose(found, windows_on(song, "cpu").numpy(), atol=2e-6)
