"""The multi-task heads on frozen embeddings: model, losses, training, evaluation, prediction.

Importing this package is cheap: torch loads with the first model. A night that has nothing to train or predict never
waits for it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from apex_core.heads.config import (
    AESTHETICS,
    CONDITIONS,
    OWN_CONDITIONS,
    POPULARITY,
    RANGES,
    TARGETS,
    HeadsConfig,
    with_condition,
)
from apex_core.heads.song_facts import SongFacts
from apex_core.heads.training_data import SPLITS, Split, TrainingData, target_statistics

if TYPE_CHECKING:
    from apex_core.heads.evaluation import Metrics, Scored, evaluate, score
    from apex_core.heads.model import ApexHeads, build_model, join
    from apex_core.heads.prediction import exact, predict
    from apex_core.heads.report import compared, measured, rounded
    from apex_core.heads.training import EpochFacts, TrainedHeads, train

__all__ = [
    "AESTHETICS",
    "CONDITIONS",
    "OWN_CONDITIONS",
    "POPULARITY",
    "RANGES",
    "SPLITS",
    "TARGETS",
    "ApexHeads",
    "EpochFacts",
    "HeadsConfig",
    "Metrics",
    "Scored",
    "SongFacts",
    "Split",
    "TrainedHeads",
    "TrainingData",
    "build_model",
    "compared",
    "evaluate",
    "exact",
    "join",
    "measured",
    "predict",
    "rounded",
    "score",
    "target_statistics",
    "train",
    "with_condition",
]

# No name here may be that of a module of this package: importing the module would take its place.
_HEAVY = {
    **dict.fromkeys(("Metrics", "Scored", "evaluate", "score"), "evaluation"),
    **dict.fromkeys(("ApexHeads", "build_model", "join"), "model"),
    **dict.fromkeys(("exact", "predict"), "prediction"),
    **dict.fromkeys(("compared", "measured", "rounded"), "report"),
    **dict.fromkeys(("EpochFacts", "TrainedHeads", "train"), "training"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  a module's attribute
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"apex_core.heads.{_HEAVY[name]}"), name)
