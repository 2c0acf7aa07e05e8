"""Planned shards of a world's songs, without a catalog; and what became of them."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from apex_core.mert import describe_encoder, read_shard_manifests
from apex_core.pipeline.encoders import Encoders
from apex_core.pipeline.extract import Plan
from apex_core.sandbox import World
from apex_core.settings import Settings
from apex_core.storage import Store


def planned(settings: Settings, songs: Iterable[dict[str, Any]], shard_songs: int) -> Plan:
    """Shards of ``songs``, in the order of their hash, listed in the store as ``plan_extract`` does it."""
    encoder_id, _ = describe_encoder(settings.encoder, settings.cache)
    store, ordered = Store.open(settings.store_url), sorted(songs, key=lambda song: song["sha256"])
    shards = {f"shard{start:04}": ordered[start : start + shard_songs] for start in range(0, len(ordered), shard_songs)}
    for shard_id, some in shards.items():
        store.put_json(f"shard_plans/{encoder_id}/{shard_id}.json", some)
    sizes = tuple((len(some), sum(song["duration_s"] for song in some)) for some in shards.values())
    return Plan(encoder_id, tuple(shards), len(ordered), sum(seconds for _, seconds in sizes), sizes)


def library_songs(world: World) -> list[dict[str, Any]]:
    """The world's songs as a library on this disk has them."""
    return [_song(world.path(song)) for song in world.songs]


def _song(path: Path) -> dict[str, Any]:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"sha256": sha256, "uri": str(path), "origin": "library", "duration_s": 2.5}


def vectors(settings: Settings, encoder_id: str) -> dict[str, list[str]]:
    """The hashes of the files of every committed shard: equal ones hold equal vectors."""
    store = Store.open(settings.store_url)
    return {
        manifest.shard_id: sorted(file.sha256 for file in manifest.files.values())
        for manifest in read_shard_manifests(store, encoder_id)
    }


def encoded_alone(settings: Settings, encoder_id: str, shards: Sequence[str]) -> dict[str, list[str]]:
    """The vectors of one process that encodes shard after shard."""
    with Encoders(settings, ("cpu",)) as encoders:
        encoders.encode(encoder_id, shards)
    return vectors(settings, encoder_id)
