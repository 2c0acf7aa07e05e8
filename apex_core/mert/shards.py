"""Shards of vectors in the store: two Parquet files, then the manifest that commits them (DESIGN §5).

Every name is written once. Bytes depend on the vectors alone, so a shard that is computed again after a crash
finds its own files. Leftovers with other bytes (another device, version or number of threads) are not touched: the new
file takes a name with its hash. Readers only trust what a manifest names.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apex_core.errors import ArtifactError, EncoderError, NotFound
from apex_core.mert import tables
from apex_core.storage import Store
from apex_core.storage.manifest import entry_of

_RUN_FACTS = ("precision", "device", "torch")


@dataclass(frozen=True, slots=True)
class ShardSong:
    """One song of a shard: its layer means float32[k, 4, h] (k segments), or the reason there are none."""

    sha256: str
    layer_means: NDArray[np.float32] | None
    reason: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class ShardManifest:
    """What a committed shard holds.

    ``files`` by role (``segments``, ``songs``); ``songs``: sha256 -> segments; ``failed``: sha256 -> reason.
    ``audio_seconds`` and ``segments`` count embedded songs only.
    """

    encoder_id: str
    shard_id: str
    files: dict[str, "ShardFile"]
    songs: dict[str, int]
    failed: dict[str, str]
    segments: int
    audio_seconds: float
    precision: str
    device: str
    torch: str
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(file.bytes for file in self.files.values())


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file of a shard: its key, hash, size and rows."""

    key: str
    sha256: str
    bytes: int
    rows: int


def write_shard(
    store: Store,
    encoder_id: str,
    shard_id: str,
    songs: Sequence[ShardSong],
    facts: Mapping[str, Any],
    *,
    segments: bool = True,
) -> ShardManifest:
    """Write and commit one shard; when it was committed before, nothing changes and its manifest is returned.

    ``facts`` are the encoder's ``run_facts`` (precision, device, torch), and whatever else is worth keeping.
    Without ``segments`` the rows of segments are left out; those of songs hold their means.
    Raises EncoderError for vectors that are not what they must be.
    """
    if (committed := read_shard_manifest(store, encoder_id, shard_id)) is not None:
        return committed
    _check(songs, facts)
    embedded = [(song.sha256, song.layer_means) for song in songs if song.layer_means is not None]
    width = int(facts.get("hidden", 1))
    made = {"segments": tables.segment_table(embedded, width)} if segments else {}
    made["songs"] = tables.song_table(embedded, width)
    files = {role: _put_table(store, encoder_id, shard_id, role, table) for role, table in made.items()}
    manifest = _manifest(encoder_id, shard_id, songs, files, facts)
    if store.put_json(f"{_key(encoder_id, shard_id)}.json", asdict(manifest)):
        return manifest
    return _committed(store, encoder_id, shard_id)


def read_shard_manifest(store: Store, encoder_id: str, shard_id: str) -> ShardManifest | None:
    """The manifest of one shard, or None while it is not committed."""
    try:
        return _parse(store.read(f"{_key(encoder_id, shard_id)}.json"))
    except NotFound:
        return None


def committed_shards(store: Store, encoder_id: str) -> list[str]:
    """Ids of an encoder's committed shards, sorted; one listing."""
    keys = store.list(f"embeddings/{encoder_id}")
    return [key.rsplit("/", 1)[-1].removesuffix(".json") for key in keys if key.endswith(".json")]


def read_shard_manifests(store: Store, encoder_id: str) -> Iterator[ShardManifest]:
    """Every committed shard of an encoder, by shard id."""
    for shard_id in committed_shards(store, encoder_id):
        yield _committed(store, encoder_id, shard_id)


def song_vectors(
    store: Store, encoder_id: str, shard_ids: Sequence[str], columns: Sequence[str] = tables.SONG_COLUMNS
) -> pa.Table:
    """Song rows of committed shards: sha256, segments, layer_2, layer_5, layer_8, layer_12, mixed.

    ``columns`` narrows what is read.

    Raises NotFound for a shard that is not committed, ArtifactError when a file is missing or altered.
    """
    return _vectors(store, encoder_id, shard_ids, "songs", columns)


def segment_vectors(
    store: Store, encoder_id: str, shard_ids: Sequence[str], columns: Sequence[str] = tables.SEGMENT_COLUMNS
) -> pa.Table:
    """Segment rows of committed shards: sha256, segment, start_s, layer_2, layer_5, layer_8, layer_12.

    Raises as ``song_vectors`` does, and ArtifactError for a shard that keeps none.
    """
    return _vectors(store, encoder_id, shard_ids, "segments", columns)


