"""Stage 4: embeddings. Plan shards in SQL, encode them without the catalog, then adopt what was committed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apex_core import mert  # its encoder, and torch with it, loads only when there is something to encode
from apex_core.audio import AudioRef, Feed
from apex_core.catalog import sql, transaction
from apex_core.errors import AudioError, EncoderError, NotFound, TooLarge, Undecodable
from apex_core.mert import (
    ShardManifest,
    ShardSong,
    describe_encoder,
    read_shard_manifest,
    write_shard,
)
from apex_core.pipeline.frames import AUDIO, EMBEDDING, SHARD, execute_with, frame
from apex_core.pipeline.run import EVERYTHING, Progress, Run, StageReport, Window, no_progress
from apex_core.settings import Settings
from apex_core.storage import Store

if TYPE_CHECKING:
    from apex_core.mert import Encoder

Segments = NDArray[np.float32]
Found = Segments | AudioError
Decoded = tuple[AudioRef, Found]


@dataclass(frozen=True, slots=True)
class PlannedSong:
    """One song of a planned shard and its length in seconds."""

    ref: AudioRef
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be encoded: shard ids in order (their songs lie in the store), and hours of audio."""

    encoder_id: str
    shards: tuple[str, ...]
    songs: int
    audio_s: float


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard in the making: what to commit, and the songs whose file was not there (sha256, uri, reason)."""

    shard_id: str
    songs: list[ShardSong] = field(default_factory=list[ShardSong])
    absent: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def counts(self) -> dict[str, int]:
        failed = sum(song.reason is not None for song in self.songs)
        return {"shards": bool(self.songs), "songs": len(self.songs), "failed": failed, "absent": len(self.absent)}


def run_extract(run: Run, window: Window = EVERYTHING) -> StageReport:
    """Plan, encode and adopt in this process."""
    plan = plan_extract(run, window)
    encode_shards(run.settings, plan.encoder_id, plan.shards, run.progress)
    return adopt(run, plan)


def plan_extract(run: Run, window: Window = EVERYTHING) -> Plan:
    """Cut the songs without a vector into shards, after adopting what an interrupted run left committed."""
    encoder_id, facts = describe_encoder(run.settings.encoder, run.settings.cache)
    _adopt_committed(run, encoder_id, facts)
    bound = {"encoder_id": encoder_id, "shard_songs": run.settings.encoder.shard_songs, **window.bound}
    with run.catalog("extract") as connection:
        rows = connection.execute(sql("extract/wanted"), bound).fetchall()
    for _, shard_id, songs, _ in rows:
        # Replaced: an id stands for the songs, and where they lie may have changed since they were planned before.
        run.store.put_json(_plan_key(encoder_id, shard_id), songs, replace=True)
        run.store.delete(_absent_key(encoder_id, shard_id))
    return Plan(
        encoder_id,
        tuple(row[1] for row in rows),
        sum(len(row[2]) for row in rows),
        sum(row[3] for row in rows),
    )


def ranges(settings: Settings, shards: Sequence[str], encoders: int = 1) -> list[tuple[str, ...]]:
    """Contiguous ranges of shards, one a task, at most ``max_tasks`` of them.

    Each has at least ``range_shards``, unless some of so many ``encoders`` would then have nothing to do.
    """
    least = min(settings.encoder.range_shards, max(1, len(shards) // encoders))
    size = max(least, -(-len(shards) // settings.encoder.max_tasks))
    return [tuple(shards[start : start + size]) for start in range(0, len(shards), size)]


def encode_shards(
    settings: Settings, encoder_id: str, shards: Sequence[str], progress: Progress = no_progress
) -> dict[str, float]:
    """Encode planned shards; a shard that is committed already is left alone. Opens no catalog.

    One feed runs through all shards, so decoding is ahead across their borders. A song that cannot be decoded is
    recorded in its shard with the reason; one whose file is gone or changed is left out, and noted for ``adopt``.
    Returns counts: shards, songs, failed, absent. Raises AudioError when a song cannot be read just now: its shard
    stays uncommitted.
    """
    store = Store.open(settings.store_url)
    plans = {
        shard_id: _planned(store, encoder_id, shard_id)
        for shard_id in shards
        if read_shard_manifest(store, encoder_id, shard_id) is None
    }
    counts = {"shards": 0.0, "songs": 0.0, "failed": 0.0, "absent": 0.0}
    if not plans:
        return counts
    encoder = mert.loaded_encoder(settings.encoder, settings.cache)
    if encoder.encoder_id != encoder_id:
        raise EncoderError(
            f"This worker's encoder is {encoder.encoder_id}, the plan was made for {encoder_id}.",
            fix="give every worker the same APEX_ENCODER__* settings",
        )
    done, total = 0, sum(map(len, plans.values()))
    with Feed(settings.store_url, settings.audio, settings.encoder.decode_workers) as feed:
        decoded = feed.stream(song.ref for songs in plans.values() for song in songs)
        for shard_id, planned in plans.items():
            shard = Shard(shard_id)
            for song in _encoded(encoder, _present(zip(planned, islice(decoded, len(planned)), strict=True), shard)):
                shard.songs.append(song)
                progress("encode", done + len(shard.songs) + len(shard.absent), total)
            _commit(store, encoder, shard)
            done += len(planned)
            for name, count in shard.counts.items():
                counts[name] += count
    return counts


def _commit(store: Store, encoder: "Encoder", shard: Shard) -> None:
    # What is absent is noted first, so that no committed shard keeps it to itself.
    if shard.absent:
        store.put_json(_absent_key(encoder.encoder_id, shard.shard_id), shard.absent, replace=True)
    if shard.songs:
        write_shard(store, encoder.encoder_id, shard.shard_id, shard.songs, encoder.run_facts)


def _present(decoded: Iterable[tuple[PlannedSong, Decoded]], shard: Shard) -> Iterator[tuple[PlannedSong, Found]]:
    """Songs to embed or to judge; those without their file are noted in ``shard``."""
    for song, (_, found) in decoded:
        if not isinstance(found, AudioError) or isinstance(found, Undecodable | TooLarge):
            yield song, found
        elif found.transient:
            raise AudioError(
                f"{song.ref.uri}: {found.message}; its shard stays uncommitted.",
                fix="run the extraction again when the file can be read",
                transient=True,
            ) from found
        else:  # no verdict on the song, whose file may come back
            shard.absent.append({"sha256": song.ref.sha256, "uri": song.ref.uri, "reason": found.message})


def _encoded(encoder: "Encoder", songs: Iterable[tuple[PlannedSong, Found]]) -> Iterator[ShardSong]:
    """Songs in their order; segments of short songs share a batch, which never crosses the shard."""
    waiting: list[tuple[PlannedSong, Found]] = []
    for item in songs:
        waiting.append(item)
        if sum(len(found) for _, found in waiting if not isinstance(found, AudioError)) >= encoder.batch_segments:
            yield from _flush(encoder, waiting)
            waiting = []
    yield from _flush(encoder, waiting)


def _flush(encoder: "Encoder", items: Sequence[tuple[PlannedSong, Found]]) -> Iterator[ShardSong]:
    arrays = [found for _, found in items if not isinstance(found, AudioError)]
    means = encoder.encode(np.concatenate(arrays)) if arrays else np.empty((0, 4, encoder.hidden), np.float32)
    start = 0
    for song, found in items:
        if isinstance(found, AudioError):
            yield ShardSong(song.ref.sha256, None, found.message, song.seconds)
        else:
            yield ShardSong(song.ref.sha256, means[start : start + len(found)], None, song.seconds)
            start += len(found)


def _plan_key(encoder_id: str, shard_id: str) -> str:
    return f"shard_plans/{encoder_id}/{shard_id}.json"


def _absent_key(encoder_id: str, shard_id: str) -> str:
    return f"shard_plans/{encoder_id}/{shard_id}.absent.json"


def _planned(store: Store, encoder_id: str, shard_id: str) -> list[PlannedSong]:
    songs = store.read_json(_plan_key(encoder_id, shard_id))
    return [PlannedSong(AudioRef(s["sha256"], s["uri"], s["origin"]), s["duration_s"] or 0.0) for s in songs]


def adopt(run: Run, plan: Plan) -> StageReport:
    """Project the manifests of the committed shards into the catalog, and what they lacked into its audio."""
    _, facts = describe_encoder(run.settings.encoder, run.settings.cache)
    manifests = _adopt_committed(run, plan.encoder_id, facts)
    absent = {shard_id: _absent(run.store, plan.encoder_id, shard_id) for shard_id in plan.shards}
    _forget(run, [song for songs in absent.values() for song in songs])
    committed = {manifest.shard_id for manifest in manifests}
    counts = {
        "shards": len(manifests),
        "songs": sum(len(m.songs) + len(m.failed) for m in manifests),
        "failed": sum(len(m.failed) for m in manifests),
        "absent": sum(map(len, absent.values())),
        "segments": sum(m.segments for m in manifests),
        "audio_s": sum(m.audio_seconds for m in manifests),
        "missing_shards": sum(
            len(songs) < len(_planned(run.store, plan.encoder_id, shard_id))
            for shard_id, songs in absent.items()
            if shard_id not in committed
        ),
    }
    return StageReport("extract", {name: float(value) for name, value in counts.items()}, plan.encoder_id)


def _absent(store: Store, encoder_id: str, shard_id: str) -> list[dict[str, str]]:
    """Songs of a planned shard whose file was not there; a later try may have found some of them."""
    try:
        songs = store.read_json(_absent_key(encoder_id, shard_id))
    except NotFound:
        return []
    manifest = read_shard_manifest(store, encoder_id, shard_id)
    settled = set[str]() if manifest is None else {*manifest.songs, *manifest.failed}
    return [song for song in songs if song["sha256"] not in settled]


def _forget(run: Run, absent: Sequence[dict[str, str]]) -> None:
    if absent:
        rows = frame(AUDIO, [{**song, "checked_at": run.as_of} for song in absent])
        with run.catalog("extract") as connection, transaction(connection):
            execute_with(connection, "absent", rows, "extract/forget_absent")


def _adopt_committed(run: Run, encoder_id: str, facts: dict[str, Any]) -> list[ShardManifest]:
    committed = _committed(run.store, encoder_id)
    with run.catalog("extract") as connection:
        known = {row[0] for row in connection.execute(sql("extract/adopted"), {"encoder_id": encoder_id}).fetchall()}
    found = [read_shard_manifest(run.store, encoder_id, shard_id) for shard_id in committed if shard_id not in known]
    manifests = [manifest for manifest in found if manifest is not None]
    if not manifests:
        return []
    source = run.settings.encoder.source
    encoder = {"encoder_id": encoder_id, "source": source, "facts": json.dumps(facts, sort_keys=True)}
    shards = frame(SHARD, [_shard_row(run, manifest) for manifest in manifests])
    songs = frame(EMBEDDING, [row for manifest in manifests for row in _song_rows(manifest)])
    with run.catalog("extract") as connection, transaction(connection):
        connection.execute(sql("extract/insert_encoder"), {**encoder, "as_of": run.as_of})
        execute_with(connection, "incoming_shard", shards, "extract/insert_shard")
        execute_with(connection, "incoming_embedding", songs, "extract/insert_embeddings")
    return manifests


def _committed(store: Store, encoder_id: str) -> list[str]:
    """Ids of the committed shards: a shard's manifest is its commit."""
    keys = store.list(f"embeddings/{encoder_id}")
    return [key.rsplit("/", 1)[-1].removesuffix(".json") for key in keys if key.endswith(".json")]


def _shard_row(run: Run, manifest: ShardManifest) -> dict[str, Any]:
    return {
        "encoder_id": manifest.encoder_id,
        "shard_id": manifest.shard_id,
        "songs": len(manifest.songs) + len(manifest.failed),
        "failed": len(manifest.failed),
        "segments": manifest.segments,
        "audio_s": manifest.audio_seconds,
        "precision": manifest.precision,
        "device": manifest.device,
        "adopted_at": run.as_of,
    }


def _song_rows(manifest: ShardManifest) -> list[dict[str, Any]]:
    ids = {"encoder_id": manifest.encoder_id, "shard_id": manifest.shard_id}
    embedded = [
        {**ids, "sha256": sha256, "state": "embedded", "segments": segments}
        for sha256, segments in manifest.songs.items()
    ]
    failed = [
        {**ids, "sha256": sha256, "state": "failed", "reason": reason, "segments": 0}
        for sha256, reason in manifest.failed.items()
    ]
    return embedded + failed
