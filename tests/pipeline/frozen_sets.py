"""A store with shards of vectors and a training set frozen over them, and nothing else: what training reads."""

import io
from hashlib import sha256

import numpy as np
import polars as pl

from apex_core.heads import TARGETS
from apex_core.mert.shards import ShardSong, write_shard
from apex_core.storage import Manifest, Store, write_manifest
from apex_core.storage.manifest import entry_of

ENCODER = "e1"
_SHARD_FACTS = {"precision": "fp32", "device": "cpu", "torch": "0"}


def freeze(store: Store, songs: int = 90, hidden: int = 16, *, segments: bool = True) -> str:
    """Write one shard and a training set over it; its id. A song's labels follow the mean of its vectors."""
    random = np.random.default_rng(7)
    means = [random.normal(size=(1 + n % 2, 4, hidden)).astype(np.float32) for n in range(songs)]
    names = [sha256(str(n).encode()).hexdigest() for n in range(songs)]
    made = [ShardSong(name, mean, None, 30.0 * len(mean)) for name, mean in zip(names, means, strict=True)]
    write_shard(store, ENCODER, "s1", made, _SHARD_FACTS, segments=segments)
    appeal = np.tanh([mean.mean(axis=(0, 1)).sum() for mean in means])
    scores = {target: (50 + 40 * appeal if n < 2 else 3 + 1.5 * appeal) for n, target in enumerate(TARGETS)}
    split = random.choice(["train", "val", "test"], size=songs, p=[0.6, 0.2, 0.2])
    facts = {
        "platform": ["suno"] * songs,
        "track_id": [f"t{n}" for n in range(songs)],
        "sha256": names,
        "shard_id": ["s1"] * songs,
        "split": split.tolist(),
    }
    sink = io.BytesIO()
    pl.DataFrame({**facts, **scores}).write_parquet(sink)
    data = sink.getvalue()
    name = sha256(data).hexdigest()[:16]
    store.put(f"training_sets/{name}/rows.parquet", data)
    listed = {"rows.parquet": entry_of(data, songs)}
    write_manifest(store, f"training_sets/{name}", Manifest(listed, {"encoder_id": ENCODER, "score_run_id": "score-1"}))
    return name
