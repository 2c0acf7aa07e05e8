"""Scores from a file of vectors that ``apex embed`` wrote: neither audio nor an encoder is needed any more."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from apex_core.errors import ArtifactError, NotFound
from apex_core.mert import LAYERS
from apex_core.pipeline.predictor import Predictor, Scores

_LAYER_COLUMNS = tuple(f"layer_{layer}" for layer in LAYERS)
_FIXED = ("path", "encoder_id", "error")
_ROWS = 1024
_SONGS = 256


@dataclass(slots=True)
class _Song:
    """A song's layer means float32[4, hidden], of itself or of each of its segments, or what was wrong with it."""

    path: Path
    error: str | None
    means: list[NDArray[np.float32]] = field(default_factory=list[NDArray[np.float32]])


class EmbeddedSongs:
    """A file of ``apex embed``, of songs or of segments, checked against the model that is to score it."""

    def __init__(self, path: Path, predictor: Predictor) -> None:
        """Raises NotFound or ArtifactError for a file that is none, EncoderError for one of another encoder."""
        self._predictor = predictor
        self._path = path
        self._file = _open(path)
        names = set(self._file.schema_arrow.names)
        self._segments = "segment" in names
        missing = [name for name in (*_FIXED, *_LAYER_COLUMNS) if name not in names]
        if missing:
            raise ArtifactError(f"{path} was not written by apex embed: it lacks {', '.join(missing)}.")
        if predictor.model.config.mode == "segment" and not self._segments:
            raise ArtifactError(
                f"Model {predictor.version} scores segments, {path} has songs.", fix="write it by apex embed --segments"
            )
        for encoder_id in self._column("encoder_id").unique().sort():
            predictor.check_encoder(
                encoder_id, f"those of {path} are of", "embed the songs with the encoder of the model"
            )

    def count(self) -> int:
        """How many songs the file has."""
        if not self._segments:
            return self._file.metadata.num_rows
        return int(self._column("segment").fill_null(0).eq(0).sum())

    def score(self) -> Iterator[Scores]:
        """Score every song of the file, in its order; one without vectors keeps its error."""
        songs = self._songs()
        while batch := list(islice(songs, _SONGS)):
            good = [(song.path, np.stack(song.means)) for song in batch if song.error is None]
            scored = self._predictor.score_means(good)
            for song in batch:
                yield next(scored) if song.error is None else Scores(song.path, None, song.error)

    def _songs(self) -> Iterator[_Song]:
        song: _Song | None = None
        for path, number, error, means in self._rows():
            if song is not None and number in (None, 0):
                yield song
                song = None
            if song is None:
                song = _Song(Path(path), error)
            song.means.append(means)
        if song is not None:
            yield song

    def _rows(self) -> Iterator[tuple[str, int | None, str | None, NDArray[np.float32]]]:
        """Path, number of the segment (none of a song), error, layer means float32[4, hidden] of every row."""
        columns = ["path", "error", *(["segment"] if self._segments else []), *_LAYER_COLUMNS]
        for batch in self._file.iter_batches(batch_size=_ROWS, columns=columns):
            table = pa.table(batch)
            numbers = table["segment"].to_pylist() if self._segments else [None] * table.num_rows
            means = np.stack([_vectors(table[name]) for name in _LAYER_COLUMNS], axis=1)
            yield from zip(table["path"].to_pylist(), numbers, table["error"].to_pylist(), means, strict=True)

    def _column(self, name: str) -> pl.Series:
        return pl.DataFrame(self._file.read(columns=[name]))[name]


def _open(path: Path) -> Any:  # noqa: ANN401  ParquetFile has no declarations
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", fix="apex embed SONGS -o FILE.parquet writes one")
    try:
        return cast(Any, pq).ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtifactError(f"{path} cannot be read as Parquet: {error}") from error


def _vectors(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """float32[n, hidden]; rows without a vector are not finite."""
    whole = column.combine_chunks()
    width = cast(Any, whole.type).list_size
    found = np.full((len(whole), width), np.nan, np.float32)
    found[whole.is_valid().to_numpy(zero_copy_only=False)] = (
        whole.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    )
    return found
