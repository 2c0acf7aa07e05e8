"""A stream of mono frames at any rate, resampled on the CPU."""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from apex_core.audio.filters import Bank, Block, bank
from apex_core.audio.readers import Read, Samples

_TILE = 1 << 15  # frames or samples at once: they stay in the processor's cache


def resampled(rate: int, read: Read) -> Iterator[Samples]:
    """Yield a song at 24 kHz, piece by piece; a piece is valid until the next is asked for.

    Every product is of the same size and at the same place of the song, however ``read`` cuts it: equal songs give
    equal bytes. Raises Undecodable for a rate that needs too large filters.
    """
    tile = _Tile(bank(rate))
    frames = samples = 0
    while count := read(tile.room):
        frames += count
        if tile.take(count):
            yield tile.multiply()
            samples += tile.samples
    left = tile.bank.length(frames) - samples
    while left > 0:
        tile.fill_up()
        yield tile.multiply()[:left]
        left -= tile.samples


class _Tile:
    """Frames on their way through the filters: some rows, and what lies around them."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        rows = max(1, _TILE // max(bank.step, bank.outputs))
        self.samples = rows * bank.outputs
        self._frames = rows * bank.step
        self._input = np.zeros(self._frames - bank.step + bank.inputs, np.float32)
        self._output = np.empty((rows, bank.outputs), np.float32)
        self._products = [(self._seen(rows, b), b.weights, self._output[:, b.outputs]) for b in bank.blocks]
        self._filled = bank.before

    @property
    def room(self) -> Samples:
        return self._input[self._filled :]

    def take(self, count: int) -> bool:
        """Count new frames in; True when there is no room for more."""
        self._filled += count
        return self._filled == self._input.size

    def fill_up(self) -> None:
        """Let silence follow."""
        self._input[self._filled :] = 0
        self._filled = self._input.size

    def multiply(self) -> Samples:
        """Filter the full tile, and move on to the next one, which begins with the end of this one."""
        with np.errstate(all="ignore"):  # what is not finite is seen, and said, later
            for seen, weights, output in self._products:
                np.matmul(seen, weights, out=output)
        kept = self._input.size - self._frames
        self._input[:kept] = self._input[self._frames :]
        self._filled = kept
        return self._output.reshape(-1)

    def _seen(self, rows: int, block: Block) -> Samples:
        size = self._input.itemsize
        return as_strided(
            self._input[block.start :], (rows, block.taps), (self.bank.step * size, size), writeable=False
        )
