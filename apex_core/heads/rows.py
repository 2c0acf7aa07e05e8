"""The rows of one split as training reads them: held on the device, or gathered from a file beyond a limit."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from apex_core.errors import TrainingError
from apex_core.heads.config import HeadsConfig
from apex_core.heads.training_data import Split, TrainingData

log = logging.getLogger("apex_core.heads")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows with a label. targets: float32[n, t] on the device. vectors: float32[n, ...] on the device, or all the
    data's on the host, of which ``chosen`` int64[n] are the rows."""

    targets: Tensor
    vectors: Tensor | NDArray[np.float32]
    chosen: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    def vectors_of(self, index: Tensor, place: Tensor | None = None) -> Tensor:
        """Vectors of the rows ``index`` int64[k], which is on the host; in ``place``, if that is as large as they are.

        Memory that is asked for anew costs more than the copy.
        """
        shape, device = (len(index), *self.vectors.shape[1:]), self.targets.device
        if place is None or place.shape != shape or place.device != device:
            place = torch.empty(shape, device=device)
        if isinstance(self.vectors, Tensor):
            return torch.index_select(self.vectors, 0, index.to(device), out=place)
        gathered = place if device.type == "cpu" else torch.empty(shape)
        np.take(self.vectors, self.chosen[index.numpy()], axis=0, out=gathered.numpy(), mode="clip")
        return gathered.to(device)

    def labels(self, index: Tensor) -> Tensor:
        """Targets of the rows ``index`` int64[k], which is on the host."""
        return self.targets.index_select(0, index.to(self.targets.device))

    def parts(self, size: int) -> Iterator[Tensor]:
        """Vectors of all rows in order, ``size`` at a time."""
        for index in torch.arange(len(self)).split(size):
            yield self.vectors_of(index)


def select(data: TrainingData, config: HeadsConfig, split: Split, device: torch.device, resident_mb: int) -> Rows:
    """The rows of ``split`` that have a label; held on the device where they take at most ``resident_mb``.

    Raises TrainingError when there are too few.
    """
    targets = data.targets[:, : len(config.targets)]
    labelled = data.rows(split) & ~np.isnan(targets).all(axis=1)
    least = 2 if split == "train" else 1  # a batch of one has no variance to normalise by
    if labelled.sum() < least:
        raise TrainingError(
            f"{labelled.sum()} labelled rows in the {split} split; at least {least} are needed.",
            fix="look at the coverage view: which stage holds the tracks back",
        )
    _warn_of_unlabelled(targets[labelled], config, split)
    chosen = np.flatnonzero(labelled)
    here = torch.tensor(targets[labelled], device=device)
    if len(chosen) * data.vectors[0].nbytes > resident_mb << 20:
        return Rows(here, data.vectors, chosen)
    # torch.tensor copies: the arrays may be read-only views into Arrow buffers.
    return Rows(here, torch.tensor(data.vectors[chosen], device=device), chosen)


def _warn_of_unlabelled(targets: NDArray[Any], config: HeadsConfig, split: Split) -> None:
    for column, target in enumerate(config.targets):
        if np.isnan(targets[:, column]).all():
            log.warning("no row of the %s split has a label for %s", split, target)


def batches(rows: int, size: int, shuffle: torch.Generator) -> list[Tensor]:
    """Shuffled row numbers in batches of ``size``; a last batch of one row joins the batch before it.

    BatchNorm cannot normalise a single row.
    """
    parts = list(torch.randperm(rows, generator=shuffle).split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
