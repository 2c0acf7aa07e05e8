"""Vectors from the shards, as the heads of either mode take them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from apex_core.mert import mix, segment_vectors, song_vectors
from apex_core.storage import Store

_LAYERS = ("layer_2", "layer_5", "layer_8", "layer_12")


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Vectors and, for each, the position of its song in the list that was asked for.

    values: float32[n, hidden] under the authors' layer mix, float32[n, 4, hidden] under a learned one.
    """

    values: NDArray[np.float32]
    song: NDArray[np.int64]


def load_vectors(
    store: Store, encoder_id: str, songs: pl.DataFrame, mode: str, layer_mix: str = "AUTHORS_LAYER_MIX"
) -> Vectors:
    """Read the vectors of ``songs`` (columns sha256, shard_id): one a song, or in segment mode one a segment.

    Songs come in their order, segments in theirs. Raises ArtifactError for a shard that was altered.
    """
    shards = sorted(songs["shard_id"].unique().to_list())
    if mode == "segment":
        table = segment_vectors(store, encoder_id, shards, ("sha256", "segment", *_LAYERS))
        numbered = pl.DataFrame({"sha256": table["sha256"], "segment": table["segment"]}).with_row_index("row")
        wanted = songs.select("sha256").with_row_index("song")
        found = wanted.join(numbered.sort("sha256", "segment"), on="sha256", how="inner", maintain_order="left_right")
        song, rows = found["song"].cast(pl.Int64).to_numpy(), found["row"].to_numpy()
    else:
        # Songs keep the authors' mix ready made; any other is linear too, so the mean of the segments will do.
        columns = _LAYERS if layer_mix == "learned" else ("mixed",)
        table = song_vectors(store, encoder_id, shards, ("sha256", *columns))
        # Not by polars: it has threads of its own, for which ours would wait where many read a shard each.
        place = {sha256: row for row, sha256 in enumerate(table["sha256"].to_pylist())}
        at = np.array([place.get(sha256, -1) for sha256 in songs["sha256"].to_list()], np.int64)
        song = np.flatnonzero(at >= 0)
        rows = at[song]
    return Vectors(_values(table, layer_mix)[rows], song)


def as_inputs(means: NDArray[np.float32], layer_mix: str) -> NDArray[np.float32]:
    """Layer means float32[n, 4, hidden] as heads of that layer mix take them: as they are, or mixed."""
    return means if layer_mix == "learned" else mix(means)


def _values(table: pa.Table, layer_mix: str) -> NDArray[np.float32]:
    if "mixed" in table.column_names:
        return _floats(table["mixed"])
    return as_inputs(np.stack([_floats(table[layer]) for layer in _LAYERS], axis=1), layer_mix)


def _floats(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """float32[n, hidden] of a column of lists of one size."""
    lists: Any = column.combine_chunks()
    return lists.flatten().to_numpy().reshape(len(lists), column.type.list_size)
