import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apex_core.errors import EncoderError
from apex_core.mert import Encoder, describe_encoder, load_encoder
from apex_core.mert.weights import file_sha256
from apex_core.settings import EncoderSettings
from tests.mert.conftest import POSITIONAL, State

Write = Callable[..., Path]
NOISE = np.random.default_rng(5).standard_normal((1, 720_000)).astype(np.float32)


def load(folder: Path, **settings: Any) -> Encoder:
    return load_encoder(EncoderSettings(source=str(folder), **settings), folder.parent / "cache")


def test_every_format_of_the_same_weights_is_the_same_encoder(
    write_folder: Write, state: State, encoder: Encoder
) -> None:
    new = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): tensor
        for name, tensor in state.items()
    }
    loaded = [
        load(write_folder("old-bin", state)),
        load(write_folder("new-bin", new)),
        load(write_folder("old-safe", state, safe=True)),
        load(write_folder("native", new, safe=True, model_type="hubert")),
    ]
    assert len({each.encoder_id for each in loaded}) == 1
    assert loaded[0].facts["weights_sha256"] == encoder.facts["weights_sha256"]
    vectors = [each.encode(NOISE) for each in loaded]
    assert len({each.tobytes() for each in vectors}) == 1
    np.testing.assert_allclose(vectors[0], encoder.encode(NOISE), atol=1e-5)


def test_an_id_does_not_depend_on_where_the_weights_lie(write_folder: Write, state: State) -> None:
    assert load(write_folder("a", state)).encoder_id == load(write_folder("b", state)).encoder_id


def test_an_id_depends_on_weights_structure_and_normalisation(write_folder: Write, state: State) -> None:
    plain = load(write_folder("plain", state)).encoder_id
    moved = state | {"encoder.layer_norm.bias": state["encoder.layer_norm.bias"] + 1}
    unscaled = write_folder("raw", state)
    (unscaled / "preprocessor_config.json").write_text('{"do_normalize": false, "sampling_rate": 24000}')
    others = [
        load(write_folder("moved", moved)),
        load(write_folder("relu", state, hidden_act="relu")),
        load(unscaled),
    ]
    assert len({plain, *(each.encoder_id for each in others)}) == 4


def test_precision_device_and_batch_are_no_part_of_an_id(tmp_path: Path, encoder: Encoder) -> None:
    settings = EncoderSettings(source="tiny-random", device="cpu", batch_segments=1)
    assert load_encoder(settings, tmp_path).encoder_id == encoder.encoder_id
    assert encoder.run_facts["precision"] == "fp32"


def test_describing_equals_loading(write_folder: Write, state: State, encoder: Encoder, tmp_path: Path) -> None:
    folder = write_folder("folder", state)
    loaded = load(folder)
    assert describe_encoder(EncoderSettings(source=str(folder)), tmp_path / "cache") == (
        loaded.encoder_id,
        loaded.facts,
    )
    assert describe_encoder(EncoderSettings(source="tiny-random"), tmp_path) == (encoder.encoder_id, encoder.facts)


def test_weights_are_converted_once(write_folder: Write, state: State, tmp_path: Path) -> None:
    folder = write_folder("folder", state)
    load(folder)
    (copy,) = (tmp_path / "cache" / "encoder").iterdir()
    assert copy.name == f"{file_sha256(folder / 'pytorch_model.bin')}.safetensors"
    before = copy.stat().st_mtime_ns
    load(folder)
    assert copy.stat().st_mtime_ns == before


def test_an_altered_copy_is_refused(write_folder: Write, state: State, tmp_path: Path) -> None:
    folder = write_folder("folder", state)
    load(folder)
    (copy,) = (tmp_path / "cache" / "encoder").iterdir()
    data = bytearray(copy.read_bytes())
    data[-3] ^= 0x10
    copy.write_bytes(data)
    with pytest.raises(EncoderError, match="altered"):
        load(folder)


def test_the_promised_hash_is_checked(write_folder: Write, state: State) -> None:
    folder = write_folder("folder", state)
    assert load(folder, sha256=file_sha256(folder / "pytorch_model.bin"))
    with pytest.raises(EncoderError, match="has sha256"):
        load(folder, sha256="0" * 64)


def test_zeroed_weights_are_refused(write_folder: Write, state: State) -> None:
    lost = state | {"encoder.layers.3.attention.q_proj.weight": torch.zeros(96, 96)}
    with pytest.raises(EncoderError, match=r"zeroed weights: encoder.layers.3.attention.q_proj.weight"):
        load(write_folder("folder", lost))


def test_non_finite_weights_are_refused(write_folder: Write, state: State) -> None:
    broken = state | {"encoder.layer_norm.bias": torch.full((96,), torch.nan)}
    with pytest.raises(EncoderError, match="non-finite weights"):
        load(write_folder("folder", broken))


def test_a_model_that_says_the_same_of_everything_is_refused(write_folder: Write, state: State) -> None:
    # No weight is zero, yet nothing of the sound comes through.
    deaf = state | {"feature_projection.projection.weight": torch.full((96, 48), 1e-30)}
    with pytest.raises(EncoderError, match="does not depend on the sound"):
        load(write_folder("folder", deaf))


def test_missing_unexpected_and_misshapen_weights_are_named(write_folder: Write, state: State) -> None:
    del state[f"{POSITIONAL}.bias"]
    state |= {"encoder.adapter.weight": torch.ones(3), "encoder.layer_norm.bias": torch.ones(7)}
    with pytest.raises(EncoderError) as caught:
        load(write_folder("folder", state))
    for told in (f"1 missing ({POSITIONAL}.bias)", "1 unexpected (encoder.adapter.weight)", "1 misshapen"):
        assert told in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"feature_extractor_cqt": True},
        {"deepnorm": True},
        {"attention_relax": 32.0},
        {"sample_rate": 16000},
        {"model_type": "wav2vec2"},
        {"num_hidden_layers": 24},
    ],
    ids=lambda change: next(iter(change)),
)
def test_configurations_we_cannot_honour_are_refused(write_folder: Write, state: State, change: dict[str, Any]) -> None:
    with pytest.raises(EncoderError):
        load(write_folder("folder", state, **change))


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize("write", [partial(pickle.dump, protocol=2), torch.save], ids=["pickle", "torch"])
def test_a_file_with_code_is_not_run(
    write_folder: Write, state: State, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = write_folder("folder", state)
    monkeypatch.chdir(tmp_path)
    with (folder / "pytorch_model.bin").open("wb") as file:
        write({"encoder.layer_norm.bias": Bomb()}, file)
    with pytest.raises(EncoderError, match="not a plain file of weights"):
        load(folder)
    assert not Path("exploded").exists()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "pytorch_model.bin"])
def test_a_folder_without_one_of_its_files_is_refused(write_folder: Write, state: State, name: str) -> None:
    folder = write_folder("folder", state)
    (folder / name).unlink()
    with pytest.raises(EncoderError, match=name):
        load(folder)


@pytest.mark.parametrize("text", ["[]", "{", json.dumps({"do_normalize": True, "sampling_rate": 16000})])
def test_a_processor_we_cannot_honour_is_refused(write_folder: Write, state: State, text: str) -> None:
    folder = write_folder("folder", state)
    (folder / "preprocessor_config.json").write_text(text)
    with pytest.raises(EncoderError):
        load(folder)
