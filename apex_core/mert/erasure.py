"""Shards without songs that are to be forgotten.

A shard keeps its id, which lineage names. Its tables are written anew under names with their hashes; replacing the
manifest is the commit; the old tables go last. Whatever cuts this short, doing it again completes it.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace

import pyarrow as pa

from apex_core.mert import tables
from apex_core.mert.shards import ShardFile, ShardManifest, read_shard_manifest, table_key
from apex_core.storage import Store
from apex_core.storage.manifest import entry_of

_EVERYTHING = {"songs": tables.SONG_COLUMNS, "segments": tables.SEGMENT_COLUMNS}


def shards_with(store: Store, songs: Collection[str]) -> dict[tuple[str, str], int]:
    """Encoder and shard ids of the shards, committed or not, that may hold one of ``songs``, and how many of them.

    Tables that no manifest names are leftovers of a crash; they count as one song, unread.
    """
    found: dict[tuple[str, str], int] = {}
    for (encoder_id, shard_id), keys in _listed(store).items():
        manifest = read_shard_manifest(store, encoder_id, shard_id)
        held = 0 if manifest is None else len({*manifest.songs, *manifest.failed} & set(songs))
        if held or _strays(keys, manifest):
            found[encoder_id, shard_id] = max(held, 1)
    return found


def clear_shard(store: Store, encoder_id: str, shard_id: str, songs: Collection[str]) -> ShardManifest | None:
    """Write a shard anew without ``songs``, and delete what no manifest names of it; None when nothing is left."""
    manifest = read_shard_manifest(store, encoder_id, shard_id)
    if manifest is not None and {*manifest.songs, *manifest.failed} & set(songs):
        manifest = _without(store, manifest, songs)
    for key in _strays(_listed(store, encoder_id).get((encoder_id, shard_id), []), manifest):
        store.delete(key)
    return manifest


def _listed(store: Store, encoder_id: str | None = None) -> dict[tuple[str, str], list[str]]:
    """The keys of every shard, by encoder and shard id."""
    found: dict[tuple[str, str], list[str]] = {}
    for key in store.list(f"embeddings/{encoder_id}" if encoder_id else "embeddings"):
        _, encoder, name = key.split("/", 2)
        found.setdefault((encoder, name.partition(".")[0]), []).append(key)
    return found


def _strays(keys: Sequence[str], manifest: ShardManifest | None) -> list[str]:
    named = set[str]() if manifest is None else {file.key for file in manifest.files.values()}
    return [key for key in keys if key.endswith(".parquet") and key not in named]


def _without(store: Store, manifest: ShardManifest, songs: Collection[str]) -> ShardManifest | None:
    key = f"embeddings/{manifest.encoder_id}/{manifest.shard_id}.json"
    left = {sha256: n for sha256, n in manifest.songs.items() if sha256 not in songs}
    failed = {sha256: reason for sha256, reason in manifest.failed.items() if sha256 not in songs}
    if not left and not failed:
        store.delete(key)
        return None
    files = {role: _table_without(store, manifest, role, songs) for role in manifest.files}
    cleared = replace(manifest, files=files, songs=left, failed=failed, segments=sum(left.values()))
    store.put_json(key, asdict(cleared), replace=True)
    return cleared


def _table_without(store: Store, manifest: ShardManifest, role: str, songs: Collection[str]) -> ShardFile:
    file = manifest.files[role]
    if not file.rows:
        return file
    table = tables.parse(store.read(file.key), _EVERYTHING[role])
    staying = [sha256 not in songs for sha256 in table["sha256"].to_pylist()]
    kept = table.filter(pa.array(staying))
    data = tables.serialise(kept)
    entry = entry_of(data, kept.num_rows)
    key = table_key(manifest.encoder_id, manifest.shard_id, role, entry.sha256[:12])
    store.put(key, data)
    return ShardFile(key, entry.sha256, entry.bytes, kept.num_rows)
