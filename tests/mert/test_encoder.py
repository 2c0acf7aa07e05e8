from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import HubertModel, Wav2Vec2FeatureExtractor

from apex_core.errors import EncoderError, NonFiniteOutput
from apex_core.mert import Encoder, load_encoder, tiny
from apex_core.mert.config import MERT_95M
from apex_core.mert.encoder import build, equip, hubert_config
from apex_core.mert.forward import choose_forward
from apex_core.settings import EncoderSettings
from tests.mert.conftest import tone

ON_CPU = EncoderSettings(source="tiny-random", device="cpu")
NOISE = np.random.default_rng(3).standard_normal((3, 720_000)).astype(np.float32)


def restated(model: HubertModel, segments: NDArray[np.float32]) -> NDArray[np.float32]:
    """FACTS §2 in plain words: one segment at a time, the authors' processor, four states, mean over time."""
    processor = Wav2Vec2FeatureExtractor(sampling_rate=24_000, do_normalize=True, return_attention_mask=True)
    rows: list[NDArray[np.float32]] = []
    for segment in segments:
        inputs = processor(segment, sampling_rate=24_000, return_tensors="pt")["input_values"]
        with torch.no_grad():
            states = model(inputs, output_hidden_states=True).hidden_states
        rows.append(torch.stack([states[i].mean(1)[0] for i in (2, 5, 8, -1)]).numpy())
    return np.stack(rows)


def assert_close(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_published_architecture_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        model = HubertModel(hubert_config(MERT_95M))
    # The hub's count includes the mask embedding of pre-training, one vector, which we leave out.
    assert sum(p.numel() for p in model.parameters()) + MERT_95M.hidden_size == 94_371_712


def test_batches_equal_the_plain_restatement(encoder: Encoder) -> None:
    segments = np.concatenate([NOISE[:1], tone(200.0)[None], tone(3000.0, seconds=0.01)[None]])
    assert_close(encoder.encode(segments), restated(encoder.model, segments))


def test_equal_calls_give_equal_bytes(encoder: Encoder) -> None:
    assert encoder.encode(NOISE).tobytes() == encoder.encode(NOISE).tobytes()


def test_the_stand_ins_bytes_do_not_depend_on_the_number_of_threads(encoder: Encoder, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert load_encoder(ON_CPU, tmp_path).encode(NOISE[:1]).tobytes() == encoder.encode(NOISE[:1]).tobytes()
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_no_segments_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode(NOISE[:0]).shape == (0, 4, encoder.hidden)


def test_silence_has_a_finite_vector(encoder: Encoder) -> None:
    assert np.isfinite(encoder.encode(np.zeros((1, 720_000), np.float32))).all()


def test_non_finite_input_is_refused_naming_the_segment(encoder: Encoder) -> None:
    broken = NOISE.copy()
    broken[1, 5] = np.nan
    with pytest.raises(EncoderError, match="input in segment 1"):
        encoder.encode(broken)


def test_non_finite_output_is_refused(encoder: Encoder) -> None:
    # Weights near the largest float overflow on the way.
    weights = {name: tensor.numpy().copy() for name, tensor in encoder.model.state_dict().items()}
    weights["encoder.layers.11.final_layer_norm.weight"][:] = 3e38
    hot = build(tiny.ARCHITECTURE, weights, "test")
    forward = choose_forward(hot, tiny.ARCHITECTURE, "cpu", "fp32", normalise=True, compiled=False)
    with pytest.raises(NonFiniteOutput, match="output in segment 0") as told:
        replace(encoder, forward=forward).encode(NOISE[:2])
    assert told.value.segments == (0, 1)


@pytest.mark.parametrize(
    "segments",
    [NOISE[:, :-1], NOISE[0], NOISE[:1].astype(np.float64)],
    ids=["another length", "one wave", "float64"],
)
def test_other_shapes_are_refused(encoder: Encoder, segments: NDArray[np.float32]) -> None:
    with pytest.raises(EncoderError, match="not float32"):
        encoder.encode(segments)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:x"])
def test_a_device_that_is_not_there_is_refused(device: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no device"):
        load_encoder(EncoderSettings(source="tiny-random", device=device), tmp_path)


@pytest.mark.parametrize("scale", [0.0, 1e-6])
def test_weights_through_which_hardly_any_sound_passes_are_refused(scale: float) -> None:
    weights = tiny.weights()
    weights["feature_projection.projection.weight"] *= np.float32(scale)
    with pytest.raises(EncoderError, match="does not depend on the sound"):
        equip(ON_CPU, ("x", {}), build(tiny.ARCHITECTURE, weights, "test"), tiny.ARCHITECTURE, normalise=True)
