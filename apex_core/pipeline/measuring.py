"""What is measured of a trained model, with what only the store knows: both kinds of vectors, and the newest songs."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from apex_core import heads
from apex_core.heads.time_split import time_split
from apex_core.mert import read_shard_manifest
from apex_core.pipeline.training_set import TrainingSet
from apex_core.pipeline.vectors import load_vectors
from apex_core.settings import TrainSettings
from apex_core.storage import Store

_MOST_SONGS = 2000  # of both kinds of vectors: segments are many times the bytes of songs


def measure_model(
    store: Store, chosen: TrainingSet, data: heads.TrainingData, model: heads.ApexHeads, settings: TrainSettings
) -> tuple[dict[str, Any], heads.Scored]:
    """All of ``metrics.json``: plain figures by split, and what stands beside them; and the scored test songs."""
    scored = {split: heads.score(model, data, split) for split in heads.SPLITS}
    test = scored["test"]
    named = replace(test, names=np.array(list(song_keys(chosen.training_set_id, test.names))))
    metrics: dict[str, Any] = {split: part.metrics() for split, part in scored.items()}
    metrics |= heads.measured(named, data, settings.bootstrap_draws)
    metrics["segment_song"] = both_modes(store, chosen, model)
    if settings.time_split:
        metrics["time_split"] = time_split(
            data, lambda older: heads.train(older, settings).model, model, settings.bootstrap_draws
        )
    return metrics, test


def song_keys(training_set_id: str, names: Iterable[Any]) -> Iterable[str]:
    """What a published file calls songs (``<platform>/<track_id>``): whoever has the training set finds them.

    A published version never changes, so an id in it could never be forgotten.
    """
    return (hashlib.sha256(f"{training_set_id} {name}".encode()).hexdigest()[:12] for name in names)


def both_modes(store: Store, chosen: TrainingSet, model: heads.ApexHeads) -> dict[str, Any]:
    """The same heads on song vectors, and on segments with their predictions averaged, over the same test songs.

    Where there are more than 2,000 test songs, those of the shards that have most of them. Without vectors of
    segments only a ``reason``.
    """
    rows = _of_few_shards(chosen.rows.filter(pl.col("split") == "test"))
    shards = [read_shard_manifest(store, chosen.encoder_id, shard) for shard in rows["shard_id"].unique()]
    if any(manifest is None or "segments" not in manifest.files for manifest in shards):
        return {"reason": "vectors of segments were not kept"}
    found: dict[str, Any] = {"songs": rows.height}
    targets = model.config.targets
    wanted = rows.select(pl.col(targets).cast(pl.Float64)).fill_null(float("nan")).to_numpy()
    for mode in ("song", "segment"):
        vectors = load_vectors(store, chosen.encoder_id, rows, mode, model.config.layer_mix)
        predicted = heads.predict(model, vectors.values, vectors.song).astype(np.float64)
        found[mode] = heads.Scored(targets, np.unique(vectors.song), predicted, wanted).metrics()
    return heads.rounded(found)


def _of_few_shards(rows: pl.DataFrame) -> pl.DataFrame:
    if rows.height <= _MOST_SONGS:
        return rows
    shards = rows.group_by("shard_id").len().sort("len", "shard_id", descending=[True, False])
    chosen = shards.filter(pl.col("len").cum_sum() - pl.col("len") < _MOST_SONGS)["shard_id"]
    return rows.filter(pl.col("shard_id").is_in(chosen.to_list())).head(_MOST_SONGS)
