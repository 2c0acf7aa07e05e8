"""Vectors as Arrow tables and as Parquet bytes that depend on nothing but the vectors."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from apex_core.mert.config import LAYERS, SEGMENT_SECONDS
from apex_core.mert.mix import mix

LAYER_COLUMNS = tuple(f"layer_{layer}" for layer in LAYERS)
SEGMENT_COLUMNS = ("sha256", "segment", "start_s", *LAYER_COLUMNS)
SONG_COLUMNS = ("sha256", "segments", *LAYER_COLUMNS, "mixed")

Embedded = Sequence[tuple[str, NDArray[np.float32]]]


def segment_table(embedded: Embedded, width: int = 1) -> pa.Table:
    """One row a segment: sha256, segment, start_s, the four layer means; ``width`` is a vector's length, of no rows."""
    counts = [len(means) for _, means in embedded]
    numbers = np.concatenate([np.arange(n, dtype=np.int32) for n in counts]) if counts else np.empty(0, np.int32)
    means = _stack([means for _, means in embedded], width)
    return pa.table(
        {
            "sha256": pa.array(
                [sha256 for (sha256, _), n in zip(embedded, counts, strict=True) for _ in range(n)],
                pa.string(),
            ),
            "segment": pa.array(numbers),
            "start_s": pa.array(numbers.astype(np.float64) * SEGMENT_SECONDS),
            **_layers(means),
        }
    )


def song_table(embedded: Embedded, width: int = 1) -> pa.Table:
    """One row a song: sha256, segments, each layer's mean over segments, and their mix (FACTS §2)."""
    means = _stack([song_means(means)[None] for _, means in embedded], width)
    return pa.table(
        {
            "sha256": pa.array([sha256 for sha256, _ in embedded], pa.string()),
            "segments": pa.array([len(means) for _, means in embedded], pa.int32()),
            **_layers(means),
            "mixed": vectors(mix(means)),
        }
    )


def song_means(layer_means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Plain mean over segments, [k, 4, h] to [4, h]; summed in float64 so that a long song loses nothing."""
    return layer_means.mean(axis=0, dtype=np.float64).astype(np.float32)


def vectors(values: NDArray[np.float32]) -> pa.FixedSizeListArray:
    """Rows of float32[n, h] as a fixed-size list column."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[-1])


def serialise(table: pa.Table) -> bytes:
    """Parquet bytes; equal tables give equal bytes."""
    floats = [f"{field.name}.list.element" for field in table.schema if pa.types.is_fixed_size_list(field.type)]
    sink = pa.BufferOutputStream()
    cast(Any, pq).write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=["sha256"],
        use_byte_stream_split=floats,
        store_schema=True,
        write_statistics=["sha256"],
    )
    return cast(bytes, sink.getvalue().to_pybytes())


def parse(data: bytes, columns: Sequence[str]) -> pa.Table:
    # In the calling thread: those who read many files have threads of their own for it.
    return cast(Any, pq).ParquetFile(pa.BufferReader(data)).read(columns=list(columns), use_threads=False)


def empty(role: str, columns: Sequence[str]) -> pa.Table:
    """No rows, but the columns, for a selection without any vector."""
    table = song_table([]) if role == "songs" else segment_table([])
    return table.select(list(columns))


def _layers(means: NDArray[np.float32]) -> dict[str, pa.FixedSizeListArray]:
    return {name: vectors(means[:, i]) for i, name in enumerate(LAYER_COLUMNS)}


def _stack(parts: Sequence[NDArray[np.float32]], width: int) -> NDArray[np.float32]:
    # Zero rows have a length, too: who reads many files at once wants one type of all.
    return np.concatenate(parts) if parts else np.empty((0, len(LAYER_COLUMNS), width), np.float32)
