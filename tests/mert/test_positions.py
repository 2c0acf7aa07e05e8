"""The convolution that tells frames their places, beside torch's own in float64."""

import pytest
import torch
from torch.nn import functional as F

from apex_core.mert.positions import Positions, spread


@pytest.mark.parametrize("taps", [1, 15, 16, 128, 129, 300])
@pytest.mark.parametrize("frames", [1, 128, 129, 130, 259])
def test_it_is_torchs_convolution(taps: int, frames: int) -> None:
    torch.manual_seed(taps)
    by = Positions(torch.randn(12, 4, taps), torch.randn(12), taps // 2, 3)
    state = torch.randn(2, frames, 12)
    found = spread(state, by)
    wanted = F.conv1d(state.transpose(1, 2).double(), by.weight.double(), by.bias.double(), padding=taps // 2, groups=3)
    wanted = wanted[..., :frames].transpose(1, 2)
    assert found.shape == state.shape
    assert found.dtype == torch.float32
    assert float((found - wanted).abs().max()) < 2e-6 * float(wanted.abs().max())


def test_shorter_types_are_convolved_directly_and_stay_what_they_are() -> None:
    by = Positions(torch.randn(8, 2, 128).bfloat16(), torch.randn(8).bfloat16(), 64, 4)
    assert spread(torch.randn(1, 40, 8).bfloat16(), by).dtype == torch.bfloat16
