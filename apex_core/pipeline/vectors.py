"""Vectors from the shards, as the heads of either mode take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from apex_core.mert import mix, segment_vectors, song_vectors
from apex_core.storage import Store

_LAYERS = ("layer_2", "layer_5", "layer_8", "layer_12")


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Mixed vectors float32[n, hidden] and, for each, the position of its song in the list that was asked for."""

    values: NDArray[np.float32]
    song: NDArray[np.int64]


def load_vectors(store: Store, encoder_id: str, songs: pl.DataFrame, mode: str) -> Vectors:
    """Read the vectors of ``songs`` (columns sha256, shard_id): one a song, or in segment mode one a segment.

    Songs come in their order, segments in theirs. Raises ArtifactError for a shard that was altered.
    """
    shards = sorted(songs["shard_id"].unique().to_list())
    table = _segments(store, encoder_id, shards) if mode == "segment" else _songs(store, encoder_id, shards)
    wanted = songs.select("sha256").with_row_index("song")
    found = wanted.join(table, on="sha256", how="inner", maintain_order="left_right")
    return Vectors(found["mixed"].to_numpy(), found["song"].cast(pl.Int64).to_numpy())


def _songs(store: Store, encoder_id: str, shards: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(song_vectors(store, encoder_id, shards, ("sha256", "mixed")))


def _segments(store: Store, encoder_id: str, shards: Sequence[str]) -> pl.DataFrame:
    table = pl.DataFrame(segment_vectors(store, encoder_id, shards, ("sha256", "segment", *_LAYERS)))
    layers: list[NDArray[Any]] = [table[layer].to_numpy() for layer in _LAYERS]
    mixed = mix(np.stack(layers, axis=1))
    columns = {"sha256": table["sha256"], "segment": table["segment"], "mixed": mixed}
    return pl.DataFrame(columns).sort("sha256", "segment")
