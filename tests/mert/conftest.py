import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from apex_core.mert import Encoder, load_encoder, tiny
from apex_core.settings import EncoderSettings

State = dict[str, torch.Tensor]

POSITIONAL = "encoder.pos_conv_embed.conv"


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """The tiny encoder."""
    return load_encoder(EncoderSettings(source="tiny-random", device="cpu"), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def state() -> State:
    """The tiny encoder's weights under the hub's old names."""
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    renamed: State = {}
    for name, values in tiny.weights().items():
        for new, former in old.items():
            name = name.replace(f"{POSITIONAL}.{new}", f"{POSITIONAL}.{former}")
        renamed[name] = torch.from_numpy(values)
    return renamed | {"masked_spec_embed": torch.rand(96)}


@pytest.fixture
def hub_config() -> dict[str, Any]:
    """A config.json as the authors write it, at the tiny size."""
    native = {name: getattr(tiny.ARCHITECTURE, name) for name in tiny.ARCHITECTURE.__dataclass_fields__}
    return native | {
        "model_type": "mert_model",
        "architectures": ["MERTModel"],
        "auto_map": {"AutoModel": "modeling_MERT.MERTModel"},
        "feature_extractor_cqt": False,
        "feature_extractor_cqt_bins": 336,
        "deepnorm": False,
        "attention_relax": -1.0,
        "mask_time_prob": 0.05,
        "sample_rate": 24000,
        "vocab_size": 32,
    }


@pytest.fixture
def write_folder(tmp_path: Path, hub_config: dict[str, Any]) -> Callable[..., Path]:
    """Write a checkpoint folder in the hub's format."""

    def write(name: str, state: State, *, safe: bool = False, **changes: object) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(hub_config | changes))
        processor = {"do_normalize": True, "sampling_rate": 24000, "return_attention_mask": True}
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
        if safe:
            save_file(state, folder / "model.safetensors")
        else:
            torch.save(state, folder / "pytorch_model.bin")
        return folder

    return write


def tone(hertz: float, seconds: float = 30.0, level: float = 0.5) -> NDArray[np.float32]:
    """A segment with ``seconds`` of a sine, then silence."""
    time = np.arange(720_000) / 24_000
    return np.where(time < seconds, level * np.sin(2 * np.pi * hertz * time), 0.0).astype(np.float32)
