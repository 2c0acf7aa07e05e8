"""The multi-task heads on frozen embeddings: model, losses, training, evaluation, prediction."""

from apex_core.heads.baselines import baselines
from apex_core.heads.config import AESTHETICS, CONDITIONS, POPULARITY, RANGES, TARGETS, HeadsConfig, with_condition
from apex_core.heads.evaluation import Metrics, evaluate
from apex_core.heads.model import ApexHeads, build_model
from apex_core.heads.prediction import predict
from apex_core.heads.song_facts import SongFacts
from apex_core.heads.training import EpochFacts, TrainedHeads, train
from apex_core.heads.training_data import SPLITS, Split, TrainingData

__all__ = [
    "AESTHETICS",
    "CONDITIONS",
    "POPULARITY",
    "RANGES",
    "SPLITS",
    "TARGETS",
    "ApexHeads",
    "EpochFacts",
    "HeadsConfig",
    "Metrics",
    "SongFacts",
    "Split",
    "TrainedHeads",
    "TrainingData",
    "baselines",
    "build_model",
    "evaluate",
    "predict",
    "train",
    "with_condition",
]
