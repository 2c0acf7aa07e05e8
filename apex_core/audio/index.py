"""What libraries offer, as rows of Parquet files: for SQL to match with tracks, however many there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from apex_core.audio.manifests import Line
from apex_core.settings import PLATFORMS
from apex_core.storage import ForeignFile

_BATCH_ROWS = 8192

# By preference, should one song lie there twice: lossless first.
SUFFIXES = (".flac", ".wav", ".aiff", ".aif", ".mp3", ".m4a", ".mp4", ".aac", ".opus", ".ogg", ".webm")
# Places: manifests by kind and line, then what is found by convention.
_A_MANIFEST = 1 << 40
_BY_CONVENTION = 1 << 48

OFFERS = pa.schema(
    [
        ("library", pa.int32()),
        ("place", pa.int64()),
        ("platform", pa.string()),
        ("track_id", pa.string()),
        ("uri", pa.string()),
        ("bytes", pa.int64()),
        ("stamp", pa.string()),
        ("sha256", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that a library has for a track; of several the lowest ``place`` is best. ``sha256``: what it should be."""

    place: int
    platform: str
    track_id: str
    file: ForeignFile
    sha256: str | None = None

    def row(self, library: int) -> dict[str, Any]:
        """The offer as a row of ``OFFERS``."""
        file = {"uri": self.file.uri, "bytes": self.file.bytes, "stamp": self.file.stamp}
        track = {"platform": self.platform, "track_id": self.track_id}
        return {"library": library, "place": self.place, "sha256": self.sha256, **track, **file}


def by_manifest(kind: int, line: Line, file: ForeignFile) -> Offer:
    """The offer of a manifest's line; ``kind`` is the manifest's place among those of its library."""
    return Offer(kind * _A_MANIFEST + line.number, line.platform, line.track_id, file, line.sha256)


def by_convention(name: str, file: ForeignFile) -> Offer | None:
    """The offer of a file at ``<platform>/<track_id>.<ext>`` below its library; None for any other ``name``."""
    platform, _, rest = name.partition("/")
    stem, dot, suffix = rest.rpartition(".")
    suffix = dot + suffix.lower()
    if platform not in PLATFORMS or suffix not in SUFFIXES or not stem or "/" in rest:
        return None
    return Offer(_BY_CONVENTION + SUFFIXES.index(suffix), platform, stem, file)


class Table:
    """A Parquet file that grows batch by batch; whole once the context ends. ``rows``: how many it was given."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._waiting: list[dict[str, Any]] = []
        self._writer = pq.ParquetWriter(path, schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: dict[str, Any]) -> bool:
        """Append a row; True when a batch went to the file."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) < _BATCH_ROWS:
            return False
        self._flush()
        return True

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._waiting, self._schema))
        self._waiting.clear()


def rows_of(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, read batch by batch; all columns unless told which."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()
