"""Threads of this process that compute a part of every batch each.

A step is some 150 small operations. Where torch cuts each of them for its threads, these wait for one another 150
times, which on two cores takes as long as a third of the arithmetic; here they meet a dozen times: for the moments of
BatchNorm, for the loss, for the gradients and their norm. What is computed is what one thread would with the whole
batch.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import cast

import torch
from torch import Tensor

from apex_core.heads.layers import Masks, Whole, apart, bounds, sizes, write_weight
from apex_core.heads.rows import Rows
from apex_core.heads.stacked import StackedHeads
from apex_core.heads.together import Together

Exchange = Callable[[Tensor], list[Tensor]]
# Of predictions and targets float[n, t], the loss and its gradient.
Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
# Called by each part with its number, once all its gradients are there, and with what exchanges a tensor between parts.
Step = Callable[[int, Exchange], None]

# Matrix products of fewer rows lose more than meeting less often gains.
_LEAST_ROWS = 128


class SideBySide:
    """``heads`` on as many threads as torch has here, if a batch of ``rows`` gives each enough to do.

    ``masks`` are each part's own, drawn apart. ``threads`` is how many are left to torch within a part. A process that
    trains together with others is one part.
    """

    def __init__(self, heads: StackedHeads, rows: int, seed: int, together: Together) -> None:
        device, most = heads.flat.device, torch.get_num_threads()
        many = device.type == "cpu" and together.alone
        count = max(1, min(most, rows // _LEAST_ROWS)) if many else 1
        self.threads = most // count
        self.heads = [heads, *(StackedHeads(heads.model[0], device, beside=heads) for _ in range(count - 1))]
        self.masks = [Masks(apart(seed, together.rank + part), device) for part in range(count)]
        # The caller's thread learns from the first part, these from the others; they end when this object goes.
        self._pool = ThreadPoolExecutor(count, "part", torch.set_num_threads, (self.threads,)) if count > 1 else None
        self._vectors: list[Tensor | None] = [None] * count
        self._posts = [_Post(part, count) for part in range(count)]
        for post in self._posts:
            post.connect(self._posts)

    def learn(self, rows: Rows, index: Tensor, loss: Loss, step: Step) -> Tensor:
        """Learn from the batch of rows ``index``; its loss, a scalar."""
        cuts, rows_of = bounds(len(index), len(self.heads)), sizes(len(index), len(self.heads))
        losses: list[Tensor] = []

        def learn(part: int) -> None:
            post, heads, own = self._posts[part], self.heads[part], slice(cuts[part], cuts[part + 1])
            whole = Whole(rows_of, post.gather, keeps=part == 0) if post.others else Whole.alone(rows_of[0])
            vectors = self._vectors[part] = rows.vectors_of(index[own], self._vectors[part])
            predicted = post.exchange(heads(vectors, self.masks[part], whole))
            slope = torch.empty(0)
            if part == 0:
                value, slope = loss(torch.cat(predicted), rows.labels(index))
                losses.append(value)
            heads.backward_but_weights(post.exchange(slope)[0][own])
            post.exchange(slope)
            self._add_up(part)
            step(part, post.exchange)

        self._all([lambda part=part: learn(part) for part in range(len(self.heads))])
        return losses[0]

    def owned(self, part: int) -> list[Tensor]:
        """The parameters whose gradients a part adds up, pieces of ``heads.flat``; together they are all of it."""
        first = self.heads[0]
        if len(self.heads) == 1:
            return [first.flat]
        weights = [_piece(layer.weight, cut) for layer, cut in zip(first.layers, self._cuts(part), strict=True)]
        return [*weights, *(first.but_weights if part == 0 else ())]

    def predict(self, parts: Iterable[Tensor]) -> Tensor:
        """Predictions float[n, t] in evaluation for vectors in parts, one after another."""
        if self._pool is None:
            return torch.cat([self.heads[0].predict(part) for part in parts])
        return torch.cat(list(self._pool.map(self.heads[0].predict, parts)))

    def _all(self, works: list[Callable[[], None]]) -> None:
        """Do all at the same time; raises what the first of them to fail did."""
        if self._pool is None:
            works[0]()
            return
        first, *others = [partial(self._one, post, work) for post, work in zip(self._posts, works, strict=True)]
        futures = [self._pool.submit(other) for other in others]
        with threads(self.threads):
            error = first()
        errors = [error for error in (error, *(future.result() for future in futures)) if error is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, _GoneError)):
            raise error

    def _one(self, post: "_Post", work: Callable[[], None]) -> BaseException | None:
        """Do the work of one part; what went wrong with it."""
        try:
            work()
        except BaseException as error:
            post.send(None)  # or the others would wait for ever
            return error
        return None

    def _cuts(self, part: int) -> list[slice]:
        """Which piece of each layer's weight is a part's."""
        edges = [bounds(len(layer.weight), len(self.heads)) for layer in self.heads[0].layers]
        return [slice(edge[part], edge[part + 1]) for edge in edges]

    @torch.no_grad()
    def _add_up(self, part: int) -> None:
        """Add up the gradients that are this part's, in the order of the parts."""
        for layers, cut in zip(
            zip(*(heads.layers for heads in self.heads), strict=True), self._cuts(part), strict=True
        ):
            write_weight(layers, cut)
        if part == 0:
            for first, *others in zip(*(heads.but_weights for heads in self.heads), strict=True):
                for other in others:
                    cast(Tensor, first.grad).add_(cast(Tensor, other.grad))


def _piece(parameter: Tensor, cut: slice) -> Tensor:
    """A piece of a parameter, with the same piece of its gradient."""
    piece = parameter[cut]
    piece.grad = cast(Tensor, parameter.grad)[cut]
    return piece


class _GoneError(RuntimeError):
    """Another part has failed."""


class _Post:
    """What one part sends to the others, and gets from them; each in the order in which it was sent."""

    def __init__(self, part: int, count: int) -> None:
        self._part = part
        self._from: list[SimpleQueue[Tensor | None]] = [SimpleQueue() for _ in range(count)]
        self.others: list[_Post] = []

    def connect(self, posts: "list[_Post]") -> None:
        """Know the others."""
        self.others = [post for post in posts if post is not self]

    def send(self, tensor: Tensor | None) -> None:
        """Let all others have ``tensor``, which nobody changes afterwards; None: there will be nothing more."""
        for other in self.others:
            other._from[self._part].put(tensor)

    def receive(self, own: Tensor) -> list[Tensor]:
        """What every part has sent, in order, ``own`` at its place; waits for the others."""
        return [own if part == self._part else self._got(part) for part in range(len(self._from))]

    def _got(self, part: int) -> Tensor:
        tensor = self._from[part].get()
        if tensor is None:
            raise _GoneError(f"Part {part} of a batch has failed.")
        return tensor

    def exchange(self, own: Tensor) -> list[Tensor]:
        """Send, and receive at once."""
        self.send(own)
        return self.receive(own)

    def gather(self, own: Tensor) -> Callable[[], Tensor]:
        """Send now, and receive when called; stacked."""
        self.send(own)
        return lambda: torch.stack(self.receive(own))


@contextmanager
def threads(count: int) -> Generator[None]:
    """Compute on so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
