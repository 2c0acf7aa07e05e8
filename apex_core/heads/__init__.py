"""The multi-task heads on frozen embeddings: model, losses, training, evaluation, prediction."""

from apex_core.heads.baselines import baselines
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
from apex_core.heads.evaluation import Metrics, Scored, evaluate, score
from apex_core.heads.model import ApexHeads, build_model, join
from apex_core.heads.prediction import predict
from apex_core.heads.report import compared, measured, rounded
from apex_core.heads.song_facts import SongFacts
from apex_core.heads.time_split import time_split
from apex_core.heads.training import EpochFacts, TrainedHeads, train
from apex_core.heads.training_data import SPLITS, Split, TrainingData, target_statistics

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
    "baselines",
    "build_model",
    "compared",
    "evaluate",
    "join",
    "measured",
    "predict",
    "rounded",
    "score",
    "target_statistics",
    "time_split",
    "train",
    "with_condition",
]
