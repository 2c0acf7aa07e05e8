from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from apex_core.mert import Encoder, mix, tiny
from apex_core.mert.weights import content_sha256
from tests.mert.conftest import tone


def distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(a))


def test_the_tiny_encoder_does_not_call_itself_mert(encoder: Encoder) -> None:
    assert encoder.encoder_id.startswith("tiny-random-")


def test_its_weights_are_the_same_everywhere() -> None:
    # Recorded once: another value means that stored vectors of the demo lose their meaning.
    assert content_sha256(tiny.weights()) == "5cff7c18927769a6013b888940311444376c67899d46dceb5723fdd95e58a5d3"


def test_bright_noise_and_low_tones_lie_apart(encoder: Encoder) -> None:
    rng = np.random.default_rng(0)
    bright = np.diff(rng.standard_normal((2, 720_001))).astype(np.float32)
    first, second, low, lower = mix(encoder.encode(np.stack([*bright, tone(110.0), tone(100.0)])))
    assert distance(first, low) > 5 * max(distance(first, second), distance(low, lower))


def test_sparse_and_dense_sounds_lie_apart(encoder: Encoder) -> None:
    clock = np.arange(720_000) % 24_000
    sparse = np.where(clock < 2_400, tone(440.0), 0).astype(np.float32)
    dense = np.where(clock % 4_800 < 2_400, tone(440.0), 0).astype(np.float32)
    shifted = np.roll(dense, 1_200)
    a, b, c = mix(encoder.encode(np.stack([sparse, dense, shifted])))
    assert distance(b, a) > 5 * distance(b, c)


def test_spectral_brightness_can_be_read_off_the_mixed_vector(encoder: Encoder) -> None:
    rng = np.random.default_rng(1)
    brightness = rng.uniform(np.log(80), np.log(8_000), 48)
    segments = np.stack([tone(float(np.exp(b)), seconds=rng.uniform(5, 30)) for b in brightness])
    vectors = mix(encoder.encode(segments))
    train, test = slice(0, 32), slice(32, None)
    centred = (vectors - vectors[train].mean(0)) / (vectors[train].std(0) + 1e-6)
    gram = centred[train].T @ centred[train] + np.eye(vectors.shape[1])
    weights = np.linalg.solve(gram, centred[train].T @ (brightness[train] - brightness[train].mean()))
    assert np.corrcoef(centred[test] @ weights, brightness[test])[0, 1] > 0.8


@pytest.mark.parametrize("name", ["conv_layers.0", "conv_layers.1", "layers.0.attention.q_proj"])
def test_no_part_of_it_is_dead(name: str) -> None:
    assert all(values.any() for key, values in tiny.weights().items() if name in key)


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_it_runs_on_one_thread_and_leaves_the_others_their_number(encoder: Encoder, three_threads: None) -> None:
    segment = tone(500.0)[None]
    many = encoder.encode(segment)
    assert torch.get_num_threads() == 3
    torch.set_num_threads(1)
    assert encoder.encode(segment).tobytes() == many.tobytes()
