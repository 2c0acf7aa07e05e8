"""Where a predicted score stands among those of the songs a model was made from: quantiles that travel with it.

Predictions of similar songs lie close together (FACTS §4): 2.71 says little, "above 83 % of the songs" says more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apex_core.errors import ArtifactError
from apex_core.heads.model import ApexHeads
from apex_core.heads.prediction import predict
from apex_core.heads.training_data import TrainingData

STEPS = 100
_DECIMALS = 4  # as many as are kept of a prediction; equal input then gives equal bytes

Quantiles = dict[str, list[float]]
"""By target the 0, 1 ... 100 % quantiles of the model's predictions over its training set's songs."""


def quantiles(model: ApexHeads, data: TrainingData) -> Quantiles:
    """Quantiles of the model's predictions over every song of ``data``, whatever its split; linear between songs."""
    found = predict(model, data.vectors, data.groups if model.config.mode == "segment" else None)
    at = np.quantile(found.astype(np.float64), np.linspace(0, 1, STEPS + 1), axis=0).round(_DECIMALS)
    return {target: at[:, column].tolist() for column, target in enumerate(model.config.targets)}


def percentiles(scores: NDArray[np.floating[Any]], known: Sequence[float]) -> NDArray[np.float64]:
    """Percentiles 0 to 100 of scores [n] among 101 quantiles, in between by a straight line.

    A score that several quantiles share stands in their middle; one below or above all of them at 0 or 100.
    """
    at = np.asarray(known, dtype=np.float64)
    below, up_to = np.searchsorted(at, scores, "left"), np.searchsorted(at, scores, "right")
    left, right = np.clip(below - 1, 0, STEPS), np.clip(below, 0, STEPS)
    gap = at[right] - at[left]
    share = np.divide(scores - at[left], gap, out=np.zeros(len(at[left])), where=gap > 0)
    between = np.where(below > STEPS, STEPS, np.where(below == 0, 0, left + share))
    return np.where(up_to > below, (below + up_to - 1) / 2, between)


def quantiles_of(config: Mapping[str, Any], targets: Sequence[str]) -> Quantiles | None:
    """The quantiles that a model's config holds; None where it holds none, as that of a model from elsewhere.

    Raises ArtifactError when they are not 101 rising numbers for each target.
    """
    held = config.get("quantiles")
    if held is None:
        return None
    for target in targets:
        values = held.get(target) if isinstance(held, dict) else None
        if not isinstance(values, list) or len(values) != STEPS + 1 or not _rises(values):
            raise ArtifactError(f"The model's config has no {STEPS + 1} rising quantiles of {target}.")
    return held


def _rises(values: Sequence[Any]) -> bool:
    if not all(isinstance(value, int | float) for value in values):
        return False
    return bool((np.diff(np.asarray(values, dtype=np.float64)) >= 0).all())
