"""What is to be encoded: the songs without a vector, cut into shards, whose songs are listed in the store."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import pyarrow.parquet as pq

from apex_core.audio import AudioRef
from apex_core.catalog import sql
from apex_core.errors import NotFound
from apex_core.mert import committed_shards
from apex_core.pipeline.in_hand import InHand
from apex_core.pipeline.run import Run, Window
from apex_core.storage import Store
from apex_core.threads import Threads

_AT_ONCE = 16
_ABSENT = ".absent.json"

Song = dict[str, Any]
# sha256, uri, reason; transient: its file may be read by another run, and is where it was.
AbsentSong = dict[str, Any]
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class PlannedSong:
    """One song of a planned shard and its length in seconds."""

    ref: AudioRef
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be encoded: shard ids in order (their songs lie in the store), and seconds of audio.

    ``sizes``: songs and seconds of each shard.
    """

    encoder_id: str
    shards: tuple[str, ...]
    songs: int
    audio_s: float
    sizes: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """How much of a plan is committed."""

    shards: int
    songs: int
    audio_s: float


def write_plan(run: Run, encoder_id: str, window: Window, hand: InHand) -> Plan:
    """Cut the songs without a vector into shards, in the order of their hash, and list each shard's in the store.

    Shards are cut from what is missing, so a shard committed before a crash leaves the other cuts where they were.
    Songs pass through in batches, by a file: neither their number nor a slow store keeps the catalog's door open. What
    another run has in hand is left to it.
    """
    bound = {"encoder_id": encoder_id, "songs": window.songs, **window.bound}
    stale = {key for key in run.store.list(f"shard_plans/{encoder_id}") if key.endswith(_ABSENT)}

    def write(songs: list[Song]) -> tuple[str, int, float]:
        shard_id = _shard_id(encoder_id, songs)
        # Replaced: an id stands for the songs, and where they lie may have changed since they were planned before.
        run.store.put_json(_plan_key(encoder_id, shard_id), songs, replace=True)
        if (key := _absent_key(encoder_id, shard_id)) in stale:
            run.store.delete(key)
        return shard_id, len(songs), sum(song["duration_s"] or 0.0 for song in songs)

    what = f"encode-{encoder_id}"
    path = hand.path(what)
    with run.catalog("extract") as connection, hand.left_to_others(connection, what, ["sha256"]):
        connection.execute(sql("extract/wanted", path=path), bound)
    cuts = batched(_songs(path), run.settings.encoder.shard_songs)
    planned = [shard for some in batched(cuts, 4 * _AT_ONCE) for shard in at_once(run.store, write, some)]
    return Plan(
        encoder_id,
        tuple(shard_id for shard_id, _, _ in planned),
        sum(songs for _, songs, _ in planned),
        sum(seconds for _, _, seconds in planned),
        tuple((songs, seconds) for _, songs, seconds in planned),
    )


def songs_of(store: Store, encoder_id: str, shards: Iterable[str]) -> tuple[str, ...]:
    """The sha256 of the songs that were planned for these shards. Raises NotFound as ``read_planned`` does."""
    return tuple(song.ref.sha256 for shard_id in shards for song in read_planned(store, encoder_id, shard_id))


def reached(store: Store, plan: Plan) -> Reached:
    """How much of ``plan`` is committed, whoever encoded it: one listing, so cheap enough to ask again and again."""
    committed = set(committed_shards(store, plan.encoder_id))
    done = [size for shard_id, size in zip(plan.shards, plan.sizes, strict=True) if shard_id in committed]
    return Reached(len(done), sum(songs for songs, _ in done), sum(seconds for _, seconds in done))


def read_planned(store: Store, encoder_id: str, shard_id: str) -> list[PlannedSong]:
    """The songs of a planned shard. Raises NotFound when it was never planned."""
    try:
        songs = store.read_json(_plan_key(encoder_id, shard_id))
    except NotFound as error:
        raise NotFound(
            f"{store.url} has no plan of the shard {shard_id} of {encoder_id}.",
            fix="run the extraction again: it plans what is missing",
        ) from error
    return [PlannedSong(AudioRef(s["sha256"], s["uri"], s["origin"]), s["duration_s"] or 0.0) for s in songs]


def note_absent(store: Store, encoder_id: str, shard_id: str, songs: list[AbsentSong]) -> None:
    """Keep the songs of a shard whose file was not there, or could not be read."""
    store.put_json(_absent_key(encoder_id, shard_id), songs, replace=True)


def read_absent(store: Store, plan: Plan) -> dict[str, list[AbsentSong]]:
    """The songs that were not there, by shard of ``plan``; shards that lacked none are left out."""
    prefix, planned = f"shard_plans/{plan.encoder_id}/", set(plan.shards)
    ids = [key.removeprefix(prefix).removesuffix(_ABSENT) for key in store.list(prefix) if key.endswith(_ABSENT)]
    return {
        shard_id: store.read_json(_absent_key(plan.encoder_id, shard_id)) for shard_id in ids if shard_id in planned
    }


def at_once(store: Store, ask: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """``ask`` of every item, in order; where the store is far, so that each is a round trip, many at the same time."""
    with Threads(1 if store.is_local else _AT_ONCE) as pool:
        return list(pool.map(ask, items))


def batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of ``size`` items, the last one shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _songs(path: Path) -> Iterator[Song]:
    with pq.ParquetFile(path) as file:
        for batch in cast(Any, file).iter_batches(batch_size=8_192):
            yield from batch.to_pylist()


def _shard_id(encoder_id: str, songs: list[Song]) -> str:
    told = f"{encoder_id}:{','.join(song['sha256'] for song in songs)}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _plan_key(encoder_id: str, shard_id: str) -> str:
    return f"shard_plans/{encoder_id}/{shard_id}.json"


def _absent_key(encoder_id: str, shard_id: str) -> str:
    return f"shard_plans/{encoder_id}/{shard_id}{_ABSENT}"
