from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from apex_core.registry import publish, stage_artifact, version_name
from apex_core.storage import Store

AS_OF = datetime(2026, 11, 22, 3, tzinfo=UTC)
CONFIG: dict[str, Any] = {"encoder_id": "mert-v1-95m", "targets": ["score_streams", "score_likes"], "hidden": 4}


@dataclass(frozen=True)
class Staged:
    folder: Path
    version: str
    weights: dict[str, Tensor]


Stage = Callable[..., Staged]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Stage a small artifact whose weights are all ``value``."""

    def make(value: float = 1.0, folder: str = "staged", card: str = "# card\n") -> Staged:
        weights = {"layer.weight": torch.full((2, 4), value), "layer.steps": torch.tensor(3)}
        place = tmp_path / folder
        sha256 = stage_artifact(place, weights, CONFIG, {"test": {}}, {"training_set_id": "t"}, card)
        return Staged(place, version_name(AS_OF, sha256), weights)

    return make


@pytest.fixture
def versions(store: Store, stage: Stage) -> list[str]:
    """Three published versions."""
    staged = [stage(float(n), f"staged-{n}") for n in range(3)]
    for one in staged:
        publish(store, one.version, one.folder)
    return [one.version for one in staged]
