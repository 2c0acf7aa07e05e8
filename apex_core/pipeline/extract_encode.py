"""A range of planned shards through the encoder, without the catalog.

What goes wrong with a song is kept in its shard. What goes wrong with a shard leaves it uncommitted and the others
alone, unless so many fail in a row, and in the same way, that it cannot be them.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from apex_core import mert  # its encoder, and torch with it, loads only when there is something to encode
from apex_core.audio import AudioRef, Feed
from apex_core.errors import (
    AudioError,
    EncoderError,
    TooLarge,
    Undecodable,
)
from apex_core.mert import read_shard_manifest, write_shard
from apex_core.pipeline.extract_batches import Batches, Encoded, refuse_dead_encoder
from apex_core.pipeline.extract_failures import Failures
from apex_core.pipeline.extract_pace import Pace
from apex_core.pipeline.extract_plan import AbsentSong, PlannedSong, at_once, batched, note_absent, read_planned
from apex_core.pipeline.run import Progress, no_progress
from apex_core.settings import Settings
from apex_core.storage import Store

if TYPE_CHECKING:
    from apex_core.mert import Encoder

_log = logging.getLogger("apex_core.pipeline")

_OPENED = 64
_FACTS = ("shards", "songs", "failed", "absent", "audio_s", "wall_s", "wait_s", "encode_s")


@dataclass(slots=True, eq=False)
class _Shard:
    """A shard in the making. ``handed``, ``taken``: how many of its songs the feed was asked for, and gave."""

    shard_id: str
    planned: list[PlannedSong]
    failed: bool = False
    handed: int = 0
    taken: int = 0
    songs: list[Encoded] = field(default_factory=list[Encoded])
    absent: list[AbsentSong] = field(default_factory=list[AbsentSong])

    @property
    def audio_s(self) -> float:
        return sum(song.seconds for song in self.planned)

    @property
    def counts(self) -> dict[str, float]:
        failed = sum(song.reason is not None for song in self.songs)
        return {"shards": bool(self.songs), "songs": len(self.songs), "failed": failed, "absent": len(self.absent)}


def encode_shards(
    settings: Settings, encoder_id: str, shards: Sequence[str], progress: Progress = no_progress
) -> dict[str, float]:
    """Encode planned shards; a shard that is committed already is left alone. Opens no catalog.

    One feed runs through all shards, so decoding is ahead across their borders. A song that cannot be decoded, or has
    no finite vector, is recorded in its shard with the reason; one whose file is gone, changed or not to be read now is
    left out, and noted for ``adopt``.
    Returns counts: shards, songs, failed, absent; and seconds: audio_s, wall_s, wait_s (for the feed), encode_s.
    Raises ShardsFailed, when all others are done, for shards that could not be encoded, as where many songs cannot be
    read just now; EncoderError or AudioError when there is no encoder, or no decoder, at all.
    """
    store, failures = Store.open(settings.store_url), Failures()
    work = _open(store, encoder_id, shards, failures)
    total: dict[str, float] = dict.fromkeys(_FACTS, 0.0)
    if work:
        encoder = mert.loaded_encoder(settings.encoder, settings.cache)
        if encoder.encoder_id != encoder_id:
            raise EncoderError(
                f"This worker's encoder is {encoder.encoder_id}, the plan was made for {encoder_id}.",
                fix="give every worker the same APEX_ENCODER__* settings",
            )
        workers, on_gpu = settings.encoder.decode_workers, not encoder.device.startswith("cpu")
        with Feed(settings.store_url, settings.audio, workers, native=on_gpu) as feed:
            whole = settings.encoder.keep == "segments"
            _Range(store, encoder, feed, work, progress, segments=whole).run(total, failures)
    failures.tell()
    return total


def _open(store: Store, encoder_id: str, shards: Sequence[str], failures: Failures) -> list[_Shard]:
    """The shards that are not committed yet, with their songs."""

    def ask(shard_id: str) -> _Shard | Exception | None:
        try:
            if read_shard_manifest(store, encoder_id, shard_id) is not None:
                return None
            return _Shard(shard_id, read_planned(store, encoder_id, shard_id))
        except Exception as error:
            return error

    work: list[_Shard] = []
    for some in batched(shards, _OPENED if not store.is_local else 1):
        for shard_id, found in zip(some, at_once(store, ask, some), strict=True):
            if isinstance(found, Exception):
                failures.add(shard_id, found)
            elif found is not None:
                failures.passed()
                work.append(found)
    return work


class _Range:
    """The encoding of shard after shard from one stream of songs."""

    def __init__(
        self,
        store: Store,
        encoder: "Encoder",
        feed: Feed[Any],
        work: Sequence[_Shard],
        progress: Progress,
        *,
        segments: bool,
    ) -> None:
        self._store, self._encoder, self._progress = store, encoder, progress
        self._work, self._keep_segments = work, segments
        self._pace = Pace()
        self._stream: Iterator[tuple[AudioRef, Any]] = iter(feed.stream(self._refs()))
        self._feeding = True
        self._total = sum(len(shard.planned) for shard in work)
        self._left_s = sum(shard.audio_s for shard in work)
        self._done = 0

    def run(self, total: dict[str, float], failures: Failures) -> None:
        """Encode and commit; what is done is added to ``total``."""
        for shard in self._work:
            before = self._pace.mark()
            try:
                self._encode(shard)
                self._commit(shard, self._pace.since(before))
            except Exception as error:
                if not self._feeding:  # there are no decoders; that is no shard's fault
                    raise
                self._give_up(shard, failures, error)
                continue
            failures.passed()
            for name, count in shard.counts.items():
                total[name] += count
            total["audio_s"] += sum(song.song.seconds for song in shard.songs if song.reason is None)
            shard.songs.clear()
        total |= {"wall_s": self._pace.wall_s, "wait_s": self._pace.wait_s, "encode_s": self._pace.encode_s}

    def _refs(self) -> Iterator[AudioRef]:
        """What the feed is to decode: nothing more of a shard that has failed."""
        for shard in self._work:
            for song in shard.planned:
                if shard.failed:
                    break
                shard.handed += 1
                yield song.ref

    def _encode(self, shard: _Shard) -> None:
        batches = Batches(self._encoder, self._pace)
        for planned in shard.planned:
            found = self._segments(self._take(shard))
            if isinstance(found, AudioError):
                _judge(shard, planned, found)
            else:
                shard.songs.append(Encoded(planned))
                batches.add(shard.songs[-1], found)
            self._tick(planned)
        batches.finish()
        refuse_dead_encoder(shard.songs)

    def _take(self, shard: _Shard) -> Any:  # noqa: ANN401  windows, a song at its own rate, or an error
        self._feeding = False
        with self._pace.waiting():
            _, found = next(self._stream)
        self._feeding = True
        shard.taken += 1
        return found

    def _segments(self, found: Any) -> Any:  # noqa: ANN401  an array of numpy or of torch, or an error
        if isinstance(found, np.ndarray | AudioError):
            return found
        from apex_core.audio import windows_on

        try:
            with self._pace.encoding():
                return windows_on(found, self._encoder.device)
        except AudioError as error:
            return error

    def _tick(self, planned: PlannedSong) -> None:
        self._done += 1
        self._pace.audio_s += planned.seconds
        self._left_s -= planned.seconds
        self._progress("encode", self._done, self._total, self._pace.told(self._left_s))

    def _commit(self, shard: _Shard, facts: dict[str, Any]) -> None:
        # What is absent is noted first, so that no committed shard keeps it to itself.
        if shard.absent:
            note_absent(self._store, self._encoder.encoder_id, shard.shard_id, shard.absent)
        if shard.songs:
            rows = [song.row() for song in shard.songs]
            facts = {**self._encoder.run_facts, **facts}
            where = self._store, self._encoder.encoder_id, shard.shard_id
            write_shard(*where, rows, facts, segments=self._keep_segments)

    def _give_up(self, shard: _Shard, failures: Failures, error: Exception) -> None:
        shard.failed = True
        shard.songs.clear()
        self._total -= len(shard.planned) - shard.handed
        self._left_s -= sum(song.seconds for song in shard.planned[shard.taken :])
        failures.add(shard.shard_id, error)
        while shard.taken < shard.handed:  # decoded ahead already
            self._take(shard)
            self._done += 1


def _judge(shard: _Shard, planned: PlannedSong, error: AudioError) -> None:
    """Record a song that cannot be decoded; note one whose file is not there or not read, which is no verdict on it."""
    if isinstance(error, Undecodable | TooLarge):
        shard.songs.append(Encoded(planned, error.message))
    else:
        if error.transient:
            _refuse_dead_place(shard, planned, error)
        told = {"sha256": planned.ref.sha256, "uri": planned.ref.uri, "reason": error.message}
        shard.absent.append({**told, "transient": error.transient})


def _refuse_dead_place(shard: _Shard, planned: PlannedSong, error: AudioError) -> None:
    """Raise AudioError when so many songs of a shard cannot be read just now that it is not them, but where they lie.

    A few are left out, and planned again by the next run: the others are not to wait until somebody has mended them.
    """
    unread = 1 + sum(bool(song["transient"]) for song in shard.absent)
    if unread > max(1, len(shard.planned) // 10) or unread == len(shard.planned):
        raise AudioError(
            f"{planned.ref.uri}: {error.message}",
            fix="run the extraction again when the file can be read",
            transient=True,
        ) from error
    _log.warning("%s is left for another run: %s", planned.ref.uri, error.message)
