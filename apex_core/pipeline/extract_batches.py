"""The songs of one shard on their way through the encoder: in their order, in full batches, each judged by itself."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apex_core.errors import EncoderError, NonFiniteOutput
from apex_core.mert import ShardSong
from apex_core.pipeline.extract_pace import Pace
from apex_core.pipeline.extract_plan import PlannedSong

if TYPE_CHECKING:
    from apex_core.mert import Encoder

NOT_FINITE = "the encoder's output is not finite"

# float32[k, 720000], of numpy, or of torch where the encoder's device is a GPU.
Segments = Any
Vectors = NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Encoded:
    """A song, and what came of it: layer means of its segments so far, or why there are none.

    ``refused``: the encoder made nothing of it.
    """

    song: PlannedSong
    reason: str | None = None
    refused: bool = False
    means: list[Vectors] = field(default_factory=list[Vectors])

    def row(self) -> ShardSong:
        found = None if self.reason else np.concatenate(self.means)
        return ShardSong(self.song.ref.sha256, found, self.reason, self.song.seconds)


Batch = list[tuple[Encoded, Segments]]


class Batches:
    """Cuts the segments of songs into batches of ``encoder.batch_segments``; the rest of a shard is one batch more."""

    def __init__(self, encoder: "Encoder", pace: Pace) -> None:
        self._encoder = encoder
        self._pace = pace
        self._waiting: deque[tuple[Encoded, Segments]] = deque()

    def add(self, song: Encoded, segments: Segments) -> None:
        """Encode what fills batches, keep the rest. Raises what the encoder raises of anything but a song."""
        self._waiting.append((song, segments))
        while self._count >= self._encoder.batch_segments:
            self._encode(self._next(self._encoder.batch_segments))

    def finish(self) -> None:
        """Encode what is left."""
        if self._waiting:
            self._encode(self._next(self._count))

    @property
    def _count(self) -> int:
        return sum(len(segments) for _, segments in self._waiting)

    def _next(self, count: int) -> Batch:
        taken: Batch = []
        while count:
            song, segments = self._waiting.popleft()
            if len(segments) > count:
                self._waiting.appendleft((song, segments[count:]))
            taken.append((song, segments[:count]))
            count -= len(taken[-1][1])
        return taken

    def _encode(self, batch: Batch) -> None:
        """Encode a batch; again without the songs that the encoder makes nothing of, until there are none of them."""
        while batch := [(song, segments) for song, segments in batch if song.reason is None]:
            try:
                with self._pace.encoding():
                    means = self._encoder.encode(_joined([segments for _, segments in batch]))
            except NonFiniteOutput as error:
                _blame(batch, error)
            except EncoderError as error:
                self._find(batch, error)
                return
            else:
                _hand_out(batch, means)
                return

    def _find(self, batch: Batch, error: EncoderError) -> None:
        """Of a batch that was refused as a whole, each song by itself: the others are not to suffer."""
        if len(batch) == 1:
            batch[0][0].reason, batch[0][0].refused = error.message, True
            return
        for one in batch:
            self._encode([one])


def refuse_dead_encoder(songs: Sequence[Encoded]) -> None:
    """Raise EncoderError when the encoder made nothing of most of a shard's songs: that is no verdict on them."""
    refused = [song.reason for song in songs if song.refused]
    tried = sum(song.refused or song.reason is None for song in songs)
    if len(refused) > max(1, tried // 2):
        raise EncoderError(
            f"of {len(refused)} of {tried} songs ({refused[0]}): it is the encoder that is broken, not the songs",
            fix="encode on another device (APEX_ENCODER__DEVICE), or in fp32",
        )


def _hand_out(batch: Batch, means: Vectors) -> None:
    start = 0
    for song, segments in batch:
        song.means.append(means[start : start + len(segments)])
        start += len(segments)


def _blame(batch: Batch, error: NonFiniteOutput) -> None:
    bad, start = set(error.segments), 0
    for song, segments in batch:
        if not bad.isdisjoint(range(start, start + len(segments))):
            song.reason, song.refused = NOT_FINITE, True
        start += len(segments)
    if not any(song.refused for song, _ in batch):
        raise error


def _joined(parts: Sequence[Segments]) -> Segments:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import torch

    return torch.cat(list(parts))
