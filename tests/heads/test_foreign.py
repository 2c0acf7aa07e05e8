"""Checkpoints in the authors' format, predicted with as FACTS §2 and §3 say, in plain tensor arithmetic."""

import math
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from apex_core import heads
from apex_core.errors import ArtifactError
from apex_core.heads.foreign import read_checkpoint, write_checkpoint
from apex_core.settings import TrainSettings

SHAPES = list(product((2, 3), ("full", "popularity")))
WIDTHS = {2: (768, 512, 256), 3: (768, 512, 384, 256)}


def draw(seed: int, shared: int, task: str) -> dict[str, Any]:
    """A random checkpoint of the authors' trainer."""
    source = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def layer(name: str, inputs: int, outputs: int, *, norm: bool = True) -> None:
        linear, bn = (f"{name}.block.0", f"{name}.block.1") if norm else (name, "")
        state[f"{linear}.weight"] = torch.randn(outputs, inputs, generator=source) * inputs**-0.5
        state[f"{linear}.bias"] = torch.randn(outputs, generator=source)
        if norm:
            for part in ("weight", "bias", "running_mean"):
                state[f"{bn}.{part}"] = torch.randn(outputs, generator=source)
            state[f"{bn}.running_var"] = torch.rand(outputs, generator=source) + 0.2
            state[f"{bn}.num_batches_tracked"] = torch.tensor(7)

    for n, (inputs, outputs) in enumerate(zip(WIDTHS[shared], WIDTHS[shared][1:], strict=False)):
        layer(f"shared.{n}", inputs, outputs)
    for target in heads.TARGETS if task == "full" else heads.POPULARITY:
        layer(f"branch_{target}.branch.0", 256, 128)
        layer(f"branch_{target}.branch.1", 128, 64)
        layer(f"branch_{target}.branch.2", 64, 1, norm=False)
    losses = dict.fromkeys(heads.TARGETS, 1.5)
    return {
        "epoch": 12,
        "model_state": state,
        "optimizer_state": {"state": {}, "param_groups": [{"lr": 1e-4}]},
        "scheduler_state": {"T_max": 50},
        "val_loss": 398.5,
        "val_task_losses": losses,
        "train_loss": 401.25,
        "mode": "song",
        "task": task,
        "loss": "uncertainty",
        "shared": shared,
        "final_sigmas": losses,
    }


def restated(state: dict[str, Tensor], shared: int, task: str, x: Tensor) -> Tensor:
    """What these weights predict: Linear, BatchNorm of the running figures, GELU; a sigmoid on each target's range."""

    def layer(name: str, x: Tensor) -> Tensor:
        x = x @ state[f"{name}.block.0.weight"].double().T + state[f"{name}.block.0.bias"].double()
        mean, var = state[f"{name}.block.1.running_mean"].double(), state[f"{name}.block.1.running_var"].double()
        x = (x - mean) / torch.sqrt(var + 1e-5)
        x = x * state[f"{name}.block.1.weight"].double() + state[f"{name}.block.1.bias"].double()
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))

    x = x.double()
    for n in range(shared):
        x = layer(f"shared.{n}", x)
    columns: list[Tensor] = []
    for target in heads.TARGETS if task == "full" else heads.POPULARITY:
        y = layer(f"branch_{target}.branch.1", layer(f"branch_{target}.branch.0", x))
        last = f"branch_{target}.branch.2"
        y = (y @ state[f"{last}.weight"].double().T + state[f"{last}.bias"].double()).squeeze(1)
        columns.append(1 / (1 + torch.exp(-y)) * (100 if target in heads.POPULARITY else 4))
        columns[-1] += 0 if target in heads.POPULARITY else 1
    return torch.stack(columns, dim=1)


