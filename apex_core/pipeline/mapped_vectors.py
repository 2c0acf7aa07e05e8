"""Vectors that are more than memory should hold, in a file that is mapped: read where training asks for them."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from apex_core.errors import ArtifactError
from apex_core.mert import read_shard_manifest
from apex_core.pipeline.vectors import Vectors, load_vectors
from apex_core.storage import Store


def load_within(
    store: Store, encoder_id: str, songs: pl.DataFrame, mode: str, layer_mix: str, megabytes: int, folder: Path
) -> Vectors:
    """What ``load_vectors`` gives; where that takes more than ``megabytes``, in a file in ``folder``.

    The file has no name: its space is free again when nobody holds the vectors, or the process is gone.
    """
    counts = _counts(store, encoder_id, songs, mode)
    one = songs.filter(pl.Series(counts > 0)).head(1)
    if not one.height:
        return load_vectors(store, encoder_id, songs, mode, layer_mix)
    shape = load_vectors(store, encoder_id, one, mode, layer_mix).values.shape[1:]
    rows = int(counts.sum())
    if rows * np.prod(shape) * np.dtype(np.float32).itemsize <= megabytes << 20:
        return load_vectors(store, encoder_id, songs, mode, layer_mix)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        values = np.memmap(file, np.float32, "w+", shape=(rows, *shape))
    starts = np.cumsum(counts) - counts
    for (shard,), _ in songs.group_by("shard_id", maintain_order=True):
        place = np.flatnonzero((songs["shard_id"] == shard).to_numpy())
        part = load_vectors(store, encoder_id, songs[place], mode, layer_mix)
        if len(part.song) != counts[place].sum():
            raise ArtifactError(f"Shard {shard} of {encoder_id} holds other rows than its manifest says.")
        within = np.arange(len(part.song)) - np.searchsorted(part.song, part.song)
        values[starts[place[part.song]] + within] = part.values
    return Vectors(values, np.repeat(np.arange(songs.height), counts))


def _counts(store: Store, encoder_id: str, songs: pl.DataFrame, mode: str) -> NDArray[np.int64]:
    """Rows of each song, by the manifests."""
    held: dict[str, int] = {}
    for shard in songs["shard_id"].unique():
        manifest = read_shard_manifest(store, encoder_id, shard)
        held |= manifest.songs if manifest else {}
    counts = np.array([held.get(sha256, 0) for sha256 in songs["sha256"]], dtype=np.int64)
    return counts if mode == "segment" else np.minimum(counts, 1)
