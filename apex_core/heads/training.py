"""Train the heads: AdamW, a cosine schedule and early stopping, repeatable by seed (FACTS §3).

The rows are small (768 floats a song), so they stay resident on the device and a batch is an index, not a
loader. Everything runs in float32: at this size mixed precision saves nothing.
"""

import logging
import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from apex_core.errors import TrainingError
from apex_core.heads.config import HeadsConfig
from apex_core.heads.losses import CombinedLoss, parameter_groups, target_losses
from apex_core.heads.model import ApexHeads, join
from apex_core.heads.training_data import Split, TrainingData, target_statistics
from apex_core.settings import TrainSettings

log = logging.getLogger("apex_core.heads")

_EVALUATION_ROWS = 8192
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


@dataclass(frozen=True, slots=True)
class _Rows:
    vectors: Tensor
    targets: Tensor


@dataclass(frozen=True, slots=True)
class _Fit:
    model: ApexHeads
    criterion: CombinedLoss
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    shuffle: torch.Generator


def train(
    data: TrainingData, settings: TrainSettings, progress: Callable[[EpochFacts], None] | None = None
) -> TrainedHeads:
    """Train heads on the train rows, select the epoch with the lowest total loss on the validation rows.

    On a CPU equal data, settings and thread count give equal weights to the last bit. The global random state
    is as before afterwards. Of an ensemble the history and best epoch are the first member's. Raises TrainingError
    without rows to train or select on, and when a loss is not finite.
    """
    seeds = range(settings.seed, settings.seed + settings.ensemble)
    members = [_train(data, settings.model_copy(update={"seed": seed, "ensemble": 1}), progress) for seed in seeds]
    if len(members) == 1:
        return members[0]
    model = join([member.model for member in members])
    return replace(members[0], model=model, config=model.config)


def _train(data: TrainingData, settings: TrainSettings, progress: Callable[[EpochFacts], None] | None) -> TrainedHeads:
    config = HeadsConfig.of(
        settings, hidden=data.hidden, encoder_id=data.encoder_id, statistics=target_statistics(data)
    )
    device = pick_device(settings.device)
    rows, held_out = _select(data, config, "train", device), _select(data, config, "val", device)
    small = min(settings.batch_size, len(rows.vectors)) * data.hidden < _SMALL_BATCH
    with _seeded(settings.seed, device), _threads(1 if small else torch.get_num_threads()):
        fit = _prepare(config, settings, device)
        history, best = _run(fit, rows, held_out, settings, progress)
    fit.model.load_state_dict(best)
    best_epoch = next(facts.epoch for facts in reversed(history) if facts.best)
    log.info("trained %s: best epoch %d of %d", config.condition, best_epoch, len(history))
    return TrainedHeads(fit.model.cpu().eval(), config, tuple(history), best_epoch)


def pick_device(name: str) -> torch.device:
    """The device of a setting; ``auto`` is CUDA when there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Generator[None]:
    # Initial weights and dropout draw from the global generators: seed them, and give them back as they were.
    used = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=used):
        torch.manual_seed(seed)
        yield


@contextmanager
def _threads(count: int) -> Generator[None]:
    # Small batches gain nothing from a second thread, and on a busy machine waiting for it takes most of the time.
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _select(data: TrainingData, config: HeadsConfig, split: Split, device: torch.device) -> _Rows:
    targets = data.targets[:, : len(config.targets)]
    labelled = data.rows(split) & ~np.isnan(targets).all(axis=1)
    least = 2 if split == "train" else 1  # a batch of one has no variance to normalise by
    if labelled.sum() < least:
        raise TrainingError(
            f"{labelled.sum()} labelled rows in the {split} split; at least {least} are needed.",
            fix="look at the coverage view: which stage holds the tracks back",
        )
    _warn_of_unlabelled(targets[labelled], config, split)
    # torch.tensor copies: the arrays may be read-only views into Arrow buffers.
    return _Rows(torch.tensor(data.vectors[labelled], device=device), torch.tensor(targets[labelled], device=device))


def _warn_of_unlabelled(targets: NDArray[np.float32], config: HeadsConfig, split: Split) -> None:
    for column, target in enumerate(config.targets):
        if np.isnan(targets[:, column]).all():
            log.warning("no row of the %s split has a label for %s", split, target)


def _prepare(config: HeadsConfig, settings: TrainSettings, device: torch.device) -> _Fit:
    model = ApexHeads(config).to(device)
    criterion = CombinedLoss.of(config).to(device)
    optimizer = torch.optim.AdamW(parameter_groups(model, criterion, settings))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=settings.epochs)
    return _Fit(model, criterion, optimizer, schedule, torch.Generator().manual_seed(settings.seed))


def _run(
    fit: _Fit,
    rows: _Rows,
    held_out: _Rows,
    settings: TrainSettings,
    progress: Callable[[EpochFacts], None] | None,
) -> tuple[list[EpochFacts], dict[str, Tensor]]:
    history: list[EpochFacts] = []
    lowest, stale, best = math.inf, 0, _copy_of(fit.model)
    for epoch in range(1, settings.epochs + 1):
        facts = _epoch(fit, rows, held_out, settings, epoch, lowest)
        history.append(facts)
        if facts.best:
            lowest, stale, best = facts.val_loss, 0, _copy_of(fit.model)
        else:
            stale += 1
        if progress is not None:
            progress(facts)
        if stale >= settings.patience:
            break
    return history, best


def _epoch(fit: _Fit, rows: _Rows, held_out: _Rows, settings: TrainSettings, epoch: int, lowest: float) -> EpochFacts:
    rate = float(fit.optimizer.param_groups[0]["lr"])
    train_loss = _learn(fit, rows, settings)
    fit.schedule.step()
    val_loss, val_losses = _validate(fit, held_out)
    for name, value in (("training", train_loss), ("validation", val_loss)):
        if not math.isfinite(value):
            raise TrainingError(
                f"The {name} loss became {value} in epoch {epoch}.",
                fix="lower train.learning_rate or look at the labels",
            )
    sigmas = fit.criterion.sigmas()
    named = None if sigmas is None else dict(zip(fit.model.config.targets, sigmas, strict=True))
    return EpochFacts(epoch, train_loss, val_loss, val_losses, rate, named, best=val_loss < lowest)


def _learn(fit: _Fit, rows: _Rows, settings: TrainSettings) -> float:
    fit.model.train()
    parameters = [*fit.model.parameters(), *fit.criterion.parameters()]
    losses: list[Tensor] = []
    for index in batches(len(rows.vectors), settings.batch_size, fit.shuffle):
        index = index.to(rows.vectors.device)
        loss = fit.criterion(*target_losses(fit.model(rows.vectors[index]), rows.targets[index]))
        fit.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
        fit.optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).mean().item()


def batches(rows: int, size: int, shuffle: torch.Generator) -> list[Tensor]:
    """Shuffled row numbers in batches of ``size``; a last batch of one row joins the batch before it.

    BatchNorm cannot normalise a single row.
    """
    parts = list(torch.randperm(rows, generator=shuffle).split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _validate(fit: _Fit, rows: _Rows) -> tuple[float, dict[str, float]]:
    fit.model.eval()
    with torch.inference_mode():
        predicted = torch.cat([fit.model(part) for part in rows.vectors.split(_EVALUATION_ROWS)])
        losses, present = target_losses(predicted, rows.targets)
        total = fit.criterion.selection(losses, present).item()
    values = zip(fit.model.config.targets, losses.tolist(), present.tolist(), strict=True)
    return total, {target: loss for target, loss, there in values if there}


def _copy_of(model: ApexHeads) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