def _saved(tmp_path: Path, checkpoint: Any, name: str = "best_model.pt") -> Path:
    torch.save(checkpoint, tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize(("shared", "task"), SHAPES)
def test_a_checkpoint_predicts_what_its_authors_code_predicts(tmp_path: Path, shared: int, task: str) -> None:
    checkpoint = draw(shared, shared, task)
    found = read_checkpoint(_saved(tmp_path, checkpoint))
    assert found.config.condition == f"song/{task}/uncertainty/{shared}"
    assert found.facts == {"epoch": 12, "val_loss": 398.5, "train_loss": 401.25, "trained_mode": "song"}
    vectors = torch.randn(50, 768, generator=torch.Generator().manual_seed(9))
    wanted = restated(checkpoint["model_state"], shared, task, vectors).numpy()
    got = heads.predict(heads.build_model(found.config, found.weights), vectors.numpy())
    assert wanted[:, 0].std() > 5  # these weights tell songs apart
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_heads_trained_on_segments_predict_from_a_song_s_mean_as_the_authors_inference_does(tmp_path: Path) -> None:
    found = read_checkpoint(_saved(tmp_path, draw(1, 2, "full") | {"mode": "segment"}))
    assert found.config.mode == "song"
    assert found.facts["trained_mode"] == "segment"


@pytest.mark.parametrize(("shared", "task"), SHAPES)
def test_what_is_written_is_read_back_as_it_was(tmp_path: Path, shared: int, task: str) -> None:
    settings = heads.with_condition(TrainSettings(), f"segment/{task}/weighted/{shared}")
    config = heads.HeadsConfig.of(settings, hidden=768, encoder_id="mert-x")
    model = heads.build_model(config, draw(1, shared, task)["model_state"])
    write_checkpoint(tmp_path / "out.pt", model, {"epoch": 3})
    raw = torch.load(tmp_path / "out.pt", weights_only=True)
    assert (raw["mode"], raw["task"], raw["loss"], raw["shared"]) == ("segment", task, "weighted", shared)
    assert (raw["epoch"], raw["val_loss"]) == (3, 0.0)
    found = read_checkpoint(tmp_path / "out.pt")
    assert found.config == config
    assert all(torch.equal(found.weights[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("prefix", ["", "heads.", "module."])
def test_the_hub_s_bare_weights_are_read_under_any_prefix(tmp_path: Path, prefix: str) -> None:
    state = draw(3, 2, "full")["model_state"]
    bare = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    bare["aggregator.weight"] = torch.ones(1, 4, 1)
    found = read_checkpoint(_saved(tmp_path, bare, "pytorch_model.bin"))
    assert found.weights.keys() == state.keys()
    assert set(found.others) == {"aggregator.weight"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"task": "popularity"}, "says task popularity, but its weights are of task full"),
        ({"shared": 3}, "says shared 3, but its weights are of shared 2"),
        ({"mode": "frame"}, "says mode 'frame'"),
        ({"model_state": {}}, "holds 0 sets of heads"),
        ({"model_state": {"shared.0.block.0.weight": "x"}}, "no state dict"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path: Path, spoil: dict[str, Any], message: str) -> None:
    path = _saved(tmp_path, draw(1, 2, "full") | spoil)
    with pytest.raises(ArtifactError, match=message):
        read_checkpoint(path)


def test_a_missing_layer_is_refused(tmp_path: Path) -> None:
    checkpoint = draw(1, 2, "full")
    del checkpoint["model_state"]["branch_clarity.branch.1.block.0.bias"]
    with pytest.raises(ArtifactError, match="do not fit"):
        read_checkpoint(_saved(tmp_path, checkpoint))


class Trap:
    """Whoever unpickles it runs what it says."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must not be run",)


def test_a_file_that_needs_code_to_be_read_is_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _saved(tmp_path, draw(1, 2, "full") | {"note": Trap()})
    with pytest.raises(ArtifactError, match="cannot be read as plain tensors") as told:
        read_checkpoint(path)
    assert "weights_only" not in told.value.message
    assert capsys.readouterr().out == ""


def test_heads_that_the_format_cannot_hold_are_refused_with_every_reason(tmp_path: Path) -> None:
    settings = TrainSettings(layer_mix="learned", ensemble=2, loss="equal")
    model = heads.ApexHeads(heads.HeadsConfig.of(settings, hidden=32))
    with pytest.raises(ArtifactError, match=r"learned weights.*2 heads.*width 32"):
        write_checkpoint(tmp_path / "out.pt", model, {})
    assert not (tmp_path / "out.pt").exists()
