"""A Parquet file of vectors, written as they come: whole under its name, or not there."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from apex_core.mert import LAYERS, SEGMENT_SECONDS, Encoder, mix
from apex_core.pipeline.embedder import Embedding
from apex_core.storage import whole_file

_LAYER_COLUMNS = tuple(f"layer_{layer}" for layer in LAYERS)
_ROWS_AT_ONCE = 256

Row = dict[str, Any]


class VectorFile:
    """One row a song (``segments=False``) or a 30 s segment; a file without vectors has one row with its error."""

    def __init__(self, path: Path, encoder: Encoder, *, segments: bool) -> None:
        self._segments = segments
        self._told = {"encoder_id": encoder.encoder_id, "precision": encoder.precision, "device": encoder.device}
        self._schema = _schema(encoder.hidden, segments=segments)
        floats = [f"{field.name}.list.element" for field in self._schema if pa.types.is_fixed_size_list(field.type)]
        self._writer = cast(Any, pq).ParquetWriter(
            path, self._schema, compression="zstd", use_dictionary=_REPEATED, use_byte_stream_split=floats
        )
        self._rows: list[Row] = []

    def add(self, one: Embedding) -> None:
        """Write what there is of one file."""
        self._rows.extend({**row, **self._told} for row in (_segment_rows(one) if self._segments else _song_rows(one)))
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write the rest."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = [pa.array([row.get(f.name) for row in self._rows], f.type) for f in self._schema]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
            self._rows.clear()


@contextmanager
def vector_file(path: Path, encoder: Encoder, *, segments: bool, replace: bool) -> Generator[VectorFile]:
    """Write ``path`` while the block lasts; it takes its name when the block ends well, and else leaves nothing.

    Raises as ``whole_file`` does.
    """
    with whole_file(path, replace=replace) as part:
        file = VectorFile(part, encoder, segments=segments)
        try:
            yield file
        finally:
            file.close()


_REPEATED = ["path", "sha256", "encoder_id", "precision", "device", "error"]


def _schema(hidden: int, *, segments: bool) -> pa.Schema:
    vector = pa.list_(pa.float32(), hidden)
    place = [("segment", pa.int32()), ("start_s", pa.float64())] if segments else [("segments", pa.int32())]
    return pa.schema(
        [
            ("path", pa.string()),
            ("sha256", pa.string()),
            ("seconds", pa.float64()),
            *place,
            *((name, vector) for name in (*_LAYER_COLUMNS, "mixed")),
            *((name, pa.string()) for name in ("encoder_id", "precision", "device", "error")),
        ]
    )


def _song_rows(one: Embedding) -> Iterator[Row]:
    if one.means is None:
        yield _named(one)
        return
    # Summed in float64, as a shard's song rows are.
    means = one.means.mean(axis=0, dtype=np.float64).astype(np.float32)
    yield {**_named(one), "segments": len(one.means), **_vectors(means)}


def _segment_rows(one: Embedding) -> Iterator[Row]:
    if one.means is None:
        yield _named(one)
        return
    for number, means in enumerate(one.means):
        yield {**_named(one), "segment": number, "start_s": float(number * SEGMENT_SECONDS), **_vectors(means)}


def _named(one: Embedding) -> Row:
    # A name that is no text has no place in a column of texts as it is.
    path = os.fsencode(one.path).decode("utf-8", "replace")
    return {"path": path, "sha256": one.sha256, "seconds": one.seconds, "error": one.error}


def _vectors(means: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    return dict(zip(_LAYER_COLUMNS, means, strict=True)) | {"mixed": mix(means)}