def _vectors(store: Store, encoder_id: str, shard_ids: Sequence[str], role: str, columns: Sequence[str]) -> pa.Table:
    parts: list[pa.Table] = []
    for shard_id in shard_ids:
        file = _committed(store, encoder_id, shard_id).files.get(role)
        if file is None:
            raise ArtifactError(
                f"Shard {shard_id} of {encoder_id} was written without vectors of {role}.",
                fix="train in song mode, or embed anew with APEX_ENCODER__KEEP=segments and another store",
            )
        # A shard of failures alone does not know how long a vector is.
        if file.rows:
            parts.append(tables.parse(_verified(store, file), columns))
    return pa.concat_tables(parts) if parts else tables.empty(role, columns)


def _committed(store: Store, encoder_id: str, shard_id: str) -> ShardManifest:
    manifest = read_shard_manifest(store, encoder_id, shard_id)
    if manifest is None:
        raise NotFound(f"Shard {shard_id} of {encoder_id} is not committed in {store.url}.")
    return manifest


def _verified(store: Store, file: ShardFile) -> bytes:
    try:
        data = store.read(file.key)
    except NotFound as error:
        raise ArtifactError(f"{store.url}/{file.key} is named by its manifest but missing.") from error
    found = entry_of(data).sha256
    if found != file.sha256:
        raise ArtifactError(f"{store.url}/{file.key} was altered: sha256 {found[:12]}… is not {file.sha256[:12]}….")
    return data


def _key(encoder_id: str, shard_id: str) -> str:
    if "/" in encoder_id or "/" in shard_id:
        raise EncoderError(f"Not an encoder or shard id: {encoder_id!r}, {shard_id!r}.")
    return f"embeddings/{encoder_id}/{shard_id}"


def _put_table(store: Store, encoder_id: str, shard_id: str, role: str, table: pa.Table) -> ShardFile:
    """Write one file of a shard; it may be there already, of a writer that was killed.

    That one is written once more, so that nobody takes it for an old leftover. Its name tells what is in it, for
    those who read many at once: ``….songs.parquet``, and ``….parquet`` for segments.
    """
    data = tables.serialise(table)
    entry = entry_of(data, table.num_rows)
    key = table_key(encoder_id, shard_id, role)
    if not store.put(key, data):
        if store.sha256(key) != entry.sha256:
            key = table_key(encoder_id, shard_id, role, entry.sha256[:12])
        store.put(key, data, replace=True)
    return ShardFile(key, entry.sha256, entry.bytes, table.num_rows)


def table_key(encoder_id: str, shard_id: str, role: str, digest: str = "") -> str:
    """Where a table of a shard lies; ``digest`` tells it from one of other bytes."""
    told = f".{digest}" if digest else ""
    return f"{_key(encoder_id, shard_id)}{told}{'.songs' if role == 'songs' else ''}.parquet"


def _manifest(
    encoder_id: str,
    shard_id: str,
    songs: Sequence[ShardSong],
    files: dict[str, ShardFile],
    facts: Mapping[str, Any],
) -> ShardManifest:
    counts = {song.sha256: len(song.layer_means) for song in songs if song.layer_means is not None}
    return ShardManifest(
        encoder_id=encoder_id,
        shard_id=shard_id,
        files=files,
        songs=counts,
        failed={song.sha256: song.reason or "" for song in songs if song.layer_means is None},
        segments=sum(counts.values()),
        audio_seconds=sum(song.seconds for song in songs if song.layer_means is not None),
        **{name: str(facts[name]) for name in _RUN_FACTS},
        facts={name: value for name, value in facts.items() if name not in _RUN_FACTS},
    )


def _parse(data: bytes) -> ShardManifest:
    raw = json.loads(data)
    files = {role: ShardFile(**entry) for role, entry in raw.pop("files").items()}
    return ShardManifest(files=files, **raw)


def _check(songs: Sequence[ShardSong], facts: Mapping[str, Any]) -> None:
    if missing := [name for name in _RUN_FACTS if name not in facts]:
        raise EncoderError(f"A shard's facts lack {', '.join(missing)}.", fix="pass the encoder's run_facts")
    if len({song.sha256 for song in songs}) != len(songs):
        raise EncoderError("A song is in its shard twice.")
    shapes = {_shape(song) for song in songs if song.layer_means is not None}
    if len(shapes) > 1:
        raise EncoderError(f"Vectors of one shard differ in shape: {sorted(shapes)}.")
    if silent := [song.sha256 for song in songs if song.layer_means is None and not song.reason]:
        raise EncoderError(f"Song {silent[0]} has neither vectors nor a reason.")


def _shape(song: ShardSong) -> tuple[int, ...]:
    means = song.layer_means
    if means is None or means.ndim != 3 or means.shape[1] != len(tables.LAYER_COLUMNS) or not len(means):
        raise EncoderError(f"Layer means of song {song.sha256} are not float32[k, 4, h].")
    if means.dtype != np.float32 or not np.isfinite(means).all() or song.reason is not None:
        raise EncoderError(f"Song {song.sha256} has vectors that are not finite float32, or vectors and a reason.")
    return means.shape[1:]
