"""The 4 → 1 combination of layer means."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LayerMix:
    """A pointwise convolution over layers: one weight a layer, one bias added to every dimension."""

    weights: tuple[float, float, float, float]
    bias: float


AUTHORS_LAYER_MIX = LayerMix(
    weights=(0.3822692632675171, 0.4150039553642273, -0.11713624000549316, 0.45930564403533936),
    bias=-0.10955178737640381,
)
"""The authors' Conv1d(4 → 1), random under seed 42 and never trained (FACTS §2); published heads need it."""


def mix(layer_means: NDArray[np.float32], using: LayerMix = AUTHORS_LAYER_MIX) -> NDArray[np.float32]:
    """Combine layer means float32[..., 4, h] into vectors float32[..., h].

    Linear up to the bias, so the mean over segments of mixes is the mix of the mean over segments.
    """
    weights = np.asarray(using.weights, np.float32)
    # An explicit sum in fixed order: a BLAS product may round differently with the number of rows.
    mixed = layer_means[..., 0, :] * weights[0]
    for layer in range(1, len(weights)):
        mixed = mixed + layer_means[..., layer, :] * weights[layer]
    return mixed + np.float32(using.bias)
