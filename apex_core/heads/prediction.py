"""Predict from vectors, in batches."""

from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import fuse_linear_bn_eval

from apex_core.errors import ArtifactError, EncoderError
from apex_core.heads.model import ApexHeads, Block

_AT_ONCE = 1 << 16


def predict(
    model: ApexHeads,
    vectors: NDArray[np.float32],
    groups: NDArray[Any] | None = None,
    *,
    batch_rows: int = 4096,
) -> NDArray[np.float32]:
    """Predict float32[n, hidden] -> float32[n, targets], columns in the order of ``model.config.targets``.

    A model with a learned layer mix takes float32[n, 4, hidden].
    With ``groups`` [n] the rows are segments: one row a song comes back, the mean of its segments'
    predictions, songs in the order in which they first appear. Computed in float64, so that a song's numbers do
    not depend on which songs share its batch. Raises ArtifactError when the vectors have another width than the
    model, EncoderError when they are not finite.
    """
    _check(model, vectors)
    device = next(model.parameters()).device
    precise = exact(model)
    parts = [np.empty((0, len(model.config.targets)), dtype=np.float32)]
    with torch.inference_mode():
        for start in range(0, len(vectors), batch_rows):
            rows = torch.tensor(vectors[start : start + batch_rows], dtype=torch.float64, device=device)
            parts.append(precise(rows).float().cpu().numpy())
    predicted = np.concatenate(parts)
    return predicted if groups is None else average_by_song(predicted, groups)


def exact(model: ApexHeads) -> ApexHeads:
    """The model in float64 and evaluation mode, each BatchNorm taken up into the linear layer before it.

    Made once, it spares every ``predict`` a copy of its own. Its parameters no longer have the published names.
    """
    if next(model.parameters()).dtype is torch.float64 and not model.training:
        return model
    precise = deepcopy(model).double().eval()
    for module in precise.modules():
        if isinstance(module, Block):
            linear, norm = cast(nn.Linear, module.block[0]), cast(nn.BatchNorm1d, module.block[1])
            module.block = nn.Sequential(fuse_linear_bn_eval(linear, norm), nn.GELU())
    return precise


def average_by_song(values: NDArray[np.float32], groups: NDArray[Any]) -> NDArray[np.float32]:
    """Mean of each song's rows: float32[n, t] -> float32[songs, t], songs in the order they first appear."""
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    sums = np.zeros((len(first), values.shape[1]))
    np.add.at(sums, place, values)
    means = sums / np.bincount(place, minlength=len(first))[:, None]
    return means[np.argsort(first)].astype(np.float32)


def _check(model: ApexHeads, vectors: NDArray[np.float32]) -> None:
    wanted = (4, model.config.hidden) if model.config.layer_mix == "learned" else (model.config.hidden,)
    if vectors.shape[1:] != wanted:
        raise ArtifactError(
            f"The model takes vectors of {' x '.join(map(str, wanted))} dimensions, these have shape {vectors.shape}.",
            fix=f"use vectors of encoder {model.config.encoder_id or '(unnamed)'}",
        )
    # Piece by piece: they may be a file larger than memory.
    pieces = (vectors[start : start + _AT_ONCE] for start in range(0, len(vectors), _AT_ONCE))
    if not all(np.isfinite(piece).all() for piece in pieces):
        bad = np.flatnonzero(~np.isfinite(vectors.reshape(len(vectors), -1)).all(axis=1))
        raise EncoderError(f"{len(bad)} vectors are not finite, the first is row {bad[0]}.")
