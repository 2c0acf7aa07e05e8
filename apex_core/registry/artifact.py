"""A model artifact: weights, config, metrics, lineage and card in one folder, read when every hash holds.

The registry knows weights as a plain state dict and the config as plain values; who builds the model from
them is not its concern.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from apex_core.errors import ArtifactError
from apex_core.registry.contents import parsed, read_contents
from apex_core.registry.layout import CARD, CONFIG, FILES, LINEAGE, METRICS, WEIGHTS, version_prefix
from apex_core.storage import Store

CONFIG_KEYS = ("encoder_id", "targets")

_LIBRARIES = ("torch", "safetensors", "numpy")

Predict = Callable[["Artifact", NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """A model: state dict, plain config, metrics and lineage. ``version`` is None while it is only staged."""

    weights: dict[str, Tensor]
    config: dict[str, Any]
    metrics: dict[str, Any]
    lineage: dict[str, Any]
    version: str | None


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """The sha256 that ``model.safetensors`` of these weights will have."""
    return hashlib.sha256(_serialise(weights)).hexdigest()


def stage_artifact(
    folder: Path,
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    lineage: Mapping[str, Any],
    card: str,
) -> str:
    """Write the files of an artifact into ``folder`` and return the sha256 of its weights.

    Equal input gives equal bytes (no clock is read). Raises ArtifactError for weights that are not finite
    and for values that JSON cannot hold.
    """
    _check_config(config)
    data = _serialise(weights)
    described = {**config, "libraries": {name: installed(name) for name in _LIBRARIES}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(data)
    for name, value in ((CONFIG, described), (METRICS, metrics), (LINEAGE, lineage)):
        (folder / name).write_text(_json(name, value), encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")
    return hashlib.sha256(data).hexdigest()


def read_staged(folder: Path) -> Artifact:
    """Read a staged folder, which has no manifest yet."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ArtifactError(f"{folder} lacks {', '.join(missing)}.", fix="stage the artifact again")
    return _parse({name: (folder / name).read_bytes() for name in FILES}, str(folder), None)


def load_artifact(source: Store | Path | str, version: str | None = None) -> Artifact:
    """Load a published version from a store, or a folder or s3 address that holds its files, every hash checked.

    Raises ArtifactError when the version is not published, incomplete, altered or not what its name says.
    """
    if isinstance(source, Store):
        if version is None:
            raise ArtifactError("Which version?", fix="name one, or resolve an alias")
        return _load(source, version_prefix(version), version)
    return _load(Store.open(source), "", version)


def verify_artifact(
    folder: Path,
    vectors: NDArray[np.float32],
    expected: NDArray[np.float32],
    predict: Predict,
    *,
    tolerance: float = 1e-4,
) -> None:
    """Reload the staged artifact, predict again, compare with what the trained model gave.

    ``predict`` builds the model from the artifact and applies it to ``vectors``. Raises ArtifactError when a
    prediction is not finite or differs by more than ``tolerance`` points.
    """
    found = predict(read_staged(folder), vectors)
    if found.shape != expected.shape:
        raise ArtifactError(f"The reloaded model predicts shape {found.shape}, the trained one {expected.shape}.")
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        raise ArtifactError(f"Predictions of the model in {folder} are not finite.")
    worst = float(np.abs(found - expected).max(initial=0.0))
    if worst > tolerance:
        raise ArtifactError(f"The reloaded model's predictions differ by up to {worst:g} points.")


def _load(store: Store, prefix: str, version: str | None) -> Artifact:
    manifest, files = read_contents(store, prefix, version, others=True)
    return _parse(files, f"{store.url}/{prefix}".rstrip("/"), manifest.facts.get("version"))


def _parse(files: Mapping[str, bytes], place: str, version: str | None) -> Artifact:
    try:
        weights = load(files[WEIGHTS])
    except (SafetensorError, ValueError) as error:
        raise ArtifactError(f"{WEIGHTS} of {place} cannot be read: {error}.") from error
    config, metrics, lineage = (parsed(name, files[name], place) for name in (CONFIG, METRICS, LINEAGE))
    _check_config(config)
    return Artifact(weights, config, metrics, lineage, version)


def _check_config(config: Mapping[str, Any]) -> None:
    missing = [key for key in CONFIG_KEYS if key not in config]
    if missing:
        raise ArtifactError(f"The model's config lacks {', '.join(missing)}.")


def _serialise(weights: Mapping[str, Tensor]) -> bytes:
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise ArtifactError(f"Weights {name} are not finite; such a model is not kept.")
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})


def _json(name: str, value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"{name} cannot be written: {error}.") from error
