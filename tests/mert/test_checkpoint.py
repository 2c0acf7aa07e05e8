import json
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apex_core.errors import EncoderError
from apex_core.mert import Encoder, describe_encoder, load_encoder
from apex_core.mert.checkpoint import locate
from apex_core.mert.memory import alone, recall
from apex_core.mert.weights import converted, file_sha256
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


def test_a_zeroed_layer_is_refused(write_folder: Write, state: State) -> None:
    layer = {name: torch.zeros_like(tensor) for name, tensor in state.items() if name.startswith("encoder.layers.7.")}
    with pytest.raises(EncoderError, match=r"zeroed weights: encoder.layers.7.\S+, .* and \d+ more") as caught:
        load(write_folder("folder", state | layer))
    assert caught.value.fix == "fetch the checkpoint again from its publisher"


@pytest.mark.parametrize("prefix", ["hubert.", "model.hubert."])
def test_the_encoder_inside_a_task_model_is_the_encoder(write_folder: Write, state: State, prefix: str) -> None:
    nested = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    heads = {"lm_head.weight": torch.rand(32, 96), "lm_head.bias": torch.rand(32)}
    found = load(write_folder("nested", nested | heads, architectures=["HubertForCTC"], model_type="hubert"))
    assert found.encoder_id == load(write_folder("bare", state)).encoder_id


def test_two_encoders_in_one_file_are_refused(write_folder: Write, state: State) -> None:
    twins = {f"{side}.{name}": tensor for side in ("teacher", "student") for name, tensor in state.items()}
    with pytest.raises(EncoderError, match=r"several encoders: student\., teacher\."):
        load(write_folder("folder", twins))


def test_a_nested_encoder_that_is_not_whole_is_refused(write_folder: Write, state: State) -> None:
    nested = {f"hubert.{name}": tensor for name, tensor in state.items() if not name.startswith("encoder.layers.11.")}
    with pytest.raises(EncoderError, match=r"16 missing \(encoder.layers.11"):
        load(write_folder("folder", nested))


def test_transposed_weights_are_refused(write_folder: Write, state: State) -> None:
    name = "feature_projection.projection.weight"
    with pytest.raises(EncoderError, match=f"1 misshapen \\({name}\\)"):
        load(write_folder("folder", state | {name: state[name].T.contiguous()}))


@pytest.mark.parametrize("change", [{"hidden_size": 48}, {"intermediate_size": 128}, {"conv_dim": [24] * 7}])
def test_a_configuration_of_another_size_is_refused(write_folder: Write, state: State, change: dict[str, Any]) -> None:
    with pytest.raises(EncoderError, match="do not fit its configuration"):
        load(write_folder("folder", state, **change))


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "bin"])
def test_a_file_that_was_cut_is_refused(write_folder: Write, state: State, safe: bool, kept: float) -> None:
    folder = write_folder("folder", state, safe=safe)
    weights = folder / ("model.safetensors" if safe else "pytorch_model.bin")
    os.truncate(weights, int(weights.stat().st_size * kept))
    with pytest.raises(EncoderError, match="not a plain file of weights"):
        load(folder)
    assert not list((folder.parent / "cache" / "encoder").iterdir()), "nothing is kept of it"


def test_half_precision_weights_are_widened(write_folder: Write, state: State) -> None:
    halved = {name: tensor.half() for name, tensor in state.items()}
    widened = {name: tensor.float() for name, tensor in halved.items()}
    ids = {load(write_folder(name, weights)).encoder_id for name, weights in {"16": halved, "32": widened}.items()}
    assert len(ids) == 1


def test_what_a_killed_conversion_left_is_cleared_away(write_folder: Write, state: State, tmp_path: Path) -> None:
    left = tmp_path / "cache" / "encoder" / "0123.safetensors.part-1-abcd"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    load(write_folder("folder", state))
    assert not left.exists()


def test_what_one_remembers_is_not_cleared_away_by_another_that_converts(
    write_folder: Write, state: State, tmp_path: Path
) -> None:
    cache, done = tmp_path / "cache", threading.Event()
    checkpoint = locate(EncoderSettings(source=str(write_folder("folder", state))), cache)

    def clear_away() -> None:
        while not done.is_set():
            with alone(cache):
                pass

    with ThreadPoolExecutor(1) as other:
        busy = other.submit(clear_away)
        try:
            for number in range(150):
                converted(replace(checkpoint, origin=f"hub/{number}"), cache, None)
        finally:
            done.set()
        busy.result()
    assert all(recall(f"hub/{number}", cache) for number in range(150))


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
