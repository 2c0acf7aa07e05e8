"""The authors' checkpoints (FACTS §3), read and written: tensors and plain values, never code."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from apex_core.errors import ArtifactError
from apex_core.heads.config import POPULARITY, TARGETS, HeadsConfig, Mode, PublishedLoss, Task
from apex_core.heads.model import ApexHeads, build_model

HIDDEN = 768
"""Of the authors' code, which takes no other width."""

_FIRST = "shared.0.block.0.weight"
_STATE, _OURS = "model_state", "apex"
_NUMBERS = ("epoch", "val_loss", "train_loss")
_FIX = "it must be a best_model.pt of the authors' trainer, or a folder of the hub with config.json and its weights"


@dataclass(frozen=True, slots=True, eq=False)
class Foreign:
    """Heads from elsewhere: their config (``encoder_id`` empty unless the file names one), weights, and other facts.

    ``others``: tensors that are no heads, by name; what they are is the caller's to judge.
    """

    config: HeadsConfig
    weights: dict[str, Tensor]
    facts: dict[str, Any]
    others: dict[str, Tensor]


def read_checkpoint(path: Path) -> Foreign:
    """Read a checkpoint of the authors' trainer, or the bare weights of its heads, under whatever common prefix.

    What the weights are is read off their names and shapes; what the file says besides must agree. The config's mode
    is song, as in the authors' inference; the mode that the heads were trained in is a fact. Raises ArtifactError,
    also for a file that needs code to be read.
    """
    raw = _load(path)
    state = raw.get(_STATE, raw)
    found = cast(dict[str, Any], state) if isinstance(state, dict) else {}
    if not all(isinstance(value, Tensor) for value in found.values()):
        raise ArtifactError(f"{path} holds no state dict of heads.", fix=_FIX)
    weights, others = _split(found, path)
    told = raw if _STATE in raw else {}
    config = _config(weights, told, path)
    build_model(config, weights)  # exactly the names and shapes of these heads
    facts: dict[str, Any] = {name: float(told[name]) for name in _NUMBERS if isinstance(told.get(name), int | float)}
    if "mode" in told:
        facts["trained_mode"] = told["mode"]
    return Foreign(config, weights, facts, others)


def write_checkpoint(path: Path, model: ApexHeads, facts: Mapping[str, Any]) -> None:
    """Write heads as a checkpoint that the authors' code loads. Raises ArtifactError for heads that it cannot hold."""
    config = model.config
    check_exportable(config)
    value = {
        "epoch": int(facts.get("epoch", 0)),
        _STATE: {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()},
        "optimizer_state": {},
        "scheduler_state": {},
        "val_loss": float(facts.get("val_loss", 0.0)),
        "val_task_losses": {},
        "train_loss": float(facts.get("train_loss", 0.0)),
        "mode": config.mode,
        "task": config.task,
        "loss": config.loss,
        "shared": config.shared,
        # Nothing of theirs looks at it; whoever takes the file back in knows again what it is.
        _OURS: config.to_json(),
    }
    torch.save(value, path)


def check_exportable(config: HeadsConfig) -> None:
    """Raise ArtifactError, with every reason, for heads that the authors' checkpoint format cannot hold."""
    faults: list[str] = []
    if config.layer_mix != "AUTHORS_LAYER_MIX":
        faults.append("they mix the layers by learned weights, the authors' code by fixed ones")
    if config.members > 1:
        faults.append(f"they are {config.members} heads whose mean is predicted, the authors' code has one")
    if config.hidden != HIDDEN:
        faults.append(f"they read vectors of width {config.hidden}, the authors' code of {HIDDEN}")
    if faults:
        raise ArtifactError(
            f"These heads cannot be written in the authors' format: {'; '.join(faults)}.",
            fix="train with layer_mix AUTHORS_LAYER_MIX, ensemble 1 and MERT-v1-95M; or copy the version's folder",
        )


def _load(path: Path) -> dict[str, Any]:
    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ArtifactError(f"There is no file {path}.") from error
    except pickle.UnpicklingError as error:
        # Not in torch's words, which advise to run the code in it.
        message = f"{path} cannot be read as plain tensors: it is no checkpoint, or holds code."
        raise ArtifactError(message, fix=_FIX) from error
    except (SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise ArtifactError(
            f"{path} cannot be read as plain tensors: {(str(error) or type(error).__name__).splitlines()[0]}", fix=_FIX
        ) from error
    if not isinstance(found, dict):
        raise ArtifactError(f"{path} holds no state dict of heads.", fix=_FIX)
    return cast(dict[str, Any], found)


def _split(state: dict[str, Tensor], path: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The heads' tensors by their published names, and the other ones."""
    prefixes = [name.removesuffix(_FIRST) for name in state if name.endswith(_FIRST)]
    if len(prefixes) != 1:
        raise ArtifactError(f"{path} holds {len(prefixes)} sets of heads (looked for {_FIRST}).", fix=_FIX)
    weights: dict[str, Tensor] = {}
    others: dict[str, Tensor] = {}
    for name, tensor in state.items():
        own = name.removeprefix(prefixes[0])
        is_head = name.startswith(prefixes[0]) and own.startswith(("shared.", "branch_"))
        (weights if is_head else others)[own if is_head else name] = tensor
    floats = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    return floats, others


def _config(weights: dict[str, Tensor], told: Mapping[str, Any], path: Path) -> HeadsConfig:
    shared = sum(name.startswith("shared.") and name.endswith(".block.0.weight") for name in weights)
    branches = {name.split(".")[0].removeprefix("branch_") for name in weights if name.startswith("branch_")}
    tasks: dict[frozenset[str], Task] = {frozenset(TARGETS): "full", frozenset(POPULARITY): "popularity"}
    task = tasks.get(frozenset(branches))
    if task is None or shared not in (2, 3):
        raise ArtifactError(
            f"{path} has {shared} shared layers and branches for {', '.join(sorted(branches))}.", fix=_FIX
        )
    for name, found in (("task", task), ("shared", shared)):
        if told.get(name, found) != found:
            raise ArtifactError(f"{path} says {name} {told[name]}, but its weights are of {name} {found}.", fix=_FIX)
    mode = told.get("mode", "song")
    if mode not in get_args(Mode):
        raise ArtifactError(f"{path} says mode {mode!r}, which is neither song nor segment.", fix=_FIX)
    hidden = int(weights[_FIRST].shape[1])
    if isinstance(told.get(_OURS), dict):
        ours = HeadsConfig.from_json(told[_OURS])
        if (ours.task, ours.shared, ours.hidden, ours.mode) == (task, shared, hidden, mode):
            return ours
    # How it was trained is history; a loss of another name changes no prediction. The authors' inference always
    # predicts from the mean of a song's segments, heads that were trained on single segments included.
    loss = told["loss"] if told.get("loss") in get_args(PublishedLoss) else "uncertainty"
    return HeadsConfig(hidden=hidden, mode="song", task=task, loss=loss, shared=shared)
