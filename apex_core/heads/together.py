"""Processes that train one model together, started by torchrun: each takes a part of every batch.

What they compute is what one process would with the whole batch: the sums of BatchNorm go over all parts
(``nn.SyncBatchNorm`` could do that on CUDA alone), the loss is that of all predictions, and gradients are added up. So
the weights of all are equal after every step; only the first process writes anything. gloo connects them on CPUs, NCCL
beside it on GPUs. A process that is gone breaks its connections, and the others end with an error.
"""

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from apex_core.errors import TrainingError
from apex_core.heads.layers import Whole, bounds, sizes

# The others wait while the first measures alone, trains for the time split, and predicts a whole catalog. One that dies
# closes its connections, which is noticed at once.
_PATIENCE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Together:
    """This process's number among those that train together, 0 the first, and how many there are."""

    rank: int = 0
    count: int = 1

    @classmethod
    def now(cls) -> "Together":
        """Those that have been joined (``joined``); else this process alone."""
        if not dist.is_available() or not dist.is_initialized():
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def alone(self) -> bool:
        return self.count == 1

    def part(self, index: Tensor) -> slice:
        """Which of a batch's rows are this process's; a part may be empty."""
        cuts = bounds(len(index), self.count)
        return slice(cuts[self.rank], cuts[self.rank + 1])

    def batch(self, rows: int) -> Whole:
        """A batch of ``rows`` rows as its parts exchange what they need of one another."""
        return Whole(sizes(rows, self.count), self._gather)

    def _gather(self, tensor: Tensor) -> Callable[[], Tensor]:
        everything = self.whole(tensor.unsqueeze(0), slice(self.rank, self.rank + 1), self.count)
        return lambda: everything

    def total(self, tensor: Tensor) -> Tensor:
        """``tensor`` summed over all processes, in place, the same bits in each."""
        if not self.alone:
            with _connected():
                dist.all_reduce(tensor)
        return tensor

    def whole(self, part: Tensor, where: slice, rows: int) -> Tensor:
        """The rows of all processes, of which ``part`` [k, ...] are those at ``where``: [rows, ...], detached."""
        everything = torch.zeros((rows, *part.shape[1:]), device=part.device, dtype=part.dtype)
        everything[where] = part.detach()
        return self.total(everything)

    def agreed(self, values: Tensor) -> Tensor:
        """The first process's ``values``, everywhere, so that no rounding makes one stop earlier than the others."""
        if not self.alone:
            with _connected():
                dist.broadcast(values, 0)
        return values

    def announce(self, what: Any) -> Any:  # noqa: ANN401  any JSON
        """The first process's ``what``, everywhere; the others' is ignored. JSON, never pickles."""
        if self.alone:
            return what
        text = json.dumps(what).encode() if self.rank == 0 else b""
        size = self.agreed(torch.tensor([len(text)]))
        data = torch.tensor(list(text), dtype=torch.uint8) if text else torch.zeros(int(size), dtype=torch.uint8)
        return json.loads(bytes(self.agreed(data).tolist()))


ALONE = Together()


def started_together() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined() -> Generator[Together]:
    """Connect with the others that torchrun started, for as long as the block lasts."""
    with _connected():
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_PATIENCE)
    try:
        yield Together.now()
    finally:
        dist.destroy_process_group()


@contextmanager
def _connected() -> Generator[None]:
    try:
        yield
    except RuntimeError as error:  # torch's errors of connections are RuntimeErrors
        raise TrainingError(
            f"The processes that train together have lost one another: {error}",
            fix="look for what the first of them to end has said, and start all of them again",
        ) from error
