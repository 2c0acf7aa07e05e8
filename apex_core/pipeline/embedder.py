"""Vectors of files from the encoder alone: no catalog, no store, no configuration beyond the encoder."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sized
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apex_core.audio import AudioRef, Feed, NativeSong, digest, windows_on
from apex_core.errors import AudioError
from apex_core.mert import Encoder, load_encoder
from apex_core.pipeline.extract_batches import Batches, Encoded
from apex_core.pipeline.extract_pace import Pace
from apex_core.pipeline.extract_plan import PlannedSong
from apex_core.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """One file's layer means float32[k, 4, h], of its k segments, or what was wrong with it.

    ``sha256`` is None for a file that could not be read, ``seconds`` (its true length) for one that was not decoded.
    """

    path: Path
    sha256: str | None
    seconds: float | None
    means: NDArray[np.float32] | None
    error: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Pending:
    """A file whose vectors are on their way: ``encoded`` fills up to ``segments``; without it, an error is known."""

    found: Embedding
    encoded: Encoded | None = None
    segments: int = 0

    @property
    def is_done(self) -> bool:
        return self.encoded is None or self.encoded.reason is not None or self._encoded == self.segments

    @property
    def _encoded(self) -> int:
        return 0 if self.encoded is None else sum(map(len, self.encoded.means))

    def result(self) -> Embedding:
        if self.encoded is None:
            return self.found
        found, reason = self.found, self.encoded.reason
        means = None if reason else np.concatenate(self.encoded.means)
        return Embedding(found.path, found.sha256, found.seconds, means, reason)


# A file, its hash unless it cannot be read, and its song or what was wrong with it.
_Heard = tuple[Path, str | None, NativeSong | AudioError]


@dataclass(frozen=True, slots=True)
class Embedder:
    """An encoder, and how files come to it."""

    encoder: Encoder
    settings: Settings

    @classmethod
    def load(cls, settings: Settings) -> "Embedder":
        """Load the encoder of ``settings``. Raises EncoderError when it cannot be had."""
        return cls(load_encoder(settings.encoder, settings.cache), settings)

    def embed(self, paths: Iterable[Path], pace: Pace | None = None) -> Iterator[Embedding]:
        """Embed files, in order, one result a file; other processes decode ahead, and memory is bounded.

        ``paths`` is read only as far ahead as songs are.

        ``pace`` is told how fast it goes. Raises AudioError when decoders cannot start at all.
        """
        pace = pace or Pace()
        pending: deque[_Pending] = deque()
        batches = Batches(self.encoder, pace)
        # A process takes longer to start than a song to decode.
        wanted = self.settings.encoder.decode_workers
        workers = max(0, min(wanted, len(paths) - 1)) if isinstance(paths, Sized) else wanted
        with (
            Feed(self.settings.store_url, self.settings.audio, workers, native=True) as feed,
            closing(self._heard(feed, paths)) as heard,
        ):
            while True:
                with pace.waiting():
                    one = next(heard, None)
                if one is None:
                    break
                pending.append(self._given(one, batches))
                yield from _done(pending, pace)
        batches.finish()
        yield from _done(pending, pace)

    def _heard(self, feed: Feed[NativeSong], paths: Iterable[Path]) -> Generator[_Heard]:
        """Files in order with their hashes and decoded songs, or what was wrong with them."""
        ahead: deque[tuple[Path, str | AudioError]] = deque()

        def refs() -> Iterator[AudioRef]:
            for path in paths:
                ahead.append((path, _sha256(path, self.settings)))
                if isinstance(sha256 := ahead[-1][1], str):
                    yield AudioRef(sha256, str(path.absolute()), "library")

        for ref, song in feed.stream(refs()):
            yield from _faults(ahead)
            yield ahead.popleft()[0], ref.sha256, song
        yield from _faults(ahead)

    def _given(self, heard: _Heard, batches: Batches) -> _Pending:
        """Hand a song on to the encoder."""
        path, sha256, song = heard
        if isinstance(song, AudioError):
            return _Pending(Embedding(path, sha256, None, None, song.message))
        seconds = song.wave.size / song.sample_rate
        try:
            windows = windows_on(song, self.encoder.device)
        except AudioError as error:
            return _Pending(Embedding(path, sha256, seconds, None, error.message))
        encoded = Encoded(PlannedSong(AudioRef(sha256 or "", str(path), "library"), seconds))
        batches.add(encoded, windows.numpy() if self.encoder.device == "cpu" else windows)
        return _Pending(Embedding(path, sha256, seconds, None), encoded, len(windows))


def _faults(ahead: deque[tuple[Path, str | AudioError]]) -> Iterator[_Heard]:
    """The files before the next one that could be read."""
    while ahead and isinstance(fault := ahead[0][1], AudioError):
        yield ahead.popleft()[0], None, fault


def _sha256(path: Path, settings: Settings) -> str | AudioError:
    try:
        return digest(path, settings.audio)
    except AudioError as error:
        return error


def _done(pending: deque[_Pending], pace: Pace) -> Iterator[Embedding]:
    while pending and pending[0].is_done:
        one = pending.popleft().result()
        pace.audio_s += one.seconds or 0.0
        yield one
