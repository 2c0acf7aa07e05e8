"""The model of an artifact: the registry keeps weights and plain values, the heads know what to make of them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apex_core import heads

if TYPE_CHECKING:
    from apex_core.registry import Artifact


def build(artifact: "Artifact") -> "heads.ApexHeads":
    """The model of an artifact, in evaluation mode on the CPU."""
    return heads.build_model(heads.HeadsConfig.from_json(artifact.config), artifact.weights)


def predict_with(artifact: "Artifact", vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Build the artifact's model and apply it to float32[n, hidden]."""
    return heads.predict(build(artifact), vectors)
