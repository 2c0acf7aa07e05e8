"""Train the heads: AdamW, a cosine schedule and early stopping, repeatable by seed (FACTS §3).

The rows are small (768 floats a song), so a batch is an index into what the device holds, not a loader; beyond
``train.resident_mb`` it is gathered from a file. Everything runs in float32: at this size mixed precision saves
nothing.
"""

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from apex_core.errors import TrainingError
from apex_core.heads.config import HeadsConfig
from apex_core.heads.fitting import Fit, seeded
from apex_core.heads.model import ApexHeads, join
from apex_core.heads.rows import Rows, select
from apex_core.heads.side_by_side import threads
from apex_core.heads.together import ALONE, Together
from apex_core.heads.training_data import TrainingData, target_statistics
from apex_core.settings import TrainSettings

log = logging.getLogger("apex_core.heads")

_SMALL_BATCH = 512 * 256


@dataclass(frozen=True, slots=True)
class EpochFacts:
    """One epoch: mean batch loss in training, losses over all validation rows, whether it is the best so far.

    ``val_losses`` is the mean squared error of each target that has validation labels.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_losses: dict[str, float]
    learning_rate: float
    sigmas: dict[str, float] | None
    best: bool


@dataclass(frozen=True, slots=True, eq=False)
class TrainedHeads:
    """The best epoch's model (on the CPU, in evaluation mode) and how it came about."""

    model: ApexHeads
    config: HeadsConfig
    history: tuple[EpochFacts, ...]
    best_epoch: int


def train(
    data: TrainingData,
    settings: TrainSettings,
    progress: Callable[[EpochFacts], None] | None = None,
    together: Together = ALONE,
) -> TrainedHeads:
    """Train heads on the train rows, select the epoch with the lowest total loss on the validation rows.

    On a CPU equal data, settings and thread count give equal weights to the last bit. The global random state
    is as before afterwards. Of an ensemble the history and best epoch are the first member's. Raises TrainingError
    without rows to train or select on, and when a loss is not finite. Of processes that
    train ``together`` each calls this with the same data and settings, and gets the same model.
    """
    alike = settings.model_copy(update={"ensemble": 1})
    seeds = range(settings.seed, settings.seed + settings.ensemble)
    members = [_train(data, alike.model_copy(update={"seed": seed}), progress, together) for seed in seeds]
    if len(members) == 1:
        return members[0]
    model = join([member.model for member in members])
    return replace(members[0], model=model, config=model.config)


def _train(
    data: TrainingData,
    settings: TrainSettings,
    progress: Callable[[EpochFacts], None] | None,
    together: Together,
) -> TrainedHeads:
    config = HeadsConfig.of(
        settings, hidden=data.hidden, encoder_id=data.encoder_id, statistics=target_statistics(data)
    )
    device = pick_device(settings.device)
    rows, held_out = (select(data, config, split, device, settings.resident_mb) for split in ("train", "val"))
    # Small batches gain nothing from a second thread, and on a busy machine waiting for it takes most of the time.
    small = min(settings.batch_size, len(rows)) * data.hidden < _SMALL_BATCH
    with threads(1 if small else torch.get_num_threads()):
        with seeded(settings.seed):
            model = ApexHeads(config)
        history = _run(Fit.begin(model, settings, device, together), rows, held_out, settings, progress)
    best_epoch = next(facts.epoch for facts in reversed(history) if facts.best)
    log.info("trained %s: best epoch %d of %d", config.condition, best_epoch, len(history))
    return TrainedHeads(model.eval(), config, tuple(history), best_epoch)


def pick_device(name: str) -> torch.device:
    """The device of a setting; ``auto`` is CUDA when there is one, else the CPU. Of processes that torchrun started
    on one host each has a GPU of its own."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    return torch.device(name)


def _run(
    fit: Fit, rows: Rows, held_out: Rows, settings: TrainSettings, progress: Callable[[EpochFacts], None] | None
) -> list[EpochFacts]:
    """Train until patience ends; the model is left with the weights of the best epoch."""
    history: list[EpochFacts] = []
    lowest, stale = math.inf, 0
    while len(history) < settings.epochs and stale < settings.patience:
        facts = _epoch(fit, rows, held_out, settings, len(history) + 1, lowest)
        history.append(facts)
        if facts.best:
            fit.heads.store()
        lowest, stale = min(lowest, facts.val_loss), 0 if facts.best else stale + 1
        if progress is not None:
            progress(facts)
    return history


def _epoch(fit: Fit, rows: Rows, held_out: Rows, settings: TrainSettings, epoch: int, lowest: float) -> EpochFacts:
    rate = fit.learning_rate
    train_loss = fit.learn(rows, settings)
    val_loss, val_losses = fit.validate(held_out)
    for name, value in (("training", train_loss), ("validation", val_loss)):
        if not math.isfinite(value):
            raise TrainingError(
                f"The {name} loss became {value} in epoch {epoch}.",
                fix="lower train.learning_rate or look at the labels",
            )
    sigmas = fit.criterion.sigmas()
    named = None if sigmas is None else dict(zip(fit.model.config.targets, sigmas, strict=True))
    return EpochFacts(epoch, train_loss, val_loss, val_losses, rate, named, best=val_loss < lowest)
