import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from apex_core.mert import AUTHORS_LAYER_MIX, mix

LAYER_MEANS = arrays(
    np.float32, st.tuples(st.integers(1, 6), st.just(4), st.integers(1, 5)), elements=st.floats(-50, 50, width=32)
)


def test_the_authors_mix_is_the_convolution_that_their_seed_gives() -> None:
    torch.manual_seed(42)
    convolution = torch.nn.Conv1d(4, 1, kernel_size=1)
    assert tuple(convolution.weight.flatten().tolist()) == AUTHORS_LAYER_MIX.weights
    assert convolution.bias is not None
    assert convolution.bias.item() == AUTHORS_LAYER_MIX.bias


def test_it_computes_that_convolution() -> None:
    means = np.random.default_rng(0).standard_normal((3, 4, 768)).astype(np.float32)
    torch.manual_seed(42)
    convolution = torch.nn.Conv1d(4, 1, kernel_size=1)
    expected = convolution(torch.from_numpy(means))[:, 0].detach().numpy()
    np.testing.assert_allclose(mix(means), expected, atol=1e-6)


@given(LAYER_MEANS)
def test_the_mean_of_mixes_is_the_mix_of_the_mean(means: np.ndarray) -> None:
    np.testing.assert_allclose(mix(means).mean(0), mix(means.mean(0)), atol=1e-4)
