import numpy as np
import pytest

from apex_core.mert import Encoder, load_encoder
from apex_core.settings import EncoderSettings


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(EncoderSettings(source="tiny-random"), tmp_path_factory.mktemp("cache"))


def test_the_tiny_encoder_does_not_call_itself_mert(encoder: Encoder) -> None:
    assert encoder.encoder_id.startswith("tiny-random-")


def test_it_gives_four_layer_means_a_segment(encoder: Encoder) -> None:
    noise = np.random.default_rng(0).standard_normal((2, 720_000)).astype(np.float32)
    assert encoder.encode(noise).shape == (2, 4, encoder.hidden)
