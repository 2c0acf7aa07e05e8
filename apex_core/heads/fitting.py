"""A training in progress: the stacked heads, their loss and optimiser, what is drawn at random; an epoch a call."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from apex_core.heads.losses import CombinedLoss, parameter_groups, target_losses
from apex_core.heads.model import ApexHeads
from apex_core.heads.rows import Rows, batches
from apex_core.heads.side_by_side import Exchange, SideBySide
from apex_core.heads.stacked import StackedHeads
from apex_core.heads.together import Together
from apex_core.settings import TrainSettings

_EVALUATION_ROWS = 8192


@dataclass(frozen=True, slots=True)
class Fit:
    """What changes while heads are trained. ``model`` gets the weights of the stacked heads when they are stored."""

    model: ApexHeads
    heads: StackedHeads
    criterion: CombinedLoss
    optimizers: list[torch.optim.Optimizer]
    schedules: list[torch.optim.lr_scheduler.LRScheduler]
    shuffle: torch.Generator
    together: Together
    parts: SideBySide

    @classmethod
    def begin(cls, model: ApexHeads, settings: TrainSettings, device: torch.device, together: Together) -> "Fit":
        """Training of ``model`` from the weights it has."""
        heads = StackedHeads(model, device)
        criterion = CombinedLoss.of(model.config).to(device)
        parts = SideBySide(heads, settings.batch_size, settings.seed, together)
        optimizers: list[torch.optim.Optimizer] = []
        for part in range(len(parts.heads)):
            sigmas = criterion.parameters() if part == 0 else ()
            optimizers.append(torch.optim.AdamW(parameter_groups(parts.owned(part), sigmas, settings), fused=True))
        return cls(
            model,
            heads,
            criterion,
            optimizers,
            [torch.optim.lr_scheduler.CosineAnnealingLR(one, T_max=settings.epochs) for one in optimizers],
            torch.Generator().manual_seed(settings.seed),
            together,
            parts,
        )

    @property
    def learning_rate(self) -> float:
        return float(self.optimizers[0].param_groups[0]["lr"])

    def learn(self, rows: Rows, settings: TrainSettings) -> float:
        """One epoch over ``rows`` in batches of ``batch_size`` rows a process; the mean of the batches' losses."""
        size = settings.batch_size * self.together.count
        order = batches(len(rows), size, self.shuffle)
        losses = [self.step(rows, index, settings.clip_norm) for index in order]
        for schedule in self.schedules:
            schedule.step()
        return torch.stack(losses).mean().item()

    def step(self, rows: Rows, index: Tensor, clip_norm: float) -> Tensor:
        """Learn from the batch of rows ``index``; its loss, a scalar on the device."""
        self.criterion.zero_grad()
        if self.together.alone:
            return self.parts.learn(rows, index, self._loss, partial(self._move, clip_norm))
        loss = self._with_others(rows, index)
        self._move(clip_norm, 0, lambda norm: [norm])
        return loss

    def _move(self, clip_norm: float, part: int, exchange: Exchange) -> None:
        """Move the parameters of one part by their gradients, which are clipped by the norm of all parts'."""
        optimizer = self.optimizers[part]
        own = [one for group in optimizer.param_groups for one in group["params"]]
        norm = torch.nn.utils.get_total_norm([one.grad for one in own if one.grad is not None])
        torch.nn.utils.clip_grads_with_norm_(own, clip_norm, torch.linalg.vector_norm(torch.stack(exchange(norm))))
        optimizer.step()

    def _with_others(self, rows: Rows, index: Tensor) -> Tensor:
        """The loss is that of the whole batch's predictions: each process knows it, and its own rows' gradient."""
        where = self.together.part(index)
        predicted = self.heads(rows.vectors_of(index[where]), self.parts.masks[0], self.together.batch(len(index)))
        everything = self.together.whole(predicted, where, len(index))
        loss, gradient = self._loss(everything, rows.labels(index))
        self.heads.backward(gradient[where])
        assert self.heads.flat.grad is not None
        self.together.total(self.heads.flat.grad)
        return loss

    def _loss(self, predicted: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and its gradient for predictions float[n, t]; the criterion's own parameters get theirs."""
        predicted.requires_grad_()
        loss = self.criterion(*target_losses(predicted, targets))
        loss.backward()
        assert predicted.grad is not None
        return loss.detach(), predicted.grad

    def validate(self, rows: Rows) -> tuple[float, dict[str, float]]:
        """What an epoch is selected by, and the mean squared error of each target that ``rows`` have labels of."""
        losses = torch.zeros(2, rows.targets.shape[1], device=rows.targets.device)
        if self.together.rank == 0:
            losses = torch.stack(target_losses(self._predicted(rows), rows.targets))
        values, present = self.together.agreed(losses)
        with torch.no_grad():  # the weights of the targets are each process's own, and may differ in their last bits
            total = self.together.agreed(self.criterion.selection(values, present > 0).clone()).item()
        named = zip(self.model.config.targets, values.tolist(), present.tolist(), strict=True)
        return total, {target: loss for target, loss, there in named if there}

    def _predicted(self, rows: Rows) -> Tensor:
        return self.parts.predict(rows.parts(_EVALUATION_ROWS))


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Initial weights draw from the global generator: seed it, and give it back as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
