"""One process of the training benchmark: ``plain WORKERS`` or ``apex``.

Told what to do on standard input, a line each: ``losses`` answers those of the first steps from the start, without
dropout; ``epoch`` trains one, with dropout, and answers its seconds.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from apex_core.heads.config import HeadsConfig
from apex_core.heads.fitting import Fit
from apex_core.heads.model import ApexHeads
from apex_core.heads.rows import Rows
from apex_core.heads.together import Together
from apex_core.settings import TrainSettings

SETTINGS = TrainSettings(loss="uncertainty", device="cpu")  # the authors' recommended condition
_SONGS = int(os.environ.get("APEX_BENCH_SONGS", "50000"))
_HIDDEN, _STEPS = 768, 50


def rows(count: int = _SONGS, hidden: int = _HIDDEN) -> tuple[Tensor, Tensor]:
    """Vectors and seven targets that depend on them, the same in every process."""
    source = torch.Generator().manual_seed(0)
    vectors = torch.randn(count, hidden, generator=source)
    appeal = torch.sigmoid(vectors @ torch.randn(hidden, 7, generator=source) / hidden**0.5)
    low, span = torch.tensor([0.0] * 2 + [1.0] * 5), torch.tensor([100.0] * 2 + [4.0] * 5)
    return vectors, low + span * appeal


def start(config: HeadsConfig, dropout: bool) -> ApexHeads:
    """The same first weights in every process."""
    torch.manual_seed(0)
    model = ApexHeads(config)
    for module in model.modules():
        if isinstance(module, nn.Dropout) and not dropout:
            module.p = 0.0
    return model


class Uncertainty(nn.Module):
    """The mean squared errors, each by its learned uncertainty."""

    def __init__(self, targets: int) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.zeros(targets))

    def forward(self, predicted: Tensor, wanted: Tensor) -> Tensor:
        losses = (predicted - wanted).square().mean(dim=0)
        return (losses / (2 * torch.exp(2 * self.log_sigma)) + self.log_sigma).sum()


class Plain:
    """The loop that one writes from the paper."""

    def __init__(self, model: ApexHeads, settings: TrainSettings = SETTINGS) -> None:
        self.model, self.criterion, self.clip = (
            model.train(),
            Uncertainty(len(model.config.targets)),
            settings.clip_norm,
        )
        self.parameters = [*self.model.parameters(), *self.criterion.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def step(self, vectors: Tensor, targets: Tensor) -> float:
        loss = self.criterion(self.model(vectors), targets)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()
        return loss.item()

    def epoch(self, loader: DataLoader[tuple[Tensor, ...]]) -> float:
        losses = [self.step(vectors, targets) for vectors, targets in loader]
        return sum(losses) / len(losses)


def ours(vectors: Tensor, targets: Tensor, model: ApexHeads) -> tuple[Fit, Rows]:
    """What ``heads.train`` prepares."""
    fit = Fit.begin(model, SETTINGS, torch.device("cpu"), Together())
    return fit, Rows(targets, vectors, np.arange(len(vectors)))


def indices(count: int, steps: int, size: int) -> Iterator[Tensor]:
    """The same batches in every process."""
    source = torch.Generator().manual_seed(1)
    for _ in range(steps):
        yield torch.randperm(count, generator=source)[:size]


def losses_of(what: str, data: tuple[Tensor, Tensor], config: HeadsConfig, steps: int, size: int) -> list[float]:
    """The losses of the first steps on the same batches from the same start, without dropout."""
    vectors, targets = data
    targets = targets[:, : len(config.targets)].contiguous()
    chosen = indices(len(vectors), steps, size)
    if what == "plain":
        plain = Plain(start(config, dropout=False))
        return [plain.step(vectors[index], targets[index]) for index in chosen]
    fit, held = ours(vectors, targets, start(config, dropout=False))
    return [fit.step(held, index, SETTINGS.clip_norm).item() for index in chosen]


def plain_epochs(data: tuple[Tensor, Tensor], model: ApexHeads, workers: int) -> Callable[[], float]:
    """An epoch of the plain loop, a call each."""
    loader = DataLoader(
        TensorDataset(*data), SETTINGS.batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    plain = Plain(model)
    return lambda: plain.epoch(loader)


def our_epochs(data: tuple[Tensor, Tensor], model: ApexHeads) -> Callable[[], float]:
    """An epoch of ours, a call each."""
    fit, held = ours(*data, model)
    return lambda: fit.learn(held, SETTINGS)


def main() -> None:
    what, workers = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    data, config = rows(), HeadsConfig()
    model = start(config, dropout=True)
    epoch = plain_epochs(data, model, workers) if what == "plain" else our_epochs(data, model)
    print(json.dumps("ready"), flush=True)
    for order in sys.stdin:
        if order.strip() == "losses":
            print(json.dumps(losses_of(what, data, config, _STEPS, SETTINGS.batch_size)), flush=True)
            continue
        started = time.perf_counter()
        epoch()
        print(json.dumps(time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
